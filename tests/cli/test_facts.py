"""`--facts`: tables that are newer than the package's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vllint.tables import PACKAGED

RUN = Callable[..., tuple[int, str, str]]
SERVE = "vllm serve Qwen/Qwen3-8B --brand-new-switch\n"


@pytest.fixture
def vllint(tmp_path: Path) -> RUN:
    """Run vllint in a process of its own: tables are read once in each."""

    def call(*arguments: str, **environment: str) -> tuple[int, str, str]:
        clean = {name: value for name, value in os.environ.items() if name != "VLLINT_FACTS"}
        variables = {**clean, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
        command = [sys.executable, "-m", "vllint", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A folder whose table has one release more, which knows one option more."""
    lines = (PACKAGED / "options.jsonl").read_text().splitlines()
    releases, spellings = json.loads(lines[0]), json.loads(lines[1])
    listings, records = lines[2 : 2 + len(releases)], lines[2 + len(releases) :]
    for stretches in spellings.values():
        if stretches[-1] == len(releases) - 1:
            stretches[-1] += 1
    spellings["--brand-new-switch"] = [len(releases)] * 2
    listing = json.dumps([*json.loads(listings[-1]), len(records)])
    new = json.dumps({"flag": "--brand-new-switch", "kind": "flag", "action": "store_true", "const": True})
    folder = tmp_path / "facts"
    folder.mkdir()
    head = [json.dumps([*releases, "0.34.0"]), json.dumps(spellings)]
    (folder / "options.jsonl").write_text("\n".join([*head, *listings, listing, *records, new]) + "\n")
    return folder


def report(out: str) -> Any:
    return json.loads(out)


def test_reports_name_the_day_of_the_tables(vllint: RUN, newer: Path, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(SERVE)
    check = ("check", "run.sh", "--output-format", "json")
    packaged = json.loads((PACKAGED / "tables.json").read_text())["date"]
    assert report(vllint(*check)[1])["tool"]["tables_date"] == packaged
    assert f"to 0.33.0, as of {packaged}" in vllint("explain", "--port")[1]
    assert report(vllint(*check, "--facts", str(newer))[1])["tool"]["tables_date"] is None
    (newer / "tables.json").write_text('{"date": "2027-01-02"}')
    assert report(vllint(*check, "--facts", str(newer))[1])["tool"]["tables_date"] == "2027-01-02"
    (newer / "tables.json").write_text('{"date": "soon"}')
    code, _, err = vllint(*check, "--facts", str(newer))
    assert (code, "tables.json:1: `date` must be a day" in err) == (2, True)


def test_newer_tables_know_newer_releases(vllint: RUN, newer: Path, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(SERVE)
    code, out, _ = vllint("check", "run.sh", "--output-format", "json")
    assert (code, report(out)["tool"]["newest_vllm"]) == (1, "0.33.0")
    assert [finding["code"] for finding in report(out)["findings"]] == ["FLG001"]
    code, out, err = vllint("check", "run.sh", "--output-format", "json", "--facts", str(newer))
    assert (code, err) == (0, "")
    assert report(out)["tool"]["newest_vllm"] == "0.34.0"
    assert report(out)["findings"] == []


def test_results_of_other_tables_are_not_taken_from_the_cache(
    vllint: RUN, newer: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.sh").write_text(SERVE)
    codes = [vllint("check", "run.sh", *facts)[0] for facts in ((), ("--facts", str(newer)), ())]
    assert codes == [1, 0, 1]


def test_the_folder_may_be_named_by_a_variable_and_serves_explain(vllint: RUN, newer: Path) -> None:
    assert vllint("explain", "--brand-new-switch")[0] == 2
    code, out, _ = vllint("explain", "--brand-new-switch", VLLINT_FACTS=str(newer))
    assert code == 0
    assert "since 0.34.0" in out or "in 0.34.0" in out
    assert "tables of 30 releases, 0.4.3 to 0.34.0" in out
    assert vllint("explain", "--facts", str(newer), "--brand-new-switch")[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "place", "why"),
    [
        ("options.jsonl", '["0.34.0"]\n{\n', "options.jsonl:2:", "property name"),
        ("options.jsonl", '["0.34.0"]\n{}\n[0]\n{}\n', "options.jsonl:4:", "an object with a `flag`"),
        ("options.jsonl", '["0.34.0"]\n{}\n[7]\n', "options.jsonl:3:", "list numbers of options"),
        ("options.jsonl", "{}\n", "options.jsonl:1:", "a list of texts"),
        ("environment.json", '{"releases": ["0.34.0"]}', "environment.json:1:", "with `variables`"),
        (
            "environment.json",
            '{"releases": ["0.34.0"], "variables": {"VLLM_A": {"in": [0, 4]}}}',
            "environment.json:",
            "`VLLM_A` must have `in`",
        ),
        ("value_names.json", '{"quantization": []}', "value_names.json:", "`quantization` must have"),
        ("gpus.json", "{\n  oops\n}", "gpus.json:2:3", "property name"),
        ("option.json", "{}", "option.json", "is no table"),
    ],
)
def test_a_malformed_table_is_told_with_its_file_and_place(
    vllint: RUN, tmp_path: Path, name: str, text: str, place: str, why: str
) -> None:
    folder = tmp_path / "facts"
    folder.mkdir()
    (folder / name).write_text(text)
    code, out, err = vllint("check", "-c", "vllm serve m", "--facts", str(folder))
    assert (code, out) == (2, "")
    assert f"facts/{place}" in err.replace("\n", " ")
    assert why in " ".join(err.split())


def test_a_folder_that_is_none_is_an_error(vllint: RUN, tmp_path: Path) -> None:
    code, _, err = vllint("check", "-c", "vllm serve m", "--facts", str(tmp_path / "nowhere"))
    assert code == 2
    assert "nowhere is not a folder" in err


def test_the_package_s_own_tables_can_be_named(vllint: RUN, tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.schema.json"))
    code, out, err = vllint("explain", "VLLM_USE_V1", "H100", "--facts", str(folder))
    assert (code, err) == (0, "")
    assert out.startswith("VLLM_USE_V1\n")
