"""A memory estimate line by line, as vLLM's start-up would reckon it."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.explain.rows import gib, row
from vllint.facts import LaunchFacts
from vllint.memory.rank_budget import from_best, rank_budget
from vllint.remedies import memory_fix, most_length, pinned_parts
from vllint.report.cells import visible
from vllint.report.estimated_numbers import shown_number
from vllint.show.memory_bars import Ink, memory_lines
from vllint.ways_out import ways_out
from vllint_schemas import GIB, Band, MemoryEstimate, RankMemory, Unknown

_NAME = 34
_COLUMN = 12
_SHOWN = 0.05 * GIB
"""What is less reads as nothing."""


def budget_lines(memory: MemoryEstimate | Unknown, ink: Ink) -> Iterator[str]:
    """Yield the verdict and the bars of `show`, then each rank's sum with its bounds."""
    yield from memory_lines(memory, ink)
    if isinstance(memory, Unknown):
        return
    for rank in memory.ranks:
        yield ""
        yield f"  {rank.name:<{_NAME}}{_cells('at best', 'likely', 'at worst')}"
        yield from _rank(rank, memory)


def capacity_lines(facts: LaunchFacts) -> Iterator[str]:
    """Yield the longest context that fits, what would make the launch fit, and what is pinned of the host."""
    memory = facts.maybe_memory
    if isinstance(memory, Unknown) or isinstance(memory.verdict, Unknown):
        return
    longest, parts = most_length(facts), pinned_parts(facts)
    yield from row("context", "none fits" if longest is None else f"{longest:,} tokens fit at most")
    if memory.verdict != "fits":
        fix = memory_fix(facts)
        proposed = () if fix is None else (fix.title.removeprefix("use "),)
        yield from row("would fit", *proposed, *ways_out(facts))
    if sum(part.size for part in parts) >= _SHOWN:
        pinned = ", ".join(f"{part.name} {gib(part.size)}" for part in parts)
        yield from row("host", f"{gib(sum(part.size for part in parts))} pinned on the machine: {pinned}")


def _rank(rank: RankMemory, memory: MemoryEstimate) -> Iterator[str]:
    for line in rank_budget(rank, memory):
        yield from _line(f"{line.sign or ' '} {line.name}", from_best(line))
    yield from _line("  tokens that it holds", _reversed(rank.kv_tokens), 1)
    yield from _line("  requests of full length", _reversed(memory.max_concurrency), 1, 1)


def _reversed(band: Band | Unknown) -> Band | Unknown:
    """Return what is had rather than spent from its best bound down."""
    return band if isinstance(band, Unknown) else Band(band.high, band.mid, band.low)


def _line(name: str, band: Band | Unknown, unit: int = GIB, digits: int = 0) -> Iterator[str]:
    if isinstance(band, Unknown):
        yield f"  {name:<{_NAME}}    not known: {visible(band.reason)}"
    elif unit == GIB:
        yield f"  {name:<{_NAME}}{_cells(*map(gib, band))}"
    else:
        yield f"  {name:<{_NAME}}{_cells(*(shown_number(bound, digits) for bound in band))}"


def _cells(*texts: str) -> str:
    return "".join(f"{text:>{_COLUMN}}" for text in texts)
