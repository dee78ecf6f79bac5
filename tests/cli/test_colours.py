"""Colours, on real terminals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLEAN = "vllm serve Qwen/Qwen2.5-7B-Instruct -tp 2\n"
MISTAKE = "# vllint: gpu=A10G:4\nvllm serve Qwen/Qwen2.5-7B-Instruct -tp 3\n"


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_a_terminal_gets_colours_unless_told_otherwise(
    folder, on_terminal, plain, environment, coloured
) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    got = on_terminal("check", "a.sh", environment=environment)
    assert "a.sh:2:" in plain(got)
    assert ("\x1b[" in got) is coloured


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_a_pipe_gets_none_unless_forced(folder: Path, run, monkeypatch, environment, coloured) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for command in (("check", "a.sh"), ("explain", "PAR001"), ("rules",), ("show", "a.sh")):
        assert ("\x1b[" in run(*command).out) is coloured


def test_a_file_never_gets_colours(folder: Path, run, monkeypatch) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    monkeypatch.setenv("FORCE_COLOR", "1")
    run("check", "a.sh", "--output-format", "full", "--output-file", "out")
    assert "\x1b" not in Path("out").read_text()


def test_a_terminal_and_a_pipe_get_the_same_text(folder: Path, run, on_terminal, plain) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    got = on_terminal("check", "a.sh")
    assert plain(got) == run("check", "a.sh").out


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    for number in range(300):
        (folder / f"{number}.sh").write_text(MISTAKE)
    command = [sys.executable, "-m", "vllint", "check", "."]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""


def test_a_terminal_that_knows_no_unicode_gets_a_report(folder: Path) -> None:
    (folder / "日本.sh").write_text(CLEAN.replace("-tp 2", "-tp 3"))
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "vllint", "show", "."],
        cwd=folder,
        capture_output=True,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u65e5\\u672c.sh#vllm" in done.stdout
