"""The rules of a SARIF log, within the limits of GitHub code scanning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vllint.report.rules import RuleInfo
from vllint_schemas.report import ReportDocument

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
SECURITY = "security"
"""The tag of rules about security."""

SECURITY_SEVERITIES = {"error": "8.0", "warning": "6.0", "info": "3.0"}
"""What GitHub is told of such rules: it calls 7.0 to 8.9 high, 4.0 to 6.9 medium, less low."""

_PROBLEM_SEVERITIES = {"error": "error", "warning": "warning", "info": "recommendation"}
_NAME_LENGTH = 255
_DESCRIPTION_LENGTH = 1024
_TAGS_SHOWN = 10


def known_rules(document: ReportDocument, rules: Sequence[RuleInfo]) -> tuple[RuleInfo, ...]:
    """Return the rules given, and a short entry for each further rule that has findings."""
    known = {rule.code: rule for rule in rules}
    for finding in document.findings:
        if finding.code not in known:
            severity = finding.severity.value
            summary = finding.name.replace("-", " ")
            known[finding.code] = RuleInfo(
                finding.code, finding.name, summary, summary, severity, finding.url
            )
    return tuple(known.values())


def descriptor(rule: RuleInfo) -> dict[str, Any]:
    """Return a rule's `reportingDescriptor`; texts that GitHub wants are never empty."""
    summary = _cut(rule.summary or rule.name, _DESCRIPTION_LENGTH)
    page = rule.docs_markdown or summary
    entry: dict[str, Any] = {
        "id": rule.code,
        "name": _cut(rule.name, _NAME_LENGTH),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": _properties(rule),
    }
    if rule.url:
        entry["helpUri"] = rule.url
    return entry


def _properties(rule: RuleInfo) -> dict[str, Any]:
    tags = dict.fromkeys(("vllm", rule.code.rstrip("0123456789"), *sorted(rule.tags, key=_security_first)))
    properties: dict[str, Any] = {
        "tags": list(tags)[:_TAGS_SHOWN],
        "precision": "very-high" if rule.severity == "error" else "high",
        "problem.severity": _PROBLEM_SEVERITIES[rule.severity],
    }
    if SECURITY in rule.tags:
        properties["security-severity"] = SECURITY_SEVERITIES[rule.severity]
    return properties


def _security_first(tag: str) -> bool:
    return tag != SECURITY


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
