"""Paths as they are named on the command line, and as they are listed."""

from __future__ import annotations

from pathlib import Path

ERROR = "vllm serve Qwen/Qwen3-8B --no-such-option\n"


def test_a_name_with_a_line_break_is_listed_on_one_line(folder: Path, run) -> None:
    (folder / "two\nlines.sh").write_text("vllm serve Qwen/Qwen3-8B\n")
    assert run("check", "--list-files").out == "two<U+000A>lines.sh: shell, 1 launch\n"


def test_an_empty_path_is_not_the_working_folder(folder: Path, run) -> None:
    (folder / "run.sh").write_text(ERROR)
    said = run("check", "")
    assert (said.code, said.err) == (2, "vllint: '': no such file or directory\n")


def test_a_command_is_no_file_to_list(run) -> None:
    said = run("check", "--list-files", "-c", "vllm serve m")
    assert (said.code, "--list-files goes with files and folders" in said.err) == (2, True)


def test_an_env_file_that_is_missing_is_named(folder: Path, run) -> None:
    said = run("check", "--env", "nowhere.env")
    assert (said.code, said.err) == (2, "vllint: nowhere.env: No such file or directory\n")
