"""Texts that Python puts together: `"...".format(...)` and `"..." % (...)`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vllint.sources.python.values import Opaque, Value, joined_text
from vllint_schemas import Span, Word

_FIELD = re.compile(r"\{\{|\}\}|\{(?P<name>\w*)(?P<rest>[^{}]*)\}|[{}]")
_CONVERSION = re.compile(r"%%|%(?:\((?P<name>\w+)\))?(?P<kind>[sdi])|%")


def formatted(template: Word, words: Sequence[Word], named: Mapping[str, Word], span: Span) -> Value:
    """Return `template.format(*words, **named)`; what a format changes or names in its own way is unknown."""
    parts: list[Word] = []
    position = taken = 0
    for match in _FIELD.finditer(template.text):
        parts.append(template.slice(position, match.start()))
        position = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(template.slice(match.start(), match.start() + 1))
            continue
        name = match["name"]
        if name is None:
            return Opaque("a text is formatted", span)
        if name == "":
            name, taken = str(taken), taken + 1
        value = _given(words, int(name)) if name.isdecimal() else named.get(name)
        site = template.slice(*match.span()).site
        is_plain = value is not None and not match["rest"]
        parts.append(value if value is not None and is_plain else Word.unknown("a text is formatted", site))
    parts.append(template.slice(position))
    return joined_text(parts, span)


def converted(template: Word, words: Sequence[Word], named: Mapping[str, Word], span: Span) -> Value:
    """Return `template % words` or `template % named`; other conversions than of whole values are unknown."""
    parts: list[Word] = []
    position = taken = 0
    for match in _CONVERSION.finditer(template.text):
        parts.append(template.slice(position, match.start()))
        position = match.end()
        if match[0] == "%%":
            parts.append(template.slice(match.start(), match.start() + 1))
            continue
        if match["kind"] is None:
            return Opaque("a text is formatted", span)
        value = _given(words, taken) if match["name"] is None else named.get(match["name"])
        taken += match["name"] is None
        site = template.slice(*match.span()).site
        parts.append(value if value is not None else Word.unknown("a text is formatted", site))
    parts.append(template.slice(position))
    return joined_text(parts, span)


def _given(words: Sequence[Word], number: int) -> Word | None:
    """Return a value by its place, unless words before it may be any number."""
    return words[number] if number < len(words) and not any(w.splits for w in words[: number + 1]) else None
