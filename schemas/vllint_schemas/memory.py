"""GPU memory of a launch, per rank."""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

from typing import NamedTuple

from vllint_schemas.known import Unknown
from vllint_schemas.terms import Verdict


class Band(NamedTuple):
    """An estimate in bytes: optimistic, likely and pessimistic. For free memory, `low` is the least."""

    low: float
    mid: float
    high: float

    def __add__(self, other: object) -> "Band":
        """Add bound to bound."""
        if not isinstance(other, Band):
            return NotImplemented
        return Band(self.low + other.low, self.mid + other.mid, self.high + other.high)


class RankMemory(NamedTuple):
    """What one pipeline stage's rank holds, in bytes (`kv_tokens` in tokens).

    `parameters` is what vLLM builds, `Unknown` where not every part of it is counted; `weights` is what
    stays resident, and `low` of it a lower bound even then. Fields that need the card or the model's cache
    layout are `Unknown` without them. `state_block` is what a block of the cache takes where
    each running request holds one for its recurrent states, 0 where none does.
    """

    name: str
    parameters: float | Unknown
    weights: Band
    budget: Band | Unknown
    activations: Band | Unknown
    non_torch: Band | Unknown
    cuda_graphs: Band | Unknown
    kv: Band | Unknown
    kv_needed: float | Unknown
    kv_tokens: Band | Unknown
    state_block: float = 0.0


class MemoryEstimate(NamedTuple):
    """Whether a launch fits its cards, stage by stage.

    `max_concurrency` counts full-length requests, `max_num_seqs` is how many vLLM may run at once.
    """

    verdict: Verdict | Unknown
    ranks: tuple[RankMemory, ...]
    max_model_len: int | Unknown
    max_concurrency: Band | Unknown
    max_num_seqs: int | Unknown = Unknown("the card is not known")
