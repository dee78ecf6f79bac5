"""Words parted at blanks, as a shell parts an unquoted variable."""

from __future__ import annotations

import re

from vllint_schemas import Word

_BLANKS = re.compile(r"\s+")


def words_at_blanks(word: Word) -> tuple[Word, ...]:
    """Return the words that an unquoted variable stands for: parted at blanks, quotes left as they are."""
    pieces: list[Word] = []
    position = 0
    for blank in _BLANKS.finditer(word.text):
        if blank.start() > position:
            pieces.append(word.slice(position, blank.start()))
        position = blank.end()
    if position < len(word.text) or any(hole.at == len(word.text) for hole in word.holes):
        pieces.append(word.slice(position))
    return tuple(pieces)
