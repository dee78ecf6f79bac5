"""A slip of the keyboard makes a number huge, and costs no time for that."""

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
