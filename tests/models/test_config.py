import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.models.attributes import size
from vllint.models.config import facts_from_config, load_config
from vllint_schemas import ModelFacts, Quantization, Unknown

SHARED = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[2].parent / "shared"))
VERDICTS = SHARED / "oracle" / "verdicts"

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}


def facts(config: dict[str, Any]) -> ModelFacts:
    found = facts_from_config("model", config, "local")
    assert isinstance(found, ModelFacts), found
    return found


def test_a_silent_config_has_as_many_kv_heads_as_heads() -> None:
    found = facts(LLAMA)
    assert (found.num_key_value_heads, found.head_dim) == (32, 128)


def test_a_llama_is_known_to_have_no_experts_no_window_and_no_latent_attention() -> None:
    found = facts(LLAMA)
    assert (found.num_experts, found.sliding_window, found.kv_lora_rank) == (0, 0, 0)
    assert (found.linear_attention, found.multimodal, found.encoder_only) == (False, False, False)
    assert (found.num_full_attention_layers, found.num_dense_layers) == (32, 32)


def test_an_unknown_model_type_leaves_absent_facts_not_known() -> None:
    found = facts(LLAMA | {"model_type": "brand_new", "architectures": ["BrandNewForCausalLM"]})
    assert found.num_attention_heads == 32
    assert (found.num_experts, found.sliding_window, found.linear_attention) == (None, None, None)


def test_defaults_of_the_configuration_class_fill_what_the_file_leaves_out() -> None:
    found = facts({"model_type": "mistral", "architectures": ["MistralForCausalLM"], "hidden_size": 4096})
    assert (found.num_attention_heads, found.num_key_value_heads) == (32, 8)


def test_other_names_of_an_attribute_are_read() -> None:
    found = facts({"model_type": "gpt2", "n_head": 16, "n_embd": 1024, "n_layer": 24, "n_positions": 512})
    assert (found.num_attention_heads, found.hidden_size, found.num_hidden_layers) == (16, 1024, 24)
    assert found.max_position_embeddings == 512


def test_a_window_counts_only_when_its_switch_is_on() -> None:
    qwen = LLAMA | {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "sliding_window": 4096}
    assert facts(qwen).sliding_window == 0
    assert facts(qwen | {"use_sliding_window": True}).sliding_window == 4096


def test_sizes_come_from_the_text_part() -> None:
    found = facts(
        {
            "model_type": "qwen2_5_omni",
            "thinker_config": {"text_config": {"hidden_size": 3584, "num_attention_heads": 28}},
        }
    )
    assert (found.hidden_size, found.num_attention_heads) == (3584, 28)


def test_a_flat_config_of_a_composite_class_is_its_text_part() -> None:
    found = facts(
        LLAMA
        | {
            "model_type": "qwen2_vl",
            "architectures": ["Qwen2VLForConditionalGeneration"],
            "vision_config": {"depth": 32, "embed_dim": 1280, "num_heads": 16},
        }
    )
    assert (found.num_attention_heads, found.text_model_type) == (32, "qwen2_vl_text")
    assert (found.vision_num_attention_heads, found.multimodal) == (16, True)


def test_falcon_with_multi_query_has_one_kv_head() -> None:
    falcon = {"model_type": "falcon", "architectures": ["FalconForCausalLM"], "num_attention_heads": 71}
    assert facts(falcon).num_key_value_heads == 1
    newer = falcon | {"new_decoder_architecture": True, "num_kv_heads": 8}
    assert facts(newer).num_key_value_heads == 8


def test_the_factor_of_linear_scaling_lengthens_the_context_and_that_of_yarn_does_not() -> None:
    linear = facts(LLAMA | {"rope_scaling": {"type": "linear", "factor": 4.0}})
    yarn = facts(LLAMA | {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}})
    assert (linear.derived_max_model_len, yarn.derived_max_model_len) == (32768, 8192)


def test_longrope_starts_with_the_original_context() -> None:
    found = facts(
        LLAMA
        | {
            "model_type": "phi3",
            "architectures": ["Phi3ForCausalLM"],
            "max_position_embeddings": 131072,
            "original_max_position_embeddings": 4096,
            "rope_scaling": {"type": "longrope", "long_factor": [1.0], "short_factor": [1.0]},
        }
    )
    assert (found.derived_max_model_len, found.default_max_model_len) == (131072, 4096)


def test_interleaved_layers_are_counted() -> None:
    found = facts(
        {
            "model_type": "qwen3_next",
            "architectures": ["Qwen3NextForCausalLM"],
            "num_hidden_layers": 48,
            "hidden_size": 2048,
            "full_attention_interval": 4,
        }
    )
    assert (found.num_full_attention_layers, found.num_linear_attention_layers) == (12, 36)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            {"quant_method": "awq", "bits": 4, "group_size": 128},
            Quantization("awq", bits=4, group_size=128, missing=("zero_point",)),
        ),
        (
            {
                "quant_method": "fp8",
                "activation_scheme": "dynamic",
                "weight_block_size": [128, 128],
                "modules_to_not_convert": ["lm_head"],
            },
            Quantization("fp8", bits=8, block=(128, 128), ignored=("lm_head",)),
        ),
        (
            {"quant_method": "gptq", "bits": 4, "group_size": -1, "desc_act": True, "sym": True},
            Quantization("gptq", bits=4, group_size=-1, desc_act=True),
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4", "group_size": 16},
            Quantization("modelopt_fp4", bits=4, group_size=16, algorithm="NVFP4"),
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 32}}},
                "ignore": ["lm_head"],
            },
            Quantization("compressed-tensors", bits=4, group_size=32, ignored=("lm_head",)),
        ),
    ],
)
def test_a_quantization_config_is_read(written: dict[str, Any], read: Quantization) -> None:
    found = facts(LLAMA | {"quantization_config": written})
    assert (found.quantized, found.quantization) == (True, read)


def test_the_dtype_of_the_text_part_counts_when_the_whole_has_none() -> None:
    config = {"model_type": "gemma3", "text_config": {"hidden_size": 2560, "torch_dtype": "bfloat16"}}
    assert facts(config).dtype == "bfloat16"


@pytest.mark.parametrize("config", [{}, {"model_type": "llama"} | {"model_type": 3}, {"architectures": "x"}])
def test_a_config_that_names_nothing_is_unknown_with_a_reason(config: dict[str, Any]) -> None:
    found = facts_from_config("model", config, "local")
    assert isinstance(found, Unknown)
    assert found.reason


def test_a_config_of_an_unknown_type_without_sizes_is_known_to_need_code() -> None:
    config = {
        "model_type": "phi-msft",
        "architectures": ["PhiForCausalLM"],
        "auto_map": {"AutoConfig": "configuration_phi.PhiConfig"},
        "n_embd": 2560,
    }
    found = facts(config)
    assert (found.configuration, found.num_attention_heads) == ("remote", None)


def test_a_type_whose_class_comes_with_its_checkpoints_is_known_and_still_needs_code() -> None:
    config = {
        **LLAMA,
        "architectures": ["InternLM2ForCausalLM"],
        "model_type": "internlm2",
        "auto_map": {"AutoConfig": "configuration_internlm2.InternLM2Config"},
    }
    found = facts(config)
    assert (found.configuration, found.num_experts, found.num_key_value_heads) == ("remote", 0, 32)


@pytest.mark.parametrize(
    ("kind", "key"), [("internvl_chat", "select_layer"), ("llava", "vision_feature_layer")]
)
def test_a_layer_that_no_tower_has_is_not_counted_up_to(kind: str, key: str) -> None:
    tower = {"model_type": "clip_vision_model", "hidden_size": 64, "num_hidden_layers": 2}
    sizes = {"num_attention_heads": 4, "intermediate_size": 64}
    config = {"model_type": kind, "text_config": LLAMA, "vision_config": {**tower, **sizes}}
    assert facts({**config, key: -1}).tower is not None
    assert facts({**config, key: 10**9}).tower is None


@pytest.mark.parametrize(("version", "kind"), [(2.6, "qwen2"), (4.5, "qwen3"), (9.0, None)])
def test_the_text_model_of_minicpm_v_follows_from_its_version(version: float, kind: str | None) -> None:
    config = {**LLAMA, "architectures": ["MiniCPMV"], "model_type": "minicpmv", "version": version}
    assert facts(config).text_model_type == kind


def test_modules_that_gptq_quantizes_in_another_way_are_schemes_before_the_rest() -> None:
    written = {"quant_method": "gptq", "bits": 4, "group_size": 128, "lm_head": True}
    dynamic = {r"-:.*down_proj": {}, r"+:.*\.1\..*": {"bits": 8, "group_size": 64}}
    how = facts({**LLAMA, "quantization_config": {**written, "dynamic": dynamic}}).quantization
    assert how is not None
    assert (how.ignored, how.head) == ((r"re:.*down_proj",), True)
    assert [(one.targets, one.bits, one.group_size) for one in how.schemes] == [
        ((r"re:.*\.1\..*",), 8, 64),
        (("*",), 4, 128),
    ]


def test_the_width_of_qwen2_vls_tower_is_not_that_of_its_text_model() -> None:
    tower = {"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": 3584}
    config = {"model_type": "qwen2_vl", "hidden_size": 3584, "num_hidden_layers": 28, "vision_config": tower}
    assert facts(config).vision_hidden_size == 1280


def test_what_the_file_says_of_experts_counts_before_what_a_class_says_by_another_name() -> None:
    config = {
        "model_type": "inkling_mm_model",
        "text_config": {"num_hidden_layers": 4, "n_routed_experts": 256},
    }
    assert facts(config).num_experts == 256


@pytest.mark.parametrize("value", ["32", 32.0, -1, 10**30, None, [32], {"a": 1}, True, float("nan")])
def test_a_number_of_the_wrong_kind_is_not_known(value: object) -> None:
    assert size(value) is None
    found = facts_from_config("model", LLAMA | {"num_attention_heads": value}, "local")
    assert isinstance(found, ModelFacts)
    assert found.num_attention_heads is None


NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0, -1, 1, 10**400, 2**63]),
    st.text(max_size=8),
)
VALUES = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = [
    *LLAMA,
    "num_key_value_heads",
    "head_dim",
    "sliding_window",
    "layer_types",
    "rope_scaling",
    "rope_parameters",
    "quantization_config",
    "compression_config",
    "text_config",
    "llm_config",
    "thinker_config",
    "vision_config",
    "num_experts",
    "n_routed_experts",
    "moe_layer_freq",
    "mlp_only_layers",
    "decoder_sparse_step",
    "moe_layers",
    "first_k_dense_replace",
    "full_attention_interval",
    "hybrid_override_pattern",
    "kv_lora_rank",
    "block_configs",
    "attn_config",
    "ffn_config",
    "multi_query",
    "n_shared_experts",
    "num_experts_per_tok",
    "torch_dtype",
    "is_causal",
]
MODEL_TYPES = [
    "llama",
    "qwen2",
    "qwen2_vl",
    "gemma3",
    "deepseek_v3",
    "dbrx",
    "falcon",
    "nemotron-nas",
    "new",
    7,
]


@settings(max_examples=300, deadline=400)
@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=12),
    st.sampled_from(MODEL_TYPES),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8),
)
def test_hostile_values_never_raise(
    written: dict[str, Any], model_type: object, inner: dict[str, Any]
) -> None:
    config = LLAMA | {"model_type": model_type} | written
    assert isinstance(facts_from_config("model", config, "local"), (ModelFacts, Unknown))
    nested = config | {"text_config": inner, "vision_config": inner, "quantization_config": inner}
    assert isinstance(facts_from_config("model", nested, "local"), (ModelFacts, Unknown))


def test_a_huge_list_takes_no_time() -> None:
    config = LLAMA | {"layer_types": ["full_attention"] * 10**6, "moe_layers": [1] * 10**6}
    started = time.process_time()
    facts(config)
    assert time.process_time() - started < 1


def test_a_folder_and_a_file_are_both_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    assert load_config(tmp_path) == load_config(tmp_path / "config.json") == LLAMA


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"a":' * 70 + "1" + "}" * 70, "levels deep"),
        ('{"a":' * 200_000, "deep"),
        (" " * (4 * 2**20 + 1), "larger than 4 MB"),
        ("\xff\xfe", "not valid JSON"),
    ],
)
def test_a_bad_file_is_unknown_and_says_why(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="latin-1")
    found = load_config(tmp_path)
    assert isinstance(found, Unknown)
    assert reason in found.reason


def test_a_missing_file_is_unknown(tmp_path: Path) -> None:
    found = load_config(tmp_path)
    assert isinstance(found, Unknown)
    assert "cannot read" in found.reason


def oracle_cases() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return configs with what the real vLLM resolved them to, one verdict a config."""
    if not VERDICTS.is_dir():
        return []
    lines = (VERDICTS / "configs.jsonl").read_text("utf-8").splitlines()
    configs = {case["config_id"]: case["config"] for case in map(json.loads, lines)}
    resolved: dict[str, dict[str, Any]] = {}
    for line in (VERDICTS / "b1.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        if case["verdict"].get("resolved"):
            resolved.setdefault(case["config_id"], case["verdict"]["resolved"])
    return [(configs[config_id], verdict) for config_id, verdict in resolved.items()]


@pytest.mark.skipif(not VERDICTS.is_dir(), reason=f"recorded verdicts are not at {VERDICTS}")
def test_configs_resolve_as_the_real_vllm_resolves_them() -> None:
    cases = oracle_cases()
    assert len(cases) > 100
    for config, resolved in cases:
        found = facts(config)
        assert found.num_attention_heads == resolved["heads"]
        assert found.num_key_value_heads == resolved["kv_heads"]
        assert found.vocab_size == resolved["vocab"]
        assert found.default_max_model_len == resolved["max_model_len"]
        assert (found.num_experts or 0) > 0 or not resolved["is_moe"]
        assert found.kv_lora_rank is None or bool(found.kv_lora_rank) == resolved["use_mla"]
        assert found.linear_attention in (None, resolved["hybrid"] or resolved["attention_free"])
        assert found.multimodal in (None, resolved["multimodal"])
        assert (found.quantization is None) == (resolved["quantization"] is None)
        if not resolved["use_mla"]:
            assert found.head_dim == resolved["head_size"]
