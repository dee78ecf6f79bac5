"""Python that stands in another text, as in a document or a notebook, read as a program of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vllint.sources.python.calls import program_launches
from vllint_schemas import Hole, Launch, Run, Span, Word


def excerpt_launches(path: str, code: Word) -> Iterator[Launch]:
    """Yield what `code`, a part of the file at `path`, starts, with the places in that file.

    Code that is no Python starts nothing.
    """
    for found in program_launches(path, code.text):
        if isinstance(found, Launch):
            yield placed(found, lambda span: code.slice(span.start, max(span.end, span.start + 1)).site)


def placed(value: Any, place: Callable[[Span], Span]) -> Any:
    """Return a launch, or a part of it, with other places; words can be edited in none of them."""
    if isinstance(value, Span):
        return place(value)
    if isinstance(value, Word):
        site = place(value.text_span or value.site)
        holes = tuple(Hole(hole.at, hole.reason, place(hole.source), hole.splits) for hole in value.holes)
        runs = (Run.atomic(0, len(value.text), site),) if value.text else ()
        return Word(value.text, runs, site, holes, value.origin, tuple(map(place, value.via)))
    if isinstance(value, tuple):
        parts = [placed(part, place) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
