"""Which source characters each decoded character of one YAML or JSON scalar came from.

The reading follows libyaml's scanner (YAML 1.1), whose decoded value is the test of each map.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeAlias

from yaml.scanner import Scanner

from vllint_schemas.position import Span
from vllint_schemas.words import Run

_BREAK = r"(?:\r\n|[\n\r\x85\u2028\u2029])"
_TEXT = r"[^\n\r\x85\u2028\u2029]*+"
_BLANKS_AND_BREAKS = rf"[ \t]++(?:{_BREAK}[ \t]*+)*+|(?:{_BREAK}[ \t]*+)++"
_HEX = "[0-9A-Fa-f]"
_CODES = rf"x{_HEX}{{2}}|u{_HEX}{{4}}|U{_HEX}{{8}}"
_PATTERNS = {
    "break": _BREAK,
    "plain": _BLANKS_AND_BREAKS,
    "'": rf"''|{_BLANKS_AND_BREAKS}",
    '"': rf"\\(?:{_CODES}|(?:{_BREAK}[ \t]*+)++|.)|{_BLANKS_AND_BREAKS}",
    "json": rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|\\u{_HEX}{{4}}|\\.",
    "header": rf"[|>]([-+0-9]*){_TEXT}{_BREAK}?",
    "line": rf"({_TEXT})({_BREAK}?)",
}
_KEPT_BREAKS = "\u2028\u2029"
_BREAKS = "\n\r\x85\u2028\u2029"
_ESCAPES: dict[str, str] = Scanner.ESCAPE_REPLACEMENTS


_Piece: TypeAlias = tuple[int, int, str | None]
"""Source `[start, end)` and what it reads as; `None` for itself."""


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return a compiled pattern: few runs need any, and compiling costs more than importing."""
    return re.compile(_PATTERNS[name])


def scalar_runs(
    source: str, path: str, start: int, end: int, style: str, value: str
) -> tuple[Run, ...] | None:
    """Return the map of the YAML scalar at `source[start:end]`, anchors and tags left out.

    `style` is `""` for plain, or the scalar's first character; `value` is what PyYAML decoded.
    Returns `None` if the text does not read as `value`.
    """
    margin = 1 if style in ("'", '"') else 0
    if source[start + margin : end - margin] == value:
        return _assemble(source, path, ((start + margin, end - margin, None),), value)
    if style in ("|", ">"):
        return _assemble(source, path, _block_pieces(source, start, end, value), value)
    pieces = _flow_pieces(source, start + margin, end - margin, _pattern(style or "plain"))
    return _assemble(source, path, pieces, value)


def json_string_runs(source: str, path: str, start: int, end: int) -> tuple[str, tuple[Run, ...]] | None:
    """Return the value and the map of the JSON string at `source[start:end]`, quotes included.

    Returns `None` if it holds an escape that JSON does not know or half a surrogate pair.
    """
    pieces = list(_json_pieces(source, start + 1, end - 1))
    value = "".join(source[low:high] if text is None else text for low, high, text in pieces)
    if any(text is not None and not _is_character(text) for _, _, text in pieces):
        return None
    runs = _assemble(source, path, pieces, value)
    return None if runs is None else (value, runs)


def _assemble(source: str, path: str, pieces: Iterable[_Piece], value: str) -> tuple[Run, ...] | None:
    """Return the runs of `pieces`, neighbours joined, or `None` if they do not read as `value`."""
    runs: list[Run] = []
    at = begin = stop = 0
    for start, end, text in pieces:
        decoded = source[start:end] if text is None else text
        if not value.startswith(decoded, at):
            return None
        if begin < stop and not (text is None and start == stop):
            runs.append(Run(at - (stop - begin), stop - begin, Span(path, begin, stop)))
            begin = stop = 0
        if text is not None:
            if text:
                runs.append(Run.atomic(at, len(text), Span(path, start, end)))
        else:
            begin, stop = (begin if begin < stop else start), end
        at += len(decoded)
    if begin < stop:
        runs.append(Run(at - (stop - begin), stop - begin, Span(path, begin, stop)))
    return tuple(runs) if at == len(value) else None


def _flow_pieces(source: str, start: int, end: int, pattern: re.Pattern[str]) -> Iterator[_Piece]:
    """Yield the pieces of a plain or quoted scalar without its quotes."""
    at = start
    for match in pattern.finditer(source, start, end):
        low, high = match.span()
        yield at, low, None
        at = high
        lead = source[low]
        if lead == "'":
            yield low, high, "'"
        elif lead == "\\" and source[low + 1] not in _BREAKS:
            yield low, high, _escaped(source[low:high])
        else:
            yield from _folded(source, low, high)
    yield at, end, None


def _folded(source: str, start: int, end: int) -> Iterator[_Piece]:
    """Yield what blanks and line breaks within a plain or quoted scalar read as."""
    breaks = [match.span() for match in _pattern("break").finditer(source, start, end)]
    if not breaks:
        yield start, end, None
        return
    first, *more = breaks
    if source[start] == "\\":
        pass
    elif source[first[0]] in _KEPT_BREAKS:
        yield *first, None
    elif not more:
        yield start, end, " "
    for low, high in more:
        yield _line_break(source, low, high)


def _line_break(source: str, start: int, end: int) -> _Piece:
    verbatim = source[start:end] in ("\n", *_KEPT_BREAKS, "")
    return start, end, None if verbatim else "\n"


def _escaped(escape: str) -> str | None:
    """Return what an escape sequence of a double-quoted YAML scalar stands for."""
    if len(escape) > 2:
        code = int(escape[2:], 16)
        return chr(code) if code <= 0x10FFFF else None
    return _ESCAPES.get(escape[1])


def _json_pieces(source: str, start: int, end: int) -> Iterator[_Piece]:
    at = start
    for match in _pattern("json").finditer(source, start, end):
        low, high = match.span()
        yield at, low, None
        at = high
        yield low, high, _json_escaped(source[low:high])
    yield at, end, None


def _json_escaped(escape: str) -> str:
    """Return what an escape sequence of a JSON string stands for; a lone surrogate if unknown."""
    if len(escape) == 12:
        high, low = int(escape[2:6], 16), int(escape[8:], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if len(escape) == 6:
        return chr(int(escape[2:], 16))
    return _ESCAPES[escape[1]] if escape[1] in '"\\/bfnrt' else "\ud800"


def _is_character(text: str) -> bool:
    return not "\ud800" <= text <= "\udfff"


def _block_pieces(source: str, start: int, end: int, value: str) -> Iterator[_Piece]:
    """Yield the pieces of a literal or folded block scalar, its header included in the stretch."""
    header = _pattern("header").match(source, start, end)
    if header is None:
        return
    chomping = header[1]
    lines = [
        match.span(1) + match.span(2)[1:] for match in _pattern("line").finditer(source, header.end(), end)
    ]
    indent = _block_indent(source, lines, value)
    folds = source[start] == ">"
    break_before: _Piece | None = None
    blank_lines: list[_Piece] = []
    was_blank_led = False
    for low, content_end, high in lines:
        low = _after_indent(source, low, content_end, indent)
        if low == content_end:
            blank_lines.append(_line_break(source, content_end, high))
            continue
        blank_led = source[low] in " \t"
        if break_before is not None:
            folds_here = folds and not was_blank_led and not blank_led
            yield from _block_break(source, break_before, folds_here, bool(blank_lines), low)
        yield from blank_lines
        yield low, content_end, None
        break_before, blank_lines, was_blank_led = _line_break(source, content_end, high), [], blank_led
    if "-" not in chomping and break_before is not None:
        yield break_before
    if "+" in chomping:
        yield from blank_lines


def _block_break(
    source: str, line_break: _Piece, folds: bool, blank_lines: bool, next_line: int
) -> Iterator[_Piece]:
    """Yield what the break between two lines with text reads as."""
    if not folds or source[line_break[0]] in _KEPT_BREAKS:
        yield line_break
    elif not blank_lines:
        yield line_break[0], next_line, " "


def _after_indent(source: str, start: int, end: int, indent: int) -> int:
    stop = min(start + indent, end)
    while start < stop and source[start] == " ":
        start += 1
    return start


def _block_indent(source: str, lines: list[tuple[int, int, int]], value: str) -> int:
    """Return the columns of indentation: how much deeper the first text stands in the source.

    Blank lines before it read as one line break each, so its line is known from the value.
    """
    text = value.lstrip("\n" + _KEPT_BREAKS)
    first = len(value) - len(text)
    if not text or first >= len(lines):
        return max((end - start for start, end, _ in lines), default=0)
    start, end, _ = lines[first]
    written = end - start - len(source[start:end].lstrip(" "))
    return written - (len(text) - len(text.lstrip(" ")))
