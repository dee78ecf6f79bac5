"""Running a rule's examples: they are its tests, for built-in rules and for anyone's."""

from __future__ import annotations

import re
from typing import NamedTuple

from vllint.engine import Assumptions, Judged, judge_source
from vllint.fix import apply_fixes
from vllint.hardware.resolve import stated_machine
from vllint.rule import Example, Rule
from vllint.settings import Settings
from vllint.text.source import SourceText
from vllint.vllm.version import stated_version
from vllint_schemas import Applicability, Finding, Origin, Span

_MARKER = re.compile(r"(?m)^[ \t]*(?:#[ \t]*)?(~+)[ \t]*\n")


class Marked(NamedTuple):
    """An example's text without its marker line, and the span that the marker underlines."""

    text: str
    span: Span | None


def marked(example: Example) -> Marked:
    """Take the line of `~` out of an example; it marks the line above it."""
    match = _MARKER.search(example.text)
    if match is None:
        return Marked(example.text, None)
    line = example.text.rfind("\n", 0, match.start() - 1) + 1
    column = match.start(1) - (example.text.rfind("\n", 0, match.start(1)) + 1)
    start = line + column
    text = example.text[: match.start()] + example.text[match.end() :]
    return Marked(text, Span(example.path, start, start + len(match[1])))


def judge_example(rule: Rule, example: Example) -> Judged:
    """Judge an example by one rule, in preview or not."""
    machines = () if example.gpu is None else (stated_machine(example.gpu, Origin.COMMAND_LINE, "gpu"),)
    versions = (
        ()
        if example.vllm_version is None
        else (stated_version(example.vllm_version, Origin.COMMAND_LINE, "vllm_version"),)
    )
    source = SourceText(example.path, marked(example).text)
    beside = {name: SourceText(name, text) for name, text in example.beside}
    if example.command:
        beside[example.path] = source
    if example.command:
        source = SourceText("deploy.sh", example.command)
    return judge_source(source, beside.get, (rule,), Settings(preview=True), Assumptions(machines, versions))


def finding_of(rule: Rule, example: Example) -> Finding | None:
    """Return what the rule says of an example, at most one thing."""
    findings = judge_example(rule, example).findings
    if len(findings) > 1:
        raise AssertionError(f"{rule.code} says more than one thing: {[found.message for found in findings]}")
    return findings[0] if findings else None


def fixed_text(rule: Rule, example: Example) -> str | None:
    """Return the example's text after the rule's fix; `None` when there is none to apply."""
    found = finding_of(rule, example)
    if found is None or found.fix is None or found.fix.applicability is Applicability.DISPLAY:
        return None
    applied = apply_fixes({example.path: marked(example).text}, (found.fix,))
    return applied.texts[example.path]


def fix_levels(rule: Rule) -> tuple[Applicability, ...]:
    """Return the kinds of fix that the rule's own examples get, safe ones first."""
    fixes = [found.fix for example in rule.BAD if (found := finding_of(rule, example)) is not None]
    levels = {fix.applicability for fix in fixes if fix is not None}
    return tuple(level for level in Applicability if level in levels)
