"""What options ask of each other, against what the real vLLM 0.33.0 said of a bad and a good command of each.

`data/option_requirements.jsonl` holds the commands with the recorded verdicts; `oracle.py FILE --configs ...
--check` runs them again. The models' configs are the embedded catalogue's here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vllint import check_command
from vllint.tables import table_path
from vllint_schemas import Severity

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data/option_requirements.jsonl").read_text().splitlines()
]
BAD = [case for case in CASES if not case["verdict"]["ok"]]
GOOD = [case for case in CASES if case["verdict"]["ok"]]
BEFORE_RUNNING = frozenset({"parse", "validate", "config"})
"""The stages that the recorded vLLM ran."""

MAY_BE_SET_ELSEWHERE = frozenset(
    {"bad|--grpc-port 9000", "bad|--mm-tensor-ipc torch_shm (Qwen3-VL-8B-Instruct)"}
)
"""Refused for want of a variable, which something out of sight may set: a warning."""


def findings(case: dict[str, Any], release: str = "0.33.0") -> list[Any]:
    report = check_command(
        case["argv"],
        vllm_version=release,
        env=case.get("env"),
        gpu="H100:8",
        model_config=case.get("config"),
    )
    return list(report.findings)


def requirements() -> list[dict[str, Any]]:
    table = json.loads(table_path("option_requirements.json").read_text(encoding="utf-8"))
    records: list[dict[str, Any]] = table["requirements"]
    return records


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["id"])
def test_a_command_that_vllm_refuses_gets_an_error_of_the_same_file(case: dict[str, Any]) -> None:
    severity = Severity.WARNING if case["id"] in MAY_BE_SET_ELSEWHERE else Severity.ERROR
    found = [one.evidence.source for one in findings(case) if one.severity is severity]
    assert case["verdict"]["where"].split(":")[0].removeprefix("vllm/") in {
        source.partition(":")[0] for source in found
    }


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["id"])
def test_a_command_that_vllm_takes_gets_no_error(case: dict[str, Any]) -> None:
    said = [found for found in findings(case) if found.evidence.stage in BEFORE_RUNNING]
    assert [found.message for found in said if found.severity is Severity.ERROR] == []


def test_every_requirement_has_a_command_that_breaks_it() -> None:
    broken = {found.evidence.source for case in CASES for found in findings(case)}
    assert [record for record in requirements() if record["source"] not in broken] == []


def test_what_is_known_of_one_release_is_a_warning_for_older_ones() -> None:
    case = {"argv": ["serve", "Qwen/Qwen3-8B", "--numa-bind-nodes", "0"]}
    (newest,) = [found for found in findings(case) if found.code == "FLG024"]
    (older,) = [found for found in findings(case, "0.32.0") if found.code == "FLG024"]
    assert newest.severity is Severity.ERROR
    assert older.severity is Severity.WARNING
    assert "0.33.0 refuses it" in older.message


def test_what_is_known_of_older_releases_is_an_error_for_them() -> None:
    case = {"argv": ["serve", "Qwen/Qwen3-8B", "--enable-lora", "--max-loras", "8", "--max-cpu-loras", "4"]}
    assert [found.severity for found in findings(case, "0.8.5") if found.code == "FLG040"] == [Severity.ERROR]


def test_options_that_the_release_does_not_have_are_left_to_other_rules() -> None:
    case = {"argv": ["serve", "Qwen/Qwen3-8B", "--numa-bind-nodes", "0"]}
    assert {found.code for found in findings(case, "0.8.5")} - {"PAR005"} == {"FLG003"}


def test_the_records_stand_in_the_files_they_name() -> None:
    places = [record["source"] for record in requirements()]
    assert len(places) == len(set(places))
    assert all(place.rpartition(":")[2].isdecimal() for place in places)


def test_keys_of_speculative_decoding_may_have_dashes() -> None:
    report = check_command(
        ["vllm", "serve", "Q/x", "--speculative-config", '{"method":"ngram","num-speculative-tokens":3}'],
        vllm_version="0.33.0",
    )
    assert [one.code for one in report.findings if one.code == "FLG024"] == []
