"""Which of the layouts that fit to take, by what the server is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from vllint.plan.judging import Judgement
from vllint.plan.machines import Machines
from vllint_schemas import Band, MemoryEstimate, ModelFacts, Unknown

Goal = Literal["throughput", "latency", "context"]

TYPICAL_TOKENS = 2048
"""How long a request is taken to be where layouts are compared, unless the context is shorter."""

_SEQUENCES = 256
"""More requests at once than this make each step as much longer: GPUs then compute instead of reading."""

_NVLINK = {1: 1.0, 2: 0.93, 4: 0.87, 8: 0.80}
_PCIE = {1: 1.0, 2: 0.75, 4: 0.50, 8: 0.35}
"""What tensor parallelism leaves of the GPUs' speed: 5-10% lost over two and 15-25% over eight with NVLink,
"can exceed 50%" over more than two on PCIe (heuristic "Tensor Parallel Configuration" of vLLM's wiki)."""

_MIXED = 0.8
"""What cards of several kinds leave: they wait for the slowest (the same page: "not recommended")."""

_UNUSUAL_EXPERTS = 0.95
"""What is left where copies cut experts, or one copy deals whole ones out: the documents of vLLM pair expert
with data parallelism (docs.vllm.ai, "Expert Parallel Deployment"); the number is a guess."""

_STAGES = {1: 1.0, 2: 0.90, 4: 0.82, 8: 0.75}
"""What pipeline stages leave of it: they wait for each other at the ends of a batch."""

_FEW_REQUESTS = 8
_ORDER = {"fits": 0, "tight": 1, "unknown": 2}


class Choice(NamedTuple):
    """A layout that fits or may, its place among the others, and why.

    `score` compares it at the goal with the first, which has 1.0. `requests` of full length and `kv_tokens`
    are one copy's; a server has `data` copies.
    """

    judgement: Judgement
    score: float
    idle: int
    kv_tokens: Band | None
    requests: Band | None
    reasons: tuple[str, ...]


def ranked(
    judgements: Sequence[Judgement], model: ModelFacts, machines: Machines, goal: Goal
) -> tuple[Choice, ...]:
    """Return what fits or may, the best first: what fits for certain and without warnings before the rest."""
    found = [one for one in judgements if one.verdict in _ORDER]
    scores = {id(one): _score(one, model, machines, goal) for one in found}
    choices = [_choice(one, scores[id(one)], model, machines) for one in found]
    choices.sort(key=_key)
    best = choices[0].score if choices else 1.0
    return tuple(one._replace(score=one.score / best if best else 0.0) for one in choices)


def _key(choice: Choice) -> tuple[int, bool, float, int, int, int]:
    layout = choice.judgement.placement.layout
    return (
        _ORDER[choice.judgement.verdict],
        bool(choice.judgement.warnings),
        -choice.score,
        choice.idle,
        layout.gpus_per_replica,
        layout.pipeline,
    )


def _choice(judgement: Judgement, score: float, model: ModelFacts, machines: Machines) -> Choice:
    memory = judgement.memory
    known = isinstance(memory, MemoryEstimate)
    room = memory.max_concurrency if isinstance(memory, MemoryEstimate) else None
    choice = Choice(
        judgement,
        score,
        machines.gpus - judgement.placement.layout.gpus_needed,
        _least_tokens(memory) if known and isinstance(memory, MemoryEstimate) else None,
        room if isinstance(room, Band) else None,
        (),
    )
    return choice._replace(reasons=tuple(_reasons(choice, model, machines)))


def _least_tokens(memory: MemoryEstimate) -> Band | None:
    """Return the tokens of the stage that holds the fewest."""
    bands = [rank.kv_tokens for rank in memory.ranks if isinstance(rank.kv_tokens, Band)]
    return min(bands, key=lambda band: band.mid, default=None)


def _score(judgement: Judgement, model: ModelFacts, machines: Machines, goal: Goal) -> float:
    """Return how good a layout is at its goal, in numbers that mean nothing by themselves."""
    layout, memory = judgement.placement.layout, judgement.memory
    if not isinstance(memory, MemoryEstimate) or judgement.verdict == "unknown":
        # Where nothing is known of memory, the layout that needs the least of it is the safest.
        return float(layout.gpus_per_replica)
    if goal == "latency":
        # A request passes through all stages one after the other: these save it no time.
        return layout.tensor * _speed(judgement, model, machines)
    if goal == "context":
        tokens = _least_tokens(memory)
        return 0.0 if tokens is None else tokens.mid
    return _throughput(judgement, memory) * _speed(judgement, model, machines)


def _throughput(judgement: Judgement, memory: MemoryEstimate) -> float:
    """Return the requests that are a token further for each byte that a GPU reads.

    In a step, a GPU reads its weights once and the KV cache of every request; beyond some requests at once
    it computes as long as it would read.
    """
    layout = judgement.placement.layout
    rank = max(memory.ranks, key=lambda rank: rank.weights.mid)
    weights = max(rank.weights.mid, 1.0)
    limit = memory.max_num_seqs if isinstance(memory.max_num_seqs, int) else _SEQUENCES
    requests, each = float(limit), 0.0
    if isinstance(rank.kv, Band) and isinstance(rank.kv_tokens, Band) and rank.kv_tokens.mid:
        length = memory.max_model_len if isinstance(memory.max_model_len, int) else TYPICAL_TOKENS
        each = max(0.0, rank.kv.mid) / rank.kv_tokens.mid * min(length, TYPICAL_TOKENS)
        requests = min(requests, max(0.0, rank.kv.mid) / each) if each else requests
    requests = min(requests / layout.pipeline, _SEQUENCES)
    return layout.data * requests / (weights + requests * each)


def _speed(judgement: Judgement, model: ModelFacts, machines: Machines) -> float:
    """Return the share of their speed that GPUs keep when they have to exchange results."""
    layout = judgement.placement.layout
    exchanging = layout.tensor * layout.data if model.num_experts else layout.tensor
    apart = judgement.placement.nodes > 1 and exchanging > layout.tensor
    link = _NVLINK if judgement.card.nvlink is not False and not apart else _PCIE
    mixed = _MIXED if machines.differ_among(judgement.placement.gpus_per_node) else 1.0
    usual = not model.num_experts or exchanging == 1 or layout.expert == (layout.data > 1)
    experts = 1.0 if usual else _UNUSUAL_EXPERTS
    return _share(link, exchanging) * _share(_STAGES, layout.pipeline) * mixed * experts


def _share(shares: dict[int, float], number: int) -> float:
    """Return the share at the next number that has one."""
    return next((share for size, share in shares.items() if size >= number), min(shares.values()))


def _reasons(choice: Choice, model: ModelFacts, machines: Machines) -> Iterator[str]:
    """Say in words what speaks for a layout, and against it."""
    judgement, layout = choice.judgement, choice.judgement.placement.layout
    if layout.data > 1:
        yield f"{layout.data} copies of {'the attention' if model.num_experts else 'the model'}"
    yield from _links(judgement, model)
    if layout.pipeline > 1:
        yield "stages wait for each other"
    if judgement.placement.nodes > 1:
        where = "its stages on" if judgement.placement.spans_machines else "on"
        yield f"{where} {judgement.placement.nodes} machines"
    if len(machines.groups) > 1:
        yield f"on {machines.taken(judgement.placement.gpus_per_node)}"
    if machines.differ_among(judgement.placement.gpus_per_node):
        yield "cards differ"
    if choice.requests is not None and choice.requests.low < 1:
        yield "at worst no room for one request"
    elif choice.requests is not None and choice.requests.mid < _FEW_REQUESTS:
        yield "little room for requests"
    if choice.idle:
        yield f"{choice.idle} {'GPU' if choice.idle == 1 else 'GPUs'} idle"
    yield from _doubts(judgement)
    yield from (f"{one.code} {one.name}" for one in judgement.warnings)


def _doubts(judgement: Judgement) -> Iterator[str]:
    memory = judgement.memory
    if judgement.verdict == "tight":
        yield "may not fit"
    elif isinstance(memory, Unknown):
        yield memory.reason
    elif memory is not None and isinstance(memory.verdict, Unknown):
        yield memory.verdict.reason


def _links(judgement: Judgement, model: ModelFacts) -> Iterator[str]:
    layout, link = judgement.placement.layout, judgement.card.nvlink
    alone = layout.tensor == 1 and not (model.num_experts and layout.data > 1)
    if alone:
        if layout.pipeline == 1:
            yield "no exchange between GPUs"
    elif model.num_experts and layout.data > 1 and judgement.placement.nodes > 1:
        yield "experts exchange tokens between machines"
    elif link is False:
        yield "exchanges in every layer over PCIe"
    elif link:
        yield "exchanges in every layer over NVLink"
    else:
        yield "exchanges in every layer (over NVLink if the cards have it)"
