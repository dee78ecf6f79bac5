"""The escapes of `$'...'`."""

from __future__ import annotations

import re

_ESCAPE = (
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9a-fA-F]{1,2})|u(?P<short>[0-9a-fA-F]{1,4})"
    r"|U(?P<long>[0-9a-fA-F]{1,8})|c(?P<control>.)|(?P<other>.))"
)
_LETTERS = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip


def ansi_c_text(body: str) -> tuple[tuple[int, int, str], ...] | None:
    """Return the decoded stretches of `$'body'` as `(start, end, text)`.

    A stretch that is one character long stands for itself. None for what ends the string or depends on
    the locale: NUL and codes above 127; and for control letters.
    """
    found: list[tuple[int, int, str]] = []
    last = 0
    for match in re.finditer(_ESCAPE, body, re.DOTALL):
        found.extend((at, at + 1, body[at]) for at in range(last, match.start()))
        character = _character(match)
        if character is None:
            return None
        found.append((match.start(), match.end(), character))
        last = match.end()
    found.extend((at, at + 1, body[at]) for at in range(last, len(body)))
    return tuple(found)


def _character(match: re.Match[str]) -> str | None:
    other = match["other"]
    if other is not None:
        return _LETTERS.get(other, "\\" + other) if other not in "xuUc" else None
    if match["control"] is not None:
        return None
    digits = match["octal"] or match["hex"] or match["short"] or match["long"]
    code = int(digits, 8 if match["octal"] else 16)
    return chr(code) if 0 < code < 128 else None
