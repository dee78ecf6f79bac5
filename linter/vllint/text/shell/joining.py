"""Putting words together: what becomes of splits and of borders between known and unknown text."""

from __future__ import annotations

from dataclasses import replace

from vllint.text.shell.text import with_splits
from vllint.text.shell.values import LONGEST, without_border
from vllint_schemas import Origin, Span, Word


def spaced_words(words: list[Word | None], separator: str, site: Span) -> list[Word]:
    """Return words that are no longer split, with a separator for each None between them.

    Next to an unknown number of words the separator may be missing: it then stands nowhere in the file.
    """
    spaced: list[Word] = []
    for index, word in enumerate(words):
        if word is not None:
            spaced.append(with_splits(word, False))
            continue
        beside = (words[index - 1], *words[index + 1 : index + 2])
        open_ended = any(near is not None and near.splits and not near.text for near in beside)
        place = Span(site.path, site.end, site.end) if open_ended else site
        spaced.append(Word.atomic(separator, place))
    return spaced


def join_words(words: list[Word], site: Span) -> Word:
    """Return the words as one; a known word never ends where an unknown rest may go on."""
    for index, following in enumerate(words[1:]):
        if not following.text[:1].isspace() and (following.text or following.holes):
            words[index] = without_border(words[index])
    if sum(len(word.text) for word in words) > LONGEST:
        return Word.unknown("it becomes too long", site, splits=True)
    joined = Word.join(words, site)
    if any(word.origin is Origin.DEFAULT for word in words):
        return replace(joined, origin=Origin.DEFAULT)
    return joined
