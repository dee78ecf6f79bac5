"""What the parser stumbles over, each under the one mistake behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vllint import check_command, check_paths

MODEL = "Qwen/Qwen3-8B"


def said(command: str, release: str = "0.33.0") -> list[str]:
    """The codes of what the rules about words say of a command."""
    report = check_command(command, vllm_version=release)
    return [found.code for found in report.findings if found.code.startswith(("FLG", "MMO", "KVC", "QNT"))]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"vllm serve {MODEL} --max-model-length 4096", "FLG001"),
        (f"vllm serve --max-model-length 4096 {MODEL}", "FLG001"),
        (f"vllm serve {MODEL} --verbose yes no", "FLG001"),
        (f"vllm serve {MODEL} --swap-space 4", "FLG002"),
        (f"vllm serve {MODEL} --swap_space=4", "FLG002"),
        (f"vllm serve --swap-space 4 {MODEL}", "FLG002"),
        (f"vllm serve --enable-reasoning {MODEL}", "FLG002"),
        (f"vllm serve {MODEL} --cuda-graph-sizes 1 2 4", "FLG002"),
        (f"vllm serve {MODEL} --device cuda", "FLG002"),
        (f"vllm serve --device cuda {MODEL}", "FLG002"),
        (f"vllm serve {MODEL} --kv-cache fp8", "FLG005"),
        (f"vllm serve --kv-cache fp8 {MODEL}", "FLG005"),
        (f"vllm serve {MODEL} --enforce-eager True", "FLG007"),
        (f"vllm serve --enforce-eager True {MODEL}", "FLG007"),
        (f"vllm serve --enforce-eager True --model {MODEL}", "FLG007"),
        ("vllm serve --enforce-eager True", "FLG007"),
        (f"vllm serve {MODEL} --enforce-eager=True", "FLG008"),
        (f"vllm serve {MODEL} -tp 2 --tensor-parallel-size 2", "FLG010"),
        (f"vllm serve {MODEL} --max-num-seqs 1k", "FLG011"),
        (f"vllm serve {MODEL} --gpu-memory-utilization -0.1", "FLG011"),
        (f"vllm serve {MODEL} --gpu-memory-utilization -0.1 --port 8001", "FLG011"),
        (f"vllm serve {MODEL} --allowed-origins http://a http://b", "FLG012"),
        (f"vllm serve --api-key secret {MODEL}", "FLG013"),
        (f"vllm serve --served-model-name a {MODEL}", "FLG013"),
        (f"python -m vllm.entrypoints.openai.api_server {MODEL}", "FLG014"),
        (f"vllm serve {MODEL} --model {MODEL}", "FLG015"),
        (f"vllm serve --model {MODEL} Qwen/Qwen3-4B", "FLG015"),
        (f"vllm serve {MODEL} --config=a.yaml", "FLG016"),
        (f"vllm serve {MODEL} --config a.json", "FLG018"),
        (f"vllm serve {MODEL} '--port 8001'", "FLG036"),
        (f"vllm serve '--port 8001' {MODEL}", "FLG036"),
        (f"vllm serve '{MODEL} --port 8001' --enforce-eager", "FLG036"),
        (f"vllm serve {MODEL} a b c", "FLG037"),
        (f"vllm serve {MODEL} --port 8001 8002", "FLG037"),
        (f"vllm serve {MODEL} --limit-mm-per-prompt image=4 video=1", "MMO001"),
        (f"vllm serve {MODEL} --kv-cache-dtype int8", "KVC001"),
        (f"vllm serve {MODEL} -q fp4", "QNT008"),
    ],
)
def test_one_mistake_has_one_code(command: str, code: str) -> None:
    assert said(command) == [code]


@pytest.mark.parametrize("release", ["0.8.5", "0.20.2"])
def test_choices_that_the_parser_lists_have_the_same_code_as_those_that_come_later(release: str) -> None:
    assert said(f"vllm serve {MODEL} --kv-cache-dtype int8", release) == ["KVC001"]
    assert said(f"vllm serve {MODEL} --quantization fp4", release) == ["QNT008"]


def test_two_mistakes_have_two_codes() -> None:
    assert said(f"vllm serve {MODEL} --swap-space 4 --enforce-eager True --tp 2") == [
        "FLG002",
        "FLG007",
        "FLG001",
    ]


@pytest.mark.parametrize(
    "command",
    [
        f'vllm serve {MODEL} "$@" more',
        f"vllm serve {MODEL} $EXTRA --port 8001",
        f"vllm serve {MODEL} --enforce-eager --no-enable-prefix-caching",
        f"vllm serve {MODEL} --served-model-name a b c --api-key d e",
        "vllm serve --hf-token",
        "vllm serve",
    ],
)
def test_nothing_is_said_of_what_may_be_meant(command: str) -> None:
    assert said(command) == []


def test_a_flag_that_is_by_now_an_abbreviation_is_said_to_be_one() -> None:
    report = check_command(f"vllm serve {MODEL} --device 0", vllm_version="0.28.0")
    [found] = [found for found in report.findings if found.code == "FLG002"]
    assert "abbreviates `--device-ids`" in found.message
    assert found.severity == "warning"


@pytest.mark.parametrize("keyword", ["disable_log_stats=False", "seed=0", "compilation_config=3"])
def test_a_keyword_is_no_word_of_a_command(tmp_path: Path, keyword: str) -> None:
    script = tmp_path / "run.py"
    script.write_text(f"from vllm import LLM\nLLM('{MODEL}', {keyword})\n", encoding="utf-8")
    assert [found.code for found in check_paths([script]).findings if found.code.startswith("FLG")] == []


def test_a_keyword_that_went_is_one_mistake(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(f"from vllm import LLM\nLLM('{MODEL}', swap_space=4)\n", encoding="utf-8")
    [found] = [found for found in check_paths([script]).findings if found.code.startswith("FLG")]
    assert found.code == "FLG002"
    assert "has no argument `swap_space`" in found.message
