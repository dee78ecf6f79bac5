"""The report as SARIF 2.1.0, in the shape that GitHub code scanning takes.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what GitHub reads of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from vllint.report.budget_lines import markdown_table
from vllint.report.formats import DEFAULTS, RenderOptions, is_absolute
from vllint.report.lines import Lines
from vllint.report.sarif_rules import LEVELS, descriptor, known_rules
from vllint_schemas.report import (
    Place,
    ReportDocument,
    ReportedEdit,
    ReportedFinding,
    ReportedFix,
    ReportedRelated,
    Unchecked,
)

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
"""GitHub rejects a run with more, and shows the 5,000 most severe."""

MAX_RELATED = 99
"""GitHub rejects a result with more than 1,000 locations and shows 100 of them, the finding's own first."""

_MAX_SNIPPET = 2_000
_LINK_END = re.compile(r"\](?=\(\d+\))")
_ROOT = "%SRCROOT%"

Json = dict[str, Any]


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return a SARIF log of one run in ASCII; columns count UTF-16 units as far as `sources` tells them.

    Results name paths below the repository's root: `options.folder` is put before them.
    """
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(document, sources, options)]}
    return json.dumps(log, allow_nan=False) + "\n"


class _Files(NamedTuple):
    """What places need to know of files: their texts, the lines of those with fixes, where they lie."""

    texts: Mapping[str, str]
    lines: Mapping[str, Lines]
    options: RenderOptions


def _run(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions) -> Json:
    rules = known_rules(document, options.rules)
    index = {rule.code: number for number, rule in enumerate(rules)}
    findings = _most_severe(document.findings)
    edited = {edit.path for finding in findings if finding.fix for edit in finding.fix.edits}
    lines = {path: Lines.of(sources[path]) for path in edited if path in sources}
    files = _Files(sources, lines, options)
    driver = {
        "name": document.tool.name,
        "version": document.tool.version,
        "rules": [descriptor(rule) for rule in rules],
        "properties": {
            "newestVllm": document.tool.newest_vllm,
            "tablesDate": document.tool.tables_date or "not stated",
        },
    }
    left_out = len(document.findings) - len(findings)
    invocation = {
        "executionSuccessful": not options.problems,
        "toolExecutionNotifications": _notifications(document.summary.unchecked, options.problems, left_out),
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{options.category}/"},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [invocation],
        "results": [_result(finding, index[finding.code], files) for finding in findings],
    }


def _most_severe(findings: Sequence[ReportedFinding]) -> Sequence[ReportedFinding]:
    """Return as many findings as GitHub takes; where some are left out, these are the least severe."""
    if len(findings) <= MAX_RESULTS:
        return findings
    return sorted(findings, key=lambda finding: -finding.severity.rank)[:MAX_RESULTS]


def _result(finding: ReportedFinding, rule_index: int, files: _Files) -> Json:
    evidence = finding.evidence
    location = _location(finding.path, finding.start, finding.end, files)
    snippet = files.texts.get(finding.path, "")[finding.start.offset : finding.end.offset]
    if snippet and len(snippet) <= _MAX_SNIPPET:
        location["region"]["snippet"] = {"text": snippet}
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity.value],
        "message": _message(finding),
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": _fingerprints(finding, files.options),
        "properties": {"vllm": evidence.vllm, "source": evidence.source, "stage": evidence.stage},
    }
    if finding.launch is not None:
        result["properties"]["launch"] = finding.launch
    if finding.related:
        result["relatedLocations"] = [
            _related(number, related, files)
            for number, related in enumerate(finding.related[:MAX_RELATED], start=1)
        ]
    if finding.fix is not None and _is_offered(finding.fix, files):
        result["fixes"] = [_fix(finding.fix, files)]
    return result


def _fingerprints(finding: ReportedFinding, options: RenderOptions) -> dict[str, str]:
    """Return GitHub's name for the finding's line, where it is known, and vllint's for the finding."""
    names = {"vllintFinding/v1": finding.fingerprint}
    line = options.line_hashes.get(finding.path, {}).get(finding.start.line)
    return names if line is None else {"primaryLocationLineHash": line, **names}


def _related(number: int, related: ReportedRelated, files: _Files) -> Json:
    return {
        "id": number,
        "physicalLocation": _location(related.path, related.start, related.end, files),
        "message": {"text": related.message},
    }


def _location(path: str, start: Place, end: Place, files: _Files) -> Json:
    return {"artifactLocation": _artifact(path, files), "region": _region(path, start, end, files)}


def _artifact(path: str, files: _Files) -> Json:
    if not is_absolute(path):
        return {"uri": _percent_encoded(files.options.from_root(path)), "uriBaseId": _ROOT}
    if path.startswith("/"):
        return {"uri": f"file://{_percent_encoded(path)}"}
    return {"uri": f"file:///{path[:2]}{_percent_encoded(path[2:])}"}


def _region(path: str, start: Place, end: Place, files: _Files) -> Json:
    text = files.texts.get(path, "")
    return {
        "startLine": start.line,
        "startColumn": _utf16_column(text, start),
        "endLine": end.line,
        "endColumn": _utf16_column(text, end),
    }


def _utf16_column(text: str, place: Place) -> int:
    before = text[place.offset - place.column + 1 : place.offset]
    if before.isascii():
        return place.column
    return place.column + sum(character > "\uffff" for character in before)


def _is_offered(fix: ReportedFix, files: _Files) -> bool:
    """Return whether a viewer may offer the fix: it has edits, in known files, and is not mere advice."""
    if fix.applicability.value == "display" or not fix.edits:
        return False
    return all(edit.path in files.lines for edit in fix.edits)


def _fix(fix: ReportedFix, files: _Files) -> Json:
    by_path: dict[str, list[ReportedEdit]] = {}
    for edit in sorted(fix.edits, key=lambda edit: (edit.path, edit.start, edit.end)):
        by_path.setdefault(edit.path, []).append(edit)
    note = " (changes behaviour or capacity)" if fix.applicability.value == "unsafe" else ""
    changes = [
        {
            "artifactLocation": _artifact(path, files),
            "replacements": [_replacement(edit, files) for edit in edits],
        }
        for path, edits in by_path.items()
    ]
    return {"description": {"text": fix.title + note}, "artifactChanges": changes}


def _replacement(edit: ReportedEdit, files: _Files) -> Json:
    lines = files.lines[edit.path]
    region = _region(edit.path, lines.place(edit.start), lines.place(edit.end), files)
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}


def _message(finding: ReportedFinding) -> Json:
    """Return what the finding says; with the sum of memory it rests on in Markdown, for viewers of that."""
    text = _said(finding)
    table = "\n".join(markdown_table(finding.budget))
    return {"text": text, "markdown": f"{text}\n\n{table}"} if table else {"text": text}


def _said(finding: ReportedFinding) -> str:
    """Return message and help, and links to the related places: GitHub shows only those it finds linked."""
    links = (
        f"[{_escaped(related.message)}]({index})"
        for index, related in enumerate(finding.related[:MAX_RELATED], start=1)
    )
    said = (_LINK_END.sub(r"\\]", text) for text in (finding.message or finding.name, finding.help))
    return "\n".join(part for part in (*said, *links) if part)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _notifications(unchecked: Sequence[Unchecked], problems: Sequence[str], left_out: int) -> list[Json]:
    """Return what the run says beside its results: what failed, is left out, and was not checked."""
    said = [("error", problem) for problem in problems]
    if left_out:
        said.append(("warning", f"{left_out} of the least severe results are left out"))
    numbers = Counter((entry.fact, entry.reason) for entry in unchecked)
    said += [
        ("note", f"not checked: {fact}: {reason} (launches: {number})")
        for (fact, reason), number in numbers.most_common()
    ]
    return [{"level": level, "message": {"text": text}} for level, text in said]


def _percent_encoded(path: str) -> str:
    """Return a URI's path; a colon is encoded too, as it would end a scheme in a relative one."""
    return quote(os.fsencode(path), safe="/@!$&'()*+,;=~")
