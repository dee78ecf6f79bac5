"""What commands read where the script says it: here-documents, here-strings, and `read` from these."""

from __future__ import annotations

import re

from vllint.text.shell.expansion import Expansion
from vllint.text.shell.syntax import Document, Simple
from vllint.text.shell.values import State, array_of
from vllint_schemas import Word

_NAME = re.compile(r"[A-Za-z_]\w*")
_OPTIONS = re.compile(r"-[ra]+")
_BLANKS = " \t\n"


def text_read(node: Simple, expansion: Expansion) -> Word | None:
    """Return the text that a command reads, None if the script does not hold it."""
    if node.input is None:
        return None
    source = node.input.source
    if not isinstance(source, Document):
        return expansion.single(source)
    if not source.expanded:
        text = expansion.source.piece(source.start, source.end)
    elif source.parts is None:
        return None
    else:
        text = expansion.resolved(source.parts)
    return _without_tabs(text) if source.strips_tabs else text


def _without_tabs(text: Word) -> Word:
    """Return a text without the tabs its lines begin with."""
    pieces: list[Word] = []
    last = 0
    for match in re.finditer(r"^\t+", text.text, re.MULTILINE):
        pieces.append(text.slice(last, match.start()))
        last = match.end()
    return Word.join([*pieces, text.slice(last)], text.site) if pieces else text


def read_fields(words: tuple[Word, ...], text: Word, separators: str | None, state: State) -> bool:
    """Carry out `read` of a here-string; return whether what it assigns is known."""
    names = [word.text for word in words[1:]]
    options = "".join(
        names[: next((i for i, n in enumerate(names) if not _OPTIONS.fullmatch(n)), len(names))]
    )
    names = [name for name in names if not _OPTIONS.fullmatch(name)]
    line = text.text.partition("\n")[0]
    readable = text.is_known and separators is not None and ("r" in options or "\\" not in line)
    if not readable or not names or not all(map(_NAME.fullmatch, names)):
        return False
    assert separators is not None
    if "a" in options:
        if len(names) != 1:
            return False
        state.set(names[0], array_of(_fields(text.slice(0, len(line)), separators, 0)))
        return True
    fields = _fields(text.slice(0, len(line)), separators, len(names))
    for at, name in enumerate(names):
        state.set(name, fields[at] if at < len(fields) else Word("", (), text.site))
    return True


def _fields(line: Word, separators: str, most: int) -> list[Word]:
    """Part a line at separators, of which blanks count as one; the last of `most` fields takes the rest."""
    blanks = re.escape("".join(c for c in separators if c in _BLANKS))
    others = re.escape("".join(c for c in separators if c not in _BLANKS))
    blank = f"[{blanks}]" if blanks else r"(?!)"
    other = f"[{others}]" if others else r"(?!)"
    border = re.compile(f"{blank}*{other}{blank}*|{blank}+")
    leading = re.compile(f"{blank}*").match(line.text)
    start = leading.end() if leading else 0
    end = len(line.text)
    while end > start and re.compile(blank).fullmatch(line.text[end - 1]):
        end -= 1
    found: list[Word] = []
    while start < end:
        match = border.search(line.text, start, end) if most == 0 or len(found) < most - 1 else None
        if match is None:
            found.append(line.slice(start, end))
            break
        found.append(line.slice(start, match.start()))
        start = match.end()
    return found
