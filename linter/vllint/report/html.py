"""The report as one page: it loads nothing, runs nothing, and shows files as text only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

from vllint.report.closing import counted
from vllint.report.colours import PLAIN
from vllint.report.formats import DEFAULTS, RenderOptions
from vllint.report.full import finding_lines
from vllint.report.html_launches import capacity_table, memory_sections, text
from vllint.report.html_style import STYLE
from vllint.report.lines import Lines
from vllint_schemas.report import ReportDocument, ReportedFinding


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return the page: counts, a table of capacity, bars of memory, findings in their context."""
    return "\n".join(_page(document, sources, options)) + "\n"


def _page(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield (
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>vllint: {_counts(document)}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>vllint</h1><p>{_counts(document)}</p>"
    yield from _problems(options)
    if document.launches:
        yield from capacity_table(document, _places(document))
        yield from memory_sections(document)
    else:
        yield "<p>No vLLM launch was found.</p>"
    yield from _findings(document, sources)
    yield from _unchecked(document)
    tool = document.tool
    known = tool.newest_vllm + (f", as of {tool.tables_date}" if tool.tables_date else "")
    yield f"<footer>vllint {text(tool.version)}, knows vLLM up to {text(known)}</footer>"
    yield "</body></html>"


def _counts(document: ReportDocument) -> str:
    summary = document.summary
    return ", ".join(
        (
            counted(summary.launches, "launch", "launches"),
            counted(summary.errors, "error"),
            counted(summary.warnings, "warning"),
            counted(summary.infos, "info"),
        )
    )


def _problems(options: RenderOptions) -> Iterator[str]:
    for problem in options.problems:
        yield f'<p class="error">{text(problem)}</p>'


def _places(document: ReportDocument) -> dict[str, str]:
    """Return the id of the first finding's element, by launch."""
    places: dict[str, str] = {}
    for number, finding in enumerate(document.findings):
        if finding.launch is not None:
            places.setdefault(finding.launch, f"finding-{number}")
    return places


def _findings(document: ReportDocument, sources: Mapping[str, str]) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not document.findings:
        yield "<p>None.</p>"
    lines = {path: Lines.of(content) for path, content in sources.items()}
    by_path: dict[str, list[str]] = {}
    for number, finding in enumerate(document.findings):
        by_path.setdefault(finding.path, []).append(_finding(finding, number, lines))
    for path, shown in by_path.items():
        yield f"<h3>{text(path)}</h3>"
        yield from shown


def _finding(finding: ReportedFinding, number: int, lines: Mapping[str, Lines]) -> str:
    shown = "".join(map(_line, finding_lines(finding, lines, PLAIN)))
    return f'<pre class="finding {finding.severity.value}" id="finding-{number}">{shown}</pre>'


_COLUMNS = re.compile(r"\s*(?:\d+ )?\||\s*(?:-->|:::) |.*\S   +\S")
"""Lines of source and of tables, whose columns stand below each other; all others are prose."""


def _line(line: str) -> str:
    kind = "columns" if _COLUMNS.match(line) else "prose"
    return f'<span class="{kind}">{escape(line)}\n</span>'


def _unchecked(document: ReportDocument) -> Iterator[str]:
    """Yield what is not known and of which launches, one line for each reason."""
    launches: dict[tuple[str, str], list[str]] = {}
    for item in document.summary.unchecked:
        launches.setdefault((item.fact, item.reason), []).append(item.launch)
    if not launches:
        return
    yield '<h2>Not checked</h2><ul class="unchecked">'
    for (fact, reason), of in launches.items():
        what = text(f"{fact.replace('_', ' ')}: {reason}")
        yield f"<li>{what} <small>({text(', '.join(of))})</small></li>"
    yield "</ul>"
