"""Whether a launch fits its cards."""

from __future__ import annotations

from vllint.memory import budget
from vllint.memory.kv_cache import StageCache, stage_caches
from vllint.memory.weights import StageWeights, stage_weights
from vllint_schemas import (
    GIB,
    Band,
    EngineArgs,
    Gpu,
    Located,
    MemoryEstimate,
    ModelFacts,
    RankMemory,
    Unknown,
    Verdict,
)
from vllint_schemas.parallel import Parallel

_LEAST_MARGIN = 0.5 * GIB
_MARGIN = 0.03
"""What the likely estimate must leave for a launch to count as fitting: a share of the budget, or 0.5 GiB."""


def estimate_memory(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown
) -> MemoryEstimate | Unknown:
    """Return what each pipeline stage's rank holds; `Unknown` when not even the weights are known.

    Without a card the ranks hold what does not depend on it, and the verdict is `Unknown`.
    """
    stages = stage_weights(model, parallel, args, gpu)
    if isinstance(stages, Unknown):
        return stages
    length = max_model_len(model, args)
    limits = gpu if isinstance(gpu, Unknown) else budget.batch_limits(args, gpu)
    caches = _caches(model, parallel, args, gpu, limits)
    ranks = tuple(
        _rank(stage, caches[number], number == parallel.pipeline - 1, model, parallel, args, gpu, length)
        for number, stage in enumerate(stages)
    )
    if isinstance(gpu, Unknown):
        return MemoryEstimate(gpu, ranks, length, gpu)
    seqs = limits if isinstance(limits, Unknown) else limits.max_num_seqs
    return MemoryEstimate(_verdict(ranks), ranks, length, _concurrency(ranks), seqs)


def _caches(
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    limits: budget.BatchLimits | Unknown,
) -> tuple[StageCache | Unknown, ...]:
    """Return each stage's KV cache."""
    asked = args.value("max_num_batched_tokens")
    tokens: int | Unknown
    if isinstance(asked, Located) and isinstance(asked.value, int):
        tokens = asked.value
    else:
        tokens = limits if isinstance(limits, Unknown) else limits.max_num_batched_tokens
    found = stage_caches(model, parallel, args, gpu, tokens)
    return (found,) * parallel.pipeline if isinstance(found, Unknown) else found


def max_model_len(model: ModelFacts, args: EngineArgs) -> int | Unknown:
    """Return the context length asked for, else the model's own; `auto` gives `Unknown`."""
    asked = args.value("max_model_len")
    if isinstance(asked, Unknown):
        return asked
    if asked.value == -1:
        return Unknown("`--max-model-len auto` takes what fits")
    if isinstance(asked.value, int):
        return asked.value
    own = model.default_max_model_len or model.max_position_embeddings
    return own if own is not None else Unknown("the model's context length is not known")


def _rank(
    stage: StageWeights,
    cache: StageCache | Unknown,
    last: bool,
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    length: int | Unknown,
) -> RankMemory:
    needed = _needed(cache, length)
    graphs = budget.cuda_graphs(args)
    if isinstance(gpu, Unknown):
        return RankMemory(
            stage.name, stage.parameters, stage.weights, gpu, gpu, gpu, graphs, gpu, needed, gpu
        )
    total = budget.budget(args, gpu)
    limits = budget.batch_limits(args, gpu)
    peak = limits if isinstance(limits, Unknown) else budget.activations(model, limits, last)
    libraries = budget.non_torch(parallel, gpu)
    kv = _free(total, stage.weights, peak, libraries, graphs)
    tokens = _tokens(kv, cache, length)
    block = 0.0 if isinstance(cache, Unknown) else cache.state_block_bytes
    return RankMemory(
        stage.name, stage.parameters, stage.weights, total, peak, libraries, graphs, kv, needed, tokens, block
    )


def _free(
    total: Band | Unknown,
    weights: Band,
    peak: Band | Unknown,
    libraries: Band,
    graphs: Band | Unknown,
) -> Band | Unknown:
    if isinstance(total, Unknown):
        return total
    if isinstance(peak, Unknown):
        return peak
    if isinstance(graphs, Unknown):
        return graphs
    return budget.free_for_kv(total, (weights, peak, libraries, graphs))


def _needed(cache: StageCache | Unknown, length: int | Unknown) -> float | Unknown:
    """Return the KV cache of one request of full length."""
    if isinstance(cache, Unknown):
        return cache
    return length if isinstance(length, Unknown) else cache.request_bytes(length)


def _tokens(kv: Band | Unknown, cache: StageCache | Unknown, length: int | Unknown) -> Band | Unknown:
    """Return how many tokens the cache holds, in requests of full length where it matters."""
    if isinstance(kv, Unknown):
        return kv
    if isinstance(cache, Unknown):
        return cache
    if not cache.groups:
        return Unknown("the stage holds no attention layer")
    per_token = cache.token_bytes(length)
    if isinstance(per_token, Unknown):
        return per_token
    return Band(*(max(0.0, bound) / per_token for bound in kv))


def _verdict(ranks: tuple[RankMemory, ...]) -> Verdict | Unknown:
    """Return the worst rank's verdict: no error while the optimistic bound fits."""
    worst: Verdict | Unknown = "fits"
    for rank in ranks:
        verdict = _rank_verdict(rank)
        if verdict == "does_not_fit":
            return verdict
        if isinstance(verdict, Unknown) or (verdict == "tight" and not isinstance(worst, Unknown)):
            worst = verdict
    return worst


def _rank_verdict(rank: RankMemory) -> Verdict | Unknown:
    if isinstance(rank.budget, Unknown):
        return rank.budget
    if rank.weights.low >= rank.budget.high:
        return "does_not_fit"
    if isinstance(rank.kv, Unknown):
        return rank.kv
    if rank.kv.high <= 0:
        return "does_not_fit"
    if isinstance(rank.kv_needed, Unknown):
        return rank.kv_needed
    if rank.kv_needed > rank.kv.high:
        return "does_not_fit"
    margin = max(_LEAST_MARGIN, _MARGIN * rank.budget.mid)
    return "fits" if rank.kv_needed + margin <= rank.kv.mid else "tight"


def _concurrency(ranks: tuple[RankMemory, ...]) -> Band | Unknown:
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


def known_card(gpu: Located[Gpu] | Unknown) -> Gpu | Unknown:
    """Return the card if its memory can be judged: vLLM's arithmetic is known for CUDA only.

    A card that is known by its memory alone, as `name@48GiB`, is taken for one of NVIDIA's.
    """
    if isinstance(gpu, Unknown):
        return gpu
    if gpu.value.vendor not in {"nvidia", "unknown"}:
        return Unknown(f"memory on `{gpu.value.name}` is not modelled")
    if isinstance(gpu.value.memory_bytes, Unknown):
        return gpu.value.memory_bytes
    return gpu.value
