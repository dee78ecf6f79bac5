"""`.env` files as Compose reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vllint.text.source import SourceText
from vllint_schemas import Origin, Span, Word

_LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:][ \t]*", re.MULTILINE)
_COMMENT = re.compile(r"[ \t]#.*$")


def read_env_file(source: SourceText) -> Mapping[str, Word]:
    """Return the variables of a `.env` file; each value knows its place there. The last one wins."""
    variables: dict[str, Word] = {}
    position = 0
    while match := _LINE.search(source.text, position):
        value, position = _value(source, match.end())
        variables[match.group(1)] = value
    return variables


def _value(source: SourceText, start: int) -> tuple[Word, int]:
    """Return the value that starts at `start` and where the next line may start."""
    text = source.text
    quote = text[start : start + 1]
    if quote and quote in "\"'":
        end = text.find(quote, start + 1)
        if end > 0:
            return _word(source.path, text[start + 1 : end], start + 1), end + 1
    end_of_line = _end_of_line(text, start)
    raw = text[start:end_of_line]
    comment = _COMMENT.search(raw)
    value = (raw[: comment.start()] if comment else raw).rstrip()
    return _word(source.path, value, start), end_of_line


def _word(path: str, value: str, start: int) -> Word:
    word = Word.verbatim(value, path, start)
    return Word(word.text, word.runs, Span(path, start, start + len(value)), origin=Origin.ENV_FILE)


def _end_of_line(text: str, start: int) -> int:
    places = [place for place in (text.find("\n", start), text.find("\r", start)) if place >= 0]
    return min(places, default=len(text))
