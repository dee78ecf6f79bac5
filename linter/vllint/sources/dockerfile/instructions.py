"""The instructions of a Dockerfile, by the Dockerfile reference: continuations, comments, heredocs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.line_ends import up_to
from vllint.text.lines import line_extents
from vllint_schemas import Word

_INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t]+|$)")
_ESCAPE_DIRECTIVE = re.compile(r"#[ \t]*escape[ \t]*=[ \t]*([\\`])[ \t]*$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#[ \t]*[A-Za-z]+[ \t]*=")
_HEREDOC = re.compile(r"(?<!<)<<(-?)(?:\"([^\"\s]+)\"|'([^'\s]+)'|([A-Za-z_][\w.-]*))")
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})


class Heredoc(NamedTuple):
    """A file written in the instruction itself; variables are replaced in it unless it is `quoted`."""

    name: str
    quoted: bool
    text: Word


class Instruction(NamedTuple):
    """One instruction: its name in capitals, and its arguments without continuations and comments.

    `escape` is the character that continues lines and escapes others.
    """

    name: str
    arguments: Word
    escape: str = "\\"
    heredocs: tuple[Heredoc, ...] = ()


def instructions(text: Word) -> Iterator[Instruction]:
    """Yield the instructions; an escape at the end of a line continues it, comment lines are left out."""
    lines = list(line_extents(text.text))
    escape = _escape_character(text.text)
    number = 0
    while number < len(lines):
        match = _INSTRUCTION.match(text.text, *lines[number])
        if match is None or _is_comment(text.text[slice(*lines[number])]):
            number += 1
            continue
        name = match[1].upper()
        parts, number = _continued(text, lines, number, match.end(), escape)
        arguments = Word.join(parts, parts[0].site.cover(parts[-1].site))
        heredocs: tuple[Heredoc, ...] = ()
        if name in _WITH_HEREDOCS and "<<" in arguments.text:
            heredocs, number = _heredocs(text, lines, number, arguments.text)
        yield Instruction(name, arguments, escape, heredocs)


def _continued(
    text: Word, lines: list[tuple[int, int]], number: int, start: int, escape: str
) -> tuple[list[Word], int]:
    """Return the parts of the instruction whose arguments start at `start`, and the line after it."""
    parts: list[Word] = []
    while number < len(lines):
        begin, end = lines[number]
        begin = max(begin, start)
        line = text.text[begin:end]
        number += 1
        if parts and (_is_comment(line) or not line.strip()):
            continue
        trimmed = line.rstrip()
        if not trimmed.endswith(escape):
            parts.append(up_to(text, begin, end))
            break
        parts.append(up_to(text, begin, begin + len(trimmed) - 1))
    return parts, number


def _heredocs(
    text: Word, lines: list[tuple[int, int]], number: int, arguments: str
) -> tuple[tuple[Heredoc, ...], int]:
    """Return the heredocs that `arguments` announce, and the line after the last."""
    found: list[Heredoc] = []
    for match in _HEREDOC.finditer(arguments):
        name = match[2] or match[3] or match[4]
        end = number
        while end < len(lines) and _shown(text.text, lines[end], match[1]) != name:
            end += 1
        if end == len(lines):
            break
        found.append(Heredoc(name, match[4] is None, _body(text, lines[number:end], match[1])))
        number = end + 1
    return tuple(found), number


def _shown(text: str, line: tuple[int, int], dash: str) -> str:
    shown = text[slice(*line)]
    return shown.lstrip("\t") if dash else shown


def _body(text: Word, lines: list[tuple[int, int]], dash: str) -> Word:
    """Return the text of some lines; `<<-` takes the tabs off their beginnings."""
    if not lines:
        return Word.unknown("the heredoc is empty", text.site)
    if not dash:
        return up_to(text, lines[0][0], lines[-1][1])
    parts = []
    for begin, end in lines:
        tabs = len(text.text[begin:end]) - len(text.text[begin:end].lstrip("\t"))
        parts.append(text.slice(begin + tabs, min(end + 1, len(text.text))))
    return Word.join(parts, text.slice(lines[0][0], lines[-1][1]).site)


def _escape_character(text: str) -> str:
    """Return what the parser directive at the top of the file sets: a backslash, or a backtick."""
    for line in text.lstrip("\ufeff").splitlines():
        directive = _ESCAPE_DIRECTIVE.match(line.strip())
        if directive is not None:
            return directive[1]
        if _DIRECTIVE.match(line.strip()) is None:
            break
    return "\\"


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
