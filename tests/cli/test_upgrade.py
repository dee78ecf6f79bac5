"""`vllint upgrade`: files rewritten for another release, and what it says about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vllint import check_paths
from vllint.cli.commands import vllint
from vllint_schemas import Severity

COMPOSE = """\
services:
  llm:
    # the 8B fits one card
    image: vllm/vllm-openai:v0.9.1  # pinned
    command: >
      --model Qwen/Qwen3-8B --swap-space 4
      --guided-decoding-backend xgrammar
"""


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def upgrade(*arguments: str) -> Result:
    return CliRunner().invoke(vllint, ["upgrade", *arguments], catch_exceptions=False)


def written(text: str, name: str = "compose.yaml") -> Path:
    path = Path(name)
    path.write_bytes(text.encode())
    return path


def test_the_tag_and_the_options_move_together_and_everything_else_stays() -> None:
    path = written(COMPOSE)
    result = upgrade("--to", "0.33.0", ".")
    assert result.exit_code == 0
    assert path.read_text() == (
        COMPOSE.replace("v0.9.1", "v0.33.0")
        .replace(" --swap-space 4", "")
        .replace("--guided-decoding-backend", "--structured-outputs-config.backend")
    )
    assert [one for one in check_paths([path]).findings if one.severity is Severity.ERROR] == []


def test_the_options_that_the_old_release_had_are_named_with_what_became_of_them() -> None:
    written(COMPOSE)
    said = upgrade("--to", "0.33.0", ".").stdout
    assert "compose.yaml#llm: vLLM 0.9.1 -> 0.33.0" in said
    assert "rewritten remove `--swap-space`" in said


def test_defaults_that_moved_are_told_for_options_that_are_not_given() -> None:
    written(COMPOSE)
    assert "`--gpu-memory-utilization`: `0.9` -> `0.92`" in upgrade("--to", "0.33.0", ".").stdout
    written(COMPOSE.replace("--swap-space 4", "--gpu-memory-utilization 0.9"))
    assert "--gpu-memory-utilization`: `0.9`" not in upgrade("--to", "0.33.0", ".").stdout


def test_a_diff_shows_the_change_and_writes_nothing() -> None:
    path = written(COMPOSE)
    result = upgrade("--to", "0.33.0", "--diff", ".")
    assert "+    image: vllm/vllm-openai:v0.33.0  # pinned\n" in result.stdout
    assert path.read_text() == COMPOSE


def test_what_no_fix_decides_is_listed_and_exits_with_1() -> None:
    path = written(COMPOSE.replace("--swap-space 4", "--no-such-option --num-scheduler-steps 8"))
    result = upgrade("--to", "0.33.0", ".")
    assert result.exit_code == 1
    assert "to decide compose.yaml:6 error FLG001" in result.stdout
    assert "--no-such-option\n" in path.read_text()


def test_downwards_options_that_are_not_there_yet_are_told() -> None:
    written("services: {a: {image: 'vllm/vllm-openai:v0.33.0', command: gpt2 --performance-mode throughput}}")
    result = upgrade("--to", "0.9.2", ".")
    assert "vLLM 0.33.0 -> 0.9.2" in result.stdout
    assert "`--performance-mode`" in result.stdout
    assert "CUDA graphs are counted within it, so that fewer tokens fit the KV cache -> " in result.stdout


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("vllm/vllm-openai:v0.9.1@sha256:" + "0" * 64, "pinned by its digest"),
        ("example.org/fork:v0.9.1", "is not vLLM's own image"),
        ("vllm/vllm-openai:latest", "no release is stated"),
    ],
)
def test_an_image_that_states_no_release_of_its_own_is_left_and_told(image: str, reason: str) -> None:
    text = COMPOSE.replace("vllm/vllm-openai:v0.9.1", image).replace(
        "command: >\n      ", "command: >\n      vllm serve " if "fork" in image else "command: >\n      "
    )
    path = written(text)
    result = upgrade("--to", "0.33.0", ".")
    assert reason in result.stdout
    assert image in path.read_text()


def test_a_tag_of_the_env_file_is_rewritten_there_once_for_all_services() -> None:
    env = written("TAG=v0.9.1  # ours\n", ".env")
    service = "    image: vllm/vllm-openai:${TAG}\n    command: --model gpt2\n"
    path = written(f"services:\n  a:\n{service}  b:\n{service}")
    before = path.read_text()
    assert upgrade("--to", "0.33.0", ".").exit_code == 0
    assert env.read_text() == "TAG=v0.33.0  # ours\n"
    assert path.read_text() == before


def test_a_pin_of_a_script_and_a_directive_move() -> None:
    path = written("#!/bin/sh\npip install vllm==0.9.1\nvllm serve gpt2 --swap-space 4\n", "run.sh")
    assert upgrade("--to", "0.33.0", ".").exit_code == 0
    assert path.read_text() == "#!/bin/sh\npip install vllm==0.33.0\nvllm serve gpt2\n"
    path = written("# vllint: vllm=0.9.1\nvllm serve gpt2 --swap-space 4\n", "run.sh")
    assert upgrade("--to", "0.33", ".").exit_code == 0
    assert path.read_text() == "# vllint: vllm=0.33.0\nvllm serve gpt2\n"


@pytest.mark.parametrize("version", ["new", "v", "0.33.0; rm"])
def test_a_target_that_is_no_release_is_refused(version: str) -> None:
    written(COMPOSE)
    result = upgrade("--to", version, ".")
    assert result.exit_code == 2
    assert f"--to: `{version}` is not a vLLM release" in result.stderr


def test_a_second_run_finds_nothing_to_do() -> None:
    path = written(COMPOSE)
    upgrade("--to", "0.33.0", ".")
    once = path.read_text()
    result = upgrade("--to", "0.33.0", ".")
    assert path.read_text() == once
    assert "rewritten" not in result.stdout
    assert "changes" not in result.stdout


def test_variables_become_options_or_go_and_others_stay() -> None:
    text = """\
services:
  llm:
    image: vllm/vllm-openai:v0.9.1
    environment:
      # ours
      HF_HOME: /cache
      VLLM_USE_V1: "1"
      VLLM_ATTENTION_BACKEND: FLASHINFER  # measured
      VLLM_LOGGING_LEVEL: DEBUG
    command: ["--model", "Qwen/Qwen3-8B"]
"""
    path = written(text)
    result = upgrade("--to", "0.33.0", ".")
    assert result.exit_code == 0
    assert path.read_text() == text.replace("v0.9.1", "v0.33.0").replace(
        '      VLLM_USE_V1: "1"\n      VLLM_ATTENTION_BACKEND: FLASHINFER  # measured\n', ""
    ).replace('"Qwen/Qwen3-8B"]', '"Qwen/Qwen3-8B", "--attention-backend", "FLASHINFER"]')
    assert "rewritten write `--attention-backend FLASHINFER`" in result.stdout


def test_a_variable_that_asked_for_what_is_gone_is_left_to_decide() -> None:
    path = written("pip install vllm==0.9.1\nVLLM_USE_V1=0 vllm serve gpt2\n", "run.sh")
    result = upgrade("--to", "0.33.0", ".")
    assert result.exit_code == 1
    assert "to decide run.sh:2 warning FLG028" in result.stdout
    assert path.read_text() == "pip install vllm==0.33.0\nVLLM_USE_V1=0 vllm serve gpt2\n"


def test_downwards_variables_that_are_not_read_yet_are_told() -> None:
    written("pip install vllm==0.33.0\nVLLM_DEEP_GEMM_WARMUP=skip vllm serve gpt2\n", "run.sh")
    assert "warning FLG045" in upgrade("--to", "0.9.2", ".").stdout


def test_options_of_a_fork_whose_tag_the_chart_gives_are_left_to_decide() -> None:
    text = """\
vllm:
  image:
    repository: opea/vllm-gaudi
  LLM_MODEL_ID: Qwen/Qwen3-8B
  extraCmdArgs: ["--tensor-parallel-size", "1", "--max-seq-len-to-capture", "2048"]
"""
    path = written(text, "values.yaml")
    result = upgrade("--to", "0.33.0", ".")
    assert path.read_text() == text
    assert "`opea/vllm-gaudi` may hold another build" in result.stdout
