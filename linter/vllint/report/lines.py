"""Lines of a text, for places that are given by offset."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from vllint.text.lines import line_starts
from vllint_schemas.report import Place


class Lines(NamedTuple):
    """A text and the offsets at which its lines start."""

    text: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Lines:
        """Return the lines of `text`, which end at `\\n`, `\\r\\n` or `\\r`."""
        return cls(text, line_starts(text))

    def number(self, offset: int) -> int:
        """Return the number, from 1, of the line that `offset` is on."""
        return bisect_right(self.starts, offset)

    def start(self, number: int) -> int:
        """Return the offset at which line `number` starts."""
        return self.starts[number - 1]

    def end(self, number: int) -> int:
        """Return the offset at which line `number` ends, its line break not counted."""
        if number == len(self.starts):
            return len(self.text)
        end = self.starts[number]
        return end - 2 if self.text[end - 2 : end] == "\r\n" else end - 1

    def place(self, offset: int) -> Place:
        """Return the place at `offset`."""
        number = self.number(offset)
        return Place(number, offset - self.start(number) + 1, offset)
