"""From files to their parts of the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from vllint.digests import digest
from vllint.discover import Candidate
from vllint.neighbours import Neighbour, Neighbours
from vllint.processes import made_of_each, processes_for
from vllint.report.document import FileReport, pointed_into
from vllint.text.source import SourceText, UndecodableText, decode

if TYPE_CHECKING:
    from vllint.cache import Dependencies, ResultCache
    from vllint.checking import Checker


class _Judged(NamedTuple):
    """A file's part of the report, or what a rule failed with; and what that depends on, for the cache."""

    report: FileReport | str
    dependencies: Dependencies | None


class FileReporter:
    """Judges files and keeps what reports say of them; without `launches` these are counted only.

    With `cached`, what an earlier run found is taken where nothing has changed since. What this run found
    is kept when the context is left.
    """

    def __init__(self, checker: Checker, launches: bool, cached: bool) -> None:
        self._checker = checker
        self._launches = launches
        self._cached = cached and not checker.request.plugins
        self._neighbours = Neighbours()
        self._digests: dict[tuple[int, Path | None], str | None] = {}

    def __enter__(self) -> FileReporter:
        """Begin a run."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run; one that failed, or whose rules did not all load, is not kept."""
        cache = vars(self).get("_cache")
        if error is None and cache is not None and not self._checker.failures:
            cache.write()

    def reports(self, files: Sequence[Candidate], begin: Callable[[str], None]) -> list[FileReport | str]:
        """Return the files' parts of the report, or what a rule failed with.

        `begin` is told of files that are judged; not of all, where several processes do it.
        """
        known = [self._known(file) for file in files]
        new = [file for file, found in zip(files, known, strict=True) if found is None]
        made = made_of_each(new, self._judged, self._processes(new), lambda file: begin(file.path))
        judged = iter(made)
        return [self._kept(next(judged)) if found is None else found for found in known]

    def _processes(self, files: Sequence[Candidate]) -> int:
        """Return how many processes judge these files; the Hub and plug-ins are for one alone."""
        number = processes_for(len(files))
        request, settings = self._checker.request, self._checker.settings
        if number == 1 or request.online or request.plugins:
            return 1
        return 1 if any(settings(file.path).online for file in files) else number

    def _known(self, file: Candidate) -> FileReport | None:
        """Return what an earlier run found in a file, if nothing has changed since."""
        cache = self._cache if self._cached else None
        conditions = None if cache is None else self._conditions(file.path)
        if cache is None or conditions is None:
            return None
        asked = _Asked(self._neighbours.of(file.path))
        known = cache.find(file.path, digest(file.raw), conditions, asked.digest, self._launches)
        if known is None or not known.findings:
            return known
        return known._replace(sources=self._sources(known, file, asked))

    def _judged(self, file: Candidate) -> _Judged:
        from vllint.report.file_report import file_report
        from vllint.rule_run import RuleError

        asked = _Asked(self._neighbours.of(file.path))
        try:
            judged = self._checker.judge_bytes(file.path, file.raw, asked)
        except RuleError as error:
            return _Judged(str(error), None)
        report = file_report(judged, self._urls, self._launches)
        conditions = self._conditions(file.path) if self._cached else None
        if conditions is None:
            return _Judged(report, None)
        from vllint.cache import Dependencies

        return _Judged(report, Dependencies(digest(file.raw), conditions, asked.digests()))

    def _kept(self, judged: _Judged) -> FileReport | str:
        cache = self._cache if self._cached else None
        if cache is not None and judged.dependencies is not None and not isinstance(judged.report, str):
            cache.keep(judged.report, judged.dependencies)
        return judged.report

    @cached_property
    def _urls(self) -> Mapping[str, str]:
        return self._checker.registry.urls

    @cached_property
    def _cache(self) -> ResultCache | None:
        from vllint.cache import open_cache

        return open_cache(os.environ, str(Path.cwd()))

    def _conditions(self, path: str) -> str | None:
        """Return the digest of what a file is judged by; `None` if it cannot be told from settings."""
        settings, lock = self._checker.settings(path), self._checker.lock(path)
        key = (id(settings), lock)
        if key not in self._digests:
            from vllint.cache import conditions_digest

            self._digests[key] = conditions_digest(self._checker.request, settings, lock)
        return self._digests[key]

    def _sources(self, known: FileReport, file: Candidate, asked: _Asked) -> Mapping[str, str]:
        """Return the texts that findings from the cache point into."""
        try:
            own = [decode(file.path, file.raw)]
        except UndecodableText:
            # The finding says so, and has no line to show.
            return {}
        others = [*(self._checker.request.env_files or ()), *asked.texts()]
        return pointed_into(known.findings, {source.path: source.text for source in (*own, *others)})


class _Asked:
    """A reader of neighbours that knows which of them it was asked for."""

    def __init__(self, neighbour: Neighbour) -> None:
        self._neighbour = neighbour
        self._found: dict[str, SourceText | None] = {}

    def __call__(self, name: str) -> SourceText | None:
        found = self._found[name] = self._neighbour(name)
        return found

    def digest(self, name: str) -> str | None:
        """Return the digest of a neighbour's text, `None` if there is none."""
        found = self(name)
        return None if found is None else digest(found.text.encode("utf-8", "surrogatepass"))

    def digests(self) -> dict[str, str | None]:
        """Return the digests of all neighbours that were asked for."""
        return {name: self.digest(name) for name in self._found}

    def texts(self) -> list[SourceText]:
        """Return the neighbours that are there."""
        return [found for found in self._found.values() if found is not None]
