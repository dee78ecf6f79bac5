"""`# vllint:` comments that state facts: `# vllint: gpu=A10G:4 vllm=0.19.1`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint_schemas import Launch, Located, Origin, Span

_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//)[ \t]*vllint:[ \t]*([^\r\n]*)", re.MULTILINE)
_FACT = re.compile(r"(?:^|(?<=[\s,]))(gpu|vllm)=(\"[^\"]*\"|[^\s,]+)")
_BLANK_OR_COMMENT = re.compile(r"[ \t]*(?:#.*)?")


class Directive(NamedTuple):
    """The facts that one comment states; `gpu` is a card's name and, after a colon, a count."""

    span: Span
    gpu: Located[str] | None
    vllm: Located[str] | None


class Stated(NamedTuple):
    """What comments say: of one launch, and of the machine or file as a whole."""

    launch: tuple[Directive, ...]
    file: tuple[Directive, ...]


def read_directives(text: str, path: str) -> tuple[Directive, ...]:
    """Return the directives that state facts, in order."""
    if "vllint:" not in text:
        return ()
    found: list[Directive] = []
    for comment in _COMMENT.finditer(text):
        facts = {match.group(1): match for match in _FACT.finditer(text, *comment.span(1))}
        if facts:
            located = {name: _located(match, path) for name, match in facts.items()}
            span = Span(path, *comment.span())
            found.append(Directive(span, located.get("gpu"), located.get("vllm")))
    return tuple(found)


def _located(match: re.Match[str], path: str) -> Located[str]:
    start, end = match.span(2)
    value = match.group(2)
    if value.startswith('"'):
        start, end, value = start + 1, end - 1, value[1:-1]
    return Located(value, Span(path, start, end), Origin.DIRECTIVE)


def stated_for(
    launch: Launch, launches: Sequence[Launch], directives: Sequence[Directive], text: str
) -> Stated:
    """Return which of a file's directives speak of `launch` and which of the file as a whole."""
    extents = {other.id: _reach(other.extent, text) for other in launches}
    own = tuple(d for d in directives if extents[launch.id].holds(d.span))
    file = tuple(d for d in directives if not any(extent.holds(d.span) for extent in extents.values()))
    return Stated(own, file)


def _reach(extent: Span, text: str) -> Span:
    """Widen `extent` to the comment lines directly above it and to the end of its last line."""
    start = text.rfind("\n", 0, extent.start) + 1
    for line_start in _lines_above(text, start):
        line = text[line_start : text.find("\n", line_start)].strip()
        if not line.startswith("#") or line.startswith("#!"):
            break
        start = line_start
    end = text.find("\n", extent.end)
    last = text[extent.end : end if end >= 0 else len(text)]
    reach = (end if end >= 0 else len(text)) if _BLANK_OR_COMMENT.fullmatch(last.rstrip("\r")) else extent.end
    return Span(extent.path, start, reach)


def _lines_above(text: str, start: int) -> Iterator[int]:
    """Yield the starts of the lines above the line that starts at `start`, nearest first."""
    while start > 0:
        start = text.rfind("\n", 0, start - 1) + 1
        yield start
