"""Parts of a text that end at a place of which something is not known."""

from __future__ import annotations

from vllint_schemas import Word


def up_to(text: Word, start: int, stop: int) -> Word:
    """Return a part of a text, with what is not known right at its end."""
    part = text.slice(start, stop)
    if stop == len(text.text) or all(hole.at != stop for hole in text.holes):
        return part
    ending = [Word.unknown(hole.reason, hole.source, hole.splits) for hole in text.holes if hole.at == stop]
    return Word.join((part, *ending), part.site if stop > start else ending[0].site)
