"""Checking paths and commands: what needs files, settings and installed rules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vllint import __version__
from vllint.discover import Candidate, PassedOver, Reason, Unreadable, discover
from vllint.engine import Assumptions, Judged, judge_command, judge_source, judge_unreadable
from vllint.facts import LaunchFacts
from vllint.hardware.resolve import Machine, stated_machine
from vllint.models.resolve import ModelSources
from vllint.neighbours import neighbour_of
from vllint.registry import Registry, load_rules
from vllint.settings import Settings, SettingsError, unknown_selectors
from vllint.settings_search import SettingsSearch, relative_to_root, stated_models
from vllint.sources.readers import read_source
from vllint.text.source import SourceText, UndecodableText, decode
from vllint.vllm.version import stated_version
from vllint_schemas import Finding, Located, Origin, Severity, SourceProblem, Span, Word

if TYPE_CHECKING:
    from vllint_schemas.report import ReportDocument


COMMAND_PATH = "<command>"
"""The path that places in a command given as text are reported under."""


class Request(NamedTuple):
    """What to check with, beyond the paths.

    `settings` given means that no settings file is looked for. `select` replaces what settings say,
    `ignore` and `exclude` add to it. `gpu` is `CARD`, `CARD:N` or `CARD@48GiB:N`.
    """

    settings: Settings | None = None
    gpu: str | None = None
    vllm_version: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    preview: bool = False
    force_exclude: bool = False
    env_files: tuple[SourceText, ...] | None = None
    plugins: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run.

    `problems` are what vllint itself could not do; `thresholds` the severity from which on a file's
    findings fail the run.
    """

    judged: tuple[Judged, ...]
    registry: Registry
    passed_over: tuple[PassedOver, ...] = ()
    problems: tuple[str, ...] = ()
    thresholds: Mapping[str, Severity] | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, file by file."""
        return tuple(finding for one in self.judged for finding in one.findings)

    @property
    def launches(self) -> tuple[LaunchFacts, ...]:
        """All launches with their facts."""
        return tuple(facts for one in self.judged for facts in one.launches)

    @property
    def sources(self) -> Mapping[str, str]:
        """The texts of the files that findings may point into."""
        return {path: text for one in self.judged for path, text in one.sources.items()}

    def fails(self, fail_on: Severity | None = None) -> bool:
        """Whether a finding is as severe as `fail_on`, or as its file's settings say."""
        thresholds = self.thresholds or {}
        return any(
            finding.severity.rank >= (fail_on or thresholds.get(one.path, Severity.WARNING)).rank
            for one in self.judged
            for finding in one.findings
        )

    def document(self) -> ReportDocument:
        """Return the report as the JSON contract has it."""
        from vllint.report.document import build_document

        unread = sum(1 for over in self.passed_over if over.reason is Reason.NO_MARKER)
        urls = {rule.code: rule.url for rule in self.registry.rules}
        return build_document(self.judged, len(self.judged) + unread, __version__, urls)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON report as plain dicts and lists."""
        from vllint_schemas.report import to_dict

        return to_dict(self.document())


class Conditions(NamedTuple):
    """The settings and the assumptions that a file is judged by."""

    settings: Settings
    assumptions: Assumptions


class Checker:
    """Checks files under one request, loading rules and reading settings once.

    Its methods raise SettingsError and StatementError for settings and statements that cannot be used.
    """

    def __init__(self, request: Request = Request()) -> None:  # noqa: B008 - immutable
        self.request = request
        self.registry = load_rules(request.plugins)
        self._search = SettingsSearch(__version__)
        self._conditions: dict[tuple[str, tuple[int, ...]], Conditions] = {}

    def check(self, paths: Sequence[str]) -> Report:
        """Check files and folders."""
        judged: list[Judged] = []
        passed_over: list[PassedOver] = []
        problems: list[str] = []
        thresholds: dict[str, Severity] = {}
        for found in self.discover(paths):
            if isinstance(found, PassedOver):
                passed_over.append(found)
                continue
            if isinstance(found, Unreadable):
                problems.append(f"{found.path}: {found.reason}")
                continue
            judged.append(self.judge_bytes(found.path, found.raw))
            thresholds[found.path] = self.conditions(found.path).settings.fail_on
        return Report(tuple(judged), self.registry, tuple(passed_over), tuple(problems), thresholds)

    def discover(self, paths: Sequence[str]) -> Iterator[Candidate | PassedOver | Unreadable]:
        """Yield what becomes of each file at or below `paths`, settings' exclusions applied."""
        request = self.request
        for found in discover(paths, exclude=request.exclude, force_exclude=request.force_exclude):
            if isinstance(found, Candidate) and (request.force_exclude or not found.explicit):
                settings = self.conditions(found.path).settings
                if settings.excludes(relative_to_root(found.path, settings)):
                    yield PassedOver(found.path, Reason.EXCLUDED)
                    continue
            yield found

    def judge_bytes(self, path: str, raw: bytes) -> Judged:
        """Judge a file's content; bytes that are no text are a finding like other unreadable content."""
        try:
            return self.judge(decode(path, raw))
        except UndecodableText as error:
            message = f"the file cannot be read: {error.reason} at byte {error.offset}"
            problem = SourceProblem("not_parsed", message, Span(path, 0, 0))
            return judge_unreadable(problem, self.registry.rules, self.conditions(path).settings)

    def judge(self, source: SourceText, neighbours: Mapping[str, str] | None = None) -> Judged:
        """Judge one file; `neighbours` are texts to take in place of the files of these paths."""
        settings, assumptions = self.conditions(source.path)
        neighbour = neighbour_of(source.path, neighbours or {})
        return judge_source(source, neighbour, self.registry.rules, settings, assumptions)

    def check_command(self, text: str) -> Report:
        """Check a command given as text, under the settings of the working directory."""
        settings, assumptions = self.conditions(COMMAND_PATH)
        word = Word.verbatim(text, COMMAND_PATH, 0)
        judged = judge_command(
            word, (), neighbour_of(COMMAND_PATH, {}), self.registry.rules, settings, assumptions
        )
        return Report((judged,), self.registry, thresholds={COMMAND_PATH: settings.fail_on})

    def conditions(self, path: str) -> Conditions:
        """Return what a file is judged by: its settings file, its overrides, then the request."""
        base = self.request.settings or self._search.of_folder(Path(path).parent)
        overrides = base.overrides_for(relative_to_root(path, base)) if base.overrides else ()
        key = (base.source, overrides)
        known = self._conditions.get(key)
        if known is None:
            settings = self._requested(base.overridden(overrides))
            known = self._conditions[key] = Conditions(settings, _assumptions(self.request, settings))
        return known

    def _requested(self, settings: Settings) -> Settings:
        """Apply the request's own selection, and reject selectors that mean no rule."""
        request = self.request
        select = settings.select if request.select is None else request.select
        ignore = settings.ignore + request.ignore
        preview = settings.preview or request.preview
        names = [(rule.code, rule.name) for rule in self.registry.rules]
        unknown = unknown_selectors((*(select or ()), *ignore, *settings.severity), names)
        if unknown:
            where = settings.source or "the command line"
            raise SettingsError(f"{where}: there is no rule `{unknown[0]}`")
        return replace(settings, select=select, ignore=ignore, preview=preview)

    def still_reads(self, path: str, old: str, new: str) -> bool:
        """Whether a changed file holds the same launches as before and no new problem."""
        neighbour, env_files = neighbour_of(path, {}), self.request.env_files
        before = read_source(SourceText(path, old), neighbour, env_files)
        return before.same_launches(read_source(SourceText(path, new), neighbour, env_files))


def _assumptions(request: Request, settings: Settings) -> Assumptions:
    machines: list[Machine] = []
    versions: list[Located[str]] = []
    if request.gpu is not None:
        machines.append(stated_machine(request.gpu, Origin.COMMAND_LINE, "--gpu"))
    if settings.gpu is not None:
        machines.append(stated_machine(settings.gpu, Origin.SETTINGS, f"{settings.source}: gpu"))
    if request.vllm_version is not None:
        versions.append(stated_version(request.vllm_version, Origin.COMMAND_LINE, "--vllm-version"))
    if settings.vllm_version is not None:
        where = f"{settings.source}: vllm-version"
        versions.append(stated_version(settings.vllm_version, Origin.SETTINGS, where))
    models = ModelSources(by_id=stated_models(settings)) if settings.models else ModelSources()
    return Assumptions(tuple(machines), tuple(versions), models, request.env_files)


def check_paths(paths: Sequence[str | os.PathLike[str]], settings: Settings | None = None) -> Report:
    """Check files and folders and return the report.

    Without `settings`, each file's nearest settings file counts. Raises SettingsError for settings that
    cannot be used; paths that cannot be read are among the report's `problems`.
    """
    return Checker(Request(settings=settings)).check([os.fspath(path) for path in paths])
