"""From offsets of a decoded text to the files its characters came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from vllint_schemas.position import Span
from vllint_schemas.words import Hole, Run, Word


class SourceMap:
    """The map of a word's text, for many look-ups in it.

    `shift` is what an offset of the text lies before its source, when the whole text stands in one
    place of a file as it reads; else `None`.
    """

    __slots__ = ("_path", "_starts", "shift", "word")

    def __init__(self, word: Word) -> None:
        self.word = word
        self._path = word.site.path
        self.shift = _shift(word)
        self._starts = () if self.shift is not None else tuple(run.start for run in word.runs)

    @property
    def path(self) -> str:
        """Return the file the word stands in."""
        return self.word.site.path

    def span(self, start: int, end: int) -> Span:
        """Return the smallest source stretch of `[start, end)`, in the word's own file if any of it is there.

        The word's site where it comes from several other places.
        """
        shift = self.shift
        if shift is not None:
            # What `Span(...)` does, without its detour through Python: most of a file's spans are made here.
            return tuple.__new__(Span, (self._path, start + shift, end + shift))
        if start >= end:
            return self._between(start)
        sources = [run.source for run in self.runs(start, end)]
        sources += [hole.source for hole in self.holes(start, end)]
        site = self.word.site
        held = [source for source in sources if site.holds(source)]
        if not held and len({source.path for source in sources}) == 1 and sources[0].path != site.path:
            held = sources
        if not held:
            return site
        return Span(held[0].path, min(source.start for source in held), max(source.end for source in held))

    def runs(self, start: int, end: int) -> tuple[Run, ...]:
        """Return the runs of `[start, end)`, counted from `start`."""
        if self.shift is not None:
            source = Span(self.word.site.path, start + self.shift, end + self.shift)
            return (Run(0, end - start, source),) if start < end else ()
        runs: list[Run] = []
        every = self.word.runs
        for index in range(max(bisect_right(self._starts, start) - 1, 0), len(every)):
            run = every[index]
            if run.start >= end:
                break
            low, high = max(run.start, start), min(run.start + run.length, end)
            if low < high:
                runs.append(_part(run, low, high, start))
        return tuple(runs)

    def holes(self, start: int, end: int) -> tuple[Hole, ...]:
        """Return the holes in `[start, end]`, counted from `start`."""
        return tuple(Hole(hole.at - start, *hole[1:]) for hole in self.word.holes if start <= hole.at <= end)

    def is_verbatim(self, start: int, end: int) -> bool:
        """Whether `[start, end)` stands in one place of a file as it reads."""
        if self.shift is not None:
            return True
        runs = self.runs(start, end)
        return len(runs) == 1 and runs[0].verbatim and not self.holes(start, end)

    def through(self, runs: Iterable[Run]) -> tuple[Run, ...]:
        """Return `runs`, whose sources are offsets of this text, with their sources in files."""
        shift = self.shift
        if shift is not None:
            path = self.word.site.path
            return tuple(
                Run(start, length, Span(path, source.start + shift, source.end + shift))
                for start, length, source in runs
            )
        mapped: list[Run] = []
        for run in runs:
            low, high = run.source.start, run.source.end
            if run.verbatim:
                mapped.extend(Run(run.start + part.start, *part[1:]) for part in self.runs(low, high))
            else:
                mapped.append(Run.atomic(run.start, run.length, self.span(low, high)))
        return tuple(mapped)

    def _between(self, offset: int) -> Span:
        before = self.span(offset - 1, offset) if offset > 0 else None
        if before is not None and before != self.word.site:
            return Span(before.path, before.end, before.end)
        after = self.span(offset, offset + 1) if offset < len(self.word.text) else None
        if after is not None and after != self.word.site:
            return Span(after.path, after.start, after.start)
        return self.word.site


def _shift(word: Word) -> int | None:
    if word.holes:
        return None
    if not word.text:
        return word.site.start
    source = word.text_span
    return source.start if source is not None and source.path == word.site.path else None


def _part(run: Run, low: int, high: int, start: int) -> Run:
    if run.verbatim:
        shift = run.source.start - run.start
        return Run(low - start, high - low, Span(run.source.path, low + shift, high + shift))
    return Run.atomic(low - start, high - low, run.source)
