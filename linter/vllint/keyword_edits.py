"""Renaming and removing keyword arguments of Python calls."""

from __future__ import annotations

import re

from vllint.facts import LaunchFacts
from vllint.word_edits import whole_lines
from vllint_schemas import Argument, Edit, Span

_NAME = re.compile(r"[A-Za-z_]\w*")
_SIGN = re.compile(r"[ \t]*=(?!=)[ \t]*")
_CONSTANT = re.compile(r"(?:True|False|None)\b")
_NEXT = re.compile(r",[ \t]*")
_COMMA_BEFORE = re.compile(r",\s*$")
_ENDS_LINE = re.compile(r",?[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")


def rename_keyword(facts: LaunchFacts, argument: Argument, flag: str) -> tuple[Edit, ...] | None:
    """Return the edit that writes a keyword by another option's name; `None` where it is none in place."""
    place = _name(facts, argument)
    return None if place is None else (Edit(place, flag.removeprefix("--").replace("-", "_")),)


def remove_keyword(facts: LaunchFacts, argument: Argument) -> tuple[Edit, ...] | None:
    """Return the edit that takes a keyword and its value out of a call, with the comma beside it."""
    name = _name(facts, argument)
    if name is None:
        return None
    text = facts.sources[name.path]
    end = _end_of_value(text, name, argument)
    if end is None:
        return None
    return (_without(text, Span(name.path, name.start, end)),)


def _name(facts: LaunchFacts, argument: Argument) -> Span | None:
    """Return where the keyword stands, if it stands there as such."""
    site = argument.flag.site
    text = facts.sources.get(site.path, "")
    match = _NAME.match(text, site.start)
    written = re.sub(r"^--(?:no-)?", "", argument.flag.text).replace("-", "_")
    if argument.flag.via or match is None or match[0] != written or not _SIGN.match(text, match.end()):
        return None
    return Span(site.path, match.start(), match.end())


def _end_of_value(text: str, name: Span, argument: Argument) -> int | None:
    sign = _SIGN.match(text, name.end)
    start = name.end if sign is None else sign.end()
    constant = _CONSTANT.match(text, start)
    if constant is not None:
        return constant.end()
    sites = [value.site for value in argument.values]
    if len(sites) != 1 or sites[0].path != name.path or sites[0].start != start:
        return None
    return sites[0].end


def _without(text: str, extent: Span) -> Edit:
    line_start = text.rfind("\n", 0, extent.start) + 1
    ends = _ENDS_LINE.match(text, extent.end)
    if ends is not None and not text[line_start : extent.start].strip():
        comma = extent.end + text[extent.end : ends.end()].startswith(",")
        edit = whole_lines(text, Span(extent.path, extent.start, comma))
        if edit is not None:
            return edit
    following, before = _NEXT.match(text, extent.end), _COMMA_BEFORE.search(text, 0, extent.start)
    # At the end of a line the comma before goes, with the blank behind it.
    if following is not None and (ends is None or before is None):
        return Edit(Span(extent.path, extent.start, following.end()), "")
    return Edit(Span(extent.path, before.start() if before else extent.start, extent.end), "")
