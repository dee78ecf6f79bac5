"""Formats and where they go."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vllint.report.formats import FORMATS
from vllint.report.line_hashes import line_hashes

MISTAKE = "# vllint: gpu=A10G:4\nvllm serve Qwen/Qwen2.5-7B-Instruct -tp 3\n"


def outputs(*formats: str) -> list[str]:
    pairs = [("--output-format", name, "--output-file", f"out.{name}") for name in formats]
    return [word for pair in pairs for word in pair]


def test_all_formats_are_written_in_one_run_and_say_the_same_as_each_alone(folder: Path, run) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    said = run("check", "a.sh", *outputs(*FORMATS))
    assert (said.code, said.out, said.err) == (1, "", "")
    for name in FORMATS:
        alone = run("check", "a.sh", "--output-format", name)
        assert alone.code == 1
        assert Path(f"out.{name}").read_text(encoding="utf-8") == alone.out, name


def test_one_format_may_go_to_standard_output(folder: Path, run) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    said = run("check", "a.sh", *outputs("sarif", "junit"), "--output-format", "concise")
    assert said.out.startswith("a.sh:2:")
    assert json.loads(Path("out.sarif").read_text())["runs"][0]["results"]
    assert ElementTree.parse("out.junit").getroot().get("failures") != "0"


def test_two_formats_cannot_share_standard_output(folder: Path, run) -> None:
    said = run("check", "--output-format", "json", "--output-format", "full")
    assert said.code == 2
    assert "all formats but one need an --output-file" in said.err


def test_more_files_than_formats_are_refused(folder: Path, run) -> None:
    assert run("check", "--output-file", "a", "--output-file", "b").code == 2


def test_a_file_that_cannot_be_written_is_exit_2(folder: Path, run) -> None:
    said = run("check", "--output-format", "json", "--output-file", "no/such/folder.json")
    assert said.code == 2
    assert "no/such/folder.json" in said.err


def test_paths_of_ci_formats_start_at_the_repository_s_root(
    folder: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deploy").mkdir()
    (folder / "deploy/a.sh").write_text(MISTAKE)
    monkeypatch.chdir(folder / "deploy")
    assert "file=deploy/a.sh," in run("check", "--output-format", "github").out
    [entry, *_] = json.loads(run("check", "--output-format", "gitlab").out)
    assert entry["location"]["path"] == "deploy/a.sh"
    assert 'testsuite name="deploy/a.sh"' in run("check", "--output-format", "junit").out
    assert run("check", "--output-format", "concise").out.startswith("a.sh:2:")


def test_junit_has_a_case_for_files_without_findings_and_fails_as_the_run_does(folder: Path, run) -> None:
    (folder / "good.sh").write_text("vllm serve Qwen/Qwen2.5-7B-Instruct\n")
    assert 'name="good.sh" tests="1" failures="0"' in run("check", "--output-format", "junit").out
    (folder / "bad.sh").write_text(MISTAKE)
    root = ElementTree.fromstring(run("check", "--output-format", "junit").out)
    assert [(suite.get("name"), suite.get("failures") != "0") for suite in root] == [
        ("bad.sh", True),
        ("good.sh", False),
    ]


def test_what_is_below_the_threshold_is_no_failure_in_junit(folder: Path, run) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    (folder / "vllint.toml").write_text('[severity]\nALL = "info"\n')
    said = run("check", "--output-format", "junit")
    assert (said.code, ElementTree.fromstring(said.out).get("failures")) == (0, "0")
    said = run("check", "--output-format", "junit", "--fail-on", "info")
    assert said.code == 1
    assert ElementTree.fromstring(said.out).get("failures") != "0"


def test_sarif_names_lines_as_github_does_when_it_reads_the_file(folder: Path, run) -> None:
    (folder / "a.sh").write_bytes(b"\xef\xbb\xbf" + MISTAKE.encode())
    [result, *_] = json.loads(run("check", "--output-format", "sarif").out)["runs"][0]["results"]
    text = f"\ufeff{MISTAKE}"
    assert result["partialFingerprints"]["primaryLocationLineHash"] == line_hashes(text, text, {2})[2]


def test_sarif_of_standard_input_has_vllint_s_fingerprint_only(folder: Path, run) -> None:
    said = run("check", "-", "--output-format", "sarif", text=MISTAKE)
    [result, *_] = json.loads(said.out)["runs"][0]["results"]
    assert list(result["partialFingerprints"]) == ["vllintFinding/v1"]


@pytest.mark.parametrize("name", FORMATS)
def test_secrets_are_in_no_format(folder: Path, run, name: str) -> None:
    secret = "hf_abcdefghijklmnopqrstuvwxyz"
    (folder / "a.sh").write_text(f"{MISTAKE.strip()} --hf-token {secret} --api-key hunter2hunter2\n")
    said = run("check", "--output-format", name)
    assert said.code == 1
    assert secret not in said.out + said.err
    assert "hunter2hunter2" not in said.out + said.err


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_name_that_is_no_text_and_one_in_japanese_can_be_reported(
    folder: Path, run, name: str
) -> None:
    for file in (b"caf\xff.sh", "日本 🚀.sh".encode()):
        Path(folder, file.decode("utf-8", "surrogateescape")).write_text(MISTAKE)
    said = run("check", *outputs(name))
    assert (said.code, said.err) == (1, "")
    assert Path(f"out.{name}").read_text(encoding="utf-8")
