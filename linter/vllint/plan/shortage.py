"""What is missing where nothing fits, and what would do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.explain.rows import gib
from vllint.hardware.cards import find_card
from vllint.layouts import fitting_instances
from vllint.memory.estimate import estimate_memory, known_card
from vllint.models.catalogue import model_ids
from vllint.plan.judging import Judgement
from vllint.plan.placements import describe
from vllint.plan.planning import Plan
from vllint.remedies import FEWER_REQUESTS, with_values
from vllint.vllm.legality import tensor_parallel_obstacles
from vllint_schemas import GIB, Gpu, Located, MemoryEstimate, RankMemory, Unknown
from vllint_schemas.parallel import Parallel

_COUNTS = (1, 2, 4, 8, 16)
_CARDS = ("L4", "A10G", "L40S", "A100-40GB", "A100-80GB", "H100-80GB", "H200", "B200")
"""Cards that are easy to rent, from small to large."""

_LENGTH_SHARE = 0.9
"""How much of the KV cache a proposed context length fills: the estimate may be off."""

_SHORTEST = 512


class Shortage(NamedTuple):
    """The layout that lacks the least, and how many bytes on its fullest rank, likely."""

    judgement: Judgement
    rank: RankMemory
    missing: float
    what: str


def shortage(plan: Plan) -> Shortage | None:
    """Return what the layout that comes closest lacks; `None` if none of them is judged by memory."""
    found = [one for judgement in plan.others if (one := _missing(judgement)) is not None]
    return min(found, key=lambda one: one.missing, default=None)


def _missing(judgement: Judgement) -> Shortage | None:
    if judgement.verdict != "does_not_fit" or not isinstance(judgement.memory, MemoryEstimate):
        return None
    seqs = judgement.memory.max_num_seqs
    lacks = [_rank(judgement, rank, seqs) for rank in judgement.memory.ranks]
    return max((one for one in lacks if one is not None), key=lambda one: one.missing, default=None)


def _rank(judgement: Judgement, rank: RankMemory, seqs: int | Unknown) -> Shortage | None:
    if isinstance(rank.budget, Unknown):
        return None
    if rank.weights.mid >= rank.budget.mid or isinstance(rank.kv, Unknown) or rank.kv.mid <= 0:
        left = rank.budget.mid - rank.weights.mid
        what = f"weights take {gib(rank.weights.mid)}"
        if isinstance(rank.kv, Unknown):
            return Shortage(judgement, rank, -left, what)
        rest = f"{what}, a step, libraries and graphs {gib(left - rank.kv.mid)}"
        return Shortage(judgement, rank, -rank.kv.mid, rest)
    if isinstance(rank.kv_needed, Unknown):
        return None
    states = 0.0 if isinstance(seqs, Unknown) else seqs * rank.state_block
    if states > max(rank.kv_needed, rank.kv.mid):
        what = f"blocks for the states of {seqs:,} requests take {gib(states)} of KV cache"
        return Shortage(judgement, rank, states - rank.kv.mid, what)
    what = f"one request of full length takes {gib(rank.kv_needed)} of KV cache"
    return Shortage(judgement, rank, rank.kv_needed - rank.kv.mid, what)


def shortage_lines(plan: Plan) -> Iterator[str]:
    """Yield in words what is missing, and what would do."""
    found = shortage(plan)
    if found is None:
        return
    budget = "" if isinstance(found.rank.budget, Unknown) else f" of {gib(found.rank.budget.mid)} for vLLM"
    yield (
        f"closest: {describe(found.judgement.placement)}, short by {gib(found.missing)} on a GPU{budget}: "
        f"{found.what}"
    )
    yield from (f"would do: {way}" for way in remedies(plan))


def remedies(plan: Plan) -> Iterator[str]:
    """Yield ways out in words: fewer requests or tokens, more of these cards, other cards, fewer bits."""
    requests, length = _requests(plan), _length(plan)
    if requests is not None:
        yield requests
    elif length is not None:
        yield length
    yield from _more_cards(plan)
    yield from _other_cards(plan)
    yield from _endpoints(plan)
    yield from _fewer_bits(plan, length is not None)


def _requests(plan: Plan) -> str | None:
    """Return the most requests at once with which a layout fits, of a few round numbers."""
    for fewer in FEWER_REQUESTS:
        args = with_values(plan.base.args, {"max_num_seqs": fewer})
        for one in plan.others:
            if one.verdict == "does_not_fit":
                card = known_card(Located(one.card))
                memory = estimate_memory(plan.base.model, one.placement.layout, args, card)
                if not isinstance(memory, Unknown) and memory.verdict == "fits":
                    return f"`--max-num-seqs {fewer}` with {describe(one.placement)}"
    return None


def _length(plan: Plan) -> str | None:
    """Return the longest context that a layout holds, in blocks of 16 tokens."""
    best: tuple[int, Judgement] | None = None
    for one in plan.others:
        if one.verdict != "does_not_fit" or not isinstance(one.memory, MemoryEstimate):
            continue
        tokens = [rank.kv_tokens for rank in one.memory.ranks]
        least = min((0.0 if isinstance(band, Unknown) else band.mid for band in tokens), default=0.0)
        length = int(least * _LENGTH_SHARE) // 16 * 16
        if length >= _SHORTEST and (best is None or length > best[0]):
            best = length, one
    if best is None:
        return None
    return f"`--max-model-len {best[0]}` with {describe(best[1].placement)}"


def _more_cards(plan: Plan) -> Iterator[str]:
    group = plan.machines.groups[-1]
    for count in _COUNTS:
        if count > plan.machines.gpus and (size := _holds(plan, group.card, count)):
            yield f"{count} x {group.name}, TP {size[0]}{f' x PP {size[1]}' if size[1] > 1 else ''}"
            return


def _other_cards(plan: Plan) -> Iterator[str]:
    """Yield the smallest larger card of which as many do."""
    used = plan.machines.groups[-1].card
    for name in _CARDS:
        card = find_card(name)
        if isinstance(card, Unknown) or isinstance(card.memory_bytes, Unknown):
            continue
        larger = not isinstance(used.memory_bytes, Unknown) and card.memory_bytes > 1.05 * used.memory_bytes
        if larger and _holds(plan, card, plan.machines.gpus):
            yield f"{plan.machines.gpus} x {name}"
            return


def _holds(plan: Plan, card: Gpu, gpus: int) -> tuple[int, int] | None:
    """Return the tensor and the pipeline parallel size of a copy on `gpus` cards, if it fits so."""
    model, args = plan.base.model, plan.base.args
    tensor = min(gpus, 8)
    layout = Parallel(tensor=tensor, pipeline=gpus // tensor)
    if tensor_parallel_obstacles(model, layout, args):
        return None
    memory = estimate_memory(model, layout, args, known_card(Located(card)))
    fits = not isinstance(memory, Unknown) and memory.verdict == "fits"
    return (layout.tensor, layout.pipeline) if fits else None


def _endpoints(plan: Plan) -> Iterator[str]:
    """Yield the cheapest endpoint machine that holds the model."""
    for offer in fitting_instances(plan.base)[:1]:
        price = offer.instance.price_usd_hour
        cost = "" if price is None else f" (${price:,.2f} an hour)"
        yield f"the endpoint machine `{offer.instance.name}`{cost}, TP {offer.tensor}"


_FEWER_BITS = re.compile(r"fp8|fp4|awq|gptq|int[48]|w[48]a|4bit|8bit|bnb")
_SIBLINGS = 3


def _siblings(model: str) -> str:
    """Return the catalogue's checkpoints that by their names are this model in fewer bits."""
    name = model.rpartition("/")[2].lower()
    found = [
        other
        for other in model_ids()
        if (short := other.rpartition("/")[2].lower()).startswith(name)
        and _FEWER_BITS.search(short.removeprefix(name))
    ]
    owner = model.partition("/")[0]
    found.sort(key=lambda other: other.partition("/")[0] != owner)
    shown = ", ".join(f"`{other}`" for other in found[:_SIBLINGS])
    return f", as {shown}" if shown else ""


def _fewer_bits(plan: Plan, weights_fit: bool) -> Iterator[str]:
    """Yield in words what fewer bits would save; which checkpoint has them is for people to choose."""
    model = plan.base.model
    if model.quantized is False and model.params_total:
        quarter = model.params_total * 0.55 / GIB
        yield (
            f"a checkpoint of the model with fewer bits{_siblings(plan.model)}: about"
            f" {model.params_total / GIB:,.0f} GiB of weights in FP8, {quarter:,.0f} GiB in 4 bits"
        )
    if weights_fit and plan.base.args.given("kv_cache_dtype") is None:
        yield "`--kv-cache-dtype fp8` halves the KV cache, at some cost in quality"
