"""The scalars of a TOML document with their places, checked against Python's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from vllint_schemas import Run, Span, Word

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}#\r\n]+")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[ \t]*\r?\n[ \t\r\n]*|.)", re.S)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_QUOTES = ('"""', "'''", '"', "'")
_MAX_DEPTH = 40


class TomlError(ValueError):
    """A document that is not TOML, or that this scanner reads otherwise than Python does."""


class _Item(NamedTuple):
    path: Path
    word: Word


def toml_words(text: str, path: str) -> dict[Path, Word]:
    """Return the scalars of a document by where they stand in it; raises TomlError.

    A scalar whose text or place disagrees with `tomllib` is left out.
    """
    import tomllib

    try:
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TomlError(str(error)) from error
    found = {item.path: item.word for item in _Scanner(text, path).items()}
    return {place: word for place, word in found.items() if _agrees(data, place, word)}


def _agrees(data: Any, place: Path, word: Word) -> bool:
    for step in place:
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                return False
        elif not isinstance(data, dict) or step not in data:
            return False
        data = data[step]
    if isinstance(data, str):
        return data == word.text.replace("\r\n", "\n")
    if isinstance(data, bool):
        return word.text == str(data).lower()
    if isinstance(data, int):
        return word.text.replace("_", "").lstrip("+") == str(data)
    return isinstance(data, float)


class _Scanner:
    """Reads a document that is known to be TOML."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = 0

    def items(self) -> Iterator[_Item]:
        """Yield the scalars in order."""
        table: Path = ()
        counts: dict[Path, int] = {}
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                table = self._header(counts)
                continue
            before = self._at
            key = self._key()
            self._skip(_INLINE)
            if not self._text.startswith("=", self._at):
                return
            self._at += 1
            yield from self._value((*table, *key), 0)
            if self._at <= before:
                return

    def _header(self, counts: dict[Path, int]) -> Path:
        several = self._text.startswith("[[", self._at)
        self._at += 2 if several else 1
        key = self._key()
        end = self._text.find("]", self._at)
        self._at = len(self._text) if end < 0 else end + (2 if several else 1)
        resolved: Path = ()
        for number, step in enumerate(key):
            resolved = (*resolved, step)
            if several and number == len(key) - 1:
                counts[resolved] = counts.get(resolved, -1) + 1
            if resolved in counts:
                resolved = (*resolved, counts[resolved])
        return resolved

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip(_INLINE)
            if self._at < len(self._text) and self._text[self._at] in "'\"":
                parts.append(self._string().text)
            else:
                bare = _BARE.match(self._text, self._at)
                if bare is None:
                    return tuple(parts)
                parts.append(bare.group())
                self._at = bare.end()
            self._skip(_INLINE)
            if not self._text.startswith(".", self._at):
                return tuple(parts)
            self._at += 1

    def _value(self, path: Path, depth: int) -> Iterator[_Item]:
        self._skip(_INLINE)
        if self._at >= len(self._text) or depth > _MAX_DEPTH:
            raise TomlError("a value is missing, or nested too deeply")
        first = self._text[self._at]
        if first in "'\"":
            yield _Item(path, self._string())
        elif first == "[":
            yield from self._array(path, depth)
        elif first == "{":
            yield from self._inline_table(path, depth)
        else:
            yield _Item(path, self._plain())

    def _array(self, path: Path, depth: int) -> Iterator[_Item]:
        self._at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "]":
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                continue
            yield from self._value((*path, number), depth + 1)
            number += 1

    def _inline_table(self, path: Path, depth: int) -> Iterator[_Item]:
        self._at += 1
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "}":
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                continue
            key = self._key()
            self._skip(_INLINE)
            if not key or not self._text.startswith("=", self._at):
                raise TomlError("a key without a value")
            self._at += 1
            yield from self._value((*path, *key), depth + 1)

    def _plain(self) -> Word:
        match = _PLAIN.match(self._text, self._at)
        if match is None:
            raise TomlError("a value is missing")
        self._at = match.end()
        return Word.verbatim(match.group().rstrip(), self._path, match.start())

    def _string(self) -> Word:
        start = self._at
        quote = next(mark for mark in _QUOTES if self._text.startswith(mark, start))
        body = start + len(quote)
        if len(quote) == 3:
            body += 2 if self._text.startswith("\r\n", body) else self._text.startswith("\n", body)
        end = self._closing(body, quote)
        self._at = end + len(quote)
        site = Span(self._path, start, self._at)
        if quote[0] == "'":
            return self._verbatim(body, end, site)
        return Word.join(self._decoded(body, end), site)

    def _closing(self, at: int, quote: str) -> int:
        while at < len(self._text):
            if self._text[at] == "\\" and quote[0] == '"':
                at += 2
            elif self._text.startswith(quote, at):
                # Up to two quotes may stand before the three that close.
                while len(quote) == 3 and self._text.startswith(quote, at + 1):
                    at += 1
                return at
            else:
                at += 1
        return len(self._text)

    def _verbatim(self, start: int, end: int, site: Span) -> Word:
        word = Word.verbatim(self._text[start:end], self._path, start)
        return Word(word.text, word.runs, site)

    def _decoded(self, at: int, end: int) -> Iterator[Word]:
        while at < end:
            backslash = self._text.find("\\", at, end)
            stop = end if backslash < 0 else backslash
            if stop > at:
                yield Word.verbatim(self._text[at:stop], self._path, at)
            if backslash < 0:
                return
            escape = _ESCAPE.match(self._text, backslash, end)
            if escape is None:
                return
            at = escape.end()
            span = Span(self._path, escape.start(), at)
            written = escape.group()[1:]
            value = chr(int(written[1:], 16)) if written[0] in "uU" else _ESCAPED.get(written, "")
            yield Word(value, (Run.atomic(0, len(value), span),) if value else (), span)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
