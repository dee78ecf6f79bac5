"""What is left of a card for the KV cache: vLLM's start-up arithmetic with its overheads as bands.

Constants are fitted to 59 real starts of vLLM 0.19 on H100 (llm-d-planner PR #205); other cards and
releases differ, which the bands have to hold.
"""

from __future__ import annotations

from typing import NamedTuple

from vllint.vllm.version import version_key
from vllint_schemas import GIB, Band, EngineArgs, Gpu, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

_NOTHING = Band(0.0, 0.0, 0.0)

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
