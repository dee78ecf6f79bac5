"""Checking paths and commands: what needs files, settings and installed rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from vllint import __version__
from vllint.discover import Candidate, PassedOver, Reason, Unreadable, discover
from vllint.settings import Settings, SettingsError, unknown_selectors
from vllint.settings_search import LockSearch, SettingsSearch, relative_to_root
from vllint.text.source import SourceText, UndecodableText, decode
from vllint_schemas import Severity

if TYPE_CHECKING:
    from vllint.conditions import Conditions
    from vllint.engine import Judged
    from vllint.facts import LaunchFacts
    from vllint.models.hub import Hub
    from vllint.neighbours import Neighbour
    from vllint.registry import Registry
    from vllint.report.document import RunReport
    from vllint.rule_index import AnyRule
    from vllint_schemas import Finding
    from vllint_schemas.report import ReportDocument


T = TypeVar("T")

COMMAND_PATH = "<command>"
"""The path that places in a command given as text are reported under."""


class Request(NamedTuple):
    """What to check with, beyond the paths.

    `settings` given means that no settings file is looked for. `select` replaces what settings say,
    `ignore` and `exclude` add to it. `gpu` is `CARD`, `CARD:N` or `CARD@48GiB:N`. `online` asks the Hub for
    models that nothing else knows, and `told` hears of each before; `locked` takes facts from the lock file
    of models in the repository. Without `heeds_comments`, comments silence nothing.
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
    online: bool = False
    locked: bool = True
    heeds_comments: bool = True
    told: Callable[[str | None], None] | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Report:
    """What came of a run.

    `problems` are what vllint itself could not do; `thresholds` the severity from which on a file's
    findings fail the run.
    """

    judged: tuple[Judged, ...]
    registry: Registry[AnyRule]
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
        return self.parts(launches=False).fails(fail_on)

    def parts(self, launches: bool = True) -> RunReport:
        """Return what is said of each file; without `launches` these are counted only."""
        from vllint.report.document import RunReport, told_once
        from vllint.report.file_report import file_report

        urls = self.registry.urls
        files = tuple(file_report(one, urls, launches) for one in self.judged)
        return RunReport(told_once(files), _unread(self.passed_over), self.problems, self.thresholds or {})

    def document(self) -> ReportDocument:
        """Return the report as the JSON contract has it."""
        return self.parts().document(__version__)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON report as plain dicts and lists."""
        from vllint_schemas.report import to_dict

        return to_dict(self.document())


class _Found(NamedTuple):
    """What there is below some paths; `problems` tell what cannot be read."""

    files: list[Candidate]
    passed_over: list[PassedOver]
    problems: list[str]


class Checker:
    """Checks files under one request, loading rules and reading settings once.

    Its methods raise SettingsError and StatementError for settings and statements that cannot be used.
    `watch` is told the path of each file before it is judged, and `None` after the last. `unread` are the
    files that were named and are none that is read, each with the reason.
    """

    def __init__(
        self,
        request: Request = Request(),  # noqa: B008 - immutable
        watch: Callable[[str | None], None] | None = None,
    ) -> None:
        self.request = request
        self._watch = watch
        self._search = SettingsSearch(__version__)
        self._locks = LockSearch()
        self.unread: list[str] = []
        self._overridden: dict[tuple[str, tuple[int, ...]], Settings] = {}
        self._conditions: dict[tuple[int, Path | None], Conditions] = {}

    @cached_property
    def registry(self) -> Registry[AnyRule]:
        """The rules; they are listed when the first file is judged."""
        from vllint.registry import list_rules

        return list_rules(self.request.plugins)

    @cached_property
    def hub(self) -> Hub:
        """The Hub as this run asks it; raises StatementError where `--online` lacks the client."""
        from vllint.models.hub import Hub

        return Hub(self.request.online, self.request.told)

    @property
    def failures(self) -> tuple[str, ...]:
        """What kept rules from loading, if they were asked for."""
        return self.registry.failures if "registry" in vars(self) else ()

    def check(self, paths: Sequence[str]) -> Report:
        """Check files and folders."""
        with self._watched():
            found = self._found(paths)
            made = [self._judged_or_failed(file) for file in found.files]
        judged = tuple(one for one in made if not isinstance(one, str))
        problems = (*found.problems, *(one for one in made if isinstance(one, str)))
        return Report(judged, self.registry, tuple(found.passed_over), problems, self._thresholds(found))

    def run_report(self, paths: Sequence[str], *, launches: bool = True, cache: bool = False) -> RunReport:
        """Check files and folders, keeping of each file only what reports say of it.

        Without `launches` these are counted only. With `cache`, files that an earlier run judged under
        the same conditions are not judged again.
        """
        from vllint.report.document import RunReport, told_once
        from vllint.reporting import FileReporter

        with self._watched(), FileReporter(self, launches, cache) as reporter:
            found = self._found(paths)
            made = reporter.reports(found.files, self._begin)
        reports = [one for one in made if not isinstance(one, str)]
        problems = (*found.problems, *(one for one in made if isinstance(one, str)))
        return RunReport(told_once(reports), _unread(found.passed_over), problems, self._thresholds(found))

    def _found(self, paths: Sequence[str]) -> _Found:
        found = _Found([], [], [])
        for one in self.discover(paths):
            if isinstance(one, Candidate):
                found.files.append(one)
                continue
            self._begin(one.path)
            if isinstance(one, Unreadable):
                found.problems.append(f"{one.path}: {one.reason}")
                continue
            found.passed_over.append(one)
            if one.explicit:
                self.unread.append(f"{one.path}: passed over: {one.reason}")
        return found

    def _judged_or_failed(self, file: Candidate) -> Judged | str:
        """Judge a file; a rule that fails keeps no other file from being checked."""
        from vllint.rule_run import RuleError

        self._begin(file.path)
        try:
            return self.judge_bytes(file.path, file.raw)
        except RuleError as error:
            return str(error)

    def _thresholds(self, found: _Found) -> dict[str, Severity]:
        return {file.path: self.settings(file.path).fail_on for file in found.files}

    def _begin(self, path: str) -> None:
        if self._watch is not None:
            self._watch(path)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self._watch is not None:
                self._watch(None)

    def discover(self, paths: Sequence[str]) -> Iterator[Candidate | PassedOver | Unreadable]:
        """Yield what becomes of each file at or below `paths`, settings' exclusions applied."""
        request = self.request
        for found in discover(paths, exclude=request.exclude, force_exclude=request.force_exclude):
            if isinstance(found, Candidate) and (request.force_exclude or not found.explicit):
                settings = self.settings(found.path)
                if settings.exclude and settings.excludes(relative_to_root(found.path, settings)):
                    yield PassedOver(found.path, Reason.EXCLUDED)
                    continue
            yield found

    def judge_bytes(self, path: str, raw: bytes, neighbour: Neighbour | None = None) -> Judged:
        """Judge a file's content; bytes that are no text are a finding like other unreadable content.

        `neighbour` reads the files beside it in place of the disk.
        """
        from vllint.engine import judge_source, judge_unreadable
        from vllint.neighbours import neighbour_of
        from vllint_schemas import SourceProblem, Span

        settings, assumptions = self.conditions(path)
        try:
            source = decode(path, raw)
        except UndecodableText as error:
            message = f"the file cannot be read: {error.reason} at byte {error.offset}"
            problem = SourceProblem("not_parsed", message, Span(path, 0, 0))
            return judge_unreadable(problem, self.registry.rules, settings)
        beside = neighbour or neighbour_of(path, {})
        return judge_source(source, beside, self.registry.rules, settings, assumptions)

    def judge(self, source: SourceText, neighbours: Mapping[str, str] | None = None) -> Judged:
        """Judge one file; `neighbours` are texts to take in place of the files of these paths."""
        from vllint.engine import judge_source
        from vllint.neighbours import neighbour_of

        settings, assumptions = self.conditions(source.path)
        neighbour = neighbour_of(source.path, neighbours or {})
        return judge_source(source, neighbour, self.registry.rules, settings, assumptions)

    def check_command(self, text: str) -> Report:
        """Check a command given as text, under the settings of the working directory."""
        judged = self._judge_command(text, {})
        return Report(
            (judged,), self.registry, thresholds={COMMAND_PATH: self.settings(COMMAND_PATH).fail_on}
        )

    def judge_again(self, judged: Judged, texts: Mapping[str, str]) -> Judged:
        """Judge what was judged before with these texts in place of those that were read."""
        if judged.path == COMMAND_PATH:
            return self._judge_command(texts[COMMAND_PATH], texts)
        return self.judge(SourceText(judged.path, texts[judged.path]), texts)

    def _judge_command(self, text: str, texts: Mapping[str, str]) -> Judged:
        from vllint.engine import judge_command
        from vllint.neighbours import neighbour_of
        from vllint_schemas import Word

        settings, assumptions = self.conditions(COMMAND_PATH)
        word, neighbour = Word.verbatim(text, COMMAND_PATH, 0), neighbour_of(COMMAND_PATH, texts)
        return judge_command(word, (), neighbour, self.registry.rules, settings, assumptions)

    def settings(self, path: str) -> Settings:
        """Return a file's settings with the overrides for it, before the request's own selection."""
        base = self.request.settings or self._search.of_folder(_folder(path))
        if not base.overrides:
            return base
        overrides = base.overrides_for(relative_to_root(path, base))
        known = self._overridden.get((base.source, overrides))
        if known is None:
            known = self._overridden[base.source, overrides] = base.overridden(overrides)
        return known

    def conditions(self, path: str) -> Conditions:
        """Return what a file is judged by: its settings, then the request."""
        from vllint.conditions import Conditions, assumptions_of

        stated, lock = self.settings(path), self.lock(path)
        known = self._conditions.get((id(stated), lock))
        if known is None:
            settings = self._requested(stated)
            hub = self.hub if self.request.online or settings.online else None
            known = Conditions(settings, assumptions_of(self.request, settings, lock, hub))
            self._conditions[id(stated), lock] = known
        return known

    def lock(self, path: str) -> Path | None:
        """Return the lock file of models that holds for a file."""
        return self._locks.of_folder(_folder(path)) if self.request.locked else None

    def _requested(self, settings: Settings) -> Settings:
        """Apply the request's own selection, and reject selectors that mean no rule."""
        request = self.request
        select = settings.select if request.select is None else request.select
        ignore = settings.ignore + request.ignore
        preview = settings.preview or request.preview
        names = [(rule.code, rule.name) for rule in self.registry.rules]
        unknown = unknown_selectors((*(select or ()), *ignore, *settings.severity), names)
        if unknown:
            asked = unknown[0] in (*(request.select or ()), *request.ignore)
            where = "the command line" if asked or not settings.source else settings.source
            raise SettingsError(f"{where}: there is no rule `{unknown[0]}`")
        return settings._replace(select=select, ignore=ignore, preview=preview)

    def still_reads(self, path: str, old: str, new: str) -> bool:
        """Whether a changed file holds the same launches as before and no new problem."""
        from vllint.neighbours import neighbour_of
        from vllint.sources.readers import read_command, read_source
        from vllint_schemas import Word

        neighbour, env_files = neighbour_of(path, {}), self.request.env_files
        if path == COMMAND_PATH:
            commands = (read_command(Word.verbatim(text, path, 0), (), neighbour) for text in (old, new))
            return next(commands).same_launches(next(commands))
        before = read_source(SourceText(path, old), neighbour, env_files)
        return before.same_launches(read_source(SourceText(path, new), neighbour, env_files))


def _folder(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return folder or slash


def _unread(passed_over: Sequence[PassedOver]) -> int:
    """Return how many files were read and found not to mention vLLM."""
    return sum(1 for over in passed_over if over.reason is Reason.NO_MARKER)


def check_paths(paths: Sequence[str | os.PathLike[str]], settings: Settings | None = None) -> Report:
    """Check files and folders and return the report.

    Without `settings`, each file's nearest settings file counts. Raises SettingsError for settings that
    cannot be used; paths that cannot be read are among the report's `problems`.
    """
    return Checker(Request(settings=settings)).check([os.fspath(path) for path in paths])
