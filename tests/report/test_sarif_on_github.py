"""What GitHub code scanning asks of a SARIF log, rule by rule.

https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
and, for what the upload refuses or warns of, github/codeql-action.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from vllint.report.formats import RenderOptions
from vllint.report.line_hashes import line_hashes
from vllint.report.rules import RuleInfo
from vllint.report.sarif import MAX_RELATED, MAX_RESULTS, render
from vllint.report.sarif_rules import SECURITY_SEVERITIES

Log = dict[str, Any]
Check = Callable[[Log], Iterator[str]]

TEXT = "services:\n  vllm:\n    tp: 8  # 🚀 [x](1)\n    dp: 2\n"
PATH = "deploy/compose.yaml"
RULES = (
    RuleInfo("PAR001", "tp-divides-heads", "Heads divide.", "# Page", "error", "https://x.example/p"),
    RuleInfo("SEC003", "exposed-without-key", "A key.", "# Page", "warning", "", ("security", "network")),
    RuleInfo("TEAM01", "n" * 300, "s" * 2000, "", "info", "", tuple(f"tag{n}" for n in range(40))),
    RuleInfo("TEAM02", "nameless", "", "", "info", "", (*(f"a{n}" for n in range(40)), "security")),
)


@pytest.fixture
def log(document_of, finding_of) -> Log:
    """A log with everything in it that a log may have."""
    related = [(PATH, TEXT, "dp", f"place [{number}](7)") for number in range(3)]
    findings = [
        finding_of(TEXT, "8", replacement="4", applicability="safe", related=related, message="a [b](2) c"),
        finding_of(TEXT, "[x](1)\n    dp", code="SEC003", name="exposed-without-key", severity="warning"),
        finding_of(TEXT, "2", code="TEAM01", severity="info", message="", help=""),
        finding_of(TEXT, "2", code="XYZ001", name="of-a-plug-in", severity="info", path="a b/ü[1].yaml"),
    ]
    document = document_of(*findings, unchecked=[("a#b", "gpu", "none named")])
    hashes = {PATH: line_hashes(TEXT, TEXT, range(1, 9))}
    options = RenderOptions(rules=RULES, problems=("b.yaml: permission denied",), line_hashes=hashes)
    written: Log = json.loads(render(document, {PATH: TEXT}, options))
    return written


def the_log_names_its_version_and_schema(log: Log) -> Iterator[str]:
    if log.get("version") != "2.1.0":
        yield "version"
    if not re.search(r"sarif.*2\.1\.0.*\.json$", log.get("$schema", "")):
        yield "$schema"


def a_log_has_one_run_as_runs_of_one_category_are_refused(log: Log) -> Iterator[str]:
    if len(log["runs"]) != 1:
        yield f"{len(log['runs'])} runs"


def the_run_has_a_category(log: Log) -> Iterator[str]:
    if not re.fullmatch(r"[^/]+/", log["runs"][0]["automationDetails"]["id"]):
        yield log["runs"][0]["automationDetails"]["id"]


def the_tool_has_a_name_and_rules(log: Log) -> Iterator[str]:
    driver = log["runs"][0]["tool"]["driver"]
    yield from (key for key in ("name", "version", "rules") if not driver.get(key))


def required_texts_of_rules_are_there_and_not_too_long(log: Log) -> Iterator[str]:
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        texts = [rule["shortDescription"]["text"], rule["fullDescription"]["text"]]
        if not all(0 < len(text) <= 1024 for text in texts) or not 0 < len(rule["name"]) <= 255:
            yield rule["id"]
        if not rule["help"]["text"] or not rule["help"]["markdown"]:
            yield f"{rule['id']}: help"


def rules_have_at_most_ten_tags_as_no_more_are_kept(log: Log) -> Iterator[str]:
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        if not 0 < len(rule["properties"]["tags"]) <= 10:
            yield rule["id"]


def properties_of_rules_have_the_values_that_github_knows(log: Log) -> Iterator[str]:
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        properties = rule["properties"]
        if properties["precision"] not in {"very-high", "high", "medium", "low"}:
            yield f"{rule['id']}: precision"
        if properties["problem.severity"] not in {"error", "warning", "recommendation"}:
            yield f"{rule['id']}: problem.severity"
        if rule["defaultConfiguration"]["level"] not in {"note", "warning", "error"}:
            yield f"{rule['id']}: level"


def only_rules_about_security_have_a_security_severity(log: Log) -> Iterator[str]:
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        score = rule["properties"].get("security-severity")
        if (score is not None) != ("security" in rule["properties"]["tags"]):
            yield rule["id"]
        if score is not None and not (isinstance(score, str) and 0.0 < float(score) <= 10.0):
            yield f"{rule['id']}: {score}"


def results_name_their_rule_both_ways(log: Log) -> Iterator[str]:
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    for result in log["runs"][0]["results"]:
        if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
            yield result["ruleId"]


def results_have_a_message_and_a_level(log: Log) -> Iterator[str]:
    for result in log["runs"][0]["results"]:
        if not result["message"]["text"] or result["level"] not in {"note", "warning", "error"}:
            yield result["ruleId"]


def a_result_has_one_location(log: Log) -> Iterator[str]:
    yield from (result["ruleId"] for result in log["runs"][0]["results"] if len(result["locations"]) != 1)


def regions_have_all_four_numbers_and_end_behind_their_start(log: Log) -> Iterator[str]:
    for place in places(log):
        region = place["region"]
        start = (region["startLine"], region["startColumn"])
        if not (1, 1) <= start <= (region["endLine"], region["endColumn"]):
            yield str(region)


def uris_are_relative_references_that_the_upload_can_decode(log: Log) -> Iterator[str]:
    for place in places(log):
        uri = place["artifactLocation"]["uri"]
        if not re.fullmatch(r"(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+", uri) or uri.startswith("/"):
            yield uri


def results_have_the_fingerprint_that_github_uses(log: Log) -> Iterator[str]:
    for result in log["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        if place["artifactLocation"]["uri"] != PATH:
            continue
        name = result["partialFingerprints"].get("primaryLocationLineHash", "")
        if name != line_hashes(TEXT, TEXT, range(9))[place["region"]["startLine"]]:
            yield f"{result['ruleId']}: {name}"


def related_places_are_linked_in_the_message_by_their_ids(log: Log) -> Iterator[str]:
    """And nothing else is a link: what a file holds may look like one."""
    for result in log["runs"][0]["results"]:
        linked = re.findall(r"(?<!\\)\]\((\d+)\)", result["message"]["text"])
        ids = [str(place["id"]) for place in result.get("relatedLocations", ())]
        if linked != ids:
            yield f"{result['ruleId']}: {linked} {ids}"


def fixes_have_changes_with_replacements(log: Log) -> Iterator[str]:
    for result in log["runs"][0]["results"]:
        for fix in result.get("fixes", ()):
            if not fix["artifactChanges"] or not all(part["replacements"] for part in fix["artifactChanges"]):
                yield result["ruleId"]


def suppressions_are_left_out_as_they_would_become_alerts(log: Log) -> Iterator[str]:
    yield from (result["ruleId"] for result in log["runs"][0]["results"] if "suppressions" in result)


def places(log: Log) -> Iterator[Mapping[str, Any]]:
    for result in log["runs"][0]["results"]:
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            yield location["physicalLocation"]


CHECKS: tuple[Check, ...] = (
    the_log_names_its_version_and_schema,
    a_log_has_one_run_as_runs_of_one_category_are_refused,
    the_run_has_a_category,
    the_tool_has_a_name_and_rules,
    required_texts_of_rules_are_there_and_not_too_long,
    rules_have_at_most_ten_tags_as_no_more_are_kept,
    properties_of_rules_have_the_values_that_github_knows,
    only_rules_about_security_have_a_security_severity,
    results_name_their_rule_both_ways,
    results_have_a_message_and_a_level,
    a_result_has_one_location,
    regions_have_all_four_numbers_and_end_behind_their_start,
    uris_are_relative_references_that_the_upload_can_decode,
    results_have_the_fingerprint_that_github_uses,
    related_places_are_linked_in_the_message_by_their_ids,
    fixes_have_changes_with_replacements,
    suppressions_are_left_out_as_they_would_become_alerts,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_github_takes_the_log(log, check) -> None:
    assert list(check(log)) == []


def test_the_log_is_valid_sarif(log, sarif_schema) -> None:
    jsonschema.Draft4Validator(sarif_schema).validate(log)


def test_what_vllint_could_not_do_is_told(log) -> None:
    [invocation] = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [(note["level"], note["message"]["text"]) for note in invocation["toolExecutionNotifications"]]
    assert told == [
        ("error", "b.yaml: permission denied"),
        ("note", "not checked: gpu: none named (launches: 1)"),
    ]


def test_rules_about_security_are_as_severe_as_the_table_says(log) -> None:
    rules = {rule["id"]: rule["properties"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert rules["SEC003"]["security-severity"] == SECURITY_SEVERITIES["warning"] == "6.0"
    assert rules["TEAM02"]["security-severity"] == SECURITY_SEVERITIES["info"]
    assert "security-severity" not in rules["PAR001"]


def test_a_line_whose_name_is_not_known_has_vllint_s_fingerprint_only(document_of, finding_of) -> None:
    [result] = json.loads(render(document_of(finding_of(TEXT, "8")), {}))["runs"][0]["results"]
    assert result["partialFingerprints"] == {"vllintFinding/v1": "0f" * 16}


def test_of_too_many_results_the_least_severe_are_left_out_and_the_log_can_be_uploaded(
    document_of, finding_of
) -> None:
    infos = [finding_of(TEXT, "8", severity="info")] * (MAX_RESULTS - 1)
    errors = [finding_of(TEXT, "8")] * 2
    text = render(document_of(*infos, *errors), {PATH: TEXT}, RenderOptions(rules=RULES))
    [run] = json.loads(text)["runs"]
    assert len(run["results"]) == MAX_RESULTS == 25_000
    assert [result["level"] for result in run["results"][:3]] == ["error", "error", "note"]
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "1 of the least severe results are left out"
    assert len(gzip.compress(text.encode(), 1)) < 10 * 1024 * 1024


def test_results_keep_their_order_where_none_is_left_out(document_of, finding_of) -> None:
    findings = [finding_of(TEXT, "8", severity=severity) for severity in ("info", "error", "warning")]
    results = json.loads(render(document_of(*findings), {}))["runs"][0]["results"]
    assert [result["level"] for result in results] == ["note", "error", "warning"]


def test_a_result_has_no_more_locations_than_github_shows(document_of, finding_of) -> None:
    related = [(PATH, TEXT, "dp", str(number)) for number in range(1200)]
    [result] = json.loads(render(document_of(finding_of(TEXT, "8", related=related)), {}))["runs"][0][
        "results"
    ]
    assert len(result["relatedLocations"]) + len(result["locations"]) == MAX_RELATED + 1 == 100
    assert "](99)" in result["message"]["text"]
    assert "](100)" not in result["message"]["text"]
