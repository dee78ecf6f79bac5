"""What cannot be done is said in a sentence that names the file or the word, and exits with 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SERVE = "vllm serve Qwen/Qwen3-8B"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "-c", SERVE, "--output-file", "no/such/out.txt"),
        ("check", "run.sh", "--config", "no/such/vllint.toml"),
        ("check", "run.sh", "--env", "no/such/.env"),
        ("check", "run.sh", "--plugin", "no/such/folder"),
        ("check", "run.sh", "--baseline", "no/such/baseline.json"),
        ("check", "run.sh", "--write-baseline", "no/such/baseline.json"),
        ("check", "no/such/run.sh"),
        ("show", "no/such/run.sh"),
        ("rules", "--plugin", "no/such/folder"),
        ("report", "-o", "no/such/page.html", "run.sh"),
        ("models", "./no/such/folder"),
        ("models", "--check", "--against", "no/such/facts.jsonl"),
        ("estimate", SERVE, "--model-config", "no/such/config.json"),
        ("upgrade", "--to", "0.33.0", "no/such/run.sh"),
        ("diff", "no/such/run.sh", "run.sh"),
        ("explain", "./no/such/folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(run: Run, folder: Path, arguments: tuple[str, ...]) -> None:
    (folder / "run.sh").write_text(f"{SERVE}\n")
    said = run(*arguments)
    assert said.code == 2, said
    assert "no/such" in said.err
    assert "Errno" not in said.err + said.out
    assert "Traceback" not in said.err


def test_a_folder_in_place_of_a_file_is_named(run: Run, folder: Path) -> None:
    (folder / "run.sh").write_text(f"{SERVE}\n")
    (folder / "out").mkdir()
    for arguments in (
        ("check", "run.sh", "--output-file", "out"),
        ("check", "run.sh", "--config", "out"),
        ("report", "-o", "out", "run.sh"),
    ):
        said = run(*arguments)
        assert said.code == 2
        assert "vllint: out: Is a directory" in said.err


def test_help_is_shown_where_options_of_vllm_are_taken_too(run: Run) -> None:
    for arguments in (("plan", "-h"), ("plan", "Qwen/Qwen3-8B", "-h"), ("estimate", "-h")):
        said = run(*arguments)
        assert (said.code, said.out.startswith("Usage: vllint "), said.err) == (0, True, "")
    assert "H100:0" not in run("plan", "Qwen/Qwen3-8B", "--gpu", "H100:2", "-dph").out


def test_a_misspelt_option_is_told_whether_or_not_anything_fits(run: Run) -> None:
    for card in ("T4:1", "H100:8"):
        said = run("plan", "Qwen/Qwen3-32B", "--gpu", card, "--max-model-lne", "8192")
        assert said.code == 2
        assert "`--max-model-lne`" in said.err
        assert "did you mean `--max-model-len`?" in said.err


def test_a_command_is_no_file(run: Run) -> None:
    said = run("estimate", "Qwen/Qwen3-8B")
    assert "not known: no card is named" in said.out
    checked = run("check", "-c", SERVE)
    assert "nothing says how many GPUs there are" in checked.out
    assert "the file does not" not in said.out + checked.out


@pytest.mark.parametrize("arguments", [("-c", f"{SERVE} --max-model-len 8K -tp= 2"), ("-",)])
def test_what_is_no_file_can_be_shown_fixed_and_not_be_fixed(run: Run, arguments: tuple[str, ...]) -> None:
    text = f"{SERVE} --tensor-parallel-sise 2\n"
    arguments = ("-c", text) if arguments[0] == "-c" else arguments
    said = run("check", "--diff", "--unsafe-fixes", *arguments, text=text)
    assert said.code == 1
    assert f"-{SERVE} --tensor-parallel-sise 2\n" in said.out
    assert f"+{SERVE} --tensor-parallel-size 2\n" in said.out
    said = run("check", "--fix", *arguments, text=text)
    assert said.code == 2
    assert "--fix changes files; --diff shows what it would change here" in said.err


def test_a_model_that_no_other_run_will_know_makes_a_lock_stale(run: Run, folder: Path) -> None:
    (folder / "run.sh").write_text("vllm serve acme/private-chat\nvllm serve /srv/model\n")
    assert run("models", "lock").code == 0
    said = run("models", "lock", "--check")
    assert said.code == 1
    assert "`acme/private-chat` is not known" in said.err
    assert "/srv/model" not in said.err


def test_a_rule_that_is_not_there_is_blamed_on_who_named_it(run: Run, folder: Path) -> None:
    (folder / "run.sh").write_text(f"{SERVE}\n")
    (folder / "vllint.toml").write_text('ignore = ["NOPE"]\n')
    assert "vllint.toml: there is no rule `NOPE`" in run("check", "run.sh").err
    (folder / "vllint.toml").write_text("")
    assert "the command line: there is no rule `NOPE`" in run("check", "run.sh", "--select", "NOPE").err


def test_what_was_typed_cannot_steer_the_terminal(run: Run) -> None:
    said = run("explain", "\x1b[31mred")
    assert said.code == 2
    assert "\x1b" not in said.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "> /dev/full"])
def test_streams_that_are_closed_or_full_bring_no_traceback(folder: Path, closed: str) -> None:
    (folder / "run.sh").write_text(f"{SERVE} -tp 3\n")
    words = f"{sys.executable} -m vllint check {'-' if closed.startswith('<') else 'run.sh'} {closed}"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode in ({2} if "full" in closed else {0, 1})


def test_show_reads_standard_input(run: Run) -> None:
    assert run("show", "-", text=f"{SERVE}\n").out.startswith("<stdin>#vllm\n")
