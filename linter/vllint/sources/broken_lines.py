"""Shell commands whose lines do not go on as they were meant to."""

from __future__ import annotations

import re

from vllint_schemas import Span, Word

_OPTION_LINE = re.compile(r"[ \t]*(--?[A-Za-z][^\n]*)")
_NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|$)")
_BLANKS = re.compile(r"[ \t]+")


def cut_off_options(script: Word, command: Span) -> tuple[Word, ...]:
    """Return the words of the lines right behind a command that begin with an option, and with no program.

    `command` is the command's extent in the file; empty lines and comments may stand between.
    """
    position = _position(script, command)
    if position is None:
        return ()
    text = script.text
    position = text.find("\n", position) + 1
    words: list[Word] = []
    while position:
        nothing = _NOTHING.match(text, position)
        if nothing is not None and nothing.end() > position:
            position = nothing.end()
            continue
        line = _OPTION_LINE.match(text, position)
        if line is None:
            break
        words += _words(script, *line.span(1))
        position = text.find("\n", line.end()) + 1
    return tuple(words)


def _position(script: Word, command: Span) -> int | None:
    """Return where in the script's text the command ends."""
    for run in script.runs:
        if (
            run.verbatim
            and run.source.path == command.path
            and run.source.start <= command.end <= run.source.end
        ):
            return run.start + command.end - run.source.start
    return None


def _words(script: Word, start: int, end: int) -> list[Word]:
    pieces: list[Word] = []
    for blank in _BLANKS.finditer(script.text, start, end):
        pieces.append(script.slice(start, blank.start()))
        start = blank.end()
    pieces.append(script.slice(start, end))
    return [piece for piece in pieces if piece.text not in {"", "\\"}]
