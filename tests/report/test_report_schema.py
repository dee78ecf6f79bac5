from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from vllint_schemas.report import to_dict

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas/vllint_schemas/data/report.schema.json").read_text(encoding="utf-8"))


def errors(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_published_schema_is_the_one_its_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts/tables/report_schema.py"))
    assert script["text"]() == script["TARGET"].read_text(encoding="utf-8")


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_reports_with_known_and_unknown_launches_fit_the_schema(document_of, finding_of, launches) -> None:
    finding = finding_of(
        "a: 8\n", "8", replacement="4", applicability="safe", related=[("b", "x", "x", "here")]
    )
    document = to_dict(
        document_of(finding, reported=tuple(launches.values()), unchecked=[("a#b", "gpu", "no")])
    )
    assert errors(document) == []


@pytest.mark.parametrize("key", ["launches", "findings", "summary", "tool", "version"])
def test_a_report_without_one_of_its_keys_does_not_fit_the_schema(document_of, key) -> None:
    document = to_dict(document_of())
    del document[key]
    assert errors(document)


def test_a_dict_of_a_report_survives_json_unchanged(document_of, finding_of, launches) -> None:
    document = to_dict(document_of(finding_of("a: 8\n", "8"), reported=tuple(launches.values())))
    assert json.loads(json.dumps(document)) == document


def test_numbers_are_not_rounded(document_of, launches) -> None:
    document = to_dict(document_of(reported=(launches["known"],)))
    assert document["launches"][0]["memory"]["ranks"][0]["kv_needed_gib"] == 0.4375


def test_what_is_unknown_of_a_launch_says_why_and_its_keys_are_there(document_of, launches) -> None:
    [launch] = to_dict(document_of(reported=(launches["unknown"],)))["launches"]
    assert launch["model"] == {"id": None, "unknown": "`$MODEL` is not set"}
    assert launch["hardware"] == {
        "gpu": None,
        "count": None,
        "memory_gib": None,
        "source": None,
        "unknown": "the file names no card",
    }
    assert launch["memory"]["ranks"] == []
    assert launch["memory"]["unknown"] == "the model is not known"


def test_a_known_fact_has_no_unknown_key(document_of, launches) -> None:
    [launch] = to_dict(document_of(reported=(launches["known"],)))["launches"]
    assert launch["hardware"] == {"gpu": "H100-80GB", "count": 8, "memory_gib": 79.19, "source": "device_ids"}
    assert launch["model"] == {"id": "Qwen/Qwen2.5-7B-Instruct", "source": "catalogue"}
