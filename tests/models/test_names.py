"""What names say of sizes; the cases that other tools' regular expressions get wrong come first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint import check_command
from vllint.models.names import NamedSize, size_from_name
from vllint_schemas import Unknown


@pytest.mark.parametrize(
    ("model", "billions", "active"),
    [
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46.7, None),
        ("mistralai/Mixtral-8x22B-v0.1", 141.0, None),
        ("Qwen/Qwen3-30B-A3B-FP8", 30.0, 3.0),
        ("Qwen/Qwen3-235B-A22B-GPTQ-Int4", 235.0, 22.0),
        ("Qwen/Qwen2.5-0.5B-Instruct", 0.5, None),
        ("HuggingFaceTB/SmolLM2-135M", 0.135, None),
        ("acme/stories42M", 0.042, None),
        ("internlm/internlm2-1_8b", 1.8, None),
        ("acme/llama_2_7b", 7.0, None),
        ("meta-llama/Llama-3.1-8B", 8.0, None),
        ("acme/Llama3.2-1b-v2", 1.0, None),
        ("Qwen/Qwen2.5-7B-Instruct-1M", 7.0, None),
        ("inclusionAI/Ling-1T", 1000.0, None),
        ("/models/falcon40b/", 40.0, None),
        ("./llama-7b.Q4_K_M.gguf", 7.0, None),
    ],
)
def test_the_total_is_read(model: str, billions: float, active: float | None) -> None:
    found = size_from_name(model)
    assert found is not None and found.parameters is not None
    assert found.parameters == pytest.approx(billions * 1e9, rel=0.05)
    assert found.active == (None if active is None else active * 1e9)


@pytest.mark.parametrize(
    "model",
    [
        "deepseek-ai/DeepSeek-V3",
        "microsoft/Phi-3.5-MoE-instruct",
        "unsloth/phi-4-bnb-4bit",
        "google/gemma-3n-E4B-it",
        "/models/2024b-run/",
        "acme/v3b",
        "acme/merge-of-3b-and-7b",
        "",
        "/",
    ],
)
def test_what_is_no_size_is_none(model: str) -> None:
    assert size_from_name(model) is None


@pytest.mark.parametrize(
    ("model", "active"),
    [
        ("moonshotai/Kimi-VL-A3B", 3.0),
        ("Qwen/Qwen1.5-MoE-A2.7B", 2.7),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", 17.0),
        ("meta-llama/Llama-4-Maverick-17B-128E", 17.0),
    ],
)
def test_what_a_token_uses_is_not_the_total(model: str, active: float) -> None:
    assert size_from_name(model) == NamedSize(None, round(active * 1e9))


@pytest.mark.parametrize(
    ("model", "bits"),
    [("a/x-7b-4bit", 4), ("a/x-7b-AWQ", 4), ("a/x-7b-int8", 8), ("a/x-7b-w4a16", 4), ("a/x-7b-NVFP4", 4)],
)
def test_bits_of_a_weight_are_read(model: str, bits: int) -> None:
    found = size_from_name(model)
    assert found is not None and (found.parameters, found.bits) == (7 * 10**9, bits)


@given(st.text(max_size=300))
def test_any_name_has_a_size_or_none(model: str) -> None:
    found = size_from_name(model)
    assert found is None or found.parameters is None or 0 < found.parameters < 10**13


def test_a_size_by_name_informs_and_makes_no_finding() -> None:
    report = check_command("vllm serve acme/secret-70B -tp 3", gpu="T4", gpu_count=3)
    [launch] = report.launches
    assert isinstance(launch.maybe_model, Unknown)
    assert "by its name it has about 70 billion parameters" in launch.maybe_model.reason
    assert not [finding for finding in report.findings if finding.code.startswith(("PAR00", "MEM"))]
    [reported] = report.to_dict()["launches"]
    assert reported["model"]["source"] == "name"
    assert reported["model"]["parameters_estimate"] == 70 * 10**9
