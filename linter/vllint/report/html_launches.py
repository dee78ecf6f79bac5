"""The launches of a report in HTML: a table of what they can do, and what each rank holds of its card."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from html import escape

from vllint.report.cells import visible
from vllint.report.closing import counted
from vllint.report.estimated_numbers import band_parts
from vllint.report.memory_svg import PARTS, memory_svg
from vllint_schemas.report import (
    ReportDocument,
    ReportedBand,
    ReportedFinding,
    ReportedHardware,
    ReportedLaunch,
    ReportedModel,
    ReportedRank,
    UnknownFact,
    UnknownMemory,
)

_VERDICTS = {
    "fits": "fits",
    "tight": "may not fit",
    "does_not_fit": "does not fit",
    "unknown": "not known",
    "refused": "vLLM refuses it",
}
_STARTING = frozenset({"parse", "validate", "config", "build", "run"})
"""The stages in which vLLM itself stops; what memory would say of such a launch is then no comfort."""

_COLUMNS = (
    "launch",
    "findings",
    "verdict",
    "full-length requests",
    "KV tokens of a copy",
    "model",
    "vLLM",
    "cards",
    "layout",
)


def text(value: str) -> str:
    """Return a text as HTML shows it, whatever is in it."""
    return escape(visible(value))


def _breakable(value: str) -> str:
    """Return a path or an id that may go on in the next line after its folders."""
    return "<wbr>".join(text(part) for part in re.split(r"(?<=/)|(?=#)", value))


def capacity_table(document: ReportDocument, places: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of all launches; `places` are the ids of the elements with their findings."""
    yield '<h2>Capacity</h2><table class="capacity"><thead><tr>'
    yield from (f'<th scope="col">{name}</th>' for name in _COLUMNS)
    yield "</tr></thead><tbody>"
    of_launch = _by_launch(document)
    for number, launch in enumerate(document.launches):
        found = of_launch.get(launch.id, [])
        refused = any(one.severity == "error" and one.evidence.stage in _STARTING for one in found)
        verdict: str = launch.memory.verdict
        if refused and verdict != "does_not_fit":
            verdict = "refused"
        link = f'<a href="#launch-{number}">{_breakable(launch.id)}</a>'
        cells = (
            link,
            _counts(found, places.get(launch.id)),
            f'<span class="verdict">{_VERDICTS[verdict]}</span>',
            *_room(launch),
            *_facts(launch),
        )
        row = "".join(
            f'<td data-label="{name}">{cell}</td>' for name, cell in zip(_COLUMNS, cells, strict=True)
        )
        yield f'<tr class="{verdict}">{row}</tr>'
    yield "</tbody></table>"


def _by_launch(document: ReportDocument) -> dict[str, list[ReportedFinding]]:
    found: dict[str, list[ReportedFinding]] = {}
    for finding in document.findings:
        if finding.launch is not None:
            found.setdefault(finding.launch, []).append(finding)
    return found


def _counts(found: list[ReportedFinding], place: str | None) -> str:
    """Return how many findings there are of each severity, as a link to the first of them."""
    severities = [one.severity.value for one in found]
    shown = ", ".join(
        f'<span class="{name}">{counted(severities.count(name), name)}</span>'
        for name in ("error", "warning", "info")
        if name in severities
    )
    return f'<a href="#{place}">{shown}</a>' if shown and place else shown or "none"


def _facts(launch: ReportedLaunch) -> Iterator[str]:
    model, hardware = launch.model, launch.hardware
    yield _breakable(model.id if isinstance(model, ReportedModel) else model.id or "not known")
    yield text(launch.vllm_version.value)
    if isinstance(hardware, ReportedHardware):
        yield text(f"{hardware.count} x {hardware.gpu}")
    else:
        count = "" if hardware.count is None else f"{hardware.count} x "
        yield text(f"{count}{hardware.gpu or 'not known'}")
    layout = launch.parallel
    sizes = (("TP", layout.tensor), ("PP", layout.pipeline), ("DP", layout.data))
    words = [f"{name} {size}" for name, size in sizes if size is not None and size > 1]
    known = None not in (layout.tensor, layout.pipeline, layout.data)
    yield text(" x ".join(words) or ("one GPU" if known else "not known"))


def _room(launch: ReportedLaunch) -> Iterator[str]:
    """Yield the requests of all copies, and the tokens of one copy's fullest stage."""
    memory = launch.memory
    if memory.verdict == "does_not_fit":
        yield from ("none", "none")
        return
    room, copies = memory.max_concurrency, launch.parallel.data or 1
    if isinstance(room, ReportedBand):
        room = ReportedBand(*(bound * copies for bound in (room.low, room.mid, room.high)))
    tokens = [rank.kv_tokens for rank in memory.ranks if isinstance(rank.kv_tokens, ReportedBand)]
    yield _band(room)
    yield _band(min(tokens, key=lambda band: band.mid, default=None))


def _band(band: ReportedBand | UnknownFact | None) -> str:
    if not isinstance(band, ReportedBand):
        return "not known"
    likely, low, high = band_parts(band)
    return likely if low == high else f"{likely} <small>({low} to {high})</small>"


_MARKS = (
    ("budget", "end of what vLLM may take of the card"),
    ("card", "end of the card"),
    ("excess", "too much"),
)


def memory_sections(document: ReportDocument) -> Iterator[str]:
    """Yield the key to the bars, then a section for each launch with its command and its ranks."""
    yield '<h2>Memory</h2><p class="legend">'
    yield " ".join(f'<span><i class="{kind}"></i>{escape(name)}</span>' for kind, name in PARTS)
    yield " ".join(f'<span><i class="{kind}"></i>{name}</span>' for kind, name in _MARKS)
    yield "</p>"
    yield (
        '<p class="note">A bar is one GPU of a pipeline stage with its likely sizes: as wide as the card, or'
        " as what is needed where that is more. These are estimates made from the files, not measurements;"
        " in brackets are their bounds. 1 GiB is 1024³ bytes.</p>"
    )
    for number, launch in enumerate(document.launches):
        yield f'<section id="launch-{number}"><h3>{text(launch.id)}</h3>'
        yield f"<pre>{text(_command(launch))}</pre>"
        memory = launch.memory
        if isinstance(memory, UnknownMemory):
            yield f"<p>Not known whether it fits: {text(memory.unknown)}</p>"
        yield from (_rank(rank, launch) for rank in memory.ranks)
        yield "</section>"


def _command(launch: ReportedLaunch) -> str:
    """Return the words as a shell takes them: quoted where blanks or JSON are in them."""
    words = launch.argv if launch.argv[:1] != ("serve",) else ("vllm", *launch.argv)
    return shlex.join(words)


def _rank(rank: ReportedRank, launch: ReportedLaunch) -> str:
    drawn = memory_svg(rank, launch.hardware.memory_gib) or ""
    numbers = "".join(_numbers(rank, launch.memory.max_model_len))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("GiB", "at best", "likely", "at worst"))
    return (
        f"<figure>{drawn}<figcaption>{text(rank.name)}{_summary(rank)}"
        f"<details><summary>all lines</summary><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{numbers}</tbody></table></details></figcaption></figure>"
    )


def _summary(rank: ReportedRank) -> str:
    """Say what there is for the KV cache, and what one request takes of it."""
    weights = f": weights {rank.weights_gib.mid:,.1f} GiB"
    needed = "" if rank.kv_needed_gib is None else f", one full-length request {rank.kv_needed_gib:,.1f} GiB"
    if not isinstance(rank.kv_gib, ReportedBand):
        return f"{weights}{needed}"
    kv = rank.kv_gib
    if kv.mid <= 0:
        return f'{weights}, <span class="error">{-kv.mid:,.1f} GiB too much</span>{needed}'
    low, high = f"{kv.low:,.1f}", f"{kv.high:,.1f}"
    bounds = "" if low == high else f" <small>({low} to {high})</small>"
    return f"{weights}, KV cache {kv.mid:,.1f} GiB{bounds}{needed}"


def _numbers(rank: ReportedRank, length: int | None) -> Iterator[str]:
    """Yield the rows of a rank's sum, each from its best bound to its worst."""
    if rank.budget_gib is not None:
        yield _row("what vLLM may take of the card", (rank.budget_gib,) * 3)
    for name, band in (
        ("weights", rank.weights_gib),
        ("activations of the largest step", rank.activations_gib),
        ("libraries (CUDA, NCCL)", rank.non_torch_gib),
        ("CUDA graphs", rank.cuda_graphs_gib),
    ):
        yield _row(f"− {name}", band)
    kv = rank.kv_gib
    yield _row("= KV cache", (kv.high, kv.mid, kv.low) if isinstance(kv, ReportedBand) else kv)
    if rank.kv_needed_gib is not None:
        request = "one full-length request" if length is None else f"one request of {length:,} tokens"
        yield _row(request, (rank.kv_needed_gib,) * 3)


def _row(name: str, sizes: ReportedBand | tuple[float, float, float] | UnknownFact) -> str:
    if isinstance(sizes, UnknownFact):
        cells = f'<td colspan="3">not known: {text(sizes.unknown)}</td>'
    else:
        bounds = (sizes.low, sizes.mid, sizes.high) if isinstance(sizes, ReportedBand) else sizes
        cells = "".join(f"<td>{bound:,.1f}</td>" for bound in bounds)
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
