"""Compose's `${VARIABLE}` interpolation.

Rules: Compose Specification, "Interpolation". The caller's environment is never read: a variable that no
`.env` file sets is not known, and a default is what the file states.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.templates.tags import with_placeholders_unknown
from vllint_schemas import Origin, Slot, Span, Word

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_BLANK = r"\s"
_MAX_DEPTH = 20
_MAX_LENGTH = 50_000
"""Variables that name others twice double in length with each."""

_LENGTH_OF_HOLE = 50


def interpolate(word: Word, variables: Mapping[str, Word], depth: int = 0, *, splits: bool = False) -> Word:
    """Return `word` with its variables replaced; those that are not known become holes.

    `splits` says that the text is split into words afterwards, so that a hole may hold several.
    """
    if "$" not in word.text:
        return with_placeholders_unknown(word)
    return interpolated(word, variables, depth, splits=splits).word


class Interpolated(NamedTuple):
    """A word whose variables are replaced, and what stands in their place."""

    word: Word
    parts: tuple[Word, ...] = ()

    @property
    def as_written(self) -> Word:
        """The word without the origin that its variables give it as a whole; `from_variables` gives it back
        to what is made of their parts."""
        if not self.parts:
            return self.word
        via = tuple(place for place in self.word.via if all(place not in part.via for part in self.parts))
        return replace(self.word, origin=Origin.LITERAL, via=via)


def interpolated(
    word: Word, variables: Mapping[str, Word], depth: int = 0, *, splits: bool = False
) -> Interpolated:
    """Do as `interpolate`, and return what stands in place of the variables too."""
    word = with_placeholders_unknown(word)
    text = word.text
    if "$" not in text:
        return Interpolated(word)
    parts: list[Word] = []
    replaced: list[Word] = []
    position = length = 0
    while True:
        dollar = text.find("$", position)
        if dollar < 0:
            parts.append(word.slice(position))
            break
        parts.append(word.slice(position, dollar))
        part, position = _expand(word, dollar, variables, depth)
        parts.append(part)
        replaced.append(part)
        length += len(part.text) + _LENGTH_OF_HOLE * len(part.holes)
        if length > _MAX_LENGTH:
            return Interpolated(Word.unknown("the variables make up too long a text", word.site, splits))
    joined = Word.join(parts, word.site)
    holes = tuple(hole._replace(splits=True) for hole in joined.holes) if splits else joined.holes
    via = word.via + tuple(place for place in joined.via if place not in word.via)
    whole = Word(joined.text, joined.runs, joined.site, holes, joined.origin, via, word.slot)
    return Interpolated(whole, tuple(replaced))


def from_variables(word: Word, parts: Iterable[Word]) -> Word:
    """Return a piece of an interpolated text with the origin that the `parts` in it give it.

    Its slot becomes as wide as the braces around a default of which it is made.
    """
    sources = [run.source for run in word.runs]
    touched = [part for part in parts if any(_overlap(run.source, sources) for run in part.runs)]
    touched = [part for part in touched if word.site.holds(part.site)] or touched
    origin = next(
        (part.origin for part in reversed(touched) if part.origin is not Origin.LITERAL), word.origin
    )
    via = dict.fromkeys(place for part in touched for place in part.via if place not in word.via)
    if not touched:
        return word
    return replace(word, origin=origin, via=(*via, *word.via), slot=_slot_of(word, touched))


def _slot_of(word: Word, parts: Iterable[Word]) -> Slot | None:
    """Return the place of a word with its braces; `None` where they hold other words too."""
    slot = word.slot
    for part in parts:
        if slot is None or part.origin is not Origin.DEFAULT:
            continue
        slot = None if re.search(_BLANK, part.text) else slot._replace(extent=slot.extent.cover(part.site))
    return slot


def _overlap(one: Span, others: Iterable[Span]) -> bool:
    return any(other.path == one.path and one.start < other.end and other.start < one.end for other in others)


def _expand(word: Word, dollar: int, variables: Mapping[str, Word], depth: int) -> tuple[Word, int]:
    """Return what the `$` at `dollar` stands for and where the text goes on."""
    text = word.text
    after = text[dollar + 1 : dollar + 2]
    if after == "$":
        site = word.slice(dollar, dollar + 2).site
        return Word.atomic("$", site), dollar + 2
    if after == "{":
        end = closing_brace(text, dollar + 2)
        if end is None or depth >= _MAX_DEPTH:
            return Word.unknown("`${` is not closed", word.slice(dollar).site), len(text)
        return _braced(word, dollar, end, variables, depth), end + 1
    match = _NAME.match(text, dollar + 1)
    if match is None:
        return word.slice(dollar, dollar + 1), dollar + 1
    use = word.slice(dollar, match.end())
    return _look_up(match.group(), use, variables), match.end()


def _braced(word: Word, dollar: int, end: int, variables: Mapping[str, Word], depth: int) -> Word:
    text = word.text
    match = _NAME.match(text, dollar + 2, end)
    whole = word.slice(dollar, end + 1)
    if match is None:
        return Word.unknown(f"`{whole.text}` is not a variable", whole.site)
    if match.end() == end:
        return _look_up(match.group(), whole, variables)
    operator = _OPERATOR.match(text, match.end(), end)
    if operator is None:
        return Word.unknown(f"`{whole.text}` is not a variable", whole.site)
    value = variables.get(match.group())
    colon, kind = operator.group().startswith(":"), operator.group()[-1]
    is_set = value is not None and not (colon and value.is_known and not value.text)
    alternative = word.slice(operator.end(), end)
    if kind == "+":
        if is_set:
            return interpolate(alternative, variables, depth + 1)
        return Word.unknown(f"`${match.group()}` is not set in an `.env` file", whole.site, splits=True)
    if is_set:
        return _look_up(match.group(), whole, variables)
    if kind == "?":
        return Word.unknown(f"`${match.group()}` must come from the environment", whole.site)
    default = interpolate(alternative, variables, depth + 1)
    return replace(default, origin=Origin.DEFAULT, site=whole.site)


def _look_up(name: str, use: Word, variables: Mapping[str, Word]) -> Word:
    value = variables.get(name)
    if value is None:
        return Word.unknown(f"`${name}` is not set in an `.env` file", use.site)
    return replace(value, site=use.site, via=(use.site, *value.via), slot=None)


def closing_brace(text: str, position: int) -> int | None:
    """Return the place of the brace that closes a `${` whose content starts at `position`.

    Every brace within counts, as in compose-go 2 (`template.go`), so that a default may be JSON.
    """
    depth = 1
    for place in range(position, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return None
