"""make's variables: how they are set and what a text comes to in which they are named (GNU make, §6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.bounded_words import bounded_join
from vllint_schemas import Origin, Word

ASSIGNMENT = re.compile(
    r"[ ]*(?P<modifiers>(?:(?:export|override|private|unexport)[ \t]+)*)"
    r"(?P<name>[^\s:#=+?!$(){}]+)[ \t]*(?P<operator>:::=|::=|:=|\?=|\+=|!=|=)[ \t]*"
)
_USE = re.compile(r"\$(?:\$|([({])|([^\s({$]))")
_NAME = re.compile(r"[^\s:#=$(){},]+$")
_MOST_PARTS = 2000


class MakeVariable(NamedTuple):
    """A variable's text; unless it is `final`, variables in it are looked up when it is used."""

    text: Word
    final: bool = False
    exported: bool = False


Table = Mapping[str, MakeVariable]


def assigned(table: Table, match: re.Match[str], value: Word, unsure: str = "") -> dict[str, MakeVariable]:
    """Return `table` after the assignment `match` of `value`.

    `unsure` says why the assignment may not take place: the variable is then not known.
    """
    name, operator = match["name"], match["operator"]
    known = table.get(name)
    exported = "export" in match["modifiers"].split() or (known is not None and known.exported)
    if unsure and not (operator == "?=" and known is None):
        new = MakeVariable(Word.unknown(f"`{name}` {unsure}", value.site, splits=True), True, exported)
    elif operator == "!=":
        new = MakeVariable(Word.unknown(f"`{name}` is what a command prints", value.site, splits=True), True)
    elif operator == "?=":
        new = known or MakeVariable(replace(value, origin=Origin.DEFAULT), exported=exported)
    elif operator == "+=" and known is not None:
        parts = (known.text, Word.atomic(" ", value.site), expanded(value, table) if known.final else value)
        new = MakeVariable(bounded_join(parts, value.site), known.final, exported)
    elif operator in {":=", "::=", ":::="}:
        new = MakeVariable(expanded(value, table), True, exported)
    else:
        new = MakeVariable(value, exported=exported)
    return {**table, name: new}


def expanded(text: Word, table: Table) -> Word:
    """Return `text` as make makes it: `$$` is a dollar, calls of functions and unset variables are holes."""
    return _expanded(text, table, {})


def _expanded(text: Word, table: Table, values: dict[str, Word | None]) -> Word:
    """Expand `text`; `values` are those worked out before, and `None` for what is being worked out."""
    content = text.text
    if "$" not in content:
        return text
    parts: list[Word] = []
    position = 0
    while (match := _USE.search(content, position)) is not None:
        parts.append(text.slice(position, match.start()))
        position = match.end()
        if match[0] == "$$":
            parts.append(text.slice(match.start(), match.start() + 1))
            continue
        name = match[2] or ""
        if match[1] is not None:
            end = _closing(content, match.end(), match[1])
            name, position = content[match.end() : end], min(end + 1, len(content))
        use = text.slice(match.start(), position)
        chosen = _chosen(use, table, values) if name.startswith("if ") else None
        parts.append(_value(name.strip(), use, table, values) if chosen is None else chosen)
        if len(parts) > _MOST_PARTS:
            return bounded_join(parts, text.site, 0)
    parts.append(text.slice(position))
    return bounded_join(parts, text.site)


def _chosen(use: Word, table: Table, values: dict[str, Word | None]) -> Word | None:
    """Return what `$(if CONDITION,THEN,ELSE)` comes to; `None` where that is not known."""
    start = use.text.index("if ") + len("if ")
    commas = [place for place in range(start, len(use.text) - 1) if use.text[place] == ","]
    borders = [place for place in commas if _is_outside(use.text[start:place])]
    ends = [*borders[:2], len(use.text) - 1]
    starts = [start, *(border + 1 for border in borders[:2])]
    branches = [use.slice(*ends_at) for ends_at in zip(starts, ends, strict=True)]
    condition = _expanded(branches[0], table, values)
    if not condition.is_known or len(branches) < 2:
        return None
    taken = branches[1:2] if condition.text.strip() else branches[2:3]
    return _expanded(taken[0], table, values) if taken else Word("", (), use.site)


def _is_outside(text: str) -> bool:
    """Whether all brackets of a text are closed."""
    return text.count("(") == text.count(")") and text.count("{") == text.count("}")


def _value(name: str, use: Word, table: Table, values: dict[str, Word | None]) -> Word:
    variable = table.get(name)
    if _NAME.match(name) is None:
        return Word.unknown(f"`{use.text[:60]}` is worked out by make", use.site, splits=True)
    if variable is not None and name not in values:
        values[name] = None
        values[name] = variable.text if variable.final else _expanded(variable.text, table, values)
    value = values.get(name)
    if value is None:
        return Word.unknown(f"`{use.text}` is not set in this file", use.site, splits=True)
    return replace(value, site=use.site, via=(use.site, *value.via), slot=None)


def _closing(content: str, position: int, opening: str) -> int:
    """Return where the bracket that is opened before `position` closes; the text's end if it does not."""
    closing = {"(": ")", "{": "}"}[opening]
    depth = 1
    for place in range(position, len(content)):
        depth += {opening: 1, closing: -1}.get(content[place], 0)
        if depth == 0:
            return place
    return len(content)
