"""A rank's memory as a sum, line by line, as vLLM reckons it at start-up."""

from __future__ import annotations

from vllint_schemas import Band, BudgetLine, MemoryEstimate, RankMemory, Unknown


def rank_budget(rank: RankMemory, memory: MemoryEstimate) -> tuple[BudgetLine, ...]:
    """Return what vLLM may take of the card, what it takes off, what is left, and what a request needs."""
    needed = rank.kv_needed
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


def from_best(line: BudgetLine) -> Band | Unknown:
    """Return a line's size from its best bound to its worst: what is had turns round."""
    size = line.size
    if isinstance(size, Unknown) or line.sign == "-":
        return size
    return Band(size.high, size.mid, size.low)


def _length(memory: MemoryEstimate) -> str:
    length = memory.max_model_len
    return " of full length" if isinstance(length, Unknown) else f" of {length:,} tokens"
