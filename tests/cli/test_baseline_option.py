from __future__ import annotations

import json
from pathlib import Path

CLEAN = "vllm serve Qwen/Qwen2.5-7B-Instruct -tp 2\n"
MISTAKE = "# vllint: gpu=A10G:4\nvllm serve Qwen/Qwen2.5-7B-Instruct -tp 3\n"


def test_a_repository_with_mistakes_starts_clean_and_stays_strict_on_new_ones(folder: Path, run) -> None:
    (folder / "old.sh").write_text(MISTAKE)
    known = len(json.loads(run("check", "--output-format", "json").out)["findings"])
    assert known
    said = run("check", "--write-baseline", "known.json")
    assert said.code == 0
    findings = "1 finding" if known == 1 else f"{known} findings"
    assert f"vllint: {findings} of the baseline not reported" in said.err
    assert run("check", "--baseline", "known.json").code == 0
    (folder / "new.sh").write_text(MISTAKE)
    said = run("check", "--baseline", "known.json", "--output-format", "concise")
    assert said.code == 1
    assert "new.sh:2:" in said.out and "old.sh:2:" not in said.out


def test_entries_that_no_longer_occur_are_counted_in_one_line(folder: Path, run) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    run("check", "--write-baseline", "known.json")
    entries = len(json.loads(Path("known.json").read_text())["findings"])
    (folder / "a.sh").write_text(CLEAN)
    said = run("check", "--baseline", "known.json")
    occur = "1 entry of the baseline no longer occurs" if entries == 1 else "no longer occur\n"
    assert said.code == 0
    assert occur in said.err


def test_numbers_of_the_report_leave_the_baseline_out_in_every_format(folder: Path, run) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    run("check", "--write-baseline", "known.json")
    document = json.loads(run("check", "--baseline", "known.json", "--output-format", "json").out)
    assert document["findings"] == []
    assert document["summary"]["errors"] == 0
    assert document["summary"]["launches"] == 1
    assert 'failures="0"' in run("check", "--baseline", "known.json", "--output-format", "junit").out


def test_a_new_baseline_holds_what_the_old_one_held_too(folder: Path, run) -> None:
    (folder / "a.sh").write_text(MISTAKE)
    run("check", "--write-baseline", "known.json")
    first = Path("known.json").read_text()
    assert run("check", "--baseline", "known.json", "--write-baseline", "known.json").code == 0
    assert Path("known.json").read_text() == first


def test_a_corrupt_baseline_is_exit_2_with_a_message(folder: Path, run) -> None:
    (folder / "a.sh").write_text(CLEAN)
    (folder / "known.json").write_text("nonsense")
    said = run("check", "--baseline", "known.json")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("vllint: known.json: the baseline is not JSON")
    assert run("check", "--baseline", "missing.json").code == 2


def test_a_run_without_findings_and_with_an_empty_baseline_says_nothing_of_it(folder: Path, run) -> None:
    (folder / "a.sh").write_text(CLEAN)
    assert run("check", "--write-baseline", "known.json").err == ""
    assert run("check", "--baseline", "known.json").err == ""
