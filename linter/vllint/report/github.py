"""The report as GitHub workflow commands: annotations in a run's log and in the pull request's files.

How the runner reads them: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from vllint.report.cells import visible
from vllint.report.closing import found
from vllint.report.formats import DEFAULTS, RenderOptions
from vllint_schemas.report import ReportDocument, ReportedFinding

SHOWN = 10
"""GitHub shows as many annotations of a step for errors, for warnings and for notices."""

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return `::error file=...,line=...::message` lines, errors first, and what was found in numbers."""
    ordered = sorted(document.findings, key=lambda finding: -finding.severity.rank)
    lines = [_command(finding, options) for finding in ordered]
    return "\n".join((*lines, *_closing(document))) + "\n"


def _command(finding: ReportedFinding, options: RenderOptions) -> str:
    """Return the command of one finding; the runner takes columns only within one line."""
    properties: dict[str, object] = {
        "title": f"{finding.code} {finding.name}",
        "file": options.from_root(finding.path),
        "line": finding.start.line,
        "endLine": finding.end.line,
    }
    if finding.start.line == finding.end.line:
        properties |= {"col": finding.start.column, "endColumn": finding.end.column}
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    message = "\n".join(part for part in (finding.message, _help(finding)) if part)
    return f"::{_COMMANDS[finding.severity.value]} {written}::{_data(message)}"


def _help(finding: ReportedFinding) -> str:
    return f"help: {finding.help}" if finding.help else ""


def _closing(document: ReportDocument) -> Iterator[str]:
    """Yield the numbers, and that not all can be seen as annotations."""
    yield visible(found(document.summary))
    numbers = Counter(finding.severity for finding in document.findings)
    if any(number > SHOWN for number in numbers.values()):
        yield f"GitHub shows the first {SHOWN} errors, warnings and notices of a step; all are in this log."


def _data(text: str) -> str:
    """Return a text as the runner takes it after `::`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Return a text as the runner takes it in a command's list of properties."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
