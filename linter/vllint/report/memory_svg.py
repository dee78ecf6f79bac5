"""What a rank holds of its card, as a drawing."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from vllint_schemas.report import ReportedBand, ReportedRank

PARTS = (
    ("weights", "weights"),
    ("activations", "activations of the largest step"),
    ("libraries", "libraries"),
    ("graphs", "CUDA graphs"),
    ("request", "KV cache of one full-length request"),
    ("free", "rest of the KV cache"),
)
"""The parts of a bar, from left to right: their classes, and what they are called."""

_WIDTH, _HEIGHT = 1000, 26


class _Part(NamedTuple):
    kind: str
    name: str
    gib: float


def memory_svg(rank: ReportedRank, card_gib: float | None) -> str | None:
    """Return a rank's likely bar against the card and vLLM's share of it; `None` where parts are not known.

    What is too much sticks out behind the mark of the share.
    """
    parts = _parts(rank)
    capacity = max(card_gib or 0.0, rank.budget_gib or 0.0)
    if parts is None or not capacity:
        return None
    needed = sum(part.gib for part in parts)
    scale = _WIDTH / max(capacity, needed)
    marks = (*_excess(rank.budget_gib, needed, scale), *_marks(rank.budget_gib, capacity, scale))
    body = "".join((*_rectangles(parts, scale), *marks))
    said = ", ".join(f"{part.name} {part.gib:,.1f} GiB" for part in parts)
    card = f"{capacity:,.1f} GiB"
    share = (
        f"the card has {card}"
        if rank.budget_gib is None
        else f"vLLM may take {rank.budget_gib:,.1f} of {card}"
    )
    return (
        f'<svg class="bar" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">'
        f"<title>{escape(said)}; {share}</title>{body}</svg>"
    )


def _parts(rank: ReportedRank) -> list[_Part] | None:
    """Return the likely sizes in the order of `PARTS`."""
    bands = (rank.weights_gib, rank.activations_gib, rank.non_torch_gib, rank.cuda_graphs_gib)
    sizes: list[float] = []
    for band in bands:
        if not isinstance(band, ReportedBand):
            return None
        sizes.append(band.mid)
    request = rank.kv_needed_gib or 0.0
    if rank.budget_gib is not None:
        cache = rank.budget_gib - sum(sizes)
    elif isinstance(rank.kv_gib, ReportedBand):
        cache = rank.kv_gib.mid
    else:
        return None
    sizes += [request, max(0.0, cache - request)]
    return [_Part(kind, name, size) for (kind, name), size in zip(PARTS, sizes, strict=True)]


def _rectangles(parts: list[_Part], scale: float) -> Iterator[str]:
    at = 0.0
    for part in parts:
        width = part.gib * scale
        if width > 0:
            title = f"<title>{escape(part.name)}: {part.gib:,.2f} GiB</title>"
            place = f'x="{at:.2f}" width="{width:.2f}" height="{_HEIGHT}"'
            yield f'<rect class="{part.kind}" {place}>{title}</rect>'
        at += width


def _excess(budget: float | None, needed: float, scale: float) -> Iterator[str]:
    """Yield a line below what is needed beyond vLLM's share."""
    if budget is None or needed <= budget:
        return
    place = f'x1="{budget * scale:.2f}" x2="{needed * scale:.2f}" y1="{_HEIGHT}" y2="{_HEIGHT}"'
    yield f'<line class="excess" {place}><title>{needed - budget:,.1f} GiB too much</title></line>'


def _marks(budget: float | None, capacity: float, scale: float) -> Iterator[str]:
    """Yield where vLLM's share ends, and where the card does."""
    for kind, size in (("card", capacity), ("budget", budget)):
        if size is None:
            continue
        at = min(size * scale, _WIDTH - 1)
        yield f'<line class="{kind}" x1="{at:.2f}" x2="{at:.2f}" y1="0" y2="{_HEIGHT}"/>'
