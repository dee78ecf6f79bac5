"""A backslash that does not end its line is one mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from vllint import check_paths
from vllint_schemas import Severity


@pytest.mark.parametrize(
    "text",
    [
        "vllm serve Qwen/Qwen3-8B \\\n  --max-model-len 4096 \\ \n  --port 8001\n",
        "vllm serve Qwen/Qwen3-8B \\\n  --max-model-len 4096 \\ # at least 4096 tokens\n  --port 8001\n",
        "vllm serve \\\n  --model Qwen/Qwen3-8B --max-model-len 4096 \\ # of tokens\n  --port 8001\n",
    ],
)
def test_a_backslash_with_something_behind_it_is_one_error(tmp_path: Path, text: str) -> None:
    script = tmp_path / "start.sh"
    script.write_text(text)
    [finding] = check_paths([script]).findings
    assert (finding.code, finding.severity) == ("FLG038", Severity.ERROR)
    assert finding.message.endswith("vLLM refuses what stands behind the backslash")


def test_on_the_last_line_the_words_behind_it_are_told_together(tmp_path: Path) -> None:
    script = tmp_path / "start.sh"
    script.write_text("vllm serve --model Qwen/Qwen3-8B \\ # the model\n")
    [finding] = check_paths([script]).findings
    assert finding.code == "FLG037"
    assert finding.help == "a backslash goes on with the command at the very end of a line only"


def test_an_item_that_begins_with_a_blank_has_nothing_to_do_with_a_backslash(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        "services:\n  a:\n    image: vllm/vllm-openai:v0.22.1\n    gpus: all\n"
        '    command: [Qwen/Qwen3-8B, " 8001"]\n'
    )
    [finding] = check_paths([file]).findings
    assert "backslash" not in finding.help
