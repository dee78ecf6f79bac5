"""Findings that are known and accepted: a run with a baseline reports the others only.

The file is JSON, one finding to a line, so that it reads well in a change. It holds no line numbers: a
finding is known by its fingerprint, which stays when lines move.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vllint.discover import displayed
from vllint.redact import redacted_prose
from vllint.report.document import FileReport, RunReport
from vllint.settings import SettingsError
from vllint_schemas.report import ReportedFinding

VERSION = 1


class Entry(NamedTuple):
    """A finding of a baseline; all but the fingerprint are there for people."""

    path: str
    code: str
    launch: str | None
    message: str
    fingerprint: str


class Compared(NamedTuple):
    """A run without the findings of a baseline: how many these are, and how many no longer occur."""

    report: RunReport
    known: int
    gone: int


def entries_of(report: RunReport) -> tuple[Entry, ...]:
    """Return a run's findings as a baseline holds them, sorted; secrets are masked."""
    found = (finding for file in report.files for finding in file.findings)
    return tuple(sorted(map(_entry, found), key=lambda entry: (*entry[:2], entry.launch or "", *entry[3:])))


def compare(report: RunReport, entries: Sequence[Entry], is_checked: Callable[[str], bool]) -> Compared:
    """Take the findings of a baseline out of a run.

    An entry no longer occurs only if `is_checked` says that its file was looked at.
    """
    waiting = Counter(entry.fingerprint for entry in entries)
    files = tuple([_without(file, waiting) for file in report.files])
    unmet = waiting.total()
    gone = 0
    for entry in entries:
        if waiting[entry.fingerprint]:
            waiting[entry.fingerprint] -= 1
            gone += is_checked(entry.path)
    return Compared(report._replace(files=files), len(entries) - unmet, gone)


def was_checked(report: RunReport, paths: Sequence[str]) -> Callable[[str], bool]:
    """Return a test for paths of entries: whether a check of `paths` would have found something there."""
    here = Path.cwd().as_posix()
    shown = [displayed(path, here) for path in paths if Path(path).is_dir()]
    folders = tuple("" if path == "." else f"{path.rstrip('/')}/" for path in shown)
    judged = {file.path for file in report.files}
    return lambda path: path in judged or path.startswith(folders) or not Path(path).exists()


def read_baseline(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a file; raises SettingsError for one that cannot be read as a baseline."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: the baseline cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: the baseline is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise SettingsError(f"{path}: not a baseline: it has no list `findings`")
    if document.get("version") != VERSION:
        raise SettingsError(f"{path}: `version` is {document.get('version')!r}, this vllint reads {VERSION}")
    return tuple(_read(number, found, path) for number, found in enumerate(document["findings"], start=1))


def write_baseline(path: Path, entries: Sequence[Entry]) -> None:
    """Write a baseline; readers see the old file or the new one. Raises OSError."""
    lines = ",".join(f"\n {json.dumps(entry._asdict())}" for entry in entries)
    text = f'{{"version": {VERSION}, "findings": [{lines}\n]}}\n'
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        temporary.write_bytes(text.encode("ascii"))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _entry(finding: ReportedFinding) -> Entry:
    message = redacted_prose(" ".join(finding.message.split()))
    return Entry(finding.path, finding.code, finding.launch, message, finding.fingerprint)


def _without(file: FileReport, waiting: Counter[str]) -> FileReport:
    kept: list[ReportedFinding] = []
    for finding in file.findings:
        if waiting[finding.fingerprint]:
            waiting[finding.fingerprint] -= 1
        else:
            kept.append(finding)
    return file if len(kept) == len(file.findings) else file._replace(findings=tuple(kept))


def _read(number: int, found: Any, path: Path) -> Entry:
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: finding {number} is not an object")
    for name in ("path", "code", "message", "fingerprint"):
        if not isinstance(found.get(name), str):
            raise SettingsError(f"{path}: finding {number} has no text `{name}`")
    launch = found.get("launch")
    if launch is not None and not isinstance(launch, str):
        raise SettingsError(f"{path}: finding {number}: `launch` is neither a text nor null")
    return Entry(found["path"], found["code"], launch, found["message"], found["fingerprint"])
