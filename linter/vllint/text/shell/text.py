"""A script's text as the shell parser reads it: no holes, each character's source at hand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace

from vllint_schemas import Hole, Origin, Run, Span, Word

GAP = "\ue000"
"""The character that stands for an unknown stretch; only the offsets in `ShellText.gaps` are gaps."""


class ShellText:
    """The text of a `Word` in which each hole became one character that belongs to a word."""

    __slots__ = ("_runs", "_shift", "_starts", "gaps", "in_place", "text", "word")

    def __init__(self, word: Word) -> None:
        self.word = word
        self.text = word.text
        self.gaps: dict[int, Hole] = {}
        self._runs = word.runs
        if word.holes:
            self._fill(word)
        self._starts = [run.start for run in self._runs]
        whole = self._runs[0] if len(self._runs) == 1 else None
        is_plain = whole is not None and whole.verbatim and whole.length == len(self.text)
        self._shift = whole.source.start if whole is not None and is_plain else None
        site = word.site
        self.in_place = all(site.holds(run.source) for run in self._runs)

    def _fill(self, word: Word) -> None:
        """Put a gap character at each hole and move the runs along."""
        pieces: list[str] = []
        runs: list[Run] = []
        last = 0
        for count, hole in enumerate(word.holes):
            pieces += [word.text[last : hole.at], GAP]
            runs.extend(_shifted(word.slice(last, hole.at).runs, last + count))
            runs.append(Run(hole.at + count, 1, hole.source))
            self.gaps[hole.at + count] = hole
            last = hole.at
        pieces.append(word.text[last:])
        runs.extend(_shifted(word.slice(last).runs, last + len(word.holes)))
        self.text = "".join(pieces)
        self._runs = tuple(runs)

    def place(self, start: int, end: int) -> Span:
        """Return where `[start, end)` stands in the file; the whole script's site if not more is known."""
        site = self.word.site
        if self._shift is not None and self.in_place:
            return Span(site.path, start + self._shift, end + self._shift)
        runs = self._runs[max(bisect_right(self._starts, start) - 1, 0) : bisect_left(self._starts, end)]
        if start == end:
            runs = self._runs[max(bisect_right(self._starts, start) - 1, 0) :][:1]
        sources = [_part(run, start, end) for run in runs]
        if not sources or not all(site.holds(source) for source in sources):
            return site
        return Span(site.path, min(s.start for s in sources), max(s.end for s in sources))

    def piece(self, start: int, end: int) -> Word:
        """Return the text `[start, end)` as a word, its gaps as holes again."""
        if self.gaps and any(start <= gap < end for gap in self.gaps):
            return self._piece_with_gaps(start, end)
        place = self.place(start, end)
        word = self.word
        if self._shift is not None and self.in_place and end > start:
            runs = (Run(0, end - start, place),)
            return Word(self.text[start:end], runs, place, (), word.origin, word.via)
        return Word(self.text[start:end], self._runs_of(start, end), place, (), word.origin, word.via)

    def _runs_of(self, start: int, end: int) -> tuple[Run, ...]:
        low = max(bisect_right(self._starts, start) - 1, 0)
        runs = []
        for run in self._runs[low : bisect_left(self._starts, end)]:
            left, right = max(run.start, start), min(run.start + run.length, end)
            if left < right:
                runs.append(Run(left - start, right - left, _part(run, start, end)))
        return tuple(runs)

    def _piece_with_gaps(self, start: int, end: int) -> Word:
        parts = []
        last = start
        for gap in [gap for gap in self.gaps if start <= gap < end]:
            hole = self.gaps[gap]
            parts += [self.piece(last, gap), Word.unknown(hole.reason, hole.source, hole.splits)]
            last = gap + 1
        parts.append(self.piece(last, end))
        return Word.join(parts, self.place(start, end))

    def shown(self, start: int, end: int) -> str:
        """Return the text `[start, end)` short enough for a message."""
        text = " ".join(self.text[start : min(end, start + 80)].replace(GAP, "...").split())
        return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}...`"


def standing_for(text: str, place: Span, origin: Origin = Origin.LITERAL, via: tuple[Span, ...] = ()) -> Word:
    """Return a word that as a whole stands for the source at `place`.

    A run as long as its source would count as verbatim, so such a text is made of two runs.
    """
    if len(text) > 1 and len(text) == len(place):
        runs: tuple[Run, ...] = (Run(0, 1, place), Run(1, len(text) - 1, place))
    else:
        runs = (Run(0, len(text), place),) if text else ()
    return Word(text, runs, place, (), origin, via)


def with_splits(word: Word, splits: bool) -> Word:
    """Return `word` with holes that do, or do not, stand for any number of words."""
    if all(hole.splits == splits for hole in word.holes):
        return word
    return replace(word, holes=tuple(hole._replace(splits=splits) for hole in word.holes))


def _part(run: Run, start: int, end: int) -> Span:
    """Return the source of the characters of `run` that lie in `[start, end)`."""
    if not run.verbatim:
        return run.source
    shift = run.source.start - run.start
    low = min(max(run.start, start), run.start + run.length)
    return Span(run.source.path, low + shift, max(min(run.start + run.length, end), low) + shift)


def _shifted(runs: tuple[Run, ...], by: int) -> list[Run]:
    return [Run(run.start + by, run.length, run.source) for run in runs]
