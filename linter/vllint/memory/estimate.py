"""Whether a launch fits its cards."""

from __future__ import annotations

from typing import NamedTuple

from vllint.memory import budget
from vllint.memory.activations import activations, warm_up
from vllint.memory.adapters import draft_weights, lora_slots
from vllint.memory.constants import last_with_videos
from vllint.memory.graphs import counted_graphs, uncounted_graphs
from vllint.memory.host import left_on_card
from vllint.memory.judgement import Outside, captured_requests, concurrency, outside, verdict
from vllint.memory.kv_cache import StageCache, stage_caches
from vllint.memory.speculation import own_layers
from vllint.memory.weights import StageWeights, stage_weights
from vllint.release_order import version_key
from vllint_schemas import (
    Band,
    EngineArgs,
    Gpu,
    Located,
    MemoryEstimate,
    ModelFacts,
    RankMemory,
    Unknown,
)
from vllint_schemas.parallel import Parallel

_NULL_BLOCK_SINCE = (0, 29)
"""From here on a block of the cache is set aside and holds nothing."""

_MOST_RANKS = 4096
"""More ranks or stages than any model is spread over; a slip of the keyboard makes millions."""

_NOTHING = Band(0.0, 0.0, 0.0)


class _Case(NamedTuple):
    """What is estimated."""

    model: ModelFacts
    parallel: Parallel
    args: EngineArgs
    gpu: Gpu | Unknown
    length: int | Unknown
    limits: budget.BatchLimits | Unknown


def estimate_memory(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown, assumed: bool = False
) -> MemoryEstimate | Unknown:
    """Return what each pipeline stage's rank holds; `Unknown` when not even the weights are known.

    Without a card the ranks hold what does not depend on it, and the verdict is `Unknown`. Where the release
    is `assumed`, a model that earlier ones fed longer videos while profiling must fit these as well.
    """
    if max(parallel.tensor * parallel.prefill_context, parallel.pipeline) > _MOST_RANKS:
        return Unknown(f"no model is spread over more than {_MOST_RANKS:,} ranks or stages")
    found = _estimate(model, parallel, args, gpu)
    if isinstance(found, Unknown) or found.verdict != "fits" or not assumed:
        return found
    release = last_with_videos(model.model_type)
    if release is None:
        return found
    earlier = _estimate(model, parallel, args._replace(vllm_version=release), gpu)
    certain = not isinstance(earlier, Unknown) and earlier.verdict == "fits"
    return found if certain else found._replace(verdict="tight")


def _estimate(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown
) -> MemoryEstimate | Unknown:
    """Return the estimate; `--max-model-len auto` takes the model's own length where that surely fits."""
    if _takes_what_fits(args):
        whole = _estimate_of(model, parallel, args, gpu, _own_max_model_len(model, args))
        if not isinstance(whole, Unknown) and whole.verdict == "fits":
            return whole
    return _estimate_of(model, parallel, args, gpu, max_model_len(model, args))


def _estimate_of(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown, length: int | Unknown
) -> MemoryEstimate | Unknown:
    built = stage_weights(model, parallel, args, gpu)
    if isinstance(built, Unknown):
        return built
    limits = gpu if isinstance(gpu, Unknown) else _limits(model, args, gpu, length)
    case = _Case(model, parallel, args, gpu, length, limits)
    caches = _caches(case)
    stages = _with_adapters(case, built)
    ranks = tuple(_rank(case, stage, caches[number], number) for number, stage in enumerate(stages))
    if isinstance(gpu, Unknown):
        return MemoryEstimate(gpu, ranks, length, gpu)
    seqs = limits if isinstance(limits, Unknown) else limits.max_num_seqs
    null_blocks = tuple(_null_block(args, cache) for cache in caches)
    requests = captured_requests(args, limits)
    found = verdict(ranks, null_blocks, _outside(case, gpu), requests)
    return MemoryEstimate(found, ranks, length, concurrency(ranks), seqs)


def least_beside(model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu) -> float | Unknown:
    """Return the bytes that surely stand beside vLLM's share: the context, and graphs not counted in it.

    What NCCL adds for several ranks is known of cards with NVLink only.
    """
    limits = _limits(model, args, gpu, max_model_len(model, args))
    if isinstance(limits, Unknown):
        return limits
    ranks = parallel if gpu.nvlink else Parallel(pipeline=parallel.pipeline)
    graphs = uncounted_graphs(model, ranks, args, gpu, limits)
    return budget.context(ranks, args, gpu).low + graphs.low


def _limits(
    model: ModelFacts, args: EngineArgs, gpu: Gpu, length: int | Unknown
) -> budget.BatchLimits | Unknown:
    return budget.batch_limits(args, gpu, None if isinstance(length, Unknown) else length, model)


def _caches(case: _Case) -> tuple[StageCache | Unknown, ...]:
    """Return each stage's KV cache."""
    asked = case.args.value("max_num_batched_tokens")
    tokens: int | Unknown
    if isinstance(asked, Located) and isinstance(asked.value, int):
        tokens = asked.value
    else:
        tokens = case.limits if isinstance(case.limits, Unknown) else case.limits.max_num_batched_tokens
    found = stage_caches(case.model, case.parallel, case.args, case.gpu, tokens)
    return (found,) * case.parallel.pipeline if isinstance(found, Unknown) else found


def _with_adapters(case: _Case, built: tuple[StageWeights, ...]) -> tuple[StageWeights, ...]:
    """Add what is loaded on top: LoRA slots on each stage, a draft on the last."""
    slots = lora_slots(case.model, case.parallel, case.args)
    draft = draft_weights(case.model, case.parallel, case.args, case.gpu, built[-1].weights)
    return tuple(
        stage._replace(
            weights=left_on_card(stage.weights, case.args)
            + slot
            + (draft if number == len(built) - 1 else _NOTHING)
        )
        for number, (stage, slot) in enumerate(zip(built, slots, strict=True))
    )


def max_model_len(model: ModelFacts, args: EngineArgs) -> int | Unknown:
    """Return the context length asked for, else the model's own; `auto` gives `Unknown`."""
    asked = args.value("max_model_len")
    if isinstance(asked, Unknown):
        return asked
    if asked.value == -1:
        return Unknown("`--max-model-len auto` takes what fits")
    if isinstance(asked.value, int) and asked.value < 1:
        return Unknown("no context has fewer than 1 token")
    return asked.value if isinstance(asked.value, int) else _own_max_model_len(model, args)


def _takes_what_fits(args: EngineArgs) -> bool:
    asked = args.value("max_model_len")
    return isinstance(asked, Located) and asked.value == -1


def _own_max_model_len(model: ModelFacts, args: EngineArgs) -> int | Unknown:
    own = model.default_max_model_len or model.max_position_embeddings
    if own is None:
        return Unknown("the model's context length is not known")
    return min(own, model.sliding_window or own) if _has_no_windows(args) else own


def _has_no_windows(args: EngineArgs) -> bool:
    """Whether windows are off, which cuts the context to their length (vLLM `config/model.py:2606`)."""
    off = args.is_on("disable_sliding_window")
    return isinstance(off, Located) and off.value


def _rank(case: _Case, stage: StageWeights, cache: StageCache | Unknown, number: int) -> RankMemory:
    needed = _needed(case, cache, number)
    gpu, limits = case.gpu, case.limits
    if isinstance(gpu, Unknown):
        graphs = _NOTHING if budget.is_eager(case.args) is True else gpu
        return RankMemory(
            stage.name, stage.parameters, stage.weights, gpu, gpu, gpu, graphs, gpu, needed, gpu
        )
    total = budget.budget(case.args, gpu)
    peak: Band | Unknown
    counted: Band | Unknown
    if isinstance(limits, Unknown):
        peak = counted = limits
    else:
        peak = activations(case.model, case.parallel, case.args, gpu, limits, number)
        counted = counted_graphs(case.model, case.parallel, case.args, gpu, limits)
    libraries = budget.non_torch(case.parallel, case.args, gpu)
    kv = budget.given_cache(case.args, _block_bytes(case, cache))
    if kv is None:
        kv = _free(total, stage.weights, peak, libraries, counted)
    tokens = _tokens(case, kv, cache, number)
    state = 0.0 if isinstance(cache, Unknown) else cache.state_block_bytes
    return RankMemory(
        stage.name,
        stage.parameters,
        stage.weights,
        total,
        peak,
        libraries,
        counted,
        kv,
        needed,
        tokens,
        state,
    )


def _block_bytes(case: _Case, cache: StageCache | Unknown) -> float | Unknown:
    """Return the bytes of a block, whose tokens the backends of latent attention choose by the card."""
    if isinstance(cache, Unknown):
        return cache
    if case.model.kv_lora_rank and case.args.given("block_size") is None:
        return Unknown("how many tokens a block of latent attention holds depends on the backend")
    return cache.block_bytes


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


def _null_block(args: EngineArgs, cache: StageCache | Unknown) -> float:
    if isinstance(cache, Unknown) or version_key(args.vllm_version) < _NULL_BLOCK_SINCE:
        return 0.0
    return cache.block_bytes


def _needed(case: _Case, cache: StageCache | Unknown, number: int) -> float | Unknown:
    """Return the KV cache of one request of full length."""
    if isinstance(cache, Unknown):
        return cache
    if isinstance(case.length, Unknown):
        return case.length
    needed = cache.request_bytes(case.length)
    return needed if isinstance(needed, Unknown) else needed * _deeper(case, number)


def _deeper(case: _Case, number: int) -> float:
    """Return by how much layers that predict further tokens make the last stage's cache larger."""
    layers = own_layers(case.model, case.args) if number == case.parallel.pipeline - 1 else 0
    held = case.model.num_full_attention_layers or case.model.num_hidden_layers or 1
    return 1 + layers / max(1, held // case.parallel.pipeline)


def _tokens(case: _Case, kv: Band | Unknown, cache: StageCache | Unknown, number: int) -> Band | Unknown:
    """Return how many tokens the cache holds, in requests of full length where it matters."""
    if isinstance(kv, Unknown):
        return kv
    if isinstance(cache, Unknown):
        return cache
    if not cache.groups:
        return Unknown("the stage holds no attention layer")
    per_token = cache.token_bytes(case.length)
    if isinstance(per_token, Unknown):
        return per_token
    spare = _null_block(case.args, cache)
    return Band(*(max(0.0, bound - spare) / (per_token * _deeper(case, number)) for bound in kv))


def _outside(case: _Case, gpu: Gpu) -> Outside | Unknown:
    """Return what the card must hold beside vLLM's share of it."""
    if isinstance(case.limits, Unknown):
        return case.limits
    graphs = uncounted_graphs(case.model, case.parallel, case.args, gpu, case.limits)
    logits = warm_up(case.model, case.args, case.limits)
    return outside(case.args, gpu, case.parallel.tensor, graphs, logits)


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
