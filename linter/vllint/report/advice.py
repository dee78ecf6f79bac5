"""Advice in short: an entry for each rule, with what it says and the first place of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vllint.report.cells import visible
from vllint.report.colours import Palette
from vllint.report.fix_lines import fix_title
from vllint_schemas.report import ReportedFinding

_SHOWN = 3


def advice_lines(findings: Sequence[ReportedFinding], colours: Palette) -> Iterator[str]:
    """Yield what each rule says, where, and what to do; rules that speak most often come last.

    What is the same at all places is said once.
    """
    by_rule: dict[str, list[ReportedFinding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.code, []).append(finding)
    for group in sorted(by_rule.values(), key=len):
        yield from _entry(group, colours)
        yield ""


def _entry(group: Sequence[ReportedFinding], colours: Palette) -> Iterator[str]:
    first = group[0]
    title = colours.severity(first.severity, f"{first.severity}[{first.code}]")
    places = "" if len(group) == 1 else f" in {len(group)} places"
    by_message: dict[str, list[ReportedFinding]] = {}
    for finding in group:
        by_message.setdefault(finding.message, []).append(finding)
    arrow = colours.paint(colours.gutter, " -->")
    if len(by_message) == 1:
        head = f"{first.name}{places}: {_in_one_line(first.message)}"
        yield f"{title} {colours.paint(colours.strong, head)}"
        yield from (f"{arrow} {_place(finding)}" for finding in group[:_SHOWN])
        yield from _rest(len(group) - _SHOWN, arrow)
    else:
        yield f"{title} {colours.paint(colours.strong, f'{first.name}{places}:')}"
        commonest = sorted(by_message.items(), key=lambda item: -len(item[1]))
        for message, alike in commonest[:_SHOWN]:
            more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
            yield f"{arrow} {_place(alike[0])}{more}: {_in_one_line(message)}"
        yield from _rest(sum(len(alike) for _, alike in commonest[_SHOWN:]), arrow)
    yield from _remedies(group, colours)


def _place(finding: ReportedFinding) -> str:
    return f"{visible(finding.path)}:{finding.start.line}:{finding.start.column}"


def _rest(number: int, arrow: str) -> Iterator[str]:
    if number > 0:
        yield f"{arrow} and {number} more"


def _remedies(group: Sequence[ReportedFinding], colours: Palette) -> Iterator[str]:
    """Yield the help and the fix, where all places have the same; else what helps at the first one."""
    sign = colours.paint(colours.gutter, "  =")
    helps = {finding.help for finding in group}
    title = "help" if len(helps) == 1 else "help for the first"
    if group[0].help:
        yield f"{sign} {colours.paint(colours.strong, title)}: {_in_one_line(group[0].help)}"
    fixes = {_fix(finding) for finding in group}
    if fixes != {""} and len(fixes) == 1:
        yield f"{sign} {fixes.pop()}"


def _fix(finding: ReportedFinding) -> str:
    if finding.fix is None:
        return ""
    return f"{fix_title(finding.fix)}: {_in_one_line(finding.fix.title)}"


def _in_one_line(text: str) -> str:
    return visible(" ".join(text.split("\n")))
