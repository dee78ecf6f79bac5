"""What `--hf-overrides` makes of models; the expected facts are vLLM 0.33.0's own for the same commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vllint import check_command
from vllint_schemas import ModelFacts, Unknown

QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": True,
    "dtype": "bfloat16",
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
    "intermediate_size": 11008,
}
GEMMA3 = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34},
    "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152},
}


def model_of(config: dict[str, Any], overrides: dict[str, Any]) -> ModelFacts | Unknown:
    words = ["vllm", "serve", "acme/x", "--hf-overrides", json.dumps(overrides)]
    return check_command(words, model_config=config, vllm_version="0.33.0").launches[0].maybe_model


def fact(config: dict[str, Any], overrides: dict[str, Any], name: str) -> object:
    model = model_of(config, overrides)
    assert isinstance(model, ModelFacts)
    return getattr(model, name)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_hidden_layers", 4),
        ("num_attention_heads", 8),
        ("vocab_size", 1000),
        ("tie_word_embeddings", False),
        ("hidden_size", 2048),
        ("head_dim", 64),
    ],
)
def test_a_size_is_what_the_overrides_say(key: str, value: object) -> None:
    assert fact(QWEN3, {key: value}, key) == value
    assert fact(QWEN3, {key: value}, "default_max_model_len") == 40960


def test_what_the_class_derived_stays() -> None:
    assert fact(LLAMA, {"num_attention_heads": 16}, "head_dim") == 128
    assert fact(LLAMA, {"num_attention_heads": 16}, "num_key_value_heads") == 32


def test_a_composite_models_text_part_is_meant_by_its_name() -> None:
    assert fact(GEMMA3, {"text_config": {"num_hidden_layers": 4}}, "num_hidden_layers") == 4
    assert fact(GEMMA3, {"num_hidden_layers": 4}, "num_hidden_layers") == 34


def test_keys_of_rerankers_leave_the_model_known() -> None:
    overrides = {
        "architectures": ["Qwen3ForSequenceClassification"],
        "classifier_from_token": ["no", "yes"],
        "is_original_qwen3_reranker": True,
    }
    assert fact(QWEN3, overrides, "num_hidden_layers") == 28
    assert fact(QWEN3, overrides, "architecture") == "Qwen3ForSequenceClassification"


def test_a_quantization_may_be_stated() -> None:
    stated = {"quantization_config": {"quant_method": "fp8", "activation_scheme": "dynamic"}}
    assert fact(QWEN3, stated, "quantized") is True


@pytest.mark.parametrize(
    "overrides",
    [
        {"model_type": "qwen2"},
        {"use_sliding_window": True, "sliding_window": 4096},
        {"vision_config": {"num_hidden_layers": 2}},
        {"architectures": ["Qwen2ForCausalLM"]},
        {"text_config": {"num_hidden_layers": 4}},
    ],
)
def test_what_cannot_be_told_is_not_known(overrides: dict[str, Any]) -> None:
    assert isinstance(model_of(QWEN3, overrides), Unknown)


def test_a_model_of_the_catalogue_is_not_changed_by_guesses() -> None:
    command = ["vllm", "serve", "Qwen/Qwen3-0.6B", "--hf-overrides", '{"num_hidden_layers": 4}']
    [launch] = check_command(command).launches
    assert isinstance(launch.maybe_model, Unknown)
    assert "`num_hidden_layers`" in launch.maybe_model.reason


YARN = '{"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}'


@pytest.mark.parametrize(("overrides", "is_judged"), [(YARN, True), ('{"vocab_size": 1000}', False)])
def test_what_stretches_the_context_alone_leaves_the_rest_of_the_model_judged(
    overrides: str, is_judged: bool
) -> None:
    command = ["vllm", "serve", "Qwen/Qwen3-8B-FP8", "-q", "awq", "--hf-overrides", overrides]
    report = check_command(command, vllm_version="0.33.0")
    assert ("QNT006" in {found.code for found in report.findings}) is is_judged
