"""A rank's memory as a sum, line by line, as vLLM reckons it at start-up."""

from __future__ import annotations

from vllint_schemas import Band, BudgetLine, MemoryEstimate, RankMemory, Unknown


def rank_budget(rank: RankMemory, memory: MemoryEstimate) -> tuple[BudgetLine, ...]:
    """Return what vLLM may take of the card, what it takes off, what is left, and what a request needs."""
    rank, needed = adding_up(rank), rank.kv_needed
    asked = needed if isinstance(needed, Unknown) else Band(needed, needed, needed)
    return (
        BudgetLine("", "what vLLM may take of the card", rank.budget),
        BudgetLine("-", "weights", rank.weights),
        BudgetLine("-", "activations of the largest step", rank.activations),
        BudgetLine("-", "libraries (CUDA, NCCL)", rank.non_torch),
        BudgetLine("-", "CUDA graphs", rank.cuda_graphs),
        BudgetLine("=", "KV cache", rank.kv),
        BudgetLine("", f"one request{_length(memory)}", asked),
    )


def adding_up(rank: RankMemory) -> RankMemory:
    """Return the rank with each line at worst as it is when the KV cache is: the column adds up.

    Not all lines take their most at once, so that the least KV cache is more than the worst of all leave.
    """
    room, kv = rank.budget, rank.kv
    if isinstance(room, Unknown) or isinstance(kv, Unknown):
        return rank
    parts = [rank.weights, rank.activations, rank.non_torch, rank.cuda_graphs]
    doubts = [part.high - part.mid for part in parts if not isinstance(part, Unknown)]
    together = room.mid - room.low + sum(doubts)
    share = min(1.0, (kv.mid - kv.low) / together) if together > 0 else 1.0

    return rank._replace(
        weights=_nearer(rank.weights, share),
        budget=room._replace(low=room.mid - share * (room.mid - room.low)),
        activations=_part(rank.activations, share),
        non_torch=_part(rank.non_torch, share),
        cuda_graphs=_part(rank.cuda_graphs, share),
    )


def _part(part: Band | Unknown, share: float) -> Band | Unknown:
    return part if isinstance(part, Unknown) else _nearer(part, share)


def _nearer(part: Band, share: float) -> Band:
    """Return a part that takes at most a share of its doubt more than is likely."""
    return part._replace(high=part.mid + share * (part.high - part.mid))


def from_best(line: BudgetLine) -> Band | Unknown:
    """Return a line's size from its best bound to its worst: what is had turns round."""
    size = line.size
    if isinstance(size, Unknown) or line.sign == "-":
        return size
    return Band(size.high, size.mid, size.low)


def _length(memory: MemoryEstimate) -> str:
    length = memory.max_model_len
    return " of full length" if isinstance(length, Unknown) else f" of {length:,} tokens"
