from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from vllint.baseline import compare, entries_of, read_baseline, was_checked, write_baseline
from vllint.checking import Checker, Request
from vllint.report.document import RunReport
from vllint.settings import Settings, SettingsError

MISTAKE = "# vllint: gpu=A10G:4\nvllm serve Qwen/Qwen2.5-7B-Instruct -tp 3\n"
IDLE = "# vllint: gpu=A10G:4\nvllm serve Qwen/Qwen2.5-7B-Instruct --port 8001\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(*paths: str) -> RunReport:
    """What a check finds; these tests have something to say only if it is not nothing."""
    return Checker(Request(settings=Settings())).run_report(paths or (".",))


def codes(run: RunReport) -> list[str]:
    return [finding.code for file in run.files for finding in file.findings]


def test_a_baseline_of_a_run_takes_out_all_of_its_findings(folder: Path) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    (folder / "b.sh").write_text(IDLE)
    run = report()
    assert codes(run)
    write_baseline(Path("known.json"), entries_of(run))
    compared = compare(run, read_baseline(Path("known.json")), lambda path: True)
    assert (codes(compared.report), compared.known, compared.gone) == ([], len(codes(run)), 0)
    assert not compared.report.fails()


def test_a_finding_is_known_when_its_lines_have_moved(folder: Path) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    entries = entries_of(report())
    assert entries
    (folder / "a.sh").write_text(f"#!/bin/bash\nset -e\n\n{MISTAKE}")
    assert codes(compare(report(), entries, lambda path: True).report) == []


def test_another_mistake_is_reported(folder: Path) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    entries = entries_of(report())
    (folder / "b.sh").write_text(MISTAKE)
    compared = compare(report(), entries, lambda path: True)
    assert {finding.path for file in compared.report.files for finding in file.findings} == {"b.sh"}
    assert compared.report.fails()


def test_a_mistake_that_is_mended_no_longer_occurs(folder: Path) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    entries = entries_of(report())
    (folder / "a.sh").write_text(MISTAKE.replace("-tp 3", "-tp 4"))
    run = report()
    assert compare(run, entries, was_checked(run, ["."])).gone == len(entries) > 0


def test_only_of_files_that_were_looked_at_can_be_told_what_no_longer_occurs(folder: Path) -> None:
    for name in ("a.sh", "deploy/b.sh", "gone.sh"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(MISTAKE)
    entries = entries_of(report())
    each = len(entries) // 3
    assert each > 0
    (folder / "gone.sh").unlink()
    (folder / "deploy/b.sh").write_text("echo no server any more\n")
    (folder / "a.sh").write_text("echo nor here\n")
    (folder / "c.sh").write_text("echo vllm\n")
    for paths, gone in ((["c.sh"], each), (["deploy"], 2 * each), (["."], 3 * each)):
        run = report(*paths)
        assert compare(run, entries, was_checked(run, paths)).gone == gone


def test_the_file_has_a_finding_to_a_line_sorted_and_no_line_numbers(folder: Path) -> None:
    for name in ("b.sh", "a.sh"):
        (folder / name).write_text(MISTAKE)
    write_baseline(Path("known.json"), entries_of(report()))
    text = Path("known.json").read_text()
    document: dict[str, Any] = json.loads(text)
    assert document["version"] == 1
    assert len(text.splitlines()) == len(document["findings"]) + 2
    assert {tuple(found) for found in document["findings"]} == {
        ("path", "code", "launch", "message", "fingerprint")
    }
    paths = [found["path"] for found in document["findings"]]
    assert paths == sorted(paths)
    (folder / "a.sh").write_text(f"\n{MISTAKE}")
    write_baseline(Path("again.json"), entries_of(report()))
    assert Path("again.json").read_text() == text


def test_writing_leaves_nothing_else_behind_and_replaces_what_was_there(folder: Path) -> None:
    (folder / "known.json").write_text("old")
    write_baseline(Path("known.json"), ())
    assert [path.name for path in folder.iterdir()] == ["known.json"]
    assert read_baseline(Path("known.json")) == ()


def test_secrets_in_messages_are_masked(folder: Path) -> None:
    [entry] = entries_of(_with_message("`--api-key=hunter2hunter2` is not known\nat all"))
    assert entry.message == "`--api-key=**************` is not known at all"


def _with_message(message: str) -> RunReport:
    Path("a.sh").write_text(MISTAKE)
    run = report()
    [file] = run.files
    finding = dataclasses.replace(file.findings[0], message=message)
    return run._replace(files=(file._replace(findings=(finding,)),))


ENTRY = '{"path": "a", "code": "b", "launch": null, "message": "c", "fingerprint": "d"}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the baseline is not JSON"),
        (b"\xff\xfe", "the baseline is not JSON"),
        ("[]", "no list `findings`"),
        ('{"version": 1}', "no list `findings`"),
        ('{"version": 2, "findings": []}', "`version` is 2, this vllint reads 1"),
        ('{"version": 1, "findings": [3]}', "finding 1 is not an object"),
        (f'{{"version": 1, "findings": [{ENTRY}, {{}}]}}', "finding 2 has no text `path`"),
        (ENTRY.replace("null", "3").join(('{"version": 1, "findings": [', "]}")), "`launch` is neither"),
    ],
)
def test_a_corrupt_baseline_is_refused_with_the_reason(folder: Path, text: str | bytes, said: str) -> None:
    (folder / "known.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError, match=said) as caught:
        read_baseline(Path("known.json"))
    assert str(caught.value).startswith("known.json: ")


def test_a_baseline_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"known\.json: the baseline cannot be read: No such file"):
        read_baseline(Path("known.json"))
