"""Checks that configuration classes make of their own values, as conditions under which they refuse.

Each names the class, where it is made, a part of what it says, by which a release's source is searched (and
`why` for people where that part does not say it), and the conditions, all of which must hold: `[field,
operator, value]`, or `[field, "is above field", field]`. An unset field has its default.
"""

from __future__ import annotations

from typing import Any

PROFILER = {"class": "ProfilerConfig"}
NO_PROTON = ["profiler", "is not", "proton"]
NO_TORCH = ["profiler", "is not", "torch"]

CHECKS: list[dict[str, Any]] = [
    {
        "class": "AttentionConfig",
        "source": "config/attention.py:195",
        "said": "minimax_m3_indexer_cp requires a bf16 or fp8 e4m3 index cache",
        "when": [
            ["minimax_m3_indexer_cp", "is set", True],
            ["indexer_kv_dtype", "is not in", ["auto", "bf16", "fp8", "fp8_e4m3"]],
        ],
    },
    {
        "class": "EPLBConfig",
        "source": "config/parallel.py:123",
        "said": "Async EPLB is only supported with the default policy.",
        "when": [["use_async", "is set", True], ["policy", "is not", "default"]],
    },
    {
        "class": "EPLBConfig",
        "source": "config/parallel.py:125",
        "said": "communicator is incompatible with ",
        "when": [["use_async", "is set", True], ["communicator", "is in", ["torch_nccl", "pynccl"]]],
    },
    {
        "class": "EncoderCacheManagerConfig",
        "source": "config/ec_manager_config.py:20",
        "said": "manager_config requires encoder_cache_manager_cls to be set.",
        "when": [["encoder_cache_manager_cls", "is", None], ["manager_config", "is set", True]],
    },
    {
        "class": "ECTransferConfig",
        "source": "config/ec_transfer.py:91",
        "said": "Please specify ec_role when ec_connector ",
        "when": [["ec_connector", "is not", None], ["ec_role", "is", None]],
    },
    {
        "class": "KVTransferConfig",
        "source": "config/kv_transfer.py:120",
        "said": "Please specify kv_role when kv_connector ",
        "when": [["kv_connector", "is not", None], ["kv_role", "is", None]],
    },
    {
        "class": "EngramConfig",
        "source": "config/engram.py:61",
        "said": "dp_shared_memory requires cpu_offload=True",
        "when": [["dp_shared_memory", "is set", True], ["cpu_offload", "is set", False]],
    },
    {
        "class": "EngramConfig",
        "source": "config/engram.py:63",
        "said": "use_thp requires cpu_offload=True and dp_shared_memory=False",
        "when": [["use_thp", "is set", True], ["cpu_offload", "is set", False]],
    },
    {
        "class": "EngramConfig",
        "source": "config/engram.py:63",
        "said": "use_thp requires cpu_offload=True and dp_shared_memory=False",
        "when": [["use_thp", "is set", True], ["dp_shared_memory", "is set", True]],
    },
    {
        "class": "PoolerConfig",
        "source": "config/pooler.py:140",
        "said": "logit_sigma cannot be 0 (division by zero)",
        "when": [["logit_sigma", "is", 0]],
    },
    {
        "class": "PoolerConfig",
        "source": "config/pooler.py:145",
        "said": "Cannot set both `pooling_type` and `seq_pooling_type`",
        "when": [["pooling_type", "is set", True], ["seq_pooling_type", "is not", None]],
    },
    {
        "class": "PoolerConfig",
        "source": "config/pooler.py:149",
        "said": "Cannot set both `pooling_type` and `tok_pooling_type`",
        "when": [["pooling_type", "is set", True], ["tok_pooling_type", "is not", None]],
    },
    {
        "class": "SpeculativeConfig",
        "source": "config/speculative.py:1323",
        "said": "be <= prompt_lookup_max=",
        "why": "`prompt_lookup_min` is above `prompt_lookup_max`",
        "when": [
            ["method", "is in", ["ngram", "[ngram]", "ngram_gpu"]],
            ["prompt_lookup_min", "is above field", "prompt_lookup_max"],
        ],
    },
    {
        "class": "StructuredOutputsConfig",
        "source": "config/structured_outputs.py:68",
        "said": "disable_any_whitespace is only supported for ",
        "when": [
            ["disable_any_whitespace", "is set", True],
            ["backend", "is not in", ["xgrammar", "guidance"]],
        ],
    },
    {
        "class": "StructuredOutputsConfig",
        "source": "config/structured_outputs.py:73",
        "said": "disable_additional_properties is only supported ",
        "when": [["disable_additional_properties", "is set", True], ["backend", "is not", "guidance"]],
    },
    {
        "class": "QuantizationConfigArgs",
        "source": "config/quantization.py:184",
        "said": "quantization_config.targets is mutually exclusive with ",
        "when": [["targets", "is not", None], ["linear", "is not", None]],
    },
    {
        "class": "QuantizationConfigArgs",
        "source": "config/quantization.py:184",
        "said": "quantization_config.targets is mutually exclusive with ",
        "when": [["targets", "is not", None], ["moe", "is not", None]],
    },
    {
        "class": "WatermarkConfig",
        "source": "config/watermarking.py:61",
        "said": "philox keys must fit in 64 bits",
        "when": [["key", "is above", 18446744073709551615]],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1044",
        "said": "Invalid backend for piecewise compilation: ",
        "when": [
            ["mode", "is in", [3, "3", "VLLM_COMPILE"]],
            ["backend", "is not in", ["", "eager", "inductor"]],
        ],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1051",
        "said": "All decoder_replay_cudagraph_capture_sizes must be positive",
        "when": [["decoder_replay_cudagraph_capture_sizes", "has at most", 0]],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1075",
        "said": "All encoder_cudagraph_token_budgets must be positive",
        "when": [["encoder_cudagraph_token_budgets", "has at most", 0]],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1058",
        "said": "encoder_cudagraph_max_vision_items_per_batch must be ",
        "when": [
            ["cudagraph_mm_encoder", "is set", True],
            ["encoder_cudagraph_max_vision_items_per_batch", "is below", 0],
        ],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1067",
        "said": "encoder_cudagraph_max_frames_per_batch must be ",
        "when": [
            ["cudagraph_mm_encoder", "is set", True],
            ["encoder_cudagraph_max_frames_per_batch", "is below", 0],
        ],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1010",
        "said": "for custom op, ",
        "when": [["custom_ops", "has no match of", "(?s)all|none|[+-].+"]],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:961",
        "said": "func = __import__(module).__dict__[func_name]",
        "when": [["inductor_passes", "has no match of", r"(?s).*[^.].*\..*"]],
    },
    {
        "class": "CompilationConfig",
        "source": "config/compilation.py:1018",
        "said": "custom_ops can contain only one base mode: 'all' or 'none'",
        "when": [["custom_ops", "has both", ["all", "none"]]],
    },
    PROFILER
    | {
        "source": "config/profiler.py:221",
        "said": "torch_profiler_activities is only applicable when profiler ",
        "when": [["torch_profiler_activities", "is not", None], NO_TORCH],
    },
    PROFILER
    | {
        "source": "config/profiler.py:238",
        "said": "torch_profiler_dir is only applicable when profiler is set to 'torch'",
        "when": [["torch_profiler_dir", "is set", True], NO_TORCH],
    },
    PROFILER
    | {
        "source": "config/profiler.py:241",
        "said": "torch_profiler_dir must be set when profiler is 'torch'",
        "when": [["profiler", "is", "torch"], ["torch_profiler_dir", "is set", False]],
    },
    PROFILER
    | {
        "source": "config/profiler.py:273",
        "said": "proton_profiler_dir must be set when profiler is 'proton'",
        "when": [["profiler", "is", "proton"], ["proton_profiler_dir", "is set", False]],
    },
    PROFILER
    | {
        "source": "config/profiler.py:301",
        "said": "capture_torch_profiler is only applicable when profiler is ",
        "when": [["capture_torch_profiler", "is set", True], NO_TORCH],
    },
    *(
        PROFILER
        | {
            "source": "config/profiler.py:269",
            "said": " only applicable when profiler is set to 'proton'",
            "when": [[field, "is not", default], NO_PROTON],
        }
        for field, default in (
            ("proton_profiler_dir", ""),
            ("proton_context", "shadow"),
            ("proton_data", "tree"),
            ("proton_backend", None),
            ("proton_mode", None),
            ("proton_hook", None),
            ("proton_output_format", None),
            ("proton_graph_attribution", False),
        )
    ),
    PROFILER
    | {
        "source": "config/profiler.py:285",
        "said": "proton_graph_attribution requires proton_data='tree'",
        "when": [
            ["profiler", "is", "proton"],
            ["proton_graph_attribution", "is set", True],
            ["proton_data", "is not", "tree"],
        ],
    },
    PROFILER
    | {
        "source": "config/profiler.py:295",
        "said": "chrome_trace output requires proton_data='trace'",
        "when": [
            ["profiler", "is", "proton"],
            ["proton_output_format", "is", "chrome_trace"],
            ["proton_data", "is not", "trace"],
        ],
    },
    PROFILER
    | {
        "source": "config/profiler.py:299",
        "said": " output requires proton_data='tree'",
        "when": [
            ["profiler", "is", "proton"],
            ["proton_output_format", "is in", ["hatchet", "hatchet_msgpack"]],
            ["proton_data", "is not", "tree"],
        ],
    },
]
