"""What a run may import: start-up is paid in every hook and every save (benchmarks/speed.py measures it)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MISTAKES = Path(__file__).parents[1] / "examples" / "mistakes"
PLAIN_SERVICE = "services:\n  web:\n    image: nginx:1.27\n"
# fmt: off
HEAVY = frozenset(
    {
        "asyncio", "huggingface_hub", "importlib.metadata", "jsonschema", "multiprocessing", "pydantic",
        "rich", "tomllib", "transformers", "unittest",
    }
)
# fmt: on
"""Modules that take longer to import than a file takes to judge."""
JUDGING = frozenset(
    {"vllint.engine", "vllint.rule", "vllint_rules", "vllint_schemas.words", "yaml", "hashlib"}
)
"""What is for files that mention vLLM."""
EVALUATOR = frozenset({"vllint.text.shell.parser", "vllint.text.shell.expansion"})
"""What is for shell text."""


def modules_after(folder: Path, *arguments: str) -> frozenset[str]:
    """Return the modules that `vllint` has imported at its end, run in `folder`."""
    program = (
        "import json, sys\n"
        "from vllint.cli import run\n"
        "try:\n"
        "    run()\n"
        "finally:\n"
        "    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return frozenset(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", ["full", "concise", "json", "sarif"])
def test_a_check_without_settings_imports_nothing_heavy(tmp_path: Path, name: str) -> None:
    for example in MISTAKES.iterdir():
        (tmp_path / example.name).write_bytes(example.read_bytes())
    imported = modules_after(tmp_path, "check", "--no-cache", "--output-format", name)
    assert "vllint.engine" in imported
    assert not imported & HEAVY


def test_a_tree_that_does_not_mention_vllm_is_passed_over_without_what_judges(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(PLAIN_SERVICE, encoding="utf-8")
    imported = modules_after(tmp_path, "check")
    assert "vllint.discover" in imported
    assert not imported & (HEAVY | JUDGING | EVALUATOR)


def test_a_compose_file_without_shell_text_is_read_without_the_shell(tmp_path: Path) -> None:
    text = 'services:\n  chat:\n    image: vllm/vllm-openai:v0.22.1\n    command: ["--model", "m/m"]\n'
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    imported = modules_after(tmp_path, "check", "--no-cache")
    assert "vllint.sources.compose.services" in imported
    assert not imported & EVALUATOR


def test_the_version_is_told_without_the_command_line(tmp_path: Path) -> None:
    assert not modules_after(tmp_path, "--version") & (HEAVY | JUDGING | {"click", "vllint_schemas"})
