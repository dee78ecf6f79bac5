"""What reports say of rules, read off the rules."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import cleandoc

from vllint.report.rules import RuleInfo
from vllint.rule import Rule


def rule_infos(rules: Sequence[Rule]) -> tuple[RuleInfo, ...]:
    """Return each rule's entry; its docstring is its page, the first line the summary."""
    return tuple(_info(rule) for rule in rules)


def _info(rule: Rule) -> RuleInfo:
    page = cleandoc(rule.__doc__ or "")
    summary = page.partition("\n")[0]
    return RuleInfo(rule.code, rule.name, summary, page, rule.severity.value, rule.url, tuple(rule.tags))
