"""What came in the place of environment variables that vLLM no longer reads.

Read in vLLM's sources: what the last releases with a variable say of it (`config/attention.py` and
`config/profiler.py` of 0.14.1, `deprecated_env` in `envs.py` of 0.23.0), and pull requests. A variable that
went and is not named here has no successor that is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Successor = dict[str, Any]


def flag(
    name: str,
    source: str,
    why: str = "it became an option",
    *,
    values: dict[str, str] | None = None,
    drop: Iterable[str] = (),
    also: Iterable[str] = (),
    since: str = "",
) -> Successor:
    """Return an option as the successor; without `values`, it takes the variable's text as it is.

    `since` is given where a field of an option is newer than the option.
    """
    dated = {"since": since} if since else {}
    return {"flag": name, "why": why, "source": source} | _rest(values, drop, also) | dated


def variable(
    name: str,
    source: str,
    why: str = "it has another name",
    *,
    values: dict[str, str] | None = None,
    drop: Iterable[str] = (),
) -> Successor:
    """Return another variable as the successor."""
    return {"variable": name, "why": why, "source": source} | _rest(values, drop, ())


def nothing(why: str, source: str, drop: Iterable[str] = ()) -> Successor:
    """Return that nothing came; taking the variable out is right for the texts in `drop`."""
    return {"why": why, "source": source} | _rest({}, drop, ())


def _rest(values: dict[str, str] | None, drop: Iterable[str], also: Iterable[str]) -> Successor:
    rest = {"values": values, "drop": list(drop), "also": list(also)}
    return {name: value for name, value in rest.items() if value is not None and value != []}


def attention(field: str, **more: Any) -> Successor:
    """Return a field of the attention configuration as the successor."""
    return flag(f"--attention-config.{field}", "config/attention.py of 0.14.1", **more)


def profiler(field: str, **more: Any) -> Successor:
    """Return a field of the profiler configuration as the successor."""
    return flag(f"--profiler-config.{field}", "config/profiler.py of 0.14.1", **more)


def kernel(name: str, values: dict[str, str], **more: Any) -> Successor:
    """Return an option that chooses kernels as the successor."""
    return flag(
        name, "deprecated_env in envs.py of 0.23.0", "kernels are chosen by option", values=values, **more
    )


SWITCH = {"1": "true", "0": "false"}
BACKENDS = [
    "FLASH_ATTN",
    "FLASHINFER",
    "TRITON_ATTN",
    "FLEX_ATTENTION",
    "TRITON_MLA",
    "FLASHMLA",
    "FLASHMLA_SPARSE",
    "CUTLASS_MLA",
    "FLASHINFER_MLA",
    "FLASH_ATTN_MLA",
    "ROCM_ATTN",
    "ROCM_AITER_FA",
    "ROCM_AITER_MLA",
    "ROCM_AITER_UNIFIED_ATTN",
]
ALL2ALL = [
    "allgather_reducescatter",
    "deepep_high_throughput",
    "deepep_low_latency",
    "flashinfer_all2allv",
]
NVFP4_GEMM = ["flashinfer-cudnn", "flashinfer-trtllm", "flashinfer-cutlass", "cutlass", "marlin", "emulation"]
MOE_ACTIVATION = ("--quantization-config.moe.activation", "mxfp8")
MORIIO = "--kv-transfer-config.kv_connector_extra_config."
MORIIO_SOURCE = "distributed/kv_transfer/kv_connector/v1/moriio/moriio_common.py of 0.33.0"

SUCCESSORS: dict[str, Successor] = {
    "VLLM_ALL2ALL_BACKEND": flag(
        "--all2all-backend", "envs.py:1286 of 0.14.1", values={name: name for name in ALL2ALL}
    ),
    "VLLM_ATTENTION_BACKEND": flag(
        "--attention-backend",
        "config/attention.py:93 of 0.14.1",
        values={name: name for name in BACKENDS} | {f"{name}_VLLM_V1": name for name in BACKENDS[:6]},
    ),
    "VLLM_DISABLE_FLASHINFER_PREFILL": attention(
        "mla_prefill_backend", since="0.23.0", values={}, drop=["0"]
    ),
    "VLLM_DISABLE_NCCL_FOR_DP_SYNCHRONIZATION": flag(
        "--disable-nccl-for-dp-synchronization", "config/parallel.py of 0.11.2", values={"1": ""}, drop=["0"]
    ),
    "VLLM_FLASHINFER_ALLREDUCE_FUSION_THRESHOLDS_MB": flag(
        "--compilation-config.pass_config.fi_allreduce_fusion_max_size_mb",
        "config/compilation.py:162 of 0.33.0",
        "one number for all world sizes took its place",
        values={},
    ),
    "VLLM_FLASHINFER_DISABLE_Q_QUANTIZATION": attention(
        "disable_flashinfer_q_quantization", values={"1": "true"}, drop=["0"]
    ),
    "VLLM_FLASHINFER_MOE_BACKEND": kernel(
        "--moe-backend",
        {
            "throughput": "flashinfer_cutlass",
            "latency": "flashinfer_trtllm",
            "masked_gemm": "flashinfer_cutedsl",
        },
    ),
    "VLLM_FLASH_ATTN_MAX_NUM_SPLITS_FOR_CUDA_GRAPH": attention("flash_attn_max_num_splits_for_cuda_graph"),
    "VLLM_FLASH_ATTN_VERSION": attention("flash_attn_version"),
    "VLLM_MM_HASHER_ALGORITHM": flag("--mm-hasher-algorithm", "config/multimodal.py:372 of 0.33.0"),
    "VLLM_MM_INPUT_CACHE_GIB": flag("--mm-processor-cache-gb", "engine/arg_utils.py:1196 of 0.11.2"),
    "VLLM_MORIIO_CONNECTOR_READ_MODE": flag(f"{MORIIO}read_mode", MORIIO_SOURCE, values={}),
    "VLLM_MORIIO_NUM_WORKERS": flag(f"{MORIIO}num_workers", MORIIO_SOURCE, values={}),
    "VLLM_MORIIO_POST_BATCH_SIZE": flag(f"{MORIIO}post_batch_size", MORIIO_SOURCE, values={}),
    "VLLM_MORIIO_QP_PER_TRANSFER": flag(f"{MORIIO}qp_per_transfer", MORIIO_SOURCE, values={}),
    "VLLM_MXFP4_USE_MARLIN": kernel("--moe-backend", {"1": "marlin"}, drop=["0"]),
    "VLLM_NIXL_ABORT_REQUEST_TIMEOUT": flag(
        "--kv-transfer-config.kv_connector_extra_config.kv_lease_duration",
        "vllm-project/vllm#41383",
        "a lease that the consumer renews took the place of one long timeout",
        values={},
    ),
    "VLLM_NVFP4_GEMM_BACKEND": kernel(
        "--linear-backend", {name: name.replace("-", "_") for name in NVFP4_GEMM}
    ),
    "VLLM_PREFIX_CACHE_RETENTION_INTERVAL": flag(
        "--prefix-cache-retention-interval", "config/cache.py:275 of 0.33.0"
    ),
    "VLLM_PROFILER_DELAY_ITERS": profiler("delay_iterations"),
    "VLLM_PROFILER_MAX_ITERS": profiler("max_iterations"),
    "VLLM_ROCM_USE_TRITON_ROPE": variable("VLLM_ROCM_USE_AITER_TRITON_ROPE", "envs.py of 0.11.2"),
    "GPT_OSS_SYSTEM_TOOL_MCP_LABELS": variable("VLLM_GPT_OSS_SYSTEM_TOOL_MCP_LABELS", "envs.py of 0.11.2"),
    "VLLM_SKIP_DEEP_GEMM_WARMUP": variable(
        "VLLM_DEEP_GEMM_WARMUP",
        "envs.py of 0.11.2",
        "it became one of three ways to warm up",
        values={"1": "skip"},
        drop=["0"],
    ),
    "VLLM_TEST_FORCE_FP8_MARLIN": flag(
        "--linear-backend",
        "vllm-project/vllm#52182",
        "kernels are chosen by option; for experts that is `--moe-backend marlin`",
        values={},
        drop=["0"],
    ),
    "VLLM_TORCH_CUDA_PROFILE": profiler("profiler", values={"1": "cuda"}, drop=["0"]),
    "VLLM_TORCH_PROFILER_DIR": profiler("torch_profiler_dir", also=["--profiler-config.profiler", "torch"]),
    "VLLM_TORCH_PROFILER_DISABLE_ASYNC_LLM": profiler("ignore_frontend", values=SWITCH),
    "VLLM_TORCH_PROFILER_DUMP_CUDA_TIME_TOTAL": profiler(
        "torch_profiler_dump_cuda_time_total", values=SWITCH
    ),
    "VLLM_TORCH_PROFILER_RECORD_SHAPES": profiler("torch_profiler_record_shapes", values=SWITCH),
    "VLLM_TORCH_PROFILER_USE_GZIP": profiler("torch_profiler_use_gzip", values=SWITCH),
    "VLLM_TORCH_PROFILER_WITH_FLOPS": profiler("torch_profiler_with_flops", values=SWITCH),
    "VLLM_TORCH_PROFILER_WITH_PROFILE_MEMORY": profiler("torch_profiler_with_memory", values=SWITCH),
    "VLLM_TORCH_PROFILER_WITH_STACK": profiler("torch_profiler_with_stack", values=SWITCH),
    "VLLM_TRITON_ATTN_USE_TD": variable("VLLM_TRITON_USE_TD", "envs.py of 0.33.0"),
    "VLLM_USE_AITER_UNIFIED_ATTENTION": variable(
        "VLLM_ROCM_USE_AITER_UNIFIED_ATTENTION", "envs.py of 0.11.2"
    ),
    "VLLM_USE_CUDNN_PREFILL": attention("mla_prefill_backend", since="0.23.0", values={}, drop=["0"]),
    "VLLM_USE_FBGEMM": kernel("--linear-backend", {"1": "fbgemm"}, drop=["0"]),
    "VLLM_USE_FLASHINFER_MOE_FP16": kernel("--moe-backend", {}),
    "VLLM_USE_FLASHINFER_MOE_FP4": kernel("--moe-backend", {}),
    "VLLM_USE_FLASHINFER_MOE_FP8": kernel("--moe-backend", {}),
    "VLLM_USE_FLASHINFER_MOE_MXFP4_BF16": kernel("--moe-backend", {}),
    "VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8": kernel(
        "--moe-backend", {"1": "flashinfer_trtllm"}, drop=["0"], also=MOE_ACTIVATION
    ),
    "VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8_CUTLASS": kernel(
        "--moe-backend", {"1": "flashinfer_cutlass"}, drop=["0"], also=MOE_ACTIVATION
    ),
    "VLLM_USE_NVFP4_CT_EMULATIONS": kernel("--linear-backend", {"1": "emulation"}, drop=["0"]),
    "VLLM_USE_RAY_V2_EXECUTOR_BACKEND": nothing(
        "Ray always runs that executor", "v1/executor/abstract.py:77 of 0.33.0", drop=["1"]
    ),
    "VLLM_USE_TRITON_FLASH_ATTN": nothing(
        "it chose kernels of the V0 engine, which is gone", "vllm-project/vllm#25351", drop=["0", "1"]
    ),
    "VLLM_USE_TRTLLM_ATTENTION": attention("use_trtllm_attention", values=SWITCH),
    "VLLM_USE_TRTLLM_RAGGED_DEEPSEEK_PREFILL": attention(
        "mla_prefill_backend", since="0.23.0", values={"1": "TRTLLM_RAGGED"}, drop=["0"]
    ),
    "VLLM_USE_V1": nothing("the V1 engine is the only one", "vllm-project/vllm#27798", drop=["1"]),
    "VLLM_V1_USE_PREFILL_DECODE_ATTENTION": flag(
        "--attention-backend",
        "config/attention.py:95 of 0.14.1",
        "ROCm's kernels are chosen by option",
        values={},
        drop=["0"],
    ),
}
