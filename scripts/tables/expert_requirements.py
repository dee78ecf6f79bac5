"""What options of experts and of their balance ask of each other."""

from __future__ import annotations

from requirement_records import PARALLEL, WHOLE, Record, excludes, needs, number

EXPERTS: tuple[Record, ...] = (
    needs(
        "enable_eplb",
        "enable_expert_parallel",
        since="0.11.0",
        at=(PARALLEL, "enable_expert_parallel must be True to use EPLB."),
    ),
    needs(
        "enable_eplb",
        "tensor_parallel_size>1",
        "prefill_context_parallel_size>1",
        "data_parallel_size>1",
        at=(PARALLEL, "EPLB requires tensor, prefill-context, or data parallelism, "),
    ),
    needs(
        "eplb_config.num_redundant_experts>0",
        "enable_eplb",
        at=(PARALLEL, "if self.eplb_config.num_redundant_experts != 0:"),
    ),
    needs("enable_elastic_ep", "enable_eplb", at=(PARALLEL, "Elastic EP is only supported with enable_eplb")),
    excludes(
        "enable_elastic_ep",
        "pipeline_parallel_size>1",
        at=(PARALLEL, "Elastic EP is not supported with pipeline parallelism "),
    ),
    excludes(
        "enable_elastic_ep",
        "data_parallel_hybrid_lb",
        at=(PARALLEL, "Elastic EP is not compatible with data_parallel_hybrid_lb. "),
    ),
    number(
        "elastic_ep_max_dp_size",
        "at_least",
        "data_parallel_size",
        when=("enable_elastic_ep",),
        at=(PARALLEL, "--elastic-ep-max-dp-size must be greater than or equal to "),
    ),
    needs(
        "enable_dbo",
        "all2all_backend=deepep_low_latency|deepep_high_throughput|nixl_ep",
        unless=("platform:rocm",),
        at=(WHOLE, "assert a2a_backend in supported_backends, ("),
    ),
    needs(
        "ubatch_size>1",
        "all2all_backend=deepep_low_latency|deepep_high_throughput|nixl_ep",
        unless=("enable_dbo", "platform:rocm"),
        at=(WHOLE, "Microbatching currently only supports the "),
    ),
    number(
        "dbo_decode_token_threshold",
        "at_least",
        2,
        when=("enable_dbo",),
        at=(PARALLEL, "min(self.dbo_decode_token_threshold, self.dbo_prefill_token_threshold)"),
    ),
    number(
        "dbo_prefill_token_threshold",
        "at_least",
        2,
        when=("enable_dbo",),
        at=(PARALLEL, "< self.num_ubatches"),
    ),
    number(
        "dbo_decode_token_threshold",
        "at_least",
        "ubatch_size",
        when=("ubatch_size>1",),
        unless=("enable_dbo",),
        at=(PARALLEL, "dbo_decode_token_threshold and dbo_prefill_token_threshold must "),
    ),
    number(
        "dbo_prefill_token_threshold",
        "at_least",
        "ubatch_size",
        when=("ubatch_size>1",),
        unless=("enable_dbo",),
        at=(PARALLEL, "be at least the number of microbatches ({self.num_ubatches})."),
    ),
    excludes(
        "moe_backend=flashinfer_moe_ep_cutedsl|flashinfer_moe_ep_deep_gemm",
        "all2all_backend!=allgather_reducescatter|none",
        at=("config/kernel.py", "dispatches and combines itself and "),
    ),
    excludes(
        "all2all_backend=moonep",
        "enable_eplb",
        at=(WHOLE, "The moonep all2all backend does not support EPLB yet: "),
    ),
    needs(
        "all2all_backend=moonep",
        "expert_placement_strategy=linear",
        at=(WHOLE, "The moonep all2all backend requires linear expert "),
    ),
    excludes(
        "enable_return_routed_experts",
        "model:dense",
        at=(WHOLE, "AuxOutput Connector only supports MoE models."),
    ),
    excludes(
        "enable_return_routed_experts",
        "enable_prefix_caching=false",
        when=("model:moe",),
        at=(WHOLE, "AuxOutput Connector requires prefix caching."),
    ),
    excludes(
        "enable_return_routed_experts",
        "pipeline_parallel_size>1",
        when=("model:moe",),
        at=(WHOLE, '"pipeline parallelism (PP > 1)."'),
    ),
    excludes(
        "enable_return_routed_experts",
        "decode_context_parallel_size>1",
        when=("model:moe",),
        at=(WHOLE, '"context parallelism (DCP/PCP > 1)."'),
    ),
    excludes(
        "moe_backend=deep_gemm_mega_moe|flashinfer_moe_ep_cutedsl|flashinfer_moe_ep_deep_gemm|aiter_mega_moe",
        "enable_lora",
        at=("config/lora.py", "LoRA is not supported with moe_backend="),
    ),
)
