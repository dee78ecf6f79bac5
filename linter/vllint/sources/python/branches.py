"""What names are worth behind the branches of a Python program, of which any may have run."""

from __future__ import annotations

from dataclasses import replace

from vllint.sources.python.values import (
    Items,
    Namespace,
    Opaque,
    Parser,
    State,
    Table,
    Text,
    Value,
    joined_text,
)
from vllint_schemas import Span, Word

ENDED = "<ended>"
"""The name in a state that says that what follows does not run."""


def merged(before: State, ends: list[State], site: Span) -> dict[str, Value]:
    """Return what names are worth when any of the branches may have run."""
    if not ends:
        return {**before, ENDED: Opaque("", site)}
    names = dict.fromkeys(name for end in ends for name in end)
    return {name: merged_value([end.get(name) for end in ends], site) for name in names}


def merged_value(values: list[Value | None], site: Span) -> Value:
    """Return what is certain of a value that may be any of these; `None` is a name that may have none."""
    first = values[0]
    if first is not None and all(value is first or value == first for value in values):
        return first
    lists = [value for value in values if isinstance(value, Items)]
    if len(lists) == len(values):
        return _merged_items(lists, site)
    texts = [value.word for value in values if isinstance(value, Text)]
    if len(texts) == len(values):
        return _merged_texts(texts, site)
    tables = [value for value in values if isinstance(value, Table)]
    if len(tables) == len(values):
        shared = [entry for entry in tables[0].entries if all(entry in table.entries for table in tables)]
        return Table(tuple(shared), open=True)
    if isinstance(first, Parser | Namespace):
        return _merged_options(first, values, site)
    return Opaque("it depends on a condition", site)


def _merged_options(first: Parser | Namespace, values: list[Value | None], site: Span) -> Value:
    """Return a parser, or what it gives, with what its options are worth in all branches."""
    tables = [value[1] for value in values if type(value) is type(first) and value[0] == first.place]
    if len(tables) < len(values):
        return Opaque("it depends on a condition", site)
    places = {name: place for table in tables for name, _, place in table.entries}
    entries = ((name, merged_value([t.get(name) for t in tables], site), at) for name, at in places.items())
    options = Table(tuple(entries), any(table.open for table in tables))
    return first._replace(defaults=options) if isinstance(first, Parser) else first._replace(options=options)


def _merged_items(lists: list[Items], site: Span) -> Items:
    """Return what lists share at their start, be it written anew in each; behind it any words may stand."""
    shared: list[Word] = []
    for first, *others in zip(*(items.words for items in lists), strict=False):
        if not all(_says_same(first, other) for other in others):
            break
        shared.append(first if all(first == other for other in others) else replace(first, slot=None))
    hole = Word.unknown("words are added on a condition", site, splits=True)
    return Items((*shared, hole))


def _says_same(one: Word, other: Word) -> bool:
    holes = [[(hole.at, hole.reason) for hole in word.holes] for word in (one, other)]
    return one.text == other.text and holes[0] == holes[1]


def _merged_texts(texts: list[Word], site: Span) -> Value:
    """Return a command that grows on a condition as far as it is the same in all branches."""
    shortest = min(texts, key=lambda text: (len(text.text), len(text.holes)))
    if " " not in shortest.text or not all(_goes_on(shortest, text) for text in texts):
        return Opaque("it depends on a condition", site)
    added = Word.unknown("words are added on a condition", site, splits=True)
    more = [text.text[len(shortest.text) :] for text in texts if len(text.text) > len(shortest.text)]
    apart = [Word.atomic(" ", site)] if all(rest[0].isspace() for rest in more) else []
    return joined_text((shortest, *apart, added), site)


def _goes_on(start: Word, text: Word) -> bool:
    """Whether a text begins as another one reads, its holes included."""
    holes = [(hole.at, hole.reason) for hole in text.holes if hole.at <= len(start.text)]
    return text.text.startswith(start.text) and holes == [(hole.at, hole.reason) for hole in start.holes]
