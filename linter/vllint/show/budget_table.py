"""A memory estimate line by line, as vLLM's start-up would reckon it."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.explain.rows import gib
from vllint.report.cells import visible
from vllint.show.memory_bars import Ink, memory_lines
from vllint_schemas import GIB, Band, MemoryEstimate, RankMemory, Unknown

_NAME = 34
_COLUMN = 12


def budget_lines(memory: MemoryEstimate | Unknown, ink: Ink) -> Iterator[str]:
    """Yield the verdict and the bars of `show`, then each rank's sum with its bounds."""
    yield from memory_lines(memory, ink)
    if isinstance(memory, Unknown):
        return
    for rank in memory.ranks:
        yield ""
        yield f"  {rank.name:<{_NAME}}{_cells('at best', 'likely', 'at worst')}"
        yield from _rank(rank, memory)


def _rank(rank: RankMemory, memory: MemoryEstimate) -> Iterator[str]:
    yield from _line("what vLLM may take of the card", _reversed(rank.budget))
    yield from _line("- weights", rank.weights)
    yield from _line("- activations of the largest step", rank.activations)
    yield from _line("- libraries (CUDA, NCCL)", rank.non_torch)
    yield from _line("- CUDA graphs", rank.cuda_graphs)
    yield from _line("= KV cache", _reversed(rank.kv))
    needed = rank.kv_needed
    if isinstance(needed, Unknown):
        yield from _line(f"  one request{_length(memory)}", needed)
    else:
        yield from _line(f"  one request{_length(memory)}", Band(needed, needed, needed))
    yield from _line("  tokens that it holds", _reversed(rank.kv_tokens), 1)
    yield from _line("  requests of full length", _reversed(memory.max_concurrency), 1, 1)


def _length(memory: MemoryEstimate) -> str:
    length = memory.max_model_len
    return " of full length" if isinstance(length, Unknown) else f" of {length:,} tokens"


def _reversed(band: Band | Unknown) -> Band | Unknown:
    """Return what is had rather than spent from its best bound down."""
    return band if isinstance(band, Unknown) else Band(band.high, band.mid, band.low)


def _line(name: str, band: Band | Unknown, unit: int = GIB, digits: int = 0) -> Iterator[str]:
    if isinstance(band, Unknown):
        yield f"  {name:<{_NAME}}    not known: {visible(band.reason)}"
    elif unit == GIB:
        yield f"  {name:<{_NAME}}{_cells(*map(gib, band))}"
    else:
        yield f"  {name:<{_NAME}}{_cells(*(f'{bound:,.{digits}f}' for bound in band))}"


def _cells(*texts: str) -> str:
    return "".join(f"{text:>{_COLUMN}}" for text in texts)
