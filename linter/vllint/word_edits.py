"""Taking words out of where they stand, with what parts them from their neighbours."""

from __future__ import annotations

import re

from vllint_schemas import Edit, Slot, SlotKind, Span, Word

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")


def remove_words(text: str, words: tuple[Word, ...], first: int, last: int) -> Edit | None:
    """Return the edit that removes `words[first..last]` from `text`, the file they stand in.

    `None` where they cannot be taken out in place: words without a place of their own, from several
    places, or shared through an alias.
    """
    gone = words[first : last + 1]
    start, end = gone[0].slot, gone[-1].slot
    if start is None or end is None or any(word.via or word.slot is None for word in gone):
        return None
    if start.kind is not end.kind or start.extent.path != end.extent.path:
        return None
    if start.kind in {SlotKind.BLOCK_ITEM, SlotKind.FIELD}:
        return whole_lines(text, Span(start.extent.path, start.extent.start, end.extent.end))
    if start.kind is SlotKind.KEYWORD:
        return None
    before = words[first - 1].slot if first > 0 else None
    after = words[last + 1].slot if last + 1 < len(words) else None
    path = start.extent.path
    if before is not None and _follows(before, start):
        return Edit(Span(path, before.extent.end, end.extent.end), "")
    if after is not None and _follows(end, after):
        return Edit(Span(path, start.extent.start, after.extent.start), "")
    if start.kind is SlotKind.SHELL:
        blanks = len(text[: start.extent.start]) - len(text[: start.extent.start].rstrip(" \t"))
        return Edit(Span(path, start.extent.start - blanks, end.extent.end), "")
    return None


def _follows(earlier: Slot, later: Slot) -> bool:
    """Whether two words stand in one list or command, in this order."""
    same = earlier.kind is later.kind and earlier.extent.path == later.extent.path
    return same and earlier.extent.end <= later.extent.start


def whole_lines(text: str, extent: Span) -> Edit | None:
    """Remove the lines that `extent` covers, if nothing else stands on them but a comment."""
    line_start = max(text.rfind("\n", 0, extent.start), text.rfind("\r", 0, extent.start)) + 1
    rest = _REST_OF_LINE.match(text, extent.end)
    if text[line_start : extent.start].strip() or rest is None:
        return None
    return Edit(Span(extent.path, line_start, rest.end()), "")
