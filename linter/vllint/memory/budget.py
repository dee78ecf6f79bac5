"""What is left of a card for the KV cache: vLLM's start-up arithmetic with its overheads as bands.

Constants are fitted to 59 real starts of vLLM 0.19 on H100 (llm-d-planner PR #205); other cards and
releases differ, which the bands have to hold.
"""

from __future__ import annotations

from typing import NamedTuple

from vllint.vllm.version import version_key
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, ModelFacts, Quantization, Unknown
from vllint_schemas.parallel import Parallel

_NOTHING = Band(0.0, 0.0, 0.0)

_CHUNKED_ATTENTION = frozenset({"llama4", "llama4_text"})
"""Model types whose local layers see one chunk only (vLLM `v1/kv_cache_interface.py`)."""

_GRAPHS_COUNTED_SINCE = (0, 21)
_DEFAULT_UTILIZATION = 0.92

_SAMPLER_BYTES = 14.0
"""Bytes per vocabulary row and sequence that the sampler's dummy run peaks at, on the last stage."""


class BatchLimits(NamedTuple):
    """How many sequences and tokens one step may hold."""

    max_num_seqs: int
    max_num_batched_tokens: int


def batch_limits(args: EngineArgs, gpu: Gpu) -> BatchLimits | Unknown:
    """Return the limits asked for, else the card's defaults (vLLM 0.33.0 `engine/arg_utils.py:2941`)."""
    seqs, tokens = args.value("max_num_seqs"), args.value("max_num_batched_tokens")
    if isinstance(seqs, Unknown):
        return seqs
    if isinstance(tokens, Unknown):
        return tokens
    if isinstance(gpu.memory_bytes, Unknown):
        return gpu.memory_bytes
    gib = gpu.memory_bytes / GIB
    large = gib >= 70 and "A100" not in gpu.name.upper() and gpu.compute_capability != (12, 1)
    if gib >= 160 and version_key(args.vllm_version) >= (0, 28):
        default_seqs, default_tokens = 1024, 16384
    elif large:
        default_seqs, default_tokens = 1024, 8192
    else:
        default_seqs, default_tokens = 256, 2048
    chosen_tokens = tokens.value if isinstance(tokens.value, int) else default_tokens
    chosen_seqs = seqs.value if isinstance(seqs.value, int) else min(default_seqs, chosen_tokens)
    return BatchLimits(chosen_seqs, chosen_tokens)


_SIZES_GIVEN = (
    ("--kv-cache-memory-bytes", "kv_cache_memory_bytes"),
    ("--num-gpu-blocks-override", "num_gpu_blocks_override"),
)


def budget(args: EngineArgs, gpu: Gpu) -> Band | Unknown:
    """Return the bytes that vLLM lets itself use: the card's total times `gpu_memory_utilization`.

    `Unknown` where the KV cache's size is given: then nothing is compared with that share (vLLM 0.33.0
    `v1/worker/gpu_worker.py`).
    """
    for flag, dest in _SIZES_GIVEN:
        if args.given(dest) is not None:
            return Unknown(f"`{flag}` says how large the KV cache is, whatever the rest takes")
    bounds = (gpu.memory_low_bytes, gpu.memory_bytes, gpu.memory_high_bytes)
    utilization = args.value("gpu_memory_utilization")
    if isinstance(utilization, Unknown):
        return utilization
    share = utilization.value if isinstance(utilization.value, int | float) else _DEFAULT_UTILIZATION
    sizes: list[float] = []
    for bound in bounds:
        if isinstance(bound, Unknown):
            return bound
        sizes.append(bound * share)
    return Band(*sizes)


def activations(model: ModelFacts, limits: BatchLimits, last_stage: bool) -> Band | Unknown:
    """Return the peak of the profiling run: on the last stage mostly the sampler's."""
    if model.vocab_size is None or model.hidden_size is None:
        return Unknown("the model's vocabulary or hidden size is not known")
    sampler = _SAMPLER_BYTES * model.vocab_size * limits.max_num_seqs if last_stage else 0.0
    tokens = 2.0 * limits.max_num_batched_tokens * model.hidden_size
    extra = 0.34 * GIB if model.num_experts != 0 else 0.0
    extra += 0.14 * GIB if model.multimodal is not False else 0.0
    likely = 0.12 * GIB + sampler + tokens + extra
    # Towers' dummy inputs alone may take several GiB.
    most = likely * 1.6 + (4 * GIB if model.multimodal is not False else 0.25 * GIB)
    return Band(likely * 0.5, likely, most)


def non_torch(parallel: Parallel, gpu: Gpu) -> Band:
    """Return what libraries hold beside PyTorch's allocations, NCCL first of all."""
    if parallel.tensor == 1:
        return Band(0.05 * GIB, 0.25 * GIB, 0.7 * GIB)
    likely = 2.1 if gpu.nvlink else 0.9
    return Band(0.2 * GIB, likely * GIB, 2.6 * GIB)


def cuda_graphs(args: EngineArgs) -> Band | Unknown:
    """Return what captured graphs take of the budget: nothing when eager, or before 0.21."""
    eager = args.is_on("enforce_eager")
    if isinstance(eager, Unknown):
        return eager
    if eager.value or version_key(args.vllm_version) < _GRAPHS_COUNTED_SINCE:
        return _NOTHING
    return Band(0.1 * GIB, 1.0 * GIB, 2.0 * GIB)


def free_for_kv(total: Band, used: tuple[Band, ...]) -> Band:
    """Return what is left: `low` is the least that may be left, so it takes the most that may be used."""
    return Band(
        total.low - sum(part.high for part in used),
        total.mid - sum(part.mid for part in used),
        total.high - sum(part.low for part in used),
    )


def kv_bytes_per_token(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, layers: int
) -> float | Unknown:
    """Return the KV cache of one token on one rank of a stage with `layers` layers, in bytes."""
    element = _kv_element_bytes(args, model.quantization)
    if isinstance(element, Unknown):
        return element
    ranks = args.value("decode_context_parallel_size")
    if isinstance(ranks, Unknown):
        return ranks
    whole = _kv_bytes_of_layer(model, parallel, element)
    if isinstance(whole, Unknown):
        return whole
    return layers * whole / (ranks.value if isinstance(ranks.value, int) and ranks.value > 1 else 1)


def _kv_bytes_of_layer(model: ModelFacts, parallel: Parallel, element: float) -> float | Unknown:
    if (model.text_model_type or model.model_type) in _CHUNKED_ATTENTION:
        return Unknown("the model's cache of chunked attention is not modelled")
    if model.linear_attention is not False:
        return Unknown("the model's cache of recurrent states is not modelled")
    if model.kv_lora_rank is None or model.sliding_window != 0:
        return Unknown("the model's cache layout is not modelled")
    if model.kv_lora_rank:
        if model.qk_rope_head_dim is None:
            return Unknown("the model's rope dimension is not known")
        if model.index_head_dim and element < 2:
            return Unknown("the packed cache of sparse attention is not modelled")
        return (model.kv_lora_rank + model.qk_rope_head_dim) * element + _index_bytes(model)
    heads, size = model.num_key_value_heads, model.head_dim
    if not heads or not size:
        return Unknown("the model's KV heads are not known")
    return 2 * max(1, heads // parallel.tensor) * size * element


def _index_bytes(model: ModelFacts) -> float:
    """Return a token's key of the sparse indexer: FP8, with a 32-bit scale for each block of 128."""
    size = model.index_head_dim or 0
    return size + size / 128 * 4


_FP8 = frozenset({"FP8", "FLOAT8", "FP8_E4M3"})


def _kv_element_bytes(args: EngineArgs, checkpoint: Quantization | None) -> float | Unknown:
    dtype = args.value("kv_cache_dtype")
    if isinstance(dtype, Unknown):
        return dtype
    name = str(dtype.value)
    scheme = checkpoint.kv_cache if checkpoint is not None and name == "auto" else None
    if scheme:
        # `auto` takes what the checkpoint was calibrated for (vLLM 0.33.0 `utils/torch_utils.py:498`).
        return (
            1.0 if scheme in _FP8 else Unknown(f"the size of the KV cache scheme `{scheme}` is not modelled")
        )
    if name in {"auto", "bfloat16", "float16", "None"}:
        wide = args.value("dtype")
        return 4.0 if isinstance(wide, Located) and wide.value in {"float", "float32"} else 2.0
    if name.startswith("fp8") and name != "fp8_ds_mla":
        return 1.0
    return Unknown(f"the size of `--kv-cache-dtype {name}` is not modelled")
