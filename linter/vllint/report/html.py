"""The report as one page: it loads nothing, runs nothing, and shows files as text only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from vllint.report.cells import visible
from vllint.report.closing import counted
from vllint.report.colours import PLAIN
from vllint.report.formats import DEFAULTS, RenderOptions
from vllint.report.full import finding_lines
from vllint.report.html_style import STYLE
from vllint.report.lines import Lines
from vllint.report.memory_svg import PARTS, memory_svg
from vllint_schemas.report import (
    ReportDocument,
    ReportedBand,
    ReportedFinding,
    ReportedHardware,
    ReportedLaunch,
    ReportedModel,
    ReportedRank,
    UnknownMemory,
)

_VERDICTS = {
    "fits": "fits",
    "tight": "may not fit",
    "does_not_fit": "does not fit",
    "unknown": "not known",
}


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
    yield from _capacity(document)
    yield from _memory(document)
    yield from _findings(document, sources)
    yield from _unchecked(document)
    tool = document.tool
    yield f"<footer>vllint {_text(tool.version)}, knows vLLM up to {_text(tool.newest_vllm)}</footer>"
    yield "</body></html>"


def _text(text: str) -> str:
    """Return a text as HTML shows it, whatever is in it."""
    return escape(visible(text))


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
        yield f'<p class="error">{_text(problem)}</p>'


def _capacity(document: ReportDocument) -> Iterator[str]:
    if not document.launches:
        yield "<p>No vLLM launch was found.</p>"
        return
    names = (
        "launch",
        "model",
        "vLLM",
        "cards",
        "layout",
        "memory",
        "KV tokens",
        "full-length requests",
        "findings",
    )
    yield "<h2>Capacity</h2><table><thead><tr>"
    yield f"{''.join(f'<th>{name}</th>' for name in names)}</tr></thead><tbody>"
    for number, launch in enumerate(document.launches):
        cells = (*_facts(launch), *_room(launch), _found(document, launch))
        link = f'<a href="#launch-{number}">{_text(launch.id)}</a>'
        row = "".join(f"<td>{cell}</td>" for cell in (link, *cells))
        yield f'<tr class="{_verdict(launch)}">{row}</tr>'
    yield "</tbody></table>"


def _facts(launch: ReportedLaunch) -> Iterator[str]:
    model, hardware = launch.model, launch.hardware
    yield _text(model.id if isinstance(model, ReportedModel) else model.id or "not known")
    yield _text(launch.vllm_version.value)
    if isinstance(hardware, ReportedHardware):
        yield _text(f"{hardware.count} x {hardware.gpu}")
    else:
        count = "" if hardware.count is None else f"{hardware.count} x "
        yield _text(f"{count}{hardware.gpu or 'not known'}")
    layout = launch.parallel
    sizes = (("TP", layout.tensor), ("PP", layout.pipeline), ("DP", layout.data))
    words = [f"{name} {size}" for name, size in sizes if size is not None and size > 1]
    known = None not in (layout.tensor, layout.pipeline, layout.data)
    yield _text(" x ".join(words) or ("one GPU" if known else "not known"))


def _verdict(launch: ReportedLaunch) -> str:
    return launch.memory.verdict


def _room(launch: ReportedLaunch) -> Iterator[str]:
    memory = launch.memory
    yield f'<span class="verdict">{_VERDICTS[memory.verdict]}</span>'
    tokens = [rank.kv_tokens for rank in memory.ranks if isinstance(rank.kv_tokens, ReportedBand)]
    yield _band(min(tokens, key=lambda band: band.mid, default=None))
    room = memory.max_concurrency
    yield _band(room if isinstance(room, ReportedBand) else None)


def _band(band: ReportedBand | None) -> str:
    if band is None:
        return "not known"
    digits = 0 if band.high >= 100 else 1
    return f"{band.mid:,.{digits}f} <small>({band.low:,.{digits}f} to {band.high:,.{digits}f})</small>"


def _found(document: ReportDocument, launch: ReportedLaunch) -> str:
    severities = [str(one.severity) for one in document.findings if one.launch == launch.id]
    return ", ".join(
        f'<span class="{name}">{counted(severities.count(name), name)}</span>'
        for name in ("error", "warning", "info")
        if name in severities
    )


def _memory(document: ReportDocument) -> Iterator[str]:
    if not document.launches:
        return
    yield '<h2>Memory</h2><p class="legend">'
    yield " ".join(f'<span class="{kind}"></span>{escape(name)}' for kind, name in PARTS)
    yield ' <span class="budget"></span>end of vLLM’s share of the card</p>'
    for number, launch in enumerate(document.launches):
        yield f'<section id="launch-{number}"><h3>{_text(launch.id)}</h3>'
        yield f"<pre>{_text(' '.join(launch.argv))}</pre>"
        memory = launch.memory
        if isinstance(memory, UnknownMemory):
            yield f"<p>Not known whether it fits: {_text(memory.unknown)}</p>"
        hardware = launch.hardware
        card = hardware.memory_gib
        yield from (_rank(rank, card) for rank in memory.ranks)
        yield "</section>"


def _rank(rank: ReportedRank, card: float | None) -> str:
    weights = rank.weights_gib
    numbers = f"weights {weights.mid:,.1f} GiB <small>({weights.low:,.1f} to {weights.high:,.1f})</small>"
    kv = rank.kv_gib
    if isinstance(kv, ReportedBand):
        numbers += f", KV cache {kv.mid:,.1f} GiB <small>({kv.low:,.1f} to {kv.high:,.1f})</small>"
    if rank.kv_needed_gib is not None:
        numbers += f", one full-length request {rank.kv_needed_gib:,.1f} GiB"
    caption = f"<figcaption>{_text(rank.name)}: {numbers}</figcaption>"
    return f"<figure>{memory_svg(rank, card) or ''}{caption}</figure>"


def _findings(document: ReportDocument, sources: Mapping[str, str]) -> Iterator[str]:
    if not document.findings:
        yield "<h2>Findings</h2><p>None.</p>"
        return
    yield "<h2>Findings</h2>"
    lines = {path: Lines.of(text) for path, text in sources.items()}
    for path in dict.fromkeys(finding.path for finding in document.findings):
        yield f"<h3>{_text(path)}</h3>"
        for finding in document.findings:
            if finding.path == path:
                yield _finding(finding, lines)


def _finding(finding: ReportedFinding, lines: Mapping[str, Lines]) -> str:
    shown = "\n".join(finding_lines(finding, lines, PLAIN))
    return f'<pre class="finding {finding.severity.value}">{escape(shown)}</pre>'


def _unchecked(document: ReportDocument) -> Iterator[str]:
    unchecked = document.summary.unchecked
    if unchecked:
        yield "<h2>Not checked</h2><ul>"
        for item in unchecked:
            yield f"<li>{_text(item.launch)}: {_text(item.fact)}: {_text(item.reason)}</li>"
        yield "</ul>"
