"""The report for people: each finding with the lines it stands in, help, fix and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vllint.report.budget_lines import text_table
from vllint.report.cells import visible
from vllint.report.closing import closing_lines
from vllint.report.colours import Palette, palette
from vllint.report.fix_lines import fix_title
from vllint.report.formats import DEFAULTS, RenderOptions
from vllint.report.frames import Mark, frame, gutter_width
from vllint.report.lines import Lines
from vllint_schemas.report import Place, ReportDocument, ReportedFinding


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return findings with code frames, then advice in short, then the closing lines.

    What fails the run is no advice, and with `verbose` detail nothing is. A finding in a file that `sources`
    lacks has no frame.
    """
    return "\n".join(_lines(document, sources, options)) + "\n"


def _lines(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions) -> Iterator[str]:
    colours = palette(options.colour)
    in_full = [finding for finding in document.findings if _is_in_full(finding, options)]
    advice = [finding for finding in document.findings if not _is_in_full(finding, options)]
    lines: dict[str, Lines] = {}
    for finding in in_full:
        for path in (finding.path, *(related.path for related in finding.related)):
            if path in sources and path not in lines:
                lines[path] = Lines.of(sources[path])
        yield from finding_lines(finding, lines, colours)
        yield ""
    if advice and options.detail != "quiet":
        from vllint.report.advice import advice_lines

        yield from advice_lines(advice, colours)
    yield from closing_lines(document, colours, options.detail, in_full)
    if document.findings and options.detail != "quiet":
        first = max(document.findings, key=lambda finding: finding.severity.rank).code
        several = any(finding.code != first for finding in document.findings)
        example = f"`vllint explain {first}`"
        yield f"more about a rule: {f'`vllint explain CODE`, as {example}' if several else example}"


def _is_in_full(finding: ReportedFinding, options: RenderOptions) -> bool:
    return options.detail == "verbose" or not options.is_advice(finding)


def finding_lines(finding: ReportedFinding, lines: Mapping[str, Lines], colours: Palette) -> Iterator[str]:
    """Yield a finding's title, its frames where `lines` hold the file, and its notes."""
    title = colours.severity(finding.severity, f"{finding.severity}[{finding.code}]")
    first, *rest = finding.message.splitlines() or [""]
    yield f"{title} {colours.paint(colours.strong, f'{finding.name}: {visible(first)}')}"
    yield from (f"  {visible(line)}" for line in rest)
    marks = _marks(finding, colours)
    gutter = max((gutter_width(lines[path], of) for path, of in marks.items() if path in lines), default=1)
    for path, of in marks.items():
        start = finding.start if path == finding.path else _first_related(finding, path)
        arrow = colours.paint(colours.gutter, f"{'':{gutter}}{'-->' if path == finding.path else ':::'}")
        yield f"{arrow} {visible(path)}:{start.line}:{start.column}"
        if path in lines:
            yield from frame(lines[path], of, gutter, colours)
        else:
            yield from (f"{'':{gutter}} = {visible(mark.label)}" for mark in of if mark.label)
    yield from _notes(finding, gutter, colours)


def _marks(finding: ReportedFinding, colours: Palette) -> dict[str, list[Mark]]:
    """Return what to underline in each file, the finding's own file and place first."""
    colour = {"error": colours.error, "warning": colours.warning}.get(finding.severity, colours.info)
    marks = {finding.path: [Mark(finding.start.offset, finding.end.offset, "", "^", colour)]}
    for related in finding.related:
        mark = Mark(related.start.offset, related.end.offset, related.message, "-", colours.related)
        marks.setdefault(related.path, []).append(mark)
    return marks


def _first_related(finding: ReportedFinding, path: str) -> Place:
    return next(related.start for related in finding.related if related.path == path)


def _notes(finding: ReportedFinding, gutter: int, colours: Palette) -> Iterator[str]:
    sign = colours.paint(colours.gutter, f"{'':{gutter}} =")
    for number, line in enumerate(text_table(finding.budget)):
        yield f"{sign if number == 0 else ' ' * (gutter + 2)} {line}"
    if finding.help:
        yield from _note("help", finding.help, gutter, colours)
    if finding.fix is not None:
        yield from _note(fix_title(finding.fix), finding.fix.title, gutter, colours)
    evidence = f"{finding.evidence.vllm} {finding.evidence.source}".strip()
    if evidence:
        yield f"{sign} vLLM {visible(evidence)}"


def _note(title: str, text: str, gutter: int, colours: Palette) -> Iterator[str]:
    first, *rest = text.splitlines() or [""]
    sign = colours.paint(colours.gutter, f"{'':{gutter}} =")
    yield f"{sign} {colours.paint(colours.strong, title)}: {visible(first)}"
    yield from (f"{'':{gutter + 3 + len(title) + 2}}{visible(line)}" for line in rest)
