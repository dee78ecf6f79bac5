"""Shell completion, which is click's own: `_VLLINT_COMPLETE`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = "import sys; sys.argv[0] = 'vllint'; from vllint.cli import main; main()"


def complete(*words: str) -> list[str]:
    """What bash would be offered for the last word."""
    environment = {
        **os.environ,
        "_VLLINT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("vllint", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_are_completed() -> None:
    assert complete("ch") == ["check"]
    assert {"check", "show", "explain", "rules", "init"} <= set(complete(""))


def test_options_and_formats_are_completed() -> None:
    assert "--output-format" in complete("check", "--output")
    assert "sarif" in complete("check", "--output-format", "s")


def test_rules_and_vllm_s_options_are_completed_for_explain() -> None:
    assert "PAR001" in complete("explain", "PAR")
    assert complete("explain", "tensor-par") == ["tensor-parallel-size"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_the_script_for_bash_is_one_that_bash_takes() -> None:
    environment = {**os.environ, "_VLLINT_COMPLETE": "bash_source"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    assert "_vllint_completion" in done.stdout
    subprocess.run(["bash", "-n"], input=done.stdout, check=True, text=True)
