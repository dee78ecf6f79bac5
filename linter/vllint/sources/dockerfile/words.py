"""The words of a Dockerfile's instruction and the variables in them.

As BuildKit has them (`frontend/dockerfile/parser/line_parsers.go`, `frontend/dockerfile/shell/lex.go`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from vllint.sources.bounded_words import bounded_join
from vllint.sources.interpolation import closing_brace
from vllint.sources.templates.tags import with_placeholders_unknown
from vllint_schemas import Origin, Word

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-+?]")
_BLANKS = " \t\r\n"
_MAX_DEPTH = 20
_LARGEST = 20_000


def instruction_words(arguments: Word, escape: str) -> Iterator[Word]:
    """Yield the words of `arguments` as they are written: blanks in quotes and escaped ones part none."""
    text = arguments.text
    start, position, quote = -1, 0, ""
    while position < len(text):
        character = text[position]
        if not quote and character in _BLANKS:
            if start >= 0:
                yield arguments.slice(start, position)
            start = -1
        else:
            start = position if start < 0 else start
            if character == escape and quote != "'":
                position += 1
            elif character == quote:
                quote = ""
            elif not quote and character in "\"'":
                quote = character
        position += 1
    if start >= 0:
        yield arguments.slice(start)


def pairs(arguments: Word, variables: Mapping[str, Word], escape: str) -> dict[str, Word]:
    """Return the variables of `NAME=value ...`, or of the old `ENV NAME value`, filled in."""
    words = list(instruction_words(arguments, escape))
    if words and "=" not in words[0].text:
        rest = arguments.text.find(words[0].text) + len(words[0].text)
        value = arguments.slice(rest + len(arguments.text[rest:]) - len(arguments.text[rest:].lstrip()))
        return {words[0].text: filled(value, variables, escape)} if len(words) > 1 else {}
    found: dict[str, Word] = {}
    for word in words:
        name, equals, _ = word.text.partition("=")
        if equals:
            found[name] = filled(word.slice(len(name) + 1), variables, escape)
    return found


def filled(word: Word, variables: Mapping[str, Word], escape: str = "\\", depth: int = 0) -> Word:
    """Return `word` without its quotes and escapes, variables replaced; unknown ones become holes."""
    text = word.text
    if not any(character in text for character in (*"\"'${", escape)):
        return word
    word = with_placeholders_unknown(word)
    text = word.text
    parts: list[Word] = []
    start, position, quote = 0, 0, ""
    while position < len(text):
        character = text[position]
        end, part = position, None
        if character == "$" and quote != "'":
            part, end = _expanded(word, position, variables, escape, depth)
        elif character == quote or (not quote and character in "\"'"):
            quote, end = "" if quote else character, position + 1
        elif character == escape and quote != "'" and _is_escaped(text[position + 1 : position + 2], quote):
            part, end = word.slice(position + 1, position + 2), position + 2
        else:
            position += 1
            continue
        parts.append(word.slice(start, position))
        if part is not None:
            parts.append(part)
        start = position = end
    if start == 0:
        return word
    parts.append(word.slice(start))
    return replace(bounded_join(parts, word.site, max(_LARGEST, 10 * len(text))), via=word.via)


def _is_escaped(following: str, quote: str) -> bool:
    """Whether the escape before `following` goes away; in double quotes only few characters take one."""
    return bool(following) if not quote else following in {'"', "$", "\\", "`"}


def _expanded(
    word: Word, dollar: int, variables: Mapping[str, Word], escape: str, depth: int
) -> tuple[Word, int]:
    """Return what the `$` at `dollar` stands for and where the text goes on."""
    text = word.text
    if text[dollar + 1 : dollar + 2] == "{":
        end = closing_brace(text, dollar + 2)
        if end is None or depth >= _MAX_DEPTH:
            return Word.unknown("`${` is not closed", word.slice(dollar).site), len(text)
        return _braced(word, dollar, end, variables, escape, depth), end + 1
    match = _NAME.match(text, dollar + 1)
    if match is None:
        return word.slice(dollar, dollar + 1), dollar + 1
    return _look_up(match[0], word.slice(dollar, match.end()), variables), match.end()


def _braced(
    word: Word, dollar: int, end: int, variables: Mapping[str, Word], escape: str, depth: int
) -> Word:
    text, whole = word.text, word.slice(dollar, end + 1)
    name = _NAME.match(text, dollar + 2, end)
    if name is None:
        return Word.unknown(f"`{whole.text}` is not a variable", whole.site)
    if name.end() == end:
        return _look_up(name[0], whole, variables)
    operator = _OPERATOR.match(text, name.end(), end)
    if operator is None:
        return Word.unknown(f"`{whole.text}` is worked out when the image is built", whole.site)
    value = variables.get(name[0])
    is_set = value is not None and not (operator[0][0] == ":" and value.is_known and not value.text)
    if operator[0][-1] == "+":
        if not is_set:
            return Word.unknown(f"`${name[0]}` is not set in this Dockerfile", whole.site)
        return filled(word.slice(operator.end(), end), variables, escape, depth + 1)
    if is_set or operator[0][-1] == "?":
        return _look_up(name[0], whole, variables)
    default = filled(word.slice(operator.end(), end), variables, escape, depth + 1)
    return replace(default, origin=Origin.DEFAULT, site=whole.site)


def _look_up(name: str, use: Word, variables: Mapping[str, Word]) -> Word:
    value = variables.get(name)
    if value is None:
        return Word.unknown(f"`${name}` is not set in this Dockerfile", use.site)
    return replace(value, site=use.site, via=(use.site, *value.via[:_MAX_DEPTH]), slot=None)
