"""Who must read a config: vLLM itself, or code of the repository. What vLLM 0.33 says was asked of it."""

from __future__ import annotations

import pytest

from vllint import check_command

SIZES = {"hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 2, "vocab_size": 32000}
OWN = {"auto_map": {"AutoConfig": "configuration_own.OwnConfig"}}


@pytest.mark.parametrize(
    ("config", "options", "said"),
    [
        ({"model_type": "qwen", "architectures": ["QWenLMHeadModel"], **OWN}, [], ["MDL001"]),
        ({"model_type": "qwen", "architectures": ["QWenLMHeadModel"], **OWN}, ["--trust-remote-code"], []),
        ({"model_type": "minicpm", "architectures": ["MiniCPMForCausalLM"]}, [], ["MDL001"]),
        (
            {"model_type": "minicpm", "architectures": ["MiniCPMForCausalLM"]},
            ["--trust-remote-code"],
            ["MDL001"],
        ),
        ({"model_type": "phi3", "architectures": ["Phi3ForCausalLM"], **OWN}, [], []),
    ],
)
def test_a_config_of_an_unknown_type_is_refused(
    config: dict[str, object], options: list[str], said: list[str]
) -> None:
    report = check_command(["serve", "m", *options], vllm_version="0.33.0", model_config={**SIZES, **config})
    errors = [found.code for found in report.findings if found.severity.value == "error"]
    assert errors == said
