"""Patterns of the shell, as in `case`, `[[ x == y ]]` and `${name%pattern}`, as regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BRACKET = re.compile(r"\[([!^]?)(\]?(?:\[:[a-z]+:\]|[^\]\[])*)\]")
_CLASSES = {
    "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:alnum:]": "a-zA-Z0-9", "[:upper:]": "A-Z",
    "[:lower:]": "a-z", "[:space:]": r" \t\n\r\f\v", "[:blank:]": r" \t", "[:xdigit:]": "0-9a-fA-F",
}  # fmt: skip
_STAR = "\0*"
_EXTENDED = re.compile(r"[?*+@!]\(")


def glob_expression(pieces: Iterable[tuple[str, bool]]) -> str | None:
    """Return the regular expression of a pattern, given as pieces with whether each is quoted.

    None for extended globs and for brackets that are not closed.
    """
    characters = [(character, quoted) for text, quoted in pieces for character in text]
    if _EXTENDED.search("".join("." if quoted else character for character, quoted in characters)):
        return None
    found: list[str] = []
    position = 0
    while position < len(characters):
        character, quoted = characters[position]
        if not quoted and character == "[":
            end = _bracket_end(characters, position)
            members = None if end is None else _members(characters[position + 1 : end])
            if end is None or members is None:
                return None
            found.append(members)
            position = end
        elif quoted or character not in "*?":
            found.append(re.escape(character))
        elif character == "?":
            found.append(".")
        elif found[-1:] != [_STAR]:
            found.append(_STAR)
        position += 1
    return _joined(found)


def _joined(found: list[str]) -> str:
    """Join the parts of a pattern so that matching takes no more than the text's length squared.

    What stands between two stars may be taken at its first place for good.
    """
    if _STAR not in found:
        return "".join(found)
    first, *middle, last = "".join(found).split(_STAR)
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last


def matches(expression: str, text: str) -> bool:
    """Whether a pattern's expression stands for the whole of `text`."""
    return re.compile(expression, re.DOTALL).fullmatch(text) is not None


def _bracket_end(characters: list[tuple[str, bool]], start: int) -> int | None:
    """Return where the bracket that opens at `start` closes."""
    plain = "".join("." if quoted else character for character, quoted in characters)
    bracket = _BRACKET.match(plain, start)
    return bracket.end() - 1 if bracket else None


def _members(characters: list[tuple[str, bool]]) -> str | None:
    """Return the bracket of these characters in the way of regular expressions."""
    negated = characters[:1] in ([("!", False)], [("^", False)])
    plain = "".join("." if quoted else c for c, quoted in characters[negated:])
    text = "".join(c for c, _ in characters[negated:])
    found: list[str] = []
    last = 0
    for name in re.finditer(r"\[:[a-z]+:\]", plain):
        if name[0] not in _CLASSES:
            return None
        found += [_escaped(text[last : name.start()]), _CLASSES[name[0]]]
        last = name.end()
    members = f"[{'^' if negated else ''}{''.join(found)}{_escaped(text[last:])}]"
    try:
        re.compile(members)
    except re.error:
        return None
    return members


def _escaped(members: str) -> str:
    return re.sub(r"([\\\[\]^&~|])", r"\\\1", members)
