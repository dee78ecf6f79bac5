"""Write `docs/rules.md` from the rules' docstrings and examples, and the rules' index.

    python scripts/docs/rules.py

`docs/rules.md` is for people; `vllint_rules/index.json` tells vllint which rules to import.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from pathlib import Path

import vllint_rules
from vllint import Example, Rule
from vllint.rule_index import index_place, index_text
from vllint.rule_modules import rules_of
from vllint.testing import finding_of, marked
from vllint_schemas import Applicability, Finding, Severity

TARGET = Path(__file__).parents[2] / "docs/rules.md"

_INTRODUCTION = """\
# Rules

An `error` is what vLLM refuses to start with or dies of, on facts that are known. A `warning` is a likely
failure, a flag that does not do what was meant, or waste. An `info` is advice. A rule whose facts are not
known stays silent, and the report says what it could not check.

This page is written by `python scripts/docs/rules.py` from the rules themselves. Each example is a test.
"""
_FENCES = {".sh": "sh", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_FIX_LEVELS = (Applicability.SAFE, Applicability.UNSAFE, Applicability.DISPLAY)
_FIX_WORDS = {
    Applicability.SAFE: "safe",
    Applicability.UNSAFE: "unsafe",
    Applicability.DISPLAY: "by hand",
}


def text() -> str:
    """Return the page as it stands in the file."""
    rules = built_in_rules()
    return "\n".join([_INTRODUCTION, table(rules), *(_page(rule) for rule in rules)])


def built_in_rules() -> tuple[Rule, ...]:
    """Return vllint's own rules in the order of their codes."""
    return tuple(sorted(rules_of(vllint_rules), key=lambda rule: rule.code))


def table(rules: tuple[Rule, ...], page: str = "") -> str:
    """Return a table of rules whose names lead to their sections in the file `page`."""
    lines = ["| rule | says that | severity | fix |", "|---|---|---|---|"]
    for rule in rules:
        link = f"[{rule.code} {rule.name}]({page}#{anchor(rule)})"
        lines.append(f"| {link} | {_summary(rule)} | {rule.severity} | {_fixes(rule)} |")
    return "\n".join(lines) + "\n"


def anchor(rule: Rule) -> str:
    """Return what a heading `CODE name` is called in a link."""
    return f"{rule.code} {rule.name}".lower().replace(" ", "-")


def _summary(rule: Rule) -> str:
    return inspect.cleandoc(rule.__doc__ or "").partition("\n")[0]


def _fixes(rule: Rule) -> str:
    """Say which kinds of fix the rule's own examples get."""
    found = {fix.applicability for example in rule.BAD if (fix := _finding(rule, example).fix) is not None}
    return ", ".join(_FIX_WORDS[level] for level in _FIX_LEVELS if level in found) or "none"


def _finding(rule: Rule, example: Example) -> Finding:
    found = finding_of(rule, example)
    if found is None:
        raise AssertionError(f"{rule.code} says nothing about an example of its own: {example.text}")
    return found


def _page(rule: Rule) -> str:
    page = inspect.cleandoc(rule.__doc__ or "").replace("\n## ", "\n### ")
    parts = [f"## {rule.code} {rule.name}\n", f"{_facts(rule)}\n", f"{page}\n", "### Tested examples\n"]
    parts += [_bad(rule, example) for example in rule.BAD]
    parts += [_shown(example, "Clean") for example in rule.GOOD]
    return "\n".join(parts)


def _facts(rule: Rule) -> str:
    facts = [
        f"Severity: {rule.severity}",
        f"fix: {_fixes(rule)}",
        *(["in preview"] if rule.preview else []),
        *([f"judged from: {', '.join(need.replace('_', ' ') for need in rule.needs)}"] if rule.needs else []),
        *([f"in vLLM: `{rule.source}`"] if rule.source else []),
        *([f"[vLLM's documents]({rule.url})"] if rule.url else []),
    ]
    return " · ".join(facts)


def _bad(rule: Rule, example: Example) -> str:
    found = _finding(rule, example)
    severity = "" if found.severity is rule.severity else f"{Severity(found.severity)}: "
    said = f"{severity}{found.message}\nhelp: {found.help}"
    if found.fix is not None:
        said += f"\nfix ({_FIX_WORDS[found.fix.applicability]}): {found.fix.title}"
    parts = [_shown(example, "Found"), f"```text\n{said}\n```\n"]
    if example.fixed is not None:
        parts.append("```diff\n" + "".join(_diff(marked(example).text, example.fixed)) + "```\n")
    return "\n".join(parts)


def _shown(example: Example, verdict: str) -> str:
    """Return an example under a line that says what is stated about it."""
    title = f": {example.title}" if example.title else ""
    stated = [
        *([f"`--gpu {example.gpu}`"] if example.gpu else []),
        *([f"`--vllm-version {example.vllm_version}`"] if example.vllm_version else []),
        *([f"`{example.command.strip()}`"] if example.command else []),
    ]
    conditions = f" ({', '.join(stated)})" if stated else ""
    fence = _FENCES.get(Path(example.path).suffix, "text")
    return f"{verdict}{title}{conditions}\n\n```{fence}\n{example.text}```\n"


def _diff(before: str, after: str) -> Iterator[str]:
    """Yield the changed lines and no others."""
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    yield from (line for line in lines if line.startswith(("- ", "+ ")))


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    index_place(vllint_rules).write_text(index_text(vllint_rules), encoding="utf-8")
