"""Offsets to lines and columns and back."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.text.lines import LineIndex
from vllint_schemas import Position

texts = st.text(alphabet="ab é𝔘\n\r\x0b\x85\u2028", max_size=30)


@given(texts)
def test_lines_are_those_of_pythons_universal_newlines(text: str) -> None:
    lines = LineIndex(text)
    expected = list(io.StringIO(text, newline=None)) or [""]
    if text.endswith(("\n", "\r")):
        expected.append("")
    assert [lines.line_text(line) for line in range(1, lines.line_count + 1)] == [
        line.rstrip("\n") for line in expected
    ]


@given(texts)
def test_a_position_leads_back_to_its_offset(text: str) -> None:
    lines = LineIndex(text)
    for offset in range(len(text) + 1):
        position = lines.position(offset)
        assert position.offset == offset
        if text[offset - 1 : offset + 1] != "\r\n":
            assert lines.offset_of(position.line, position.column) == offset


@given(texts)
def test_utf16_columns_count_code_units(text: str) -> None:
    lines = LineIndex(text)
    for offset in range(len(text) + 1):
        start = offset - lines.position(offset).column + 1
        assert lines.utf16_column(offset) == len(text[start:offset].encode("utf-16-le")) // 2 + 1


def test_the_three_line_breaks_end_lines() -> None:
    lines = LineIndex("a\nb\r\nc\rd")
    assert [lines.position(at) for at in (0, 2, 5, 7, 8)] == [
        Position(1, 1, 0),
        Position(2, 1, 2),
        Position(3, 1, 5),
        Position(4, 1, 7),
        Position(4, 2, 8),
    ]


def test_a_place_outside_the_text_is_an_error() -> None:
    lines = LineIndex("ab\n")
    for offset in (-1, 4):
        with pytest.raises(ValueError, match="outside a text of 3 characters"):
            lines.position(offset)
    for line, column in ((0, 1), (3, 1), (1, 0), (1, 4)):
        with pytest.raises(ValueError, match="outside"):
            lines.offset_of(line, column)
