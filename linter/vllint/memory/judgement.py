"""Verdicts: whether a rank holds what it must, and how many requests at once."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

from vllint.memory import budget
from vllint.memory.constants import card_kind, constant
from vllint_schemas import GIB, Band, EngineArgs, Gpu, RankMemory, Unknown, Verdict

_LEAST_MARGIN = 0.5 * GIB
_MARGIN = 0.03
"""What the likely estimate must leave for a launch to count as fitting: a share of the budget, or 0.5 GiB."""


class Outside(NamedTuple):
    """What the card must hold beside vLLM's share: `low` what it surely takes, `likely` what it takes."""

    total: Band
    share: float
    likely: float


def outside(args: EngineArgs, gpu: Gpu, ranks: int, graphs: Band, warm_up: float) -> Outside | Unknown:
    """Return what stands outside the share: the CUDA context, graphs that were not counted, the warm-up.

    Once the cache is allocated, the sampler runs again for all sequences.
    """
    total, share = budget.card_total(gpu), budget.utilization(args)
    if isinstance(total, Unknown):
        return total
    if isinstance(share, Unknown):
        return share
    context = constant("context", args, card_kind(gpu), ranks)
    return Outside(total, share, context.mid * GIB + graphs.mid + warm_up)


def verdict(
    ranks: tuple[RankMemory, ...], null_blocks: tuple[float, ...], beside: Outside | Unknown
) -> Verdict | Unknown:
    """Return the worst rank's verdict: no error while the optimistic bound fits."""
    worst: Verdict | Unknown = "fits"
    for rank, null_block in zip(ranks, null_blocks, strict=True):
        found = _rank_verdict(rank, null_block, beside)
        if found == "does_not_fit":
            return found
        if isinstance(found, Unknown) or (found == "tight" and not isinstance(worst, Unknown)):
            worst = found
    return worst


def _rank_verdict(rank: RankMemory, null_block: float, beside: Outside | Unknown) -> Verdict | Unknown:
    room = rank.budget
    if not isinstance(rank.kv, Unknown) and isinstance(room, Unknown) and not isinstance(beside, Unknown):
        return _given_verdict(rank, rank.kv, beside)
    if isinstance(room, Unknown):
        return room
    if rank.weights.low >= room.high:
        return "does_not_fit"
    if isinstance(rank.kv, Unknown):
        return rank.kv
    if rank.kv.high <= 0:
        return "does_not_fit"
    if isinstance(rank.kv_needed, Unknown):
        return rank.kv_needed
    needed = rank.kv_needed + null_block
    if needed > rank.kv.high:
        return "does_not_fit"
    if not isinstance(beside, Unknown) and (1 - beside.share) * beside.total.mid < beside.likely:
        return "tight"
    margin = max(_LEAST_MARGIN, _MARGIN * room.mid, _doubt(rank, room))
    return "fits" if needed + margin <= rank.kv.mid else "tight"


def _doubt(rank: RankMemory, room: Band) -> float:
    """Return by how much less than likely may be left: the parts' errors are each other's strangers."""
    parts = (rank.weights, rank.activations, rank.non_torch, rank.cuda_graphs)
    above = [part.high - part.mid for part in parts if not isinstance(part, Unknown)]
    return hypot(room.mid - room.low, *above)


def _given_verdict(rank: RankMemory, kv: Band, beside: Outside) -> Verdict | Unknown:
    """Judge a cache of given size: it must hold a request, and the card all of it."""
    if rank.weights.low + max(0.0, kv.low) > beside.total.high:
        return "does_not_fit"
    if isinstance(rank.kv_needed, Unknown):
        return rank.kv_needed
    if rank.kv_needed > kv.high:
        return "does_not_fit"
    parts = (rank.weights, kv, rank.activations, rank.non_torch, rank.cuda_graphs)
    taken = sum(part.high for part in parts if not isinstance(part, Unknown))
    return "fits" if taken + beside.likely <= beside.total.low else "tight"


def concurrency(ranks: tuple[RankMemory, ...]) -> Band | Unknown:
    """Return how many requests of full length the fullest rank holds at once."""
    least: Band | None = None
    for rank in ranks:
        if isinstance(rank.kv, Unknown):
            return rank.kv
        if isinstance(rank.kv_needed, Unknown):
            return rank.kv_needed
        if rank.kv_needed == 0:
            return Unknown("a request takes no KV cache")
        band = Band(*(max(0.0, bound) / rank.kv_needed for bound in rank.kv))
        least = band if least is None or band.mid < least.mid else least
    return least if least is not None else Unknown("there are no ranks")
