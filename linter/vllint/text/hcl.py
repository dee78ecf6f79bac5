"""HCL, the language of Terraform and Nomad, as far as values are written out (hcl/v2 `hclsyntax/spec.md`).

What is computed - operators, conditions, loops, calls - is kept as an `Expression`, its text unread.
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

from vllint_schemas import Word

_BLANK = re.compile(r"(?:[ \t\r]+|#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_BLANK_LINES = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_REFERENCE = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w*-]+|\[[^\]\n]*\])*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_HEREDOC = re.compile(r"<<(-?)([A-Za-z_][\w-]*)[ \t]*\r?\n")
_ENDS = frozenset("\n,]})")
_DEEPEST = 60


class HclError(ValueError):
    """The text is no HCL, or nests deeper than is read."""


class Template(NamedTuple):
    """A text in quotes, or a heredoc; `${...}` in it is not replaced yet."""

    text: Word
    quoted: bool


class Expression(NamedTuple):
    """A number, a word, a reference, or whatever else is computed."""

    text: Word


class Call(NamedTuple):
    """A function's call."""

    name: str
    arguments: tuple[Value, ...]
    text: Word


class Items(NamedTuple):
    """A list."""

    entries: tuple[Value, ...]
    text: Word


class Body(NamedTuple):
    """What stands between braces: attributes, and blocks unless it is an object."""

    attributes: tuple[tuple[Word, Value], ...]
    blocks: tuple[Block, ...]
    text: Word


class Block(NamedTuple):
    """A block, as `resource "aws_instance" "llm" { ... }`."""

    name: Word
    labels: tuple[Word, ...]
    body: Body


Value: TypeAlias = Template | Expression | Call | Items | Body


def parse_hcl(text: Word) -> Body:
    """Return the body of a file; raise `HclError` for what is none."""
    try:
        body, position = _body(text, 0, 0)
    except RecursionError as error:
        raise HclError("the file nests too deeply") from error
    if position < len(text.text):
        raise HclError(f"`{text.text[position : position + 20].splitlines()[0]}` is not expected here")
    return body


def _body(text: Word, position: int, depth: int) -> tuple[Body, int]:
    """Read attributes and blocks up to a closing brace or the end."""
    if depth > _DEEPEST:
        raise HclError("the file nests too deeply")
    start = position
    attributes: list[tuple[Word, Value]] = []
    blocks: list[Block] = []
    while True:
        position = _after(_BLANK_LINES, text, position)
        if position >= len(text.text) or text.text[position] == "}":
            return Body(tuple(attributes), tuple(blocks), text.slice(start, position)), position
        if text.text[position] == ",":
            position += 1
            continue
        name, position = _key(text, position)
        position = _after(_BLANK, text, position)
        sign = text.text[position : position + 1]
        if sign in {"=", ":"} and sign:
            value, position = _value(text, position + 1, depth + 1)
            attributes.append((name, value))
            continue
        labels, position = _labels(text, position)
        body, position = _body(text, position, depth + 1)
        position = _expect(text, position, "}")
        blocks.append(Block(name, labels, body))


def _key(text: Word, position: int) -> tuple[Word, int]:
    """Read the name of an attribute, a block, or an object's key."""
    if text.text[position] == '"':
        return _quoted(text, position)
    if text.text[position] == "(":
        end = _skipped(text, position, frozenset("=\n"))
        return text.slice(position, end), end
    match = _REFERENCE.match(text.text, position) or _NUMBER.match(text.text, position)
    if match is None:
        raise HclError(f"`{text.text[position]}` begins no name")
    return text.slice(*match.span()), match.end()


def _labels(text: Word, position: int) -> tuple[tuple[Word, ...], int]:
    labels: list[Word] = []
    while text.text[position : position + 1] != "{":
        if position >= len(text.text):
            raise HclError("a block has no body")
        label, position = (
            _quoted(text, position) if text.text[position] == '"' else _bare_label(text, position)
        )
        labels.append(label)
        position = _after(_BLANK, text, position)
    return tuple(labels), position + 1


def _bare_label(text: Word, position: int) -> tuple[Word, int]:
    match = _NAME.match(text.text, position)
    if match is None:
        raise HclError(f"`{text.text[position]}` is not expected here")
    return text.slice(*match.span()), match.end()


def _value(text: Word, position: int, depth: int) -> tuple[Value, int]:
    """Read a value; when more follows than it, all of it is an expression."""
    position = _after(_BLANK, text, position)
    start = position
    value, position = _plain_value(text, position, depth)
    end = _after(_BLANK, text, position)
    if end >= len(text.text) or text.text[end] in _ENDS or text.text[position - 1 : position] == "\n":
        return value, position
    end = _skipped(text, position, _ENDS)
    return Expression(text.slice(start, start + len(text.text[start:end].rstrip()))), end


def _plain_value(text: Word, position: int, depth: int) -> tuple[Value, int]:
    content = text.text
    if depth > _DEEPEST:
        raise HclError("the file nests too deeply")
    first = content[position : position + 1]
    if first == '"':
        word, end = _quoted(text, position)
        return Template(word, True), end
    heredoc = _HEREDOC.match(content, position)
    if heredoc is not None:
        return _heredoc(text, heredoc)
    if first == "[":
        return _items(text, position, depth)
    if first == "{":
        body, end = _body(text, position + 1, depth + 1)
        end = _expect(text, end, "}")
        return body._replace(text=text.slice(position, end)), end
    match = _REFERENCE.match(content, position) or _NUMBER.match(content, position)
    if match is None:
        end = _skipped(text, position, _ENDS)
        return Expression(text.slice(position, end)), end
    if content[match.end() : match.end() + 1] == "(" and _NAME.fullmatch(match[0]):
        return _call(text, position, match[0], match.end() + 1, depth)
    return Expression(text.slice(*match.span())), match.end()


def _items(text: Word, position: int, depth: int) -> tuple[Value, int]:
    start = position
    position = _after(_BLANK_LINES, text, position + 1)
    if re.match(r"for\s", text.text[position : position + 4]):
        end = _skipped(text, start, _ENDS)
        return Expression(text.slice(start, end)), end
    entries, position = _list(text, position, "]", depth)
    return Items(entries, text.slice(start, position)), position


def _call(text: Word, start: int, name: str, position: int, depth: int) -> tuple[Value, int]:
    arguments, position = _list(text, position, ")", depth)
    return Call(name, arguments, text.slice(start, position)), position


def _list(text: Word, position: int, closing: str, depth: int) -> tuple[tuple[Value, ...], int]:
    """Read values parted by commas up to a bracket; return them and the place behind it."""
    entries: list[Value] = []
    while True:
        position = _after(_BLANK_LINES, text, position)
        first = text.text[position : position + 1]
        if first == closing:
            return tuple(entries), position + 1
        if not first:
            raise HclError(f"`{closing}` is missing")
        if first == ",":
            position += 1
            continue
        begin = position
        value, position = _value(text, position, depth + 1)
        if position == begin:
            raise HclError(f"`{first}` is not expected here")
        entries.append(value)


def _quoted(text: Word, position: int) -> tuple[Word, int]:
    """Return the text between quotes, and the place behind them."""
    end = _string_end(text.text, position)
    return text.slice(position + 1, end - 1), end


def _string_end(content: str, position: int) -> int:
    """Return the place behind the string that starts at `position`; strings may stand in its `${ }`."""
    depth = 0
    place = position + 1
    while place < len(content):
        character = content[place]
        if character == "\\" and not depth:
            place += 1
        elif content.startswith(("$${", "%%{"), place) and not depth:
            place += 2
        elif content.startswith(("${", "%{"), place):
            depth += 1
            place += 1
        elif depth and character in "{}":
            depth += 1 if character == "{" else -1
        elif depth and character == '"':
            close = content.find('"', place + 1)
            place = close if close >= 0 else len(content)
        elif character == '"' and not depth:
            return place + 1
        elif character == "\n" and not depth:
            break
        place += 1
    raise HclError("a text's quotes are not closed")


def _heredoc(text: Word, opening: re.Match[str]) -> tuple[Value, int]:
    """Read a heredoc; `<<-` takes the blanks off that all its lines begin with."""
    end = re.compile(rf"^[ \t]*{re.escape(opening[2])}[ \t]*\r?$", re.MULTILINE).search(
        text.text, opening.end()
    )
    if end is None:
        raise HclError(f"the heredoc `{opening[2]}` does not end")
    whole = text.slice(opening.end(), end.start())
    if not opening[1]:
        return Template(whole, False), end.end()
    lines = whole.text.splitlines(keepends=True)
    blanks = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
    width = min(blanks, default=0)
    parts: list[Word] = []
    position = 0
    for line in lines:
        parts.append(whole.slice(position + min(width, len(line.rstrip("\r\n"))), position + len(line)))
        position += len(line)
    return Template(Word.join(parts, whole.site), False), end.end()


def _skipped(text: Word, position: int, ends: frozenset[str]) -> int:
    """Return where one of the characters `ends` stands next, outside of brackets and texts."""
    content, depth = text.text, 0
    while position < len(content):
        character = content[position]
        if character == '"':
            position = _string_end(content, position)
            continue
        if not depth and character in ends:
            return position
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        position += 1
    return position


def _after(blank: re.Pattern[str], text: Word, position: int) -> int:
    match = blank.match(text.text, position)
    return position if match is None else match.end()


def _expect(text: Word, position: int, character: str) -> int:
    if text.text[position : position + 1] != character:
        raise HclError(f"`{character}` is missing")
    return position + 1
