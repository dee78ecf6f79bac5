"""What other options of the engine ask of each other."""

from __future__ import annotations

from requirement_records import ARGS, PARALLEL, WHOLE, Record, excludes, needs, number

ENGINE: tuple[Record, ...] = (
    needs(
        "quantization=fbgemm_fp8|fp_quant",
        "allow_deprecated_quantization",
        at=("config/model.py", '"set `--allow-deprecated-quantization`.",'),
    ),
    number(
        "max_num_active_seqs",
        "at_most",
        "max_num_seqs",
        at=("config/scheduler.py", "and self.max_num_active_seqs > self.max_num_seqs"),
    ),
    number(
        "long_prefill_token_threshold",
        "at_most",
        "max_model_len",
        at=("config/scheduler.py", "if self.long_prefill_token_threshold > max_model_len:"),
    ),
    number(
        "offload_num_in_group",
        "at_most",
        "offload_group_size",
        when=("offload_group_size>0",),
        at=("config/offload.py", "if self.prefetch.offload_num_in_group > self.prefetch.offload_group_size:"),
    ),
    needs(
        "offload_backend=prefetch",
        "offload_group_size>0",
        at=("config/offload.py", 'f"offload_num_in_group ({self.prefetch.offload_num_in_group})"'),
    ),
    number(
        "offload_prefetch_step",
        "at_least",
        1,
        when=("offload_group_size>0",),
        at=("config/offload.py", "if self.prefetch.offload_prefetch_step < 1:"),
    ),
    excludes(
        "offload_backend=uva",
        "offload_group_size>0",
        effect="ignored",
        at=("config/offload.py", 'if self.offload_backend == "uva" and prefetch_active:'),
    ),
    needs(
        "numa_bind_nodes=*",
        "numa_bind",
        safe=True,
        at=(PARALLEL, "numa_bind_nodes and numa_bind_cpus require numa_bind=True."),
    ),
    needs(
        "numa_bind_cpus=*",
        "numa_bind",
        safe=True,
        at=(PARALLEL, "self.numa_bind_nodes is not None or self.numa_bind_cpus is not None"),
    ),
    needs(
        "collect_detailed_traces=*",
        "otlp_traces_endpoint=*",
        since="0.11.0",
        at=(
            "config/observability.py",
            "collect_detailed_traces requires `--otlp-traces-endpoint` to be set.",
        ),
    ),
    needs(
        "ray_workers_use_nsight",
        "distributed_executor_backend=ray",
        "data_parallel_backend=ray",
        unless=("distributed_executor_backend~.",),
        since="0.11.0",
        at=(PARALLEL, "Unable to use nsight profiling unless workers run with Ray."),
    ),
    needs(
        "per_request_spec_decode_metrics!=none",
        "speculative_config=*",
        "spec_method=*",
        "spec_model=*",
        "spec_tokens=*",
        unless=("model~peculator",),
        at=(WHOLE, "--per-request-spec-decode-metrics requires speculative decoding "),
    ),
    needs(
        "spec_tokens=*",
        "spec_model=*",
        "spec_method=*",
        "speculative_config.model=*",
        "speculative_config.method=*",
        unless=("model~peculator",),
        at=("config/speculative.py", "num_speculative_tokens was provided but without speculative model."),
    ),
    needs(
        "spec_method=ngram|ngram_gpu",
        "spec_tokens=*",
        "speculative_config.num_speculative_tokens=*",
        at=("config/speculative.py", '"num_speculative_tokens must be provided with "'),
    ),
    needs(
        "speculative_config.method=ngram|ngram_gpu",
        "speculative_config.num_speculative_tokens=*",
        "spec_tokens=*",
        at=("config/speculative.py", '"speculative model unless the draft model config contains an "'),
    ),
    excludes("spec_method=*", "speculative_config.method=*", at=(ARGS, '("--spec-method", "method"')),
    excludes("spec_model=*", "speculative_config.model=*", at=(ARGS, '("--spec-model", "model"')),
    excludes(
        "spec_tokens=*",
        "speculative_config.num_speculative_tokens=*",
        at=(ARGS, '("--spec-tokens", "num_speculative_tokens"'),
    ),
    needs(
        "mamba_ssu_algorithm=*",
        "mamba_backend=flashinfer",
        at=("config/mamba.py", "Mamba SSU algorithm selection is only supported with the"),
    ),
    needs(
        "enable_mamba_cache_stochastic_rounding",
        "mamba_ssm_cache_dtype=float16",
        at=(WHOLE, "Stochastic rounding for Mamba cache requires "),
    ),
    excludes(
        "mamba_block_size=*",
        "enable_prefix_caching=false",
        unless=("max_model_len=*",),
        at=(WHOLE, "--mamba-block-size can only be set with --enable-prefix-caching"),
    ),
    needs(
        "mm_shm_cache_max_object_size_mb!=128",
        "mm_processor_cache_type=shm",
        when=("model:multimodal",),
        at=("config/multimodal.py", "'mm_shm_cache_max_object_size_mb' should only be set when "),
    ),
    needs(
        "mm_encoder_fp8_scale_path=*",
        "mm_encoder_attn_dtype=fp8",
        when=("model:multimodal",),
        at=("config/multimodal.py", "'mm_encoder_fp8_scale_path' and "),
    ),
    excludes(
        "mm_tensor_ipc=torch_shm",
        "tensor_parallel_size>1",
        when=("model:multimodal",),
        at=("config/model.py", "mm_tensor_ipc='torch_shm' is not supported with "),
    ),
    excludes(
        "language_model_only",
        "compilation_config.cudagraph_mm_encoder=true",
        when=("model:multimodal",),
        at=(WHOLE, "--language-model-only is incompatible with "),
    ),
    excludes(
        "default_mm_loras=*",
        "model:text",
        at=(ARGS, "Default modality-specific LoRA(s) were provided for a "),
    ),
    excludes(
        "attention_backend!=none",
        "attention_config.backend=*",
        at=(ARGS, "attention_backend and attention_config.backend "),
    ),
    excludes(
        "cudagraph_capture_sizes=*",
        "compilation_config.cudagraph_capture_sizes=*",
        at=(ARGS, '"cudagraph_capture_sizes and compilation_config."'),
    ),
    excludes(
        "max_cudagraph_capture_size=*",
        "compilation_config.max_cudagraph_capture_size=*",
        at=(ARGS, '"max_cudagraph_capture_size and compilation_config."'),
    ),
    excludes(
        "enable_flashinfer_autotune=*",
        "kernel_config.enable_flashinfer_autotune=*",
        at=(ARGS, '"enable_flashinfer_autotune and "'),
    ),
    excludes(
        "kv_transfer_config.kv_connector=*",
        "$PYTORCH_CUDA_ALLOC_CONF~expandable_segments:True",
        unless=("enable_cumem_allocator", "enable_sleep_mode"),
        at=(WHOLE, 'if "expandable_segments:True" not in os.environ.get('),
    ),
    needs(
        "enable_batch_sharded_sampling",
        "tensor_parallel_size>1",
        at=(WHOLE, "tensor_parallel_size is 1, so there is nothing to shard"),
    ),
    excludes(
        "enable_batch_sharded_sampling",
        "max_logprobs=-1",
        at=(WHOLE, "max_logprobs is -1, allowing vocab-size logprob requests"),
    ),
    number(
        "max_num_seqs",
        "at_least",
        "tensor_parallel_size",
        when=("enable_batch_sharded_sampling", "tensor_parallel_size>1"),
        at=(WHOLE, "max_num_seqs ({self.scheduler_config.max_num_seqs}) is below "),
    ),
    excludes(
        "enable_batch_sharded_sampling",
        "return_sampling_mask",
        at=(WHOLE, "return_sampling_mask is set and the batch-sharded gather does "),
    ),
    excludes(
        "runner=generate",
        "model:encoder_only",
        at=("config/model.py", 'f"Embedding models do not support `--runner {self.runner_type}`. "'),
    ),
    excludes(
        "runner=generate",
        "convert=embed",
        stage="build",
        at=("model_executor/models/adapters.py", "return DispatchPooler.for_embedding(pooler_config)"),
    ),
    excludes(
        "runner=generate",
        "convert=classify",
        stage="build",
        at=("model_executor/models/adapters.py", "return DispatchPooler.for_seq_cls(pooler_config, "),
    ),
    excludes(
        "renderer_num_workers>1",
        "runner=pooling",
        when=("model:multimodal", "mm_processor_cache_gb>0"),
        help="add `--mm-processor-cache-gb 0`, or leave the renderer one worker",
        at=("config/model.py", "Cannot use --renderer-num-workers > 1 with the "),
    ),
    needs(
        "return_sampling_mask",
        "logprobs_mode=processed_logprobs",
        at=(WHOLE, "logprobs_mode='processed_logprobs' so that returned logprobs "),
    ),
    excludes(
        "return_sampling_mask",
        "logits_processors=*",
        at=(WHOLE, "sampling distribution replay does not support custom logits processors"),
    ),
    excludes(
        "kv_sharing_fast_prefill",
        "speculative_config.method=eagle|eagle3|mtp|dflash|dspark",
        at=(WHOLE, '"Fast prefill optimization for KV sharing is not "'),
    ),
    needs(
        "kv_offloading_backend=*",
        "kv_offloading_size=*",
        effect="ignored",
        at=(WHOLE, "# KV offloading is only activated when kv_offloading_size is set."),
    ),
)
