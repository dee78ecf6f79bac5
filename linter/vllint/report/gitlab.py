"""The report as GitLab's code quality takes it, a subset of Code Climate's format.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from vllint.report.formats import DEFAULTS, RenderOptions
from vllint_schemas.report import Place, ReportDocument, ReportedFinding

_SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return a JSON list in ASCII, one finding to a line."""
    lines = ",\n ".join(json.dumps(entry) for entry in _entries(document, options))
    return f"[{lines}]\n"


def _entries(document: ReportDocument, options: RenderOptions) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for finding in document.findings:
        seen[finding.fingerprint] += 1
        again = seen[finding.fingerprint]
        yield {
            # GitLab does not show `check_name`.
            "description": f"{finding.code}: {' '.join(finding.message.splitlines())}",
            "check_name": finding.code,
            "fingerprint": finding.fingerprint if again == 1 else f"{finding.fingerprint}/{again}",
            "severity": _SEVERITIES[finding.severity.value],
            "location": _location(finding, options),
        }


def _location(finding: ReportedFinding, options: RenderOptions) -> dict[str, Any]:
    return {
        "path": options.from_root(finding.path),
        "lines": {"begin": finding.start.line, "end": finding.end.line},
        "positions": {"begin": _position(finding.start), "end": _position(finding.end)},
    }


def _position(place: Place) -> dict[str, int]:
    return {"line": place.line, "column": place.column}
