"""`.env` files as Compose reads them (compose-go `dotenv/parser.go`)."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping

from vllint.sources.files import File
from vllint.sources.interpolation import interpolate
from vllint.text.source import SourceText
from vllint_schemas import Origin, Span, Word

_LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:][ \t]*", re.MULTILINE)
_RAW_LINE = r"^[ \t]*([^\s#=][^\s=]*)=([^\r\n]*)"
_COMMENT = r"[ \t]#.*$"
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_ESCAPE = {"'": re.compile(r"\\'"), '"': re.compile(r"""\\[abcfnrtv$"'\\]""")}
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}


def project_variables(file: File) -> Mapping[str, Word]:
    """Return the variables that Compose replaces in a file: later environment files before earlier ones."""
    env_files = file.env_files
    if env_files is None:
        beside = file.neighbour(".env")
        env_files = (beside,) if beside is not None else ()
    variables: Mapping[str, Word] = {}
    for source in env_files:
        variables = read_env_file(source, variables)
    return variables


def read_env_file(
    source: SourceText, known: Mapping[str, Word] | None = None, outside: Mapping[str, Word] | None = None
) -> Mapping[str, Word]:
    """Return the variables of a `.env` file and those `known` before; each value knows its place.

    The last one wins. Values may name variables from `outside` and those set before them; others are not
    known.
    """
    variables = dict(known or {})
    seen = ChainMap(dict(outside), variables) if outside else variables
    position = 0
    while match := _LINE.search(source.text, position):
        value, position = _value(source, match.end(), seen)
        variables[match.group(1)] = value
    return variables


def read_raw_env_file(source: SourceText) -> Mapping[str, Word]:
    """Return the variables of an environment file as docker reads it: values stand as they are written."""
    variables: dict[str, Word] = {}
    for line in re.finditer(_RAW_LINE, source.text, re.MULTILINE):
        variables[line[1]] = _word(source.path, source.text, *line.span(2))
    return variables


def _value(source: SourceText, start: int, variables: Mapping[str, Word]) -> tuple[Word, int]:
    """Return the value that starts at `start` and where the next line may start."""
    quoted = _QUOTED.match(source.text, start)
    if quoted is not None:
        word = _unescaped(_word(source.path, source.text, start + 1, quoted.end() - 1), quoted[0][0])
        return word if quoted[0][0] == "'" else interpolate(word, variables), quoted.end()
    end_of_line = _end_of_line(source.text, start)
    comment = re.search(_COMMENT, source.text[start:end_of_line])
    end = start + comment.start() if comment else end_of_line
    end = start + len(source.text[start:end].rstrip())
    return interpolate(_word(source.path, source.text, start, end), variables), end_of_line


def _unescaped(word: Word, quote: str) -> Word:
    """Return the quoted `word` with its escapes replaced; `\\$` becomes the `$$` of interpolation."""
    if "\\" not in word.text:
        return word
    return Word.join(_pieces(word, quote), word.site)


def _pieces(word: Word, quote: str) -> Iterator[Word]:
    position = 0
    for escape in _ESCAPE[quote].finditer(word.text):
        yield word.slice(position, escape.start())
        character = escape[0][1]
        site = word.slice(*escape.span()).site
        yield Word.atomic(_ESCAPED.get(character, character), site, word.origin)
        position = escape.end()
    yield word.slice(position)


def _word(path: str, text: str, start: int, end: int) -> Word:
    word = Word.verbatim(text[start:end], path, start)
    return Word(word.text, word.runs, Span(path, start, end), origin=Origin.ENV_FILE)


def _end_of_line(text: str, start: int) -> int:
    places = [place for place in (text.find("\n", start), text.find("\r", start)) if place >= 0]
    return min(places, default=len(text))
