"""What filters make of a text: `tr`, `wc`, `cut`, `head` and the like, as far as launch scripts use them."""

from __future__ import annotations

import re
from collections.abc import Callable

_CLASSES = {
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\f\v",
    "[:blank:]": " \t",
}
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}
_MEMBER = re.compile(r"(\[:[a-z]+:\])|(\\.)|([A-Za-z0-9])-([A-Za-z0-9])|(.)", re.DOTALL)
_FIELD_COUNT = re.compile(r"\s*\{\s*print\s+NF\s*;?\s*\}\s*")

Filter = Callable[[str, list[str]], str | None]
"""Takes what is read and the command's words; None where these are not known."""


def filtered(text: str, name: str, words: list[str]) -> str | None:
    """Return what the filter `name` prints for `text`, None if that is not known."""
    found = _FILTERS.get(name)
    return found(text, words) if found is not None else None


def _members(text: str) -> str | None:
    found: list[str] = []
    for match in _MEMBER.finditer(text):
        name, escape, first, last, plain = match.groups()
        if (name and name not in _CLASSES) or (escape and escape not in _ESCAPES):
            return None
        if first:
            found.extend(chr(code) for code in range(ord(first), ord(last) + 1))
        else:
            found.append(_CLASSES[name] if name else _ESCAPES[escape] if escape else plain)
    return "".join(found)


def _tr(text: str, words: list[str]) -> str | None:
    deletes = words[:1] == ["-d"]
    sets = [_members(word) for word in (words[1:] if deletes else words)]
    if not text.isascii() or len(sets) != (1 if deletes else 2) or not sets[0]:
        return None
    if deletes:
        return "".join(character for character in text if character not in sets[0])
    if not sets[1] or words[0].startswith("-"):
        return None
    to = sets[1] + sets[1][-1] * (len(sets[0]) - len(sets[1]))
    return text.translate(str.maketrans(sets[0], to[: len(sets[0])]))


def _wc(text: str, words: list[str]) -> str | None:
    if words == ["-l"]:
        return f"{text.count(chr(10))}\n"
    return f"{len(text.split())}\n" if words == ["-w"] else None


def _cut(text: str, words: list[str]) -> str | None:
    match = re.fullmatch(r"(?:-d ?(.)|-f ?(\d+)) (?:-d ?(.)|-f ?(\d+))", " ".join(words))
    if match is None or not (match[1] or match[3]) or not (match[2] or match[4]):
        return None
    separator, number = match[1] or match[3], int(match[2] or match[4])
    lines = []
    for line in text.splitlines():
        fields = line.split(separator)
        lines.append(line if len(fields) == 1 else fields[number - 1] if 0 < number <= len(fields) else "")
    return "".join(f"{line}\n" for line in lines)


def _head(text: str, words: list[str]) -> str | None:
    match = re.fullmatch(r"-(?:n ?)?(\d{1,4})", " ".join(words))
    if match is None:
        return None
    return "".join(text.splitlines(keepends=True)[: int(match[1])])


def _awk(text: str, words: list[str]) -> str | None:
    """Count the fields of each line: `awk -F, '{print NF}'`."""
    match = re.fullmatch(r"-F ?(\S)", " ".join(words[:-1]))
    if match is None or not _FIELD_COUNT.fullmatch(words[-1]):
        return None
    return "".join(f"{len(line.split(match[1])) if line else 0}\n" for line in text.splitlines())


_FILTERS: dict[str, Filter] = {
    "tr": _tr,
    "wc": _wc,
    "cut": _cut,
    "head": _head,
    "awk": _awk,
    "cat": lambda text, words: text if not words else None,
    "xargs": lambda text, words: " ".join(text.split()) + "\n" if not words else None,
}
