"""How long a context a model allows; what vLLM 0.33 takes was asked of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vllint import check_command
from vllint.models.config import facts_from_config
from vllint_schemas import ModelFacts

QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "num_hidden_layers": 4,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
}
YARN = {"rope_theta": 1000000, "factor": 4.0, "original_max_position_embeddings": 32768}


def codes(overrides: dict[str, Any], release: str = "0.33.0", length: int = 131072) -> list[str]:
    """Return what is said of Qwen3 with these overrides and this length."""
    command = ["m", "--hf-overrides", json.dumps(overrides), "--max-model-len", str(length)]
    report = check_command(["serve", *command], vllm_version=release, model_config=QWEN3)
    return [found.code for found in report.findings if found.code.startswith("SCH")]


def test_the_rope_of_a_composite_model_stands_in_its_text_config() -> None:
    text = {"model_type": "llama", "hidden_size": 512, "num_attention_heads": 8, "num_hidden_layers": 2}
    rope = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000}
    text |= {"max_position_embeddings": 4096, "rope_parameters": rope}
    config = {"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "text_config": text}
    facts = facts_from_config("m", config, "local")
    assert isinstance(facts, ModelFacts)
    assert facts.derived_max_model_len == 16384


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"rope_parameters": {"rope_type": "yarn", **YARN}}, ["SCH003"]),
        ({"rope_scaling": {"rope_type": "yarn", **YARN}}, ["SCH003"]),
        ({"max_position_embeddings": 131072, "rope_parameters": {"rope_type": "yarn", **YARN}}, []),
        ({"rope_parameters": {"rope_type": "linear", "rope_theta": 1000000, "factor": 4.0}}, []),
        ({"max_position_embeddings": 131072}, []),
        ({"max_position_embeddings": 131072, "rope_scaling": {"type": "yarn", **YARN}}, ["SCH021"]),
        ({"rope_parameters": {"rope_theta": 5000000}}, ["SCH021"]),
        ({"rope_theta": 5000000, "max_position_embeddings": 131072}, []),
    ],
)
def test_overrides_are_judged_as_vllm_judges_them(overrides: dict[str, Any], said: list[str]) -> None:
    assert codes(overrides) == said


def test_older_releases_multiply_by_yarn_s_factor() -> None:
    assert codes({"rope_parameters": {"rope_type": "yarn", **YARN}}, "0.29.0") == []


@pytest.mark.parametrize("model_type", ["mamba", "falcon_mamba"])
def test_a_config_that_states_no_length_sets_no_limit(model_type: str) -> None:
    architecture = {"mamba": "MambaForCausalLM", "falcon_mamba": "FalconMambaForCausalLM"}[model_type]
    config = {"architectures": [architecture], "model_type": model_type, "hidden_size": 1536}
    facts = facts_from_config("m", config, "local")
    assert isinstance(facts, ModelFacts)
    assert (facts.derived_max_model_len, facts.default_max_model_len) == (None, 2048)
    command = ["serve", "m", "--max-model-len", "4096"]
    report = check_command(command, vllm_version="0.33.0", model_config=config)
    assert "SCH001" not in [found.code for found in report.findings]


def test_the_older_of_two_keys_of_rope_counts() -> None:
    rope = {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}}
    facts = facts_from_config("m", {**QWEN3, **rope, "rope_scaling": {"factor": 2.0}}, "local")
    assert isinstance(facts, ModelFacts)
    assert facts.derived_max_model_len == 81920
