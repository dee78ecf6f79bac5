"""A slip of the keyboard makes a number huge, and costs no time for that; or nought, and breaks nothing."""

from __future__ import annotations

import time

import pytest

from vllint import check_command

OPTIONS = [
    "--tensor-parallel-size",
    "--pipeline-parallel-size",
    "--data-parallel-size",
    "--prefill-context-parallel-size",
    "--decode-context-parallel-size",
    "--max-model-len",
    "--max-num-seqs",
    "--max-num-batched-tokens",
    "--max-cudagraph-capture-size",
    "--block-size",
]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_huge_number_is_judged_at_once(option: str) -> None:
    start = time.process_time()
    check_command(f"vllm serve Qwen/Qwen3-8B {option} 99999999999", gpu="H100:8", vllm_version="0.33.0")
    assert time.process_time() - start < 5


@pytest.mark.parametrize("options", ["", " -tp 3", " -pp 3", " -tp 99999999"])
def test_a_huge_machine_is_judged_at_once(options: str) -> None:
    start = time.process_time()
    report = check_command(f"vllm serve Qwen/Qwen3-8B{options}", gpu="H100:99999999")
    assert report.findings
    assert time.process_time() - start < 5


@pytest.mark.parametrize("model", ["Qwen/Qwen3-Next-80B-A3B-Instruct", "openai/gpt-oss-20b", "Qwen/Qwen3-8B"])
@pytest.mark.parametrize("number", ["0", "-5"])
def test_a_context_without_tokens_is_refused(model: str, number: str) -> None:
    report = check_command(
        f"vllm serve {model} --max-model-len={number}", gpu="H100:8", vllm_version="0.33.0"
    )
    assert "FLG011" in {found.code for found in report.findings}
