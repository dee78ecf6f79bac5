"""Verdicts: whether a rank holds what it must, and how many requests at once."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

from vllint.memory import budget
from vllint.memory.constants import card_kind, constant
from vllint.release_order import version_key
from vllint_schemas import GIB, Band, EngineArgs, Gpu, RankMemory, Unknown, Verdict

_LEAST_MARGIN = 0.5 * GIB
_MARGIN = 0.03
"""What the likely estimate must leave for a launch to count as fitting: a share of the budget, or 0.5 GiB."""


_STATES_CHECKED_SINCE = (0, 18, 1)
_SAMPLER_PROFILED_SINCE = (0, 30)
"""From here on the trial run samples with every feature on (vLLM 0.33.0 `v1/worker/gpu/model_runner.py:1022`)
and what sampling takes is left free beside the cache."""


class Outside(NamedTuple):
    """What the card must hold beside vLLM's share: `low` what it surely takes, `likely` what it takes."""

    total: Band
    share: float
    likely: float


def outside(args: EngineArgs, gpu: Gpu, ranks: int, graphs: Band, warm_up: float) -> Outside | Unknown:
    """Return what stands outside the share: the CUDA context, graphs that were not counted, the warm-up.

    Once the cache is allocated, the sampler runs again for all sequences; earlier releases do not leave all
    of that free.
    """
    total, share = budget.card_total(gpu), budget.utilization(args)
    if isinstance(total, Unknown):
        return total
    if isinstance(share, Unknown):
        return share
    context = constant("context", args, card_kind(gpu), ranks)
    late = warm_up if version_key(args.vllm_version) < _SAMPLER_PROFILED_SINCE else 0.0
    return Outside(total, share, context.mid * GIB + graphs.mid + late)


def captured_requests(args: EngineArgs, limits: budget.BatchLimits | Unknown) -> int:
    """Return how many requests need a block for their states each; 0 where vLLM does not ask for it.

    It does where it captures graphs of whole batches (vLLM 0.33.0 `config/compilation.py:1525`).
    """
    if isinstance(limits, Unknown) or version_key(args.vllm_version) < _STATES_CHECKED_SINCE:
        return 0
    chosen = any(args.given(dest) for dest in ("compilation_config", "optimization_level"))
    return 0 if chosen or budget.is_eager(args) is not False else limits.max_num_seqs


def verdict(
    ranks: tuple[RankMemory, ...], null_blocks: tuple[float, ...], beside: Outside | Unknown, requests: int
) -> Verdict | Unknown:
    """Return the worst rank's verdict: no error while the optimistic bound fits.

    Each of `requests` must find a block for its states, where the model has any.
    """
    worst: Verdict | Unknown = "fits"
    for rank, null_block in zip(ranks, null_blocks, strict=True):
        found = _rank_verdict(rank, null_block, beside)
        if found == "fits":
            found = _states_verdict(rank, requests)
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
    if rank.kv_needed == 0:
        return _cacheless_verdict(rank, beside)
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
    return "fits" if needed + _margin(rank, room) <= rank.kv.mid else "tight"


def _states_verdict(rank: RankMemory, requests: int) -> Verdict:
    """Judge whether the cache has a block for the states of each request."""
    if not rank.state_block or isinstance(rank.kv, Unknown):
        return "fits"
    needed = requests * rank.state_block
    if needed > rank.kv.high:
        return "does_not_fit"
    margin = 0.0 if isinstance(rank.budget, Unknown) else _margin(rank, rank.budget)
    return "fits" if needed + margin <= rank.kv.mid else "tight"


def _cacheless_verdict(rank: RankMemory, beside: Outside | Unknown) -> Verdict | Unknown:
    """Judge a rank without a KV cache: nothing is compared with the share (`kv_cache_planning.py:1552`)."""
    if isinstance(beside, Unknown):
        return beside
    if rank.weights.low >= beside.total.high:
        return "does_not_fit"
    return "fits" if _most_taken(rank) + beside.likely <= beside.total.low else "tight"


def _most_taken(rank: RankMemory) -> float:
    """Return what a rank takes at worst beside its cache."""
    parts = (rank.weights, rank.activations, rank.non_torch, rank.cuda_graphs)
    return sum(part.high for part in parts if not isinstance(part, Unknown))


def _margin(rank: RankMemory, room: Band) -> float:
    """Return what the likely estimate must leave for what is needed to count as fitting."""
    return max(_LEAST_MARGIN, _MARGIN * room.mid, _doubt(rank, room))


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
    taken = kv.high + _most_taken(rank)
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
