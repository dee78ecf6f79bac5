"""Offsets of a text to lines and columns and back."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from vllint_schemas.position import Position

_LINE_BREAK = r"\r\n?|\n"


def line_extents(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each line starts and ends, without its line feed and the carriage return before that."""
    position = 0
    for line in text.split("\n"):
        yield position, position + len(line.rstrip("\r"))
        position += len(line) + 1


def line_starts(text: str) -> tuple[int, ...]:
    """Return the offsets at which the lines of a text begin."""
    if "\r" in text:
        return (0, *[match.end() for match in re.finditer(_LINE_BREAK, text)])
    return (0, *accumulate([len(line) + 1 for line in text.split("\n")[:-1]]))


class LineIndex:
    """Where the lines of a text begin; `\\n`, `\\r\\n` and `\\r` end lines.

    Lines and columns count from 1, columns in code points; offsets count code points from 0.
    """

    __slots__ = ("_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = line_starts(text)

    @property
    def line_count(self) -> int:
        """Return the number of lines; a text that ends in a line break has an empty last one."""
        return len(self._starts)

    def position(self, offset: int) -> Position:
        """Return the place of `offset`, which may be the text's end; `ValueError` outside the text."""
        if not 0 <= offset <= len(self.text):
            raise ValueError(f"offset {offset} is outside a text of {len(self.text)} characters")
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1, offset)

    def line_text(self, line: int) -> str:
        """Return the text of a line without its line break; `ValueError` for a line that is not there."""
        start = self._start(line)
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def offset_of(self, line: int, column: int) -> int:
        """Return the offset of a place; the column after a line's last character is one.

        Raises `ValueError` for a place that is not there.
        """
        width = len(self.line_text(line))
        if not 1 <= column <= width + 1:
            raise ValueError(f"line {line} has {width} characters, column {column} is outside")
        return self._start(line) + column - 1

    def utf16_column(self, offset: int) -> int:
        """Return the column of `offset` counted from 1 in UTF-16 code units, as SARIF and editors do."""
        position = self.position(offset)
        before = self.text[offset - position.column + 1 : offset]
        if before.isascii():
            return position.column
        return position.column + sum(character > "\uffff" for character in before)

    def _start(self, line: int) -> int:
        if not 1 <= line <= len(self._starts):
            raise ValueError(f"line {line} is outside a text of {len(self._starts)} lines")
        return self._starts[line - 1]
