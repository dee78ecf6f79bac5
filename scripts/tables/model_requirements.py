"""What options ask of the model, and of the connectors that carry its caches away."""

from __future__ import annotations

from requirement_records import ARGS, WHOLE, Record, excludes, needs

MULTIMODAL = "config/multimodal.py"
NO_HANDOVER = "NixlConnector|NixlPullConnector|NixlPushConnector|MoRIIOConnector|MooncakeConnector"
"""Connectors that do not hand over what experts were chosen (vLLM 0.33.0 `config/vllm.py:1233`)."""

TOWER_BACKENDS = "FLASH_ATTN|TRITON_ATTN|TORCH_SDPA|FLASHINFER"
"""What vision towers take on NVIDIA cards (vLLM 0.33.0 `platforms/cuda.py:521`), in any letters."""

MODELS: tuple[Record, ...] = (
    excludes(
        "max_model_len=-1",
        "model:without_length",
        why="its config says no length that could be cut down to what fits",
        help="name a length",
        at=("config/model.py", 'f"max_model_len must be a positive integer, "'),
    ),
    excludes(
        "hf_overrides.text_config=*",
        "model:one_part",
        help="write what is in `text_config` beside it, at the top of `--hf-overrides`",
        at=("transformers_utils/config.py", "The text_config extracted from the model config does not have"),
    ),
    excludes(
        "runner=pooling",
        "convert=none",
        when=("model:without_pooler",),
        help="leave `--convert` out, or give `embed` or `classify`",
        at=("config/model.py", "This model does not support `--runner pooling`. "),
    ),
    excludes(
        "enable_chunked_prefill=false",
        "model:recurrent",
        unless=("enable_prefix_caching=false", "runner=pooling", "convert=embed|classify"),
        why="prefix caching, which is on, keeps its states between chunks",
        help="leave it out, or add `--no-enable-prefix-caching`",
        at=("model_executor/models/config.py", "Chunked prefill is required for Mamba prefix caching."),
    ),
    excludes(
        "mm_tensor_ipc=torch_shm",
        "data_parallel_size>1",
        when=("model:multimodal",),
        at=("config/model.py", '"data_parallel_size > 1 or tensor_parallel_size > 1 "'),
    ),
    excludes(
        "mm_tensor_ipc=torch_shm",
        "pipeline_parallel_size>1",
        when=("model:multimodal",),
        at=("config/model.py", '"or pipeline_parallel_size > 1."'),
    ),
    needs(
        "mm_tensor_ipc=torch_shm",
        "$VLLM_WORKER_MULTIPROC_METHOD=spawn",
        when=("model:multimodal",),
        at=(WHOLE, '"torch_shm is known to fail without "'),
    ),
    needs(
        "mm_encoder_fp8_scale_save_path=*",
        "mm_encoder_attn_dtype=fp8",
        when=("model:multimodal",),
        at=(MULTIMODAL, "\"'mm_encoder_fp8_scale_save_path' require \""),
    ),
    excludes(
        "mm_encoder_fp8_scale_path=*",
        "mm_encoder_fp8_scale_save_path=*",
        when=("model:multimodal", "mm_encoder_attn_dtype=fp8"),
        at=(MULTIMODAL, "\"'mm_encoder_fp8_scale_save_path' cannot be used with \""),
    ),
    needs(
        "mm_processor_kwargs.device~cuda",
        "ec_transfer_config.ec_role=ec_producer",
        when=("model:multimodal",),
        why="the language model has the GPU to itself",
        help="leave `device` out of `--mm-processor-kwargs`",
        at=(MULTIMODAL, 'f"Cannot run the multi-modal processor on {device_type!r}: this "'),
    ),
    needs(
        "mm_encoder_attn_backend=*",
        f"mm_encoder_attn_backend={TOWER_BACKENDS}|{TOWER_BACKENDS.lower()}",
        when=("model:multimodal",),
        unless=("platform:rocm",),
        stage="build",
        help="leave it out, or give one of `FLASH_ATTN`, `TRITON_ATTN`, `TORCH_SDPA` and `FLASHINFER`",
        at=("platforms/cuda.py", 'f"Backend {backend} is not supported for vit attention. "'),
    ),
    excludes(
        "ec_transfer_config.ec_role=ec_producer",
        "model:text",
        when=("ec_transfer_config.ec_connector=*",),
        at=(WHOLE, '"An EC producer-only instance requires a multimodal model."'),
    ),
)

QUANTIZED_ONLY = "deep_gemm|deep_gemm_mega_moe|cutlass|b12x|flashinfer_b12x|flashinfer_cutedsl|triton_unfused"

KERNELS: tuple[Record, ...] = (
    excludes(
        f"moe_backend={QUANTIZED_ONLY}",
        "model:unquantized",
        when=("model:moe", "platform:cuda"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `triton`, `flashinfer_cutlass` or `flashinfer_trtllm`",
        at=(
            "model_executor/layers/fused_moe/oracle/unquantized.py",
            'is not supported for unquantized MoE. "',
        ),
    ),
    excludes(
        "moe_backend=flashinfer_trtllm",
        "card:before_blackwell",
        when=("model:moe", "model:unquantized"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `triton` or `flashinfer_cutlass`",
        at=(
            "model_executor/layers/fused_moe/oracle/unquantized.py",
            "raise ValueError(_make_log_unsupported(backend, reason))",
        ),
    ),
    excludes(
        "moe_backend=flashinfer_trtllm",
        "card:before_blackwell",
        when=("model:moe", "model:fp8"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `triton`, `deep_gemm` or `flashinfer_cutlass`",
        at=(
            "model_executor/layers/fused_moe/oracle/fp8.py",
            "raise ValueError(_make_log_unsupported(backend, reason))",
        ),
    ),
    excludes(
        "moe_backend=flashinfer_trtllm",
        "card:before_blackwell",
        when=("model:moe", "model:mxfp4"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `triton` or `marlin`",
        at=(
            "model_executor/layers/fused_moe/oracle/mxfp4.py",
            "raise ValueError(_make_log_unsupported(backend, reason))",
        ),
    ),
    excludes(
        "moe_backend=batched_triton|deep_gemm_mega_moe|b12x|flashinfer_b12x|flashinfer_cutedsl|triton_unfused",
        "model:fp8",
        when=("model:moe", "platform:cuda"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `triton`, `deep_gemm`, `cutlass`, `marlin` or `flashinfer_cutlass`",
        at=(
            "model_executor/layers/fused_moe/oracle/fp8.py",
            'is not supported for FP8 MoE. "',
        ),
    ),
    excludes(
        "moe_backend=triton|batched_triton|triton_unfused|deep_gemm|deep_gemm_mega_moe",
        "model:nvfp4",
        when=("model:moe", "platform:cuda"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `marlin`, `cutlass`, `flashinfer_trtllm` or `flashinfer_cutlass`",
        at=(
            "model_executor/layers/fused_moe/oracle/nvfp4.py",
            'is not supported for NvFP4 MoE. "',
        ),
    ),
    excludes(
        "moe_backend=cutlass|flashinfer_cutedsl|batched_triton|deep_gemm_mega_moe",
        "model:mxfp4",
        when=("model:moe", "platform:cuda"),
        unless=("enable_lora",),
        stage="build",
        help="leave it out, or give `triton` or `marlin`",
        at=(
            "model_executor/layers/fused_moe/oracle/mxfp4.py",
            'is not supported for MXFP4 MoE. "',
        ),
    ),
    excludes(
        "kv_cache_dtype=fp8_e5m2",
        "model:fp8",
        stage="build",
        help="give `fp8`, which is `fp8_e4m3`",
        at=(
            "model_executor/layers/attention/attention.py",
            '"fp8_e5m2 kv-cache is not supported with fp8 checkpoints."',
        ),
    ),
    excludes(
        "kda_prefill_backend=fused",
        "platform:cuda",
        at=(ARGS, '"--kda-prefill-backend=fused is only available on ROCm."'),
    ),
    needs(
        "quantization=online",
        "quantization_config=*",
        when=("model:unquantized_checkpoint",),
        at=(
            "model_executor/model_loader/weight_utils.py",
            "return maybe_compose_online_quantization(quant_cls())",
        ),
    ),
)

DRAFT = "speculative_config.draft_tensor_parallel_size"
DRAFT_WITHOUT_A_MODEL = (
    "speculative_config.method=ngram|[ngram]|ngram_gpu|suffix|custom_class|extract_hidden_states"
)

DRAFTS: tuple[Record, ...] = tuple(
    excludes(
        f"{DRAFT}{relation}tensor_parallel_size",
        "tensor_parallel_size>=1",
        when=(f"{DRAFT}>1",),
        unless=(DRAFT_WITHOUT_A_MODEL,),
        why="a draft runs on one GPU, or on as many as the model",
        help="make `draft_tensor_parallel_size` 1, or leave it out",
        at=("config/speculative.py", words),
    )
    for relation, words in (
        (">", "elif speculative_draft_tensor_parallel_size not in ("),
        ("<", 'f"{speculative_draft_tensor_parallel_size=} cannot be "'),
    )
)

TRANSFER: tuple[Record, ...] = (
    needs(
        "kv_transfer_config=*",
        "kv_transfer_config.kv_connector=*",
        "kv_offloading_size=*",
        unless=("disable_hybrid_kv_cache_manager!=none",),
        at=(
            "distributed/kv_transfer/kv_connector/factory.py",
            "Connector name is not set in KVTransferConfig",
        ),
    ),
    excludes(
        "kv_transfer_config.kv_connector=NixlConnector",
        "decode_context_parallel_size>1",
        unless=("prefill_context_parallel_size>1", "decode_context_parallel_size>=tensor_parallel_size"),
        why="NIXL carries a cache that is whole on each GPU, or spread over all of them",
        help="make it `--tensor-parallel-size`, or leave it out",
        at=(WHOLE, "assert dcp_size in (1, transfer_tp_size), ("),
    ),
    excludes(
        "enable_return_routed_experts",
        f"kv_transfer_config.kv_connector={NO_HANDOVER}",
        when=("model:moe",),
        at=(WHOLE, 'f"{connector_name}; PD auxiliary output is not supported."'),
    ),
    excludes(
        "enable_return_routed_experts",
        "runner=pooling",
        when=("model:moe",),
        at=(WHOLE, "AuxOutput Connector only supports generate runners."),
    ),
    excludes(
        "enable_return_routed_experts",
        "$VLLM_USE_V2_MODEL_RUNNER=0|false|False",
        when=("model:moe",),
        at=(WHOLE, '"AuxOutput Connector requires Model Runner V2; set "'),
    ),
    excludes(
        "return_sampling_mask",
        "$VLLM_USE_V2_MODEL_RUNNER=0|false|False",
        at=(WHOLE, "sampling distribution replay requires Model Runner V2"),
    ),
    excludes(
        "enable_trace_replay",
        "$VLLM_USE_V2_MODEL_RUNNER=0|false|False",
        at=(WHOLE, "trace replay requires Model Runner V2"),
    ),
)
