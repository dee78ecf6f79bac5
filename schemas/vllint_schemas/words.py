"""Decoded text of which every character knows the source it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar, dataclass_transform

from vllint_schemas.known import Origin
from vllint_schemas.position import Span

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _value(cls: type[T]) -> type[T]:
    """Make a slotted dataclass that type checkers hold to be frozen.

    Freezing it at run time would triple what making one takes, and every file takes dozens.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


class Run(NamedTuple):
    """Characters `[start, start + length)` of a decoded text and the source they came from.

    A run whose source is as long as itself is verbatim: character by character the same text. Any
    other run is atomic, as the one character that the two of an escape `\\n` stand for.
    """

    start: int
    length: int
    source: Span

    @property
    def verbatim(self) -> bool:
        """Whether each decoded character is its source character."""
        return self.source.end - self.source.start == self.length

    @classmethod
    def atomic(cls, start: int, length: int, source: Span) -> Run:
        """Return the run of `length` characters that as a whole came from `source`.

        A source as long as the run would be taken for the same text, so it is narrowed to its beginning.
        """
        if source.end - source.start == length:
            source = Span(source.path, source.start, source.start)
        return cls(start, length, source)


class Hole(NamedTuple):
    """An unknown text of unknown length at offset `at` of a decoded text, written at `source`.

    `splits` says that it may stand for any number of words, none included, as an unquoted `$ARGS`.
    """

    at: int
    reason: str
    source: Span
    splits: bool = False


class SlotKind(StrEnum):
    """How a word is written among its neighbours, which decides how words are added and removed."""

    SHELL = "shell"
    """Parted by blanks, in a script or in a command string."""
    BLOCK_ITEM = "block item"
    """An item of a YAML block sequence."""
    FLOW_ITEM = "flow item"
    """An item of a YAML flow sequence or a JSON array."""
    KEYWORD = "keyword"
    """The value of a keyword argument in a Python call."""
    FIELD = "field"
    """A key or value of a mapping that the platform turns into options."""


class Slot(NamedTuple):
    """The place a word occupies, quotes and list dash included."""

    kind: SlotKind
    extent: Span
    quote: str = ""


@_value
class Word:
    """One argument, variable value or scalar, decoded, with the map back to its source.

    `site` is where the word stands; its characters may come from elsewhere (`runs`), when it names a
    variable. `slot` is set for words that can be added to, replaced and removed in place.
    """

    text: str
    runs: tuple[Run, ...]
    site: Span
    holes: tuple[Hole, ...] = ()
    origin: Origin = Origin.LITERAL
    via: tuple[Span, ...] = ()
    slot: Slot | None = field(default=None, compare=False)

    @classmethod
    def verbatim(cls, text: str, path: str, start: int, slot: Slot | None = None) -> Word:
        """Return the word that stands in the source exactly as it reads."""
        span = Span(path, start, start + len(text))
        return cls(text, (Run(0, len(text), span),) if text else (), span, slot=slot)

    @classmethod
    def atomic(cls, text: str, site: Span, origin: Origin = Origin.LITERAL) -> Word:
        """Return a word that as a whole stands for the source at `site`."""
        return cls(text, (Run.atomic(0, len(text), site),) if text else (), site, origin=origin)

    @classmethod
    def unknown(cls, reason: str, site: Span, splits: bool = False) -> Word:
        """Return a word of which nothing is known."""
        return cls("", (), site, (Hole(0, reason, site, splits),))

    @classmethod
    def join(cls, parts: Iterable[Word], site: Span) -> Word:
        """Return the concatenation of `parts` as one word standing at `site`."""
        text = ""
        runs: list[Run] = []
        holes: list[Hole] = []
        via: list[Span] = []
        origin = Origin.LITERAL
        for part in parts:
            shift = len(text)
            for run in part.runs:
                _append_run(runs, Run(run.start + shift, run.length, run.source))
            holes.extend(Hole(hole.at + shift, *hole[1:]) for hole in part.holes)
            via.extend(place for place in part.via if place not in via)
            if part.origin is not Origin.LITERAL:
                origin = part.origin
            text += part.text
        return cls(text, tuple(runs), site, tuple(holes), origin, tuple(via))

    @property
    def is_known(self) -> bool:
        """Whether the whole text is known."""
        return not self.holes

    @property
    def splits(self) -> bool:
        """Whether the word may stand for any number of words."""
        return any(hole.splits for hole in self.holes)

    @property
    def reason(self) -> str:
        """Why the text is not wholly known; empty when it is."""
        return self.holes[0].reason if self.holes else ""

    @property
    def text_span(self) -> Span | None:
        """The one place of a file that reads exactly as this text does, if there is one."""
        if len(self.runs) != 1 or self.holes:
            return None
        _, length, source = self.runs[0]
        _, start, end = source
        return source if end - start == length == len(self.text) else None

    @property
    def span(self) -> Span:
        """Where to point: at the text itself if it stands in one place, else at the word's site."""
        return self.text_span or self.site

    def slice(self, start: int, end: int | None = None) -> Word:
        """Return the part `[start, end)` of the text; its site is as exact as the map allows."""
        stop = len(self.text) if end is None else end
        whole = self.text_span
        if whole is not None and 0 <= start < stop <= len(self.text):
            path, first, _ = whole
            # What `Span(...)` and `Run(...)` do, without their detours through Python: files take dozens.
            part = tuple.__new__(Span, (path, first + start, first + stop))
            runs_of_part = (tuple.__new__(Run, (0, stop - start, part)),)
            site = part if self.site.holds(part) else self.site
            return Word(self.text[start:stop], runs_of_part, site, (), self.origin, self.via)
        return self._slice(start, stop)

    def _slice(self, start: int, stop: int) -> Word:
        runs: list[Run] = []
        for run in self.runs:
            low, high = max(run.start, start), min(run.start + run.length, stop)
            if low >= high:
                continue
            if run.verbatim:
                shift = run.source.start - run.start
                source = Span(run.source.path, low + shift, high + shift)
                runs.append(Run(low - start, high - low, source))
            else:
                runs.append(Run.atomic(low - start, high - low, run.source))
        last = stop == len(self.text)
        holes = tuple(
            Hole(hole.at - start, *hole[1:])
            for hole in self.holes
            if start <= hole.at and (hole.at < stop or (last and hole.at == stop))
        )
        site = self._part_site(runs, holes)
        return Word(self.text[start:stop], tuple(runs), site, holes, self.origin, self.via)

    def _part_site(self, runs: list[Run], holes: tuple[Hole, ...]) -> Span:
        sources = [run.source for run in runs] + [hole.source for hole in holes]
        if not sources or not all(self.site.holds(source) for source in sources):
            return self.site
        return Span(
            self.site.path, min(source.start for source in sources), max(source.end for source in sources)
        )


def _append_run(runs: list[Run], run: Run) -> None:
    """Append `run`, merging it into the last one where both are verbatim and stand side by side."""
    if runs:
        last = runs[-1]
        if (
            last.verbatim
            and run.verbatim
            and last.source.path == run.source.path
            and last.source.end == run.source.start
            and last.start + last.length == run.start
        ):
            source = Span(last.source.path, last.source.start, run.source.end)
            runs[-1] = Run(last.start, last.length + run.length, source)
            return
    runs.append(run)
