from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from vllint.report.formats import RenderOptions
from vllint.report.gitlab import render

TEXT = "services:\n  vllm:\n    tp: 8\n    dp: 2\n"
LINE = {"type": "integer", "minimum": 1}
PLACE = {"type": "object", "required": ["line", "column"], "properties": {"line": LINE, "column": LINE}}
REPORT = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1, "pattern": r"^[^\n]*$"},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./)"},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": LINE}},
                    "positions": {"type": "object", "properties": {"begin": PLACE, "end": PLACE}},
                },
            },
        },
    },
}
"""What https://docs.gitlab.com/ci/testing/code_quality/ asks of a report."""


def report_of(document, **options) -> list[dict[str, Any]]:
    text = render(document, {}, RenderOptions(**options))
    assert text.isascii()
    report: list[dict[str, Any]] = json.loads(text)
    jsonschema.Draft202012Validator(REPORT).validate(report)
    return report


def test_a_finding_is_an_entry_with_its_place(document_of, finding_of) -> None:
    assert report_of(document_of(finding_of(TEXT, "8\n    dp"))) == [
        {
            "description": "PAR001: 28 heads do not divide by 8",
            "check_name": "PAR001",
            "fingerprint": "0f" * 16,
            "severity": "critical",
            "location": {
                "path": "deploy/compose.yaml",
                "lines": {"begin": 3, "end": 4},
                "positions": {"begin": {"line": 3, "column": 9}, "end": {"line": 4, "column": 7}},
            },
        }
    ]


def test_a_report_without_findings_is_an_empty_list(document_of) -> None:
    assert report_of(document_of()) == []


@pytest.mark.parametrize(
    ("severity", "theirs"), [("error", "critical"), ("warning", "major"), ("info", "info")]
)
def test_severities_are_gitlabs(document_of, finding_of, severity, theirs) -> None:
    [entry] = report_of(document_of(finding_of(TEXT, "8", severity=severity)))
    assert entry["severity"] == theirs


def test_no_two_entries_have_one_fingerprint(document_of, finding_of) -> None:
    entries = report_of(document_of(*(finding_of(TEXT, "8") for _ in range(3))))
    assert len({entry["fingerprint"] for entry in entries}) == 3


def test_a_message_of_several_lines_is_one(document_of, finding_of) -> None:
    [entry] = report_of(document_of(finding_of(TEXT, "8", message="one\ntwo 日")))
    assert entry["description"] == "PAR001: one two 日"


def test_paths_start_at_the_root_of_the_repository(document_of, finding_of) -> None:
    [entry] = report_of(document_of(finding_of(TEXT, "8", path="a.yaml")), folder="deploy/prod")
    assert entry["location"]["path"] == "deploy/prod/a.yaml"
