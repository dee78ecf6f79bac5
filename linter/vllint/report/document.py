"""The report document, assembled from the parts of the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from vllint.vllm.releases import releases, tables_date
from vllint_schemas import Applicability, Severity, Span, report


class FileReport(NamedTuple):
    """A file's part of the report; `launches` is `None` where they were counted only.

    `sources` are the texts of the files that its findings point into, `hidden` the places of secrets in them
    that only what was read of the launches tells.
    """

    path: str
    launch_count: int
    launches: tuple[report.ReportedLaunch, ...] | None
    findings: tuple[report.ReportedFinding, ...]
    unchecked: tuple[report.Unchecked, ...]
    sources: Mapping[str, str]
    hidden: tuple[Span, ...] = ()


class RunReport(NamedTuple):
    """What a run has to say, file by file.

    `passed_over` counts the files that were read and do not mention vLLM. `problems` are what vllint
    itself could not do; `thresholds` the severity from which on a file's findings fail the run.
    """

    files: tuple[FileReport, ...]
    passed_over: int
    problems: tuple[str, ...]
    thresholds: Mapping[str, Severity]

    @property
    def sources(self) -> Mapping[str, str]:
        """The texts of the files that findings point into."""
        return {path: text for one in self.files for path, text in one.sources.items()}

    @property
    def shown_sources(self) -> Mapping[str, str]:
        """The texts of the files that findings point into, secrets masked."""
        from vllint.redact import redacted

        hidden = self.hidden
        return {path: redacted(text, hidden.get(path, ())) for path, text in self.sources.items()}

    @property
    def hidden(self) -> Mapping[str, Sequence[Span]]:
        """The places of secrets by file, as far as the launches tell them."""
        places: dict[str, list[Span]] = {}
        for place in {place for one in self.files for place in one.hidden}:
            places.setdefault(place.path, []).append(place)
        return places

    def fails(self, fail_on: Severity | None = None) -> bool:
        """Whether a finding is as severe as `fail_on`, or as its file's settings say."""
        return any(True for _ in self.failing(fail_on))

    def failing(self, fail_on: Severity | None = None) -> Iterator[report.ReportedFinding]:
        """Yield the findings that are as severe as `fail_on`, or as their file's settings say."""
        for one in self.files:
            least = (fail_on or self.thresholds.get(one.path, Severity.WARNING)).rank
            yield from (finding for finding in one.findings if finding.severity.rank >= least)

    def document(self, version: str) -> report.ReportDocument:
        """Return the report as the JSON contract has it; `version` is vllint's own."""
        launches = tuple(launch for one in self.files for launch in one.launches or ())
        findings = tuple(finding for one in self.files for finding in one.findings)
        tool = report.ReportedTool("vllint", version, releases()[-1], tables_date())
        summary = _summary(self.files, findings, len(self.files) + self.passed_over)
        return report.ReportDocument(1, tool, summary, launches, findings)


def told_once(files: Sequence[FileReport]) -> tuple[FileReport, ...]:
    """Return the files without findings that another file tells of the same place.

    A script that a service starts is judged with it, and by itself. What is worse counts, then what is
    known of the service.
    """
    tellers: dict[_Sight, tuple[int, bool, str]] = {}
    for one in files:
        for found in one.findings:
            teller = (found.severity.rank, found.path != one.path, one.path)
            tellers[_sight(found)] = max(teller, tellers.get(_sight(found), teller))
    return tuple(
        one._replace(findings=tuple(found for found in one.findings if tellers[_sight(found)][2] == one.path))
        for one in files
    )


_Sight: TypeAlias = tuple[str, str, int, int]


def _sight(found: report.ReportedFinding) -> _Sight:
    return found.code, found.path, found.start.offset, found.end.offset


def pointed_into(findings: Iterable[report.ReportedFinding], sources: Mapping[str, str]) -> Mapping[str, str]:
    """Return those of the texts in `sources` that findings or their fixes have places in."""
    paths: set[str] = set()
    for found in findings:
        paths.add(found.path)
        paths.update([related.path for related in found.related])
        paths.update([edit.path for edit in found.fix.edits] if found.fix else ())
    return {path: text for path, text in sources.items() if path in paths}


def _summary(
    files: Sequence[FileReport], findings: Sequence[report.ReportedFinding], number: int
) -> report.ReportSummary:
    severities = Counter(found.severity for found in findings)
    fixes = Counter(found.fix.applicability for found in findings if found.fix and found.fix.edits)
    return report.ReportSummary(
        files=number,
        files_with_launches=sum(one.launch_count > 0 for one in files),
        launches=sum(one.launch_count for one in files),
        errors=severities[Severity.ERROR],
        warnings=severities[Severity.WARNING],
        infos=severities[Severity.INFO],
        fixable=report.Fixable(fixes[Applicability.SAFE], fixes[Applicability.UNSAFE]),
        unchecked=tuple(item for one in files for item in one.unchecked),
    )
