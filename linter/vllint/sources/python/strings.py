"""Python's string literals as words: each decoded character knows its place in the file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from vllint_schemas import Run, Span, Word

_OPENING = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_BETWEEN = re.compile(r"(?:[ \t\f\r\n]|\\\r?\n|#[^\n]*\n)*")
_ESCAPE = re.compile(
    r"\\(?:\r?\n|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|.)", re.S
)

Filled = Callable[[str, int], Word]
"""Returns the word of a replacement field, given its expression's text and where that stands."""


def string_word(text: str, path: str, start: int, end: int, value: str | None, filled: Filled) -> Word:
    """Return the word of the literal at `[start, end)`, several side by side included.

    `value` is what Python reads there, `None` for an f-string. Where the map cannot be made, the whole
    literal stands for its value.
    """
    site = Span(path, start, end)
    parts = list(_parts(text, path, start, end, filled))
    word = Word.join(parts, site)
    if value is None or word.text == value:
        return word
    return Word.atomic(value, site)


def _parts(text: str, path: str, position: int, end: int, filled: Filled) -> Iterator[Word]:
    """Yield the pieces of the literals that stand side by side, parentheses around them left out."""
    while position < end:
        opening = _OPENING.match(text, position)
        if opening is None:
            between = _BETWEEN.match(text, position)
            moved = between.end() if between else position
            position = moved if moved > position else position + 1
            continue
        prefix, quote = opening[1].lower(), opening[2]
        body = opening.end()
        stop = _closing(text, body, end, quote)
        if "f" in prefix:
            yield from _formatted(text, path, body, stop, "r" in prefix, filled)
        else:
            yield from _plain(text, path, body, stop, "r" in prefix)
        position = stop + len(quote)


def _closing(text: str, position: int, end: int, quote: str) -> int:
    """Return where the closing quote stands; a backslash hides the character behind it."""
    while position < end:
        if text[position] == "\\":
            position += 2
        elif text.startswith(quote, position):
            return position
        else:
            position += 1
    return end


def _plain(text: str, path: str, position: int, end: int, raw: bool) -> Iterator[Word]:
    while position < end:
        backslash = -1 if raw else text.find("\\", position, end)
        stop = end if backslash < 0 else backslash
        if stop > position:
            yield Word.verbatim(text[position:stop], path, position)
        if backslash < 0:
            return
        escape = _ESCAPE.match(text, backslash, end)
        if escape is None:
            return
        yield _decoded(escape.group(), Span(path, *escape.span()))
        position = escape.end()


def _decoded(escape: str, span: Span) -> Word:
    if escape.endswith("\n"):
        return Word("", (), span)
    try:
        value = ast.literal_eval(f"'{escape}'" if escape != "\\'" else '"\'"')
    except (SyntaxError, ValueError):
        return Word.unknown("the escape is not valid", span)
    return Word(value, (Run.atomic(0, len(value), span),), span)


def _formatted(text: str, path: str, position: int, end: int, raw: bool, filled: Filled) -> Iterator[Word]:
    """Yield the pieces of an f-string: text with doubled braces, and replacement fields."""
    while position < end:
        brace = min((at for at in (text.find("{", position, end), text.find("}", position, end)) if at >= 0),
                    default=end)  # fmt: skip
        if not raw and brace < end:
            # `\\N{DASH}` is an escape.
            named = text.rfind("\\N", position, brace)
            if named == brace - 2 and named >= position:
                close = text.find("}", brace, end)
                brace = end if close < 0 else close + 1
                yield from _plain(text, path, position, brace, raw)
                position = brace
                continue
        yield from _plain(text, path, position, brace, raw)
        if brace >= end:
            return
        if text.startswith((text[brace] * 2), brace):
            yield Word(
                text[brace], (Run.atomic(0, 1, Span(path, brace, brace + 2)),), Span(path, brace, brace + 2)
            )
            position = brace + 2
            continue
        stop = _field_end(text, brace + 1, end)
        yield _field(text, path, brace, stop, filled)
        position = stop + 1


def _field_end(text: str, position: int, end: int) -> int:
    """Return where the brace stands that closes a replacement field."""
    depth, quote = 0, ""
    while position < end:
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "}":
            if depth == 0:
                return position
            depth -= 1
        position += 1
    return end


def _field(text: str, path: str, brace: int, stop: int, filled: Filled) -> Word:
    inside = text[brace + 1 : stop]
    site = Span(path, brace, min(stop + 1, len(text)))
    if re.search(r"[!:=]", inside):
        return Word.unknown(f"`{{{inside[:40]}}}` is formatted when it runs", site)
    word = filled(inside, brace + 1)
    return Word(word.text, word.runs, site, word.holes, word.origin, word.via)
