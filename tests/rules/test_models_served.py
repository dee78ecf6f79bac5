"""Models that no class builds, and drafts that are served by themselves."""

from __future__ import annotations

from typing import Any

import pytest

from vllint import check_command

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 32000,
}


def found(architecture: str, command: str = "", release: str = "0.33.0") -> list[tuple[str, str]]:
    report = check_command(
        f"vllm serve acme/x {command}",
        model_config={**LLAMA, "architectures": [architecture]},
        vllm_version=release,
    )
    return [(finding.code, finding.severity.value) for finding in report.findings]


@pytest.mark.parametrize(
    "architecture",
    ["InternLMForCausalLM", "XverseForCausalLM", "LlamaForCausalLMEagle3", "EagleLlamaForCausalLM"],
)
def test_what_vllm_refused_is_an_error(architecture: str) -> None:
    assert found(architecture) == [("MDL002", "error")]


@pytest.mark.parametrize(
    "architecture", ["BambaForCausalLM", "FuyuForCausalLM", "LlamaForCausalLM", "Qwen3NextMTP"]
)
def test_what_vllm_built_is_none(architecture: str) -> None:
    assert found(architecture) == []


def test_an_older_release_had_the_class() -> None:
    assert found("XverseForCausalLM", release="0.22.1") == []


def test_another_implementation_may_have_one() -> None:
    assert found("XverseForCausalLM", "--model-impl transformers") == []
