"""The last lines of a report for people: how much was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from vllint.report.colours import Palette
from vllint.report.formats import Detail
from vllint_schemas.report import ReportDocument, ReportedFinding, ReportSummary

_FINDINGS_WORTH_COUNTING = 30


def closing_lines(
    document: ReportDocument, palette: Palette, detail: Detail, counted_findings: Sequence[ReportedFinding]
) -> Iterator[str]:
    """Yield what was found in numbers, then what was not checked and what would make it checkable.

    Of many `counted_findings` it says how often each rule spoke.
    """
    yield from _by_rule(counted_findings)
    yield palette.paint(palette.strong, found(document.summary))
    if document.summary.unchecked:
        from vllint.report.not_checked import unchecked_lines

        yield from unchecked_lines(document.summary.unchecked, detail, palette)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 file` or `2 files`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _by_rule(findings: Sequence[ReportedFinding]) -> Iterator[str]:
    """Yield how often each rule spoke, for reports too long to count by eye."""
    if len(findings) < _FINDINGS_WORTH_COUNTING:
        return
    numbers = Counter((finding.code, finding.name) for finding in findings)
    for (code, name), number in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
        yield f"{number:>6}  {code}  {name}"


def found(summary: ReportSummary) -> str:
    """Return how many problems there are in how much, on one line."""
    if not summary.files:
        return "no files to check"
    if not summary.launches:
        where = f"no vLLM launch found in {counted(summary.files, 'file')}"
        numbers = _numbers(summary)
        return f"{numbers}; {where}" if numbers else where
    files = f"{counted(summary.files_with_launches, 'file')} checked of {summary.files}"
    where = f"in {counted(summary.launches, 'launch', 'launches')} ({files})"
    return f"{_numbers(summary) or 'no problems'} {where}{_fixable(summary)}"


def _numbers(summary: ReportSummary) -> str:
    parts = (
        (summary.errors, "error", "errors"),
        (summary.warnings, "warning", "warnings"),
        (summary.infos, "info", "infos"),
    )
    return ", ".join(counted(*part) for part in parts if part[0])


def _fixable(summary: ReportSummary) -> str:
    safe, unsafe = summary.fixable.safe, summary.fixable.unsafe
    if safe and unsafe:
        return f"; {safe} fixable with --fix, {unsafe} more with --unsafe-fixes"
    if safe:
        return f"; {safe} fixable with --fix"
    return f"; {unsafe} fixable with --unsafe-fixes" if unsafe else ""
