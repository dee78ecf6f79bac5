"""What a launch's ranks hold, drawn against what vLLM takes of a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.explain.rows import gib, row
from vllint_schemas import GIB, Band, MemoryEstimate, RankMemory, Unknown

CELLS = 48
"""How many characters stand for the budget, or for what is used where that is more."""


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
    for name, bound in (("at best", 0), ("likely", 1), ("at worst", 2)):
        sizes = [band[bound] for _, band in parts]
        sizes = [sizes[0], sizes[1], sizes[2] + sizes[3], 0.0 if isinstance(needed, Unknown) else needed]
        left = rank.budget[2 - bound] - sum(sizes[:3])
        rest = f"{gib(left)} for the KV cache" if left > 0 else f"{gib(-left)} too much"
        yield from row(name, f"{_bar(sizes, rank.budget[2 - bound], ink)} {rest}")


_NAMES = ("weights", "activations", "libraries", "graphs")


def _parts(rank: RankMemory) -> list[tuple[str, Band]]:
    bands = (rank.weights, rank.activations, rank.non_torch, rank.cuda_graphs)
    return [(name, band) for name, band in zip(_NAMES, bands, strict=True) if not isinstance(band, Unknown)]


def _band(band: Band) -> str:
    if gib(band.low) == gib(band.high):
        return gib(band.mid)
    return f"{gib(band.mid)} ({band.low / GIB:,.1f} to {band.high / GIB:,.1f})"


def _bar(sizes: Sequence[float], budget: float, ink: Ink) -> str:
    """Return the parts as characters, with an edge where the budget ends."""
    scale = CELLS / max(budget, sum(sizes), 1.0)
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
