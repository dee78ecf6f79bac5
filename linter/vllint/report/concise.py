"""The report for people and for `grep`: one line for each finding, then the closing lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vllint.report.cells import visible
from vllint.report.closing import closing_lines
from vllint.report.colours import Palette, palette
from vllint.report.formats import DEFAULTS, RenderOptions
from vllint_schemas.report import ReportDocument, ReportedFinding


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return `path:line:col: error[PAR001] message [*]` lines; `[*]` marks what `--fix` repairs."""
    return "\n".join(_lines(document, options)) + "\n"


def _lines(document: ReportDocument, options: RenderOptions) -> Iterator[str]:
    colours = palette(options.colour)
    quiet = options.detail == "quiet"
    shown = [finding for finding in document.findings if not (quiet and options.is_advice(finding))]
    for finding in shown:
        yield _line(finding, colours)
    yield from closing_lines(document, colours, options.detail, shown)


def _line(finding: ReportedFinding, colours: Palette) -> str:
    place = f"{visible(finding.path)}:{finding.start.line}:{finding.start.column}"
    title = colours.severity(finding.severity, f"{finding.severity}[{finding.code}]")
    message = visible(" ".join(finding.message.splitlines()))
    fixable = " [*]" if finding.fix and finding.fix.edits and finding.fix.applicability == "safe" else ""
    return f"{place}: {title} {message}{fixable}"
