"""What vLLM lets itself use of a card, and what it holds of that beside weights and activations."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

from vllint.memory.constants import card_kind, constant
from vllint.memory.pooling import pools
from vllint.release_order import version_key
from vllint.vllm.computed_defaults import ComputedDefault, computed_defaults
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

_UTILIZATION_RAISED = (0, 20)
_DEFAULT_UTILIZATION = (0.9, 0.92)
"""Before and since 0.20, where the release's own default is not tabled."""

_FIRST_ENGINE_UNTIL = (0, 8)
_FIRST_ENGINE_GONE = (0, 10)
"""vLLM's first engine served all before 0.8, and cards before Ampere until 0.10 or so.

A step of it holds whole prompts, at least `max_model_len` tokens, for 256 sequences.
"""

_LONG_CONTEXT = 32768
"""Beyond that the first engine cut prompts into chunks unasked (`EngineArgs._set_default_args_v0` of 0.8)."""

_WHOLE_PROMPTS_OF = ("speculative_config", "speculative_model", "enable_lora", "enable_prompt_adapter")
"""Options with which it did not."""

_FIRST_CHUNKS = (((0, 6, 5), 2048), ((0,), 512))
"""Tokens of a step that holds chunks, by release (vllm-project/vllm#10544)."""


class BatchLimits(NamedTuple):
    """How many sequences and tokens one step may hold."""

    max_num_seqs: int
    max_num_batched_tokens: int


def batch_limits(
    args: EngineArgs, gpu: Gpu, length: int | None = None, model: ModelFacts | None = None
) -> BatchLimits | Unknown:
    """Return the limits asked for, else the card's defaults (vLLM 0.33.0 `engine/arg_utils.py:2941`).

    `length` is the longest context where it is known; the first engine's defaults depend on the `model`, too.
    """
    seqs, tokens = args.value("max_num_seqs"), args.value("max_num_batched_tokens")
    if isinstance(seqs, Unknown):
        return seqs
    if isinstance(tokens, Unknown):
        return tokens
    if isinstance(gpu.memory_bytes, Unknown):
        return gpu.memory_bytes
    default_seqs, default_tokens = _default_limits(args, gpu)
    if is_first_engine(args, gpu):
        default_seqs, default_tokens = 256, _first_tokens(args, length or 0, model)
    elif _whole_prompts(args):
        default_tokens = max(default_tokens, length or 0)
    if isinstance(seqs.value, int) and length is not None:
        default_tokens = min(default_tokens, seqs.value * length)
    chosen_tokens = tokens.value if isinstance(tokens.value, int) else default_tokens
    chosen_seqs = seqs.value if isinstance(seqs.value, int) else min(default_seqs, chosen_tokens)
    return BatchLimits(chosen_seqs, chosen_tokens)


def is_first_engine(args: EngineArgs, gpu: Gpu) -> bool:
    """Whether vLLM's first engine serves."""
    release = version_key(args.vllm_version)
    old = gpu.compute_capability is not None and gpu.compute_capability < (8, 0)
    return release < _FIRST_ENGINE_UNTIL or (old and release < _FIRST_ENGINE_GONE)


def _first_tokens(args: EngineArgs, length: int, model: ModelFacts | None) -> int:
    """Return how many tokens a step of the first engine holds: whole prompts, or chunks of long ones."""
    chunked = args.value("enable_chunked_prefill")
    asked = chunked.value if isinstance(chunked, Located) else None
    if asked is None and length > _LONG_CONTEXT and model is not None:
        whole = bool(model.multimodal or model.kv_lora_rank or model.sliding_window or pools(model, args))
        asked = not whole and all(args.given(dest) is None for dest in _WHOLE_PROMPTS_OF)
    if asked is not True:
        return max(length, 2048)
    release = version_key(args.vllm_version)
    return next(tokens for since, tokens in _FIRST_CHUNKS if release >= since)


def _whole_prompts(args: EngineArgs) -> bool:
    chunked = args.value("enable_chunked_prefill")
    return isinstance(chunked, Located) and chunked.value is False


def _default_limits(args: EngineArgs, gpu: Gpu) -> tuple[int, int]:
    found: list[int] = []
    for dest in ("max_num_seqs", "max_num_batched_tokens"):
        rows = computed_defaults(dest)
        release = max(version_key(args.vllm_version), min(version_key(row.since) for row in rows))
        held = [row for row in rows if _holds(row, release) and _is_meant(row.when, gpu)]
        found.append(int(held[0].value))
    return found[0], found[1]


def _holds(row: ComputedDefault, release: tuple[int, ...]) -> bool:
    if release < version_key(row.since):
        return False
    # The last release of a minor stands for all of them.
    return row.until is None or release[:2] <= version_key(row.until)[:2]


def _is_meant(when: str, gpu: Gpu) -> bool:
    """Whether a row of the computed defaults means this card."""
    gib = 0 if isinstance(gpu.memory_bytes, Unknown) else gpu.memory_bytes / GIB
    large = gib >= 70 and "A100" not in gpu.name.upper()
    return {
        "a card of 160 GiB or more": gib >= 160,
        "a card of 70 to 160 GiB that is no A100 and no GB10": large and gpu.compute_capability != (12, 1),
        # Where the host's memory is the card's, NVML told no size, which counted as none.
        "a card of 70 GiB or more that is no A100": large and card_kind(gpu) != "unified",
        "any other card, A100-80GB included": True,
    }[when]


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
    share = utilization(args)
    if isinstance(share, Unknown):
        return share
    total = card_total(gpu)
    return total if isinstance(total, Unknown) else Band(*(bound * share for bound in total))


def card_total(gpu: Gpu) -> Band | Unknown:
    """Return what CUDA reports as the card's memory."""
    sizes: list[float] = []
    for bound in (gpu.memory_low_bytes, gpu.memory_bytes, gpu.memory_high_bytes):
        if isinstance(bound, Unknown):
            return bound
        sizes.append(bound)
    return Band(*sizes)


def utilization(args: EngineArgs) -> float | Unknown:
    """Return the share of the card's memory that one instance may use; `Unknown` for what vLLM refuses."""
    found = args.value("gpu_memory_utilization")
    if isinstance(found, Unknown):
        return found
    if isinstance(found.value, int | float):
        refused = Unknown(f"vLLM refuses `--gpu-memory-utilization {found.value:g}`")
        return float(found.value) if 0 < found.value <= 1 else refused
    return _DEFAULT_UTILIZATION[version_key(args.vllm_version) >= _UTILIZATION_RAISED]


def given_cache(args: EngineArgs, block_bytes: float | Unknown) -> Band | Unknown | None:
    """Return the KV cache whose size the options say; `None` where they leave it to vLLM."""
    if args.given("kv_cache_memory_bytes") is not None:
        asked = args.integer("kv_cache_memory_bytes")
        return asked if isinstance(asked, Unknown) else Band(*(float(asked.value),) * 3)
    if args.given("num_gpu_blocks_override") is None:
        return None
    blocks = args.integer("num_gpu_blocks_override")
    if isinstance(blocks, Unknown):
        return blocks
    if isinstance(block_bytes, Unknown):
        return block_bytes
    return Band(*(blocks.value * block_bytes,) * 3)


def non_torch(parallel: Parallel, args: EngineArgs, gpu: Gpu) -> Band:
    """Return what libraries hold beside PyTorch's allocations, NCCL first of all."""
    ranks = parallel.tensor * parallel.prefill_context
    if ranks == 1 and parallel.expert:
        ranks = max(1, parallel.data)
    return Band(*(bound * GIB for bound in constant("non_torch", args, card_kind(gpu), ranks)))


def context(parallel: Parallel, args: EngineArgs, gpu: Gpu) -> Band:
    """Return what the CUDA context and NCCL hold before vLLM looks at what is free."""
    return Band(*(bound * GIB for bound in constant("context", args, card_kind(gpu), parallel.tensor)))


def is_eager(args: EngineArgs) -> bool | Unknown:
    """Whether no graph is captured: by `--enforce-eager`, `-O0` or a compilation config that says so."""
    eager = args.is_on("enforce_eager")
    if isinstance(eager, Unknown) or eager.value:
        return eager if isinstance(eager, Unknown) else True
    level, config = args.value("optimization_level"), args.value("compilation_config")
    if isinstance(level, Located) and level.value in {0, "0"}:
        return True
    found = config.value if isinstance(config, Located) else None
    if isinstance(found, dict):
        return found.get("cudagraph_mode") in {"NONE", 0} or found.get("level") == 0
    return found in {0, "0"} and found is not False


def free_for_kv(total: Band, used: tuple[Band, ...]) -> Band:
    """Return what is left: at best what every part leaves at its least.

    At worst the errors add up as those of strangers do: that all parts take their most at once is no case.
    """
    likely = total.mid - sum(part.mid for part in used)
    doubt = hypot(total.mid - total.low, *(part.high - part.mid for part in used))
    return Band(likely - doubt, likely, total.high - sum(part.low for part in used))
