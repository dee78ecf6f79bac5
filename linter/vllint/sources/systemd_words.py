"""The words of systemd's command lines and environments (`systemd.syntax`, `systemd.service`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from vllint_schemas import Hole, Slot, SlotKind, Word

_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_CODE = re.compile(r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}")
_BLANKS = " \t\r\n"
_SPECIFIER = re.compile(r"%[A-Za-z%]")
_BRACED = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)([^}]*)\})")
_ALONE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)$")


def unit_words(text: Word) -> Iterator[Word]:
    """Yield the words of a value, quotes and C escapes decoded; a hole belongs to the word it stands in."""
    holes = {hole.at: hole for hole in reversed(text.holes)}
    bare = replace(text, holes=(), slot=None)
    position, content = 0, text.text
    while position <= len(content):
        if position not in holes and (position == len(content) or content[position] in _BLANKS):
            position += 1
            continue
        start = position
        parts, position = _word_parts(bare, position, dict(holes), text.holes)
        site = text.slice(start, position).site if position > start else text.holes[0].source
        word = Word.join(parts, site)
        in_place = position > start and site.end - site.start == position - start
        quote = content[start] if content[start : start + 1] in {'"', "'"} else ""
        yield replace(word, slot=Slot(SlotKind.SHELL, site, quote) if in_place else None)
        position += 1


def _word_parts(
    bare: Word, position: int, waiting: dict[int, Hole], holes: tuple[Hole, ...]
) -> tuple[list[Word], int]:
    """Return the decoded parts of the word at `position` and where it ends."""
    content, quote, start = bare.text, "", position
    parts: list[Word] = []
    while position <= len(content):
        if waiting.pop(position, None) is not None:
            parts.append(bare.slice(start, position))
            parts += [
                Word.unknown(hole.reason, hole.source, hole.splits and not quote)
                for hole in holes
                if hole.at == position
            ]
            start = position
        if position == len(content):
            break
        character = content[position]
        if not quote and character in _BLANKS:
            break
        if character == quote or (not quote and character in "\"'"):
            parts.append(bare.slice(start, position))
            quote, start = "" if quote else character, position + 1
        elif character == "\\" and position + 1 < len(content):
            parts.append(bare.slice(start, position))
            decoded, start = _escape(bare, position)
            parts.append(decoded)
            position = start - 1
        position += 1
    parts.append(bare.slice(start, position))
    return parts, position


def _escape(bare: Word, backslash: int) -> tuple[Word, int]:
    """Return what the escape at `backslash` stands for; escapes that are none stay as they are."""
    code = _CODE.match(bare.text, backslash + 1)
    if code is not None:
        number = int(code[0], 8) if code[0][0].isdigit() else int(code[0][1:], 16)
        decoded = chr(number) if number < 0x110000 else "\ufffd"
        return Word.atomic(decoded, bare.slice(backslash, code.end()).site), code.end()
    character = bare.text[backslash + 1]
    end = backslash + 2
    if character in "\"'\\;":
        return bare.slice(backslash + 1, end), end
    if character in _ESCAPED:
        return Word.atomic(_ESCAPED[character], bare.slice(backslash, end).site), end
    return bare.slice(backslash, end), end


def without_specifiers(word: Word) -> Word:
    """Return `word` with its specifiers, such as `%h` and `%i`, as holes; `%%` is a percent sign."""
    return _replaced(word, _SPECIFIER, _specifier)


def _specifier(match: re.Match[str], use: Word) -> Word:
    if match[0] == "%%":
        return use.slice(1)
    return Word.unknown(f"systemd fills in `{match[0]}`", use.site)


def expanded(word: Word, environment: Mapping[str, Word], elsewhere: str = "") -> Iterator[Word]:
    """Yield what systemd makes of a command's word.

    `$NAME` alone is split into words, `${NAME}` is replaced wherever it stands, any other `$` is text.
    `elsewhere` names what may set variables besides the unit.
    """
    alone = _ALONE.match(word.text) if not word.holes else None
    if alone is not None:
        value = environment.get(alone[1])
        if value is None:
            yield Word.unknown(_unset(alone[1], elsewhere), word.site, splits=True)
            return
        for part in unit_words(replace(value, slot=None)):
            yield replace(part, site=word.site, via=(word.site, *part.via), slot=None)
        return
    if "$" not in word.text:
        yield word
        return

    def value_of(match: re.Match[str], use: Word) -> Word:
        if match[0] == "$$":
            return use.slice(1)
        known = environment.get(match[1])
        if match[2] or known is None:
            return Word.unknown(_unset(match[1], elsewhere), use.site)
        return replace(known, site=use.site, via=(use.site, *known.via), slot=None)

    yield _replaced(word, _BRACED, value_of)


def _unset(name: str, elsewhere: str) -> str:
    if elsewhere:
        return f"`${name}` may be set in `{elsewhere}`, which is not at hand"
    return f"`${name}` is not set in this unit"


def _replaced(word: Word, pattern: re.Pattern[str], value: Callable[[re.Match[str], Word], Word]) -> Word:
    if pattern.search(word.text) is None:
        return word
    parts: list[Word] = []
    position = 0
    for match in pattern.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        parts.append(value(match, word.slice(*match.span())))
        position = match.end()
    parts.append(word.slice(position))
    joined = Word.join(parts, word.site)
    return replace(joined, slot=word.slot)
