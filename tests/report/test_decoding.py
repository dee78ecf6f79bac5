from __future__ import annotations

import json
from pathlib import Path

from vllint import Settings, check_paths
from vllint.report.decoding import finding_of as decoded_finding
from vllint.report.decoding import launch_of as decoded_launch
from vllint_schemas.report import to_dict

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_launches_and_findings_come_back_from_json_as_they_were() -> None:
    document = check_paths([EXAMPLES], Settings()).document()
    assert document.launches
    assert document.findings
    for launch in document.launches:
        plain = to_dict(launch)
        assert to_dict(decoded_launch(json.loads(json.dumps(plain)))) == plain
    for finding in document.findings:
        plain = to_dict(finding)
        assert to_dict(decoded_finding(json.loads(json.dumps(plain)))) == plain


def test_a_launch_of_which_nothing_is_known_comes_back(launches) -> None:
    for launch in launches.values():
        assert to_dict(decoded_launch(to_dict(launch))) == to_dict(launch)


def test_severity_and_applicability_come_back_as_what_renderers_ask(finding_of) -> None:
    finding = finding_of("a: 8\n", "8", replacement="4", applicability="safe", related=[("b", "x", "x", "y")])
    back = decoded_finding(to_dict(finding))
    assert (back.severity, back.fix.applicability) == (finding.severity, finding.fix.applicability)
    assert type(back.severity) is type(finding.severity)
