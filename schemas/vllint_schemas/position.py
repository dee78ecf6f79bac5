"""Where things stand in files."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A half-open stretch of a file's decoded text.

    `start` and `end` count code points from 0; a byte order mark is not part of the text.
    """

    path: str
    start: int
    end: int

    def __len__(self) -> int:
        """Return the number of code points covered."""
        return self.end - self.start

    def holds(self, other: Span) -> bool:
        """Whether `other` lies within, in the same file."""
        path, start, end = self
        other_path, other_start, other_end = other
        return path == other_path and start <= other_start and other_end <= end

    def cover(self, other: Span) -> Span:
        """Return the smallest span that holds both; spans of different files leave `self` as it is."""
        if other.path != self.path:
            return self
        return Span(self.path, min(self.start, other.start), max(self.end, other.end))


class Position(NamedTuple):
    """A place for people: `line` and `column` count from 1, `offset` from 0, all in code points."""

    line: int
    column: int
    offset: int
