from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.report.formats import RenderOptions
from vllint.report.lines import Lines
from vllint.report.rules import RuleInfo
from vllint.report.sarif import render
from vllint_schemas.report import ReportedBand, ReportedBudgetLine

SCHEMA = json.loads((Path(__file__).parent / "data/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
RULES = (
    RuleInfo("ENV001", "unknown-variable", "A variable is unknown.", "# Docs", "info", "https://x.example/e"),
    RuleInfo("PAR001", "tp-divides-heads", "Heads divide.", "# More", "error", "https://x.example/p"),
)
TEXT = "services:\n  vllm: 🚀 日 {tp: 8}\n  image: v0.22.1\n"


def run_of(document, sources=None, **options) -> dict[str, Any]:
    log = json.loads(render(document, sources or {}, RenderOptions(**options)))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    [run] = log["runs"]
    return run


def marked(text: str, region: dict[str, int]) -> str:
    """What a viewer that counts UTF-16 units marks in `text`."""
    lines = text.split("\n")

    def offset(line: int, column: int) -> int:
        units = "\n".join([*lines[: line - 1], ""]) if line > 1 else ""
        return len(units.encode("utf-16-le")) + 2 * (column - 1)

    start = offset(region["startLine"], region["startColumn"])
    end = offset(region["endLine"], region["endColumn"])
    return text.encode("utf-16-le")[start:end].decode("utf-16-le")


def test_a_log_with_everything_in_it_is_valid_sarif(document_of, finding_of) -> None:
    finding = finding_of(
        TEXT, "8", replacement="4", applicability="safe", related=[("b c/d.yaml", "x: 1", "1", "the [card]")]
    )
    run = run_of(
        document_of(finding, unchecked=[("a#b", "gpu", "none named")]),
        {"deploy/compose.yaml": TEXT},
        rules=RULES,
    )
    assert run["automationDetails"] == {"id": "vllint/"}
    assert run["columnKind"] == "utf16CodeUnits"
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "PAR001"
    assert result["partialFingerprints"] == {"vllintFinding/v1": "0f" * 16}
    assert result["relatedLocations"][0]["id"] == 1
    assert "[the \\[card\\]](1)" in result["message"]["text"]
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "not checked: gpu: none named (launches: 1)"


def test_the_memory_behind_a_result_is_a_table_in_markdown(document_of, finding_of) -> None:
    budget = (ReportedBudgetLine("-", "weights", ReportedBand(14.7, 15.0, 15.4)),)
    [result] = run_of(document_of(finding_of(TEXT, "8", budget=budget)))["results"]
    assert result["message"]["markdown"].endswith("| - weights | 14.7 | 15.0 | 15.4 |")
    assert result["message"]["markdown"].startswith(result["message"]["text"])


def test_an_empty_log_is_valid_and_lists_the_rules(document_of) -> None:
    run = run_of(document_of(), rules=RULES)
    assert run["results"] == []
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ENV001", "PAR001"]


def test_a_rule_says_all_that_code_scanning_shows_of_it(document_of) -> None:
    rule = run_of(document_of(), rules=RULES)["tool"]["driver"]["rules"][1]
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["helpUri"] == "https://x.example/p"
    assert rule["help"] == {"text": "# More", "markdown": "# More"}
    assert rule["properties"]["problem.severity"] == "error"
    assert rule["properties"]["tags"] == ["vllm", "PAR"]


def test_a_finding_of_a_rule_that_is_not_listed_gets_an_entry(document_of, finding_of) -> None:
    run = run_of(document_of(finding_of(TEXT, "8", code="XYZ009", name="a-plug-in")), rules=RULES)
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ENV001", "PAR001", "XYZ009"]
    assert run["results"][0]["ruleIndex"] == 2


@pytest.mark.parametrize(
    ("severity", "level"), [("error", "error"), ("warning", "warning"), ("info", "note")]
)
def test_severities_become_levels(document_of, finding_of, severity, level) -> None:
    assert run_of(document_of(finding_of(TEXT, "8", severity=severity)))["results"][0]["level"] == level


def test_columns_count_utf_16_units(document_of, finding_of) -> None:
    run = run_of(document_of(finding_of(TEXT, "{tp: 8}")), {"deploy/compose.yaml": TEXT})
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region.pop("snippet") == {"text": "{tp: 8}"}
    assert region == {"startLine": 2, "startColumn": 14, "endLine": 2, "endColumn": 21}
    assert marked(TEXT, region) == "{tp: 8}"


@given(st.text("aé日🚀\n", min_size=1, max_size=40), st.data())
def test_a_viewer_marks_exactly_the_span(document_of, finding_of, text, data) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    place = Lines.of(text).place
    finding = replace(finding_of(text, ""), start=place(start), end=place(end))
    [result] = json.loads(render(document_of(finding), {finding.path: text}))["runs"][0]["results"]
    assert marked(text, result["locations"][0]["physicalLocation"]["region"]) == text[start:end]


def test_a_fix_replaces_what_the_edit_replaces(document_of, finding_of) -> None:
    finding = finding_of(TEXT, "8", replacement="4", applicability="unsafe")
    run = run_of(document_of(finding), {"deploy/compose.yaml": TEXT})
    [fix] = run["results"][0]["fixes"]
    [change] = fix["artifactChanges"]
    [replacement] = change["replacements"]
    assert change["artifactLocation"]["uri"] == "deploy/compose.yaml"
    assert marked(TEXT, replacement["deletedRegion"]) == "8"
    assert replacement["insertedContent"] == {"text": "4"}
    assert fix["description"]["text"] == "write 4 (changes behaviour or capacity)"


def test_advice_is_not_offered_as_a_fix(document_of, finding_of) -> None:
    finding = finding_of(TEXT, "8", replacement="4", applicability="display")
    assert "fixes" not in run_of(document_of(finding), {"deploy/compose.yaml": TEXT})["results"][0]


@pytest.mark.parametrize("path", ["a b/c#d?.yaml", "日本/ü.yaml", "100%.yaml", "a:b.yaml", "[x]{y}.yaml"])
def test_a_path_below_the_root_is_a_relative_reference_that_decodes_to_it(
    document_of, finding_of, path
) -> None:
    run = run_of(document_of(finding_of(TEXT, "8", path=path)), folder="sub dir/")
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert unquote(location["uri"]) == f"sub dir/{path}"
    assert not set(location["uri"]) & set(' #?[]{}":')
    assert location["uriBaseId"] in run["originalUriBaseIds"]


def test_a_path_outside_the_working_directory_is_absolute(document_of, finding_of) -> None:
    run = run_of(document_of(finding_of(TEXT, "8", path="/srv/a b.yaml")), folder="sub")
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///srv/a%20b.yaml"}
