"""`vllint check` as its users call it: exit codes, options, files left as they were."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from vllint import __version__
from vllint.cli.commands import vllint

MODEL = "Qwen/Qwen2.5-7B-Instruct"  # 28 heads, 4 KV heads
CLEAN = f"# vllint: gpu=H100-80GB:2\nvllm serve {MODEL} -tp 2\n"
ERROR = f"# vllint: gpu=H100-80GB:4\nvllm serve {MODEL} -tp 3\n"
IDLE = f"# vllint: gpu=H100-80GB:4\nvllm serve {MODEL} -tp 2\n"
TEMPLATE = "{{ if x }}\nvllm: [\n{{ end }}\n"


class Done(NamedTuple):
    """An exit code and both outputs."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository that is the working directory."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(here: Path) -> Run:
    """Run `vllint check` in this process."""

    def run(*arguments: str, text: str | bytes | None = None) -> Done:
        done = CliRunner().invoke(vllint, ["check", "--no-cache", *arguments], input=text)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


def codes(done: Done) -> list[str]:
    """Return the codes of a JSON report's findings."""
    return sorted(finding["code"] for finding in json.loads(done.out)["findings"])


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        (CLEAN, (), 0),
        ("echo vllm\n", (), 0),
        (ERROR, (), 1),
        (IDLE, (), 1),
        (IDLE, ("--fail-on", "warning"), 1),
        (IDLE, ("--fail-on", "error"), 0),
        (ERROR, ("--fail-on", "error"), 1),
        (ERROR, ("--exit-zero",), 0),
        (ERROR, ("--ignore", "PAR"), 0),
        (ERROR, ("--select", "MEM"), 0),
        (ERROR, ("--select", "PAR001"), 1),
        (ERROR, ("--select", "tp-divides-heads"), 1),
        (ERROR, ("--select", "MEM,PAR001"), 1),
        (ERROR, ("--select", "PAR", "--ignore", "PAR001,tp-divides-heads"), 0),
    ],
)
def test_the_exit_code_is_0_for_nothing_to_say_and_1_for_findings(
    here: Path, check: Run, text: str, arguments: tuple[str, ...], code: int
) -> None:
    (here / "run.sh").write_text(text)
    assert check(*arguments).code == code


def test_a_template_is_an_info_and_fails_only_when_asked(here: Path, check: Run) -> None:
    (here / "a.yaml").write_text(TEMPLATE)
    assert check().code == 0
    assert check("--fail-on", "info").code == 1


def test_a_broken_file_is_a_warning_and_not_a_failure(here: Path, check: Run) -> None:
    (here / "a.yaml").write_text("vllm: [\n")
    assert check().code == 1
    assert check("--fail-on", "error").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.yaml",), "nowhere.yaml"),
        (("--no-such-option",), "--no-such-option"),
        (("--fail-on", "fatal"), "fatal"),
        (("--output-format", "pdf"), "pdf"),
        (("--gpu", "H1000:8"), "H100"),
        (("--gpu", "H100:none"), "H100:none"),
        (("--vllm-version", "newest"), "newest"),
        (("--select", "NOPE"), "NOPE"),
        (("--ignore", "par001"), "par001"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
        (("--env", "nowhere.env"), "nowhere.env"),
        (("--exclude", "!x"), "!x"),
        (("--output-file", "a", "--output-file", "b"), "--output-file"),
        (("--output-format", "json", "--output-format", "sarif"), "--output-file"),
        (("-c", "vllm serve x", "run.sh"), "--command"),
        (("-", "run.sh"), "-"),
    ],
)
def test_what_vllint_cannot_do_exits_with_2_and_says_why(
    here: Path, check: Run, arguments: tuple[str, ...], said: str
) -> None:
    (here / "run.sh").write_text(CLEAN)
    done = check(*arguments)
    assert done.code == 2
    assert said in done.err


def test_2_beats_1_and_zero(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR)
    assert check("run.sh", "nowhere.sh").code == 2
    assert check("run.sh", "nowhere.sh", "--exit-zero").code == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_exits_with_2(here: Path, check: Run) -> None:
    path = here / "run.sh"
    path.write_text(CLEAN)
    path.chmod(0)
    assert check().code == 2


def test_a_card_from_outside_counts_where_the_file_names_none(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(f"vllm serve {MODEL} -tp 2\n")
    assert check("--gpu", "H100-80GB:4").code == 1
    assert check("--gpu", "H100-80GB:2").code == 0
    assert check("--gpu", "mine@48GiB:2").code == 0
    assert codes(check("--gpu", "mine@4GiB:2", "--output-format", "json")) == ["MEM001"]
    assert check("--gpu", "H100-80GB").code == 0


def test_a_release_from_outside_counts_where_the_file_names_none(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(f"vllm serve {MODEL} --enable-lora --no-such-flag\n")
    done = check("--vllm-version", "0.10.2", "--output-format", "json")
    [launch] = json.loads(done.out)["launches"]
    assert launch["vllm_version"] == {"value": "0.10.2", "source": "command line"}


@pytest.mark.parametrize("text", [ERROR, ERROR.replace("\n", "\r\n"), "\ufeff#!/bin/bash\n" + ERROR])
def test_standard_input_is_read_by_its_content(check: Run, text: str) -> None:
    done = check("-", "--output-format", "json", text=text.encode())
    assert done.code == 1
    [finding] = json.loads(done.out)["findings"]
    assert finding["path"] == "<stdin>"


def test_standard_input_may_have_a_name(here: Path, check: Run) -> None:
    compose = f"services:\n  a:\n    image: vllm/vllm-openai:v0.12.0\n    command: {MODEL} -tp 3\n"
    done = check("-", "--stdin-filename", "deploy/compose.yaml", "--output-format", "json", text=compose)
    assert done.code == 1
    assert {finding["path"] for finding in json.loads(done.out)["findings"]} == {"deploy/compose.yaml"}
    assert check("-", "--stdin-filename", "x.yaml", text=f"services: [\n{compose}").code == 1


def test_the_settings_of_a_named_input_are_those_beside_the_name(here: Path, check: Run) -> None:
    (here / "deploy").mkdir()
    (here / "deploy" / "vllint.toml").write_text('ignore = ["PAR"]\n')
    assert check("-", "--stdin-filename", "deploy/run.sh", text=ERROR).code == 0
    assert check("-", "--stdin-filename", "run.sh", text=ERROR).code == 1


def test_a_command_is_checked_as_text(check: Run) -> None:
    done = check("-c", f"vllm serve {MODEL} -tp 3", "--gpu", "H100-80GB:4", "--output-format", "json")
    assert done.code == 1
    report = json.loads(done.out)
    assert report["launches"][0]["argv"] == ["serve", MODEL, "-tp", "3"]
    assert {finding["path"] for finding in report["findings"]} == {"<command>"}
    assert check("-c", f"vllm serve {MODEL} -tp 2", "--gpu", "H100-80GB:2").code == 0


def test_a_command_that_starts_no_vllm_is_not_called_fine(check: Run) -> None:
    done = check("-c", "vllm server Qwen/Qwen3-8B")
    assert done.code == 2
    assert "vllm serve MODEL" in done.err


def test_settings_are_found_replaced_and_left_out(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR)
    (here / "vllint.toml").write_text('ignore = ["PAR"]\n')
    (here / "other.toml").write_text('fail-on = "error"\n')
    assert check().code == 0
    assert check("--isolated").code == 1
    assert check("--config", "other.toml").code == 1
    assert check("--config", "other.toml", "--ignore", "PAR001").code == 0


def test_a_mistake_in_the_settings_is_explained(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(CLEAN)
    (here / "vllint.toml").write_text('vllm_version = "0.19.1"\n')
    done = check()
    assert done.code == 2
    assert "did you mean `vllm-version`?" in done.err
    assert check("--isolated").code == 0


def test_settings_for_another_vllint_are_refused(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(CLEAN)
    (here / "vllint.toml").write_text('required-version = ">=99"\n')
    done = check()
    assert done.code == 2
    assert ">=99" in done.err and __version__ in done.err


def test_overrides_hold_for_their_paths(here: Path, check: Run) -> None:
    for folder in ("prod", "dev"):
        (here / folder).mkdir()
        (here / folder / "run.sh").write_text(f"vllm serve {MODEL} -tp 2\n")
    (here / "vllint.toml").write_text(
        'gpu = "H100-80GB:2"\n[[overrides]]\npaths = ["prod/"]\ngpu = "H100-80GB:4"\n'
    )
    done = check("--output-format", "json")
    assert {finding["path"] for finding in json.loads(done.out)["findings"]} == {"prod/run.sh"}
    assert done.code == 1


def test_the_threshold_is_each_files_own(here: Path, check: Run) -> None:
    (here / "a").mkdir()
    (here / "a" / "vllint.toml").write_text('fail-on = "error"\n')
    (here / "a" / "run.sh").write_text(IDLE)
    assert check().code == 0
    (here / "run.sh").write_text(IDLE)
    assert check().code == 1


def test_severities_may_be_set(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR)
    (here / "vllint.toml").write_text('severity = { PAR001 = "info" }\n')
    done = check("--output-format", "json")
    assert done.code == 0
    assert {finding["severity"] for finding in json.loads(done.out)["findings"]} == {"info"}


def test_excluded_files_are_passed_over_unless_they_are_named(here: Path, check: Run) -> None:
    (here / "old").mkdir()
    (here / "old" / "run.sh").write_text(ERROR)
    assert check("--exclude", "old/").code == 0
    assert check("--exclude", "old/", "old/run.sh").code == 1
    assert check("--exclude", "old/", "old/run.sh", "--force-exclude").code == 0
    (here / "vllint.toml").write_text('exclude = ["old/"]\n')
    assert check().code == 0
    assert check("old/run.sh").code == 1
    assert check("old/run.sh", "--force-exclude").code == 0
    assert check("--isolated").code == 1


def test_files_are_listed_with_what_they_are(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(CLEAN)
    (here / "two.sh").write_text(CLEAN + CLEAN)
    (here / "plain.sh").write_text("echo\n")
    (here / "values.yaml").write_text("image: vllm/vllm-openai\n")
    (here / "photo.png").write_bytes(b"\x89PNG")
    done = check("--list-files")
    lines = done.out.splitlines()
    assert "run.sh: shell, 1 launch" in lines
    assert "two.sh: shell, 2 launches" in lines
    assert any(line.startswith("values.yaml: ") for line in lines)
    assert any(line.startswith("plain.sh: passed over: ") for line in lines)
    assert done.code == 0
    assert check("--list-files", "nowhere").code == 2


def test_each_format_goes_to_its_file(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR)
    done = check(
        *("--output-format", "json", "--output-file", "a.json"),
        *("--output-format", "sarif", "--output-file", "a.sarif"),
        *("--output-format", "concise"),
    )
    assert done.code == 1
    assert json.loads((here / "a.json").read_text())["findings"]
    assert json.loads((here / "a.sarif").read_text())["runs"]
    assert "run.sh:2" in done.out and "PAR001" in done.out


def test_an_output_that_cannot_be_written_exits_with_2(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(CLEAN)
    assert check("--output-format", "json", "--output-file", "no/such/folder/a.json").code == 2


def test_env_files_of_the_option_give_the_variables(here: Path, check: Run) -> None:
    (here / "compose.yaml").write_text(
        f"services:\n  a:\n    image: vllm/vllm-openai:v0.12.0\n    command: {MODEL} -tp ${{TP}}\n"
    )
    (here / "three.env").write_text("TP=3\n")
    (here / "two.env").write_text("TP=2\n")
    machine = ("--gpu", "H100-80GB:4", "--select", "PAR001")
    assert check(*machine).code == 0
    assert check(*machine, "--env", "three.env").code == 1
    assert check(*machine, "--env", "three.env", "--env", "two.env").code == 0


def test_nothing_is_read_outside_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (tmp_path / "outside.env").write_text("TP=3\n")
    (repository / ".env").symlink_to(tmp_path / "outside.env")
    (repository / "compose.yaml").write_text(
        f"services:\n  a:\n    image: vllm/vllm-openai:v0.12.0\n    command: {MODEL} -tp ${{TP}}\n"
    )
    monkeypatch.chdir(repository)
    done = CliRunner().invoke(vllint, ["check", "--output-format", "json"])
    [launch] = json.loads(done.stdout)["launches"]
    assert launch["parallel"]["tensor"] is None


def test_what_comments_silence_is_told_when_asked_for(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR.rstrip("\n") + "  # vllint: ignore\n")
    assert check().code == 0
    assert check("--no-ignores").code == 1
    assert check().code == 0


def test_a_comment_whose_bracket_does_not_end_silences_nothing(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR.rstrip("\n") + "  # vllint: ignore[PAR001\n")
    done = check("--output-format", "json")
    assert [found["code"] for found in json.loads(done.out)["findings"]] == ["PAR001", "SUP002"]


def test_quiet_and_verbose_are_for_people(here: Path, check: Run) -> None:
    (here / "run.sh").write_text(ERROR)
    whole = json.loads(check("--output-format", "json").out)
    for option in ("--quiet", "--verbose"):
        assert json.loads(check("--output-format", "json", option).out) == whole
    (here / "run.sh").write_text("vllm serve Qwen/Qwen3-8B -tp 2\n")
    assert "not checked:" in check().out
    assert check("--quiet").out.endswith("not checked in full: 1 launch\n")
    assert check("--quiet", "--verbose").code == 2


def test_a_diff_of_an_input_that_is_no_text_is_empty(here: Path) -> None:
    garbled = b"vllm serve Qwen/Qwen3-8B\n\xff\xfe"
    done = CliRunner().invoke(vllint, ["check", "--diff", "-"], input=garbled)
    assert (done.exit_code, done.output) == (1, "")
