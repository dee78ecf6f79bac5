"""Fixes of keyword arguments in Python calls."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner

from vllint import check_paths
from vllint.cli.commands import vllint

HEAD = "from vllm import LLM\n"


def fixed(folder: Path, call: str) -> str:
    """Return the call after all fixes, in a program that still is one."""
    program = folder / "run.py"
    program.write_text(HEAD + call)
    CliRunner().invoke(vllint, ["check", "--isolated", "--fix", "--unsafe-fixes", str(program)])
    text = program.read_text()
    ast.parse(text)
    return text.removeprefix(HEAD)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('LLM("Qwen/Qwen3-8B", swap_space=4, seed=1)\n', 'LLM("Qwen/Qwen3-8B", seed=1)\n'),
        ('LLM("Qwen/Qwen3-8B", swap_space=4)\n', 'LLM("Qwen/Qwen3-8B")\n'),
        ('LLM("Qwen/Qwen3-8B", use_v2_block_manager = True)\n', 'LLM("Qwen/Qwen3-8B")\n'),
        ('LLM(swap_space=4, model="Qwen/Qwen3-8B")\n', 'LLM(model="Qwen/Qwen3-8B")\n'),
        (
            'LLM(\n    "Qwen/Qwen3-8B",\n    swap_space=4,  # GiB\n    seed=1,\n)\n',
            'LLM(\n    "Qwen/Qwen3-8B",\n    seed=1,\n)\n',
        ),
        (
            'LLM(\n    "Qwen/Qwen3-8B",\n    seed=1,\n    swap_space=4\n)\n',
            'LLM(\n    "Qwen/Qwen3-8B",\n    seed=1,\n)\n',
        ),
        (
            'LLM("Qwen/Qwen3-8B", swap_space=4,\n    seed=1)\n',
            'LLM("Qwen/Qwen3-8B",\n    seed=1)\n',
        ),
        (
            'LLM("Qwen/Qwen3-8B", use_v2_block_manager=True, swap_space=4,  # GiB\n    seed=1)\n',
            'LLM("Qwen/Qwen3-8B",  # GiB\n    seed=1)\n',
        ),
        ('LLM("Qwen/Qwen3-8B", max_modellen=4096)\n', 'LLM("Qwen/Qwen3-8B", max_model_len=4096)\n'),
    ],
)
def test_a_keyword_is_removed_or_renamed_in_place(tmp_path: Path, call: str, expected: str) -> None:
    assert fixed(tmp_path, call) == expected


@pytest.mark.parametrize(
    "call",
    [
        'options = {"swap_space": 4}\nLLM("Qwen/Qwen3-8B", **options)\n',
        'def f(swap_space=4):\n    LLM("Qwen/Qwen3-8B", **{"swap_space": swap_space})\n',
    ],
)
def test_options_that_are_no_keywords_of_the_call_stay(tmp_path: Path, call: str) -> None:
    assert fixed(tmp_path, call) == call


def test_engine_arguments_without_an_option_are_known(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    call = 'LLM("Qwen/Qwen3-8B", mamba_config={"a": 1}, enable_mm_processor_stats=True)\n'
    program.write_text(HEAD + call)
    assert check_paths([program]).findings == ()


def test_what_an_earlier_release_took_as_a_keyword_waits_for_an_upgrade(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(
        'from vllm import AsyncEngineArgs\nAsyncEngineArgs("Qwen/Qwen3-8B", disable_log_requests=True)\n'
    )
    [finding] = check_paths([program]).findings
    assert (finding.code, finding.severity.value) == ("FLG002", "warning")
    assert "unless `enable_log_requests=True` is given" in finding.help
