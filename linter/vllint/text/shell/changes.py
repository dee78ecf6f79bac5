"""`${name##pattern}`, `${name%pattern}`, `${name/pattern/text}`, `${name^^}` and `${name:start:length}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from vllint.text.shell.arithmetic import NotComputedError, compute
from vllint.text.shell.patterns import glob_expression
from vllint.text.shell.syntax import Fixed, Literal, Parameter, Part
from vllint_schemas import Word

if TYPE_CHECKING:
    from vllint.text.shell.text import ShellText

LONGEST_CHANGED = 2_000
"""Characters of a value beyond which it is not changed."""

_INTEGER = re.compile(r"\s*-?\s*\d+\s*|\s*")

Resolve = Callable[[tuple[Part, ...]], Word]
"""Expands parts to one word."""


def pattern_of(
    source: ShellText, parts: tuple[Part, ...], resolve: Resolve, quoted: bool = False
) -> str | None:
    """Return the regular expression of a pattern's parts, None if it is not known.

    `quoted` says that the pattern stands within double quotes, which its own characters do not feel.
    """
    pieces: list[tuple[str, bool]] = []
    for part in parts:
        if quoted and re.compile(r"[\"'\\]").search(source.text, part.start, part.end):
            return None
        if isinstance(part, Literal):
            pieces.append((source.text[part.start : part.end], part.quoted and not quoted))
        elif isinstance(part, Fixed):
            pieces.append((part.text, True))
        else:
            word = resolve((part,))
            if not word.is_known:
                return None
            pieces.append((word.text, part.quoted and not quoted))
    return glob_expression(pieces)


def changed(word: Word, part: Parameter, source: ShellText, resolve: Resolve) -> Word | None:
    """Return the known `word` as the operator in `part` changes it; None where that is not evaluated."""
    if len(word.text) > LONGEST_CHANGED:
        return None
    change = part.change
    if change[0] in "#%":
        expression = pattern_of(source, part.operand, resolve, part.quoted)
        return None if expression is None else _trimmed(word, change, expression)
    if change[0] == "/":
        return _replaced(word, part, source, resolve)
    if change[0] in "^,":
        return _recased(word, change) if not part.operand else None
    bounds = slice_bounds(part, resolve)
    return None if bounds is None else _cut(word, *bounds)


def _trimmed(word: Word, change: str, expression: str) -> Word:
    """Return `word` without the shortest, or by a doubled operator the longest, match at one end."""
    pattern = re.compile(expression, re.DOTALL)
    length = len(word.text)
    sizes = range(length, -1, -1) if len(change) == 2 else range(length + 1)
    for size in sizes:
        if change[0] == "#" and pattern.fullmatch(word.text, 0, size):
            return word.slice(size)
        if change[0] == "%" and pattern.fullmatch(word.text, length - size):
            return word.slice(0, length - size)
    return word


def _replaced(word: Word, part: Parameter, source: ShellText, resolve: Resolve) -> Word | None:
    pattern_parts, text_parts = _halves(part.operand, source)
    expression = pattern_of(source, pattern_parts, resolve, part.quoted)
    text = resolve(text_parts)
    if not expression or not text.is_known or "&" in text.text:
        return None
    anchored = {"/#": rf"\A(?:{expression})", "/%": rf"(?:{expression})\Z"}
    pattern = re.compile(anchored.get(part.change, expression), re.DOTALL)
    pieces: list[Word] = []
    last = 0
    for match in pattern.finditer(word.text):
        if match.start() == match.end():
            return None
        pieces += [word.slice(last, match.start()), text]
        last = match.end()
        if part.change != "//":
            break
    return Word.join([*pieces, word.slice(last)], word.site) if pieces else word


def _halves(parts: tuple[Part, ...], source: ShellText) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Part an operand at its first `/`."""
    for index, part in enumerate(parts):
        slash = source.text.find("/", part.start, part.end) if isinstance(part, Literal) else -1
        if slash >= 0 and isinstance(part, Literal):
            before = (part._replace(end=slash),) if slash > part.start else ()
            behind = (part._replace(start=slash + 1),) if slash + 1 < part.end else ()
            return (*parts[:index], *before), (*behind, *parts[index + 1 :])
    return parts, ()


def _recased(word: Word, change: str) -> Word | None:
    if not word.text.isascii():
        return None
    end = len(word.text) if len(change) == 2 else 1
    pieces: list[Word] = []
    for at, character in enumerate(word.text):
        other = character.upper() if change[0] == "^" else character.lower()
        piece = word.slice(at, at + 1)
        keeps = at >= end or other == character
        pieces.append(piece if keeps else Word.atomic(other, piece.site, word.origin))
    return Word.join(pieces, word.site)


def slice_bounds(part: Parameter, resolve: Resolve) -> tuple[int, int | None] | None:
    """Return the start and the length in `${name:start:length}`."""
    operand = resolve(part.operand)
    first, colon, second = operand.text.partition(":")
    if not operand.is_known or not _INTEGER.fullmatch(first) or not _INTEGER.fullmatch(second):
        return None
    try:
        start = compute(first, lambda name: 0)
        return start, compute(second, lambda name: 0) if colon else None
    except NotComputedError:
        return None


def _cut(word: Word, start: int, length: int | None) -> Word | None:
    size = len(word.text)
    start = size + start if start < 0 else start
    if not 0 <= start <= size:
        return word.slice(0, 0)
    end = size if length is None else start + length if length >= 0 else size + length
    return word.slice(start, min(end, size)) if end >= start else None
