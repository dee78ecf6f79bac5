"""Joining words whose parts may come from variables that double in length line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vllint_schemas import Span, Word

_LARGEST = 20_000
_MOST_PLACES = 100


def bounded_join(parts: Sequence[Word], site: Span, largest: int = _LARGEST) -> Word:
    """Return the concatenation of `parts`; not known if it is larger than any command's words are.

    Of very many places that refer to the parts, none is kept.
    """
    if sum(len(part.text) + 4 * (len(part.runs) + len(part.holes)) for part in parts) > largest:
        return Word.unknown("the variables here come to too long a text", site, splits=True)
    if sum(len(part.via) for part in parts) > _MOST_PLACES:
        parts = [replace(part, via=()) for part in parts]
    return Word.join(parts, site)
