"""From files to their parts of the report, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from vllint.discover import Candidate
from vllint.neighbours import Neighbours
from vllint.report.document import FileReport

if TYPE_CHECKING:
    from vllint.checking import Checker


class FileReporter:
    """Judges files and keeps what reports say of them; without `launches` these are counted only.

    With `cache`, what an earlier run found is taken where nothing has changed since. Leave the context to
    have the cache written.
    """

    def __init__(self, checker: Checker, launches: bool, cache: bool) -> None:
        self._checker = checker
        self._launches = launches
        self._neighbours = Neighbours()

    def __enter__(self) -> FileReporter:
        """Begin a run."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run."""

    @cached_property
    def _urls(self) -> Mapping[str, str]:
        return self._checker.registry.urls

    def report(self, file: Candidate) -> FileReport:
        """Return a file's part of the report."""
        return self._judged(file)

    def _judged(self, file: Candidate) -> FileReport:
        from vllint.report.file_report import file_report

        judged = self._checker.judge_bytes(file.path, file.raw, self._neighbours.of(file.path))
        return file_report(judged, self._urls, self._launches)
