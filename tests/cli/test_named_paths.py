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


def test_a_named_file_that_is_not_read_is_not_passed_over_in_silence(run, folder: Path) -> None:
    (folder / "huge.sh").write_text("#" * 2_000_000 + "\nvllm serve Qwen/Qwen3-8B\n")
    (folder / "binary.sh").write_bytes(b"vllm serve Qwen/Qwen3-8B\0\0")
    for command in ("check", "show"):
        said = run(command, "huge.sh", "binary.sh")
        assert said.code == 0
        assert "vllint: warning: huge.sh: passed over: larger than 1 MiB" in said.err
        assert "vllint: warning: binary.sh: passed over: binary" in said.err
        assert run(command, ".").err == ""
