"""What a launch's ranks hold, drawn against what vLLM takes of a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.explain.rows import gib, room, row
from vllint.memory.rank_budget import adding_up
from vllint_schemas import GIB, Band, MemoryEstimate, RankMemory, Unknown

CELLS = 48
"""How many characters stand for the largest of what a rank may take and what it needs."""

_LEAST_CELLS = 16
_BESIDE = len("││ 1,234.5 GiB for the KV cache")


class Ink(NamedTuple):
    """The characters that a bar is drawn with."""

    weights: str
    activations: str
    libraries: str
    request: str
    free: str
    edge: str


BLOCKS = Ink("█", "▓", "▒", "░", "·", "│")
ASCII = Ink("#", "=", "-", "+", ".", "|")

_VERDICTS = {"fits": "fits", "tight": "may not fit", "does_not_fit": "does not fit"}


def memory_lines(memory: MemoryEstimate | Unknown, ink: Ink) -> Iterator[str]:
    """Yield the verdict, then each rank's parts as numbers and as bars."""
    if isinstance(memory, Unknown):
        yield from row("memory", f"not known: {memory.reason}")
        return
    verdict = memory.verdict
    if isinstance(verdict, Unknown):
        yield from row("memory", f"not known whether it fits: {verdict.reason}")
    else:
        yield from row("memory", f"{_VERDICTS[verdict]}{_requests(memory)}")
    for rank in memory.ranks:
        yield from _rank(rank, ink)


def _requests(memory: MemoryEstimate) -> str:
    """Say how many requests of full length there is room for."""
    length, room = memory.max_model_len, memory.max_concurrency
    if memory.verdict == "does_not_fit" or isinstance(length, Unknown) or isinstance(room, Unknown):
        return ""
    return (
        f", with room for {room.mid:,.1f} requests of {length:,} tokens ({room.low:,.1f} to {room.high:,.1f})"
    )


def _rank(rank: RankMemory, ink: Ink) -> Iterator[str]:
    parts = _parts(rank)
    named = [f"{name} {_band(band)}" for name, band in parts]
    needed = rank.kv_needed
    request = [] if isinstance(needed, Unknown) else [f"one request of full length {gib(needed)}"]
    if isinstance(rank.budget, Unknown):
        yield from row(rank.name, ", ".join((*named, *request)))
        return
    yield from row(rank.name, f"{gib(rank.budget.mid)} for vLLM: {', '.join((*named, *request))}")
    if len(parts) < len(_NAMES):
        return
    asked = 0.0 if isinstance(needed, Unknown) else needed
    rank = adding_up(rank)
    bars = [_sizes(_parts(rank), bound, asked) for bound in range(3)]
    total = rank.budget
    if isinstance(total, Unknown):
        return
    scale = _cells() / max(total.high, *map(sum, bars), 1.0)
    for name, sizes, budget in zip(_BOUNDS, bars, reversed(total), strict=True):
        left = budget - sum(sizes[:-1])
        rest = f"{gib(left)} for the KV cache" if left > 0 else f"{gib(-left)} too much"
        yield from row(name, f"{_bar(sizes, budget, scale, ink)} {rest}")


_BOUNDS = ("at best", "likely", "at worst")


def _sizes(parts: Sequence[tuple[str, Band]], bound: int, request: float) -> list[float]:
    """Return what stands side by side in a bar, at a bound."""
    weights, activations, libraries, graphs = (band[bound] for _, band in parts)
    return [weights, activations, libraries + graphs, request]


def _cells() -> int:
    """Return how long a bar is, so that it and the words beside it fit a line."""
    return max(_LEAST_CELLS, min(CELLS, room() - _BESIDE))


_NAMES = ("weights", "activations", "libraries", "graphs")


def _parts(rank: RankMemory) -> list[tuple[str, Band]]:
    bands = (rank.weights, rank.activations, rank.non_torch, rank.cuda_graphs)
    return [(name, band) for name, band in zip(_NAMES, bands, strict=True) if not isinstance(band, Unknown)]


def _band(band: Band) -> str:
    if gib(band.low) == gib(band.high):
        return gib(band.mid)
    return f"{gib(band.mid)} ({band.low / GIB:,.1f} to {band.high / GIB:,.1f})"


def _bar(sizes: Sequence[float], budget: float, scale: float, ink: Ink) -> str:
    """Return the parts as characters, with an edge where the budget ends."""
    drawn, total = "", 0.0
    for size, character in zip(sizes, ink, strict=False):
        total += size
        drawn += character * (round(total * scale) - len(drawn))
    end = round(budget * scale)
    return f"{ink.edge}{drawn[:end]:{ink.free}<{end}}{ink.edge}{drawn[end:]}"


def legend(ink: Ink) -> str:
    """Return what the characters stand for."""
    names = ("weights", "activations", "libraries and graphs", "one request of full length", "free")
    return "  ".join(f"{character} {name}" for character, name in zip(ink, names, strict=False))
