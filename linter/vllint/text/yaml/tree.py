"""YAML text to a tree of nodes that know their places, through libyaml's events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from vllint.text.source import SourceText
from vllint.text.source_map import SourceMap
from vllint.text.yaml.builder import TreeBuilder, YamlProblem
from vllint.text.yaml.document import Document
from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from vllint_schemas.words import Word

__all__ = [
    "Entry",
    "Loader",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "YamlProblem",
    "parse_source",
    "parse_yaml",
]

Loader: TypeAlias = "type[yaml.SafeLoader] | type[yaml.CSafeLoader]"

_LOADER: Final[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAKS = "\n\r\x85\u2028\u2029"
_BLANKS = " \t" + _BREAKS


def parse_source(source: SourceText) -> tuple[Node, ...]:
    """Return the root nodes of a YAML file's documents; see `parse_yaml`."""
    return parse_yaml(Word.verbatim(source.text, source.path, 0))


def parse_yaml(word: Word, loader: Loader = _LOADER) -> tuple[Node, ...]:
    """Return the root nodes of the YAML documents in a text, be it a file or a scalar of one.

    Raises `YamlProblem` for what libyaml refuses, aliases of nothing or of what holds them, merges of
    what is no mapping, and nesting or aliases beyond all measure. Byte order marks at the beginning,
    which libyaml does not count, are left out.
    """
    marks = len(word.text) - len(word.text.lstrip("\ufeff"))
    if marks:
        word = word.slice(marks)
    builder = TreeBuilder(Document(SourceMap(word)))
    try:
        _feed(builder, loader(word.text), word.text)
    except yaml.MarkedYAMLError as error:
        raise _marked_problem(builder, error) from error
    except yaml.reader.ReaderError as error:
        raise _character_problem(builder, error, word.text) from error
    except UnicodeEncodeError as error:
        raise builder.problem("half a surrogate pair is no character", error.start, error.end) from error
    return builder.roots


def _feed(builder: TreeBuilder, parser: yaml.SafeLoader | yaml.CSafeLoader, text: str) -> None:
    next_event: Callable[[], Any] = parser.get_event
    add_scalar = builder.scalar
    while (event := next_event()) is not None:
        kind = type(event)
        if kind is ScalarEvent:
            start, end = event.start_mark.index, event.end_mark.index
            if start == end or text[start] in "&!":
                start, end = _extent(text, start, end)
            tag = event.tag if event.tag != "!" else None
            add_scalar(start, end, event.value, event.style or "", event.implicit[0], tag, event.anchor)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            start = event.start_mark.index
            if event.anchor is not None or event.tag is not None:
                start = _after_properties(text, start, (event.anchor is not None) + (event.tag is not None))
            builder.open(start, kind is MappingStartEvent, bool(event.flow_style), event.tag, event.anchor)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            builder.close(event.end_mark.index)
        elif kind is AliasEvent:
            builder.alias(event.anchor, event.start_mark.index, event.end_mark.index)
        elif kind is DocumentStartEvent:
            builder.start_document()


def _extent(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where a scalar stands that is absent or has an anchor or tag before it."""
    if start == end:
        start = _before_blanks(text, start)
        return start, start
    return min(_after_properties(text, start, 2), end), end


def _after_properties(text: str, start: int, most: int) -> int:
    """Return where the node begins whose anchor and tag, at most so many, stand at `start`."""
    for _ in range(most):
        if start >= len(text) or text[start] not in "&!":
            break
        while start < len(text) and text[start] not in _BLANKS:
            start += 1
        start = _after_blanks(text, start)
    return start


def _after_blanks(text: str, start: int) -> int:
    """Return where blanks, line breaks and comments end."""
    while start < len(text) and text[start] in _BLANKS + "#":
        if text[start] == "#":
            while start < len(text) and text[start] not in _BREAKS:
                start += 1
        else:
            start += 1
    return start


def _before_blanks(text: str, offset: int) -> int:
    """Return where the blanks before an absent node begin: libyaml puts it before what comes next."""
    while offset > 0 and text[offset - 1] in _BLANKS:
        offset -= 1
    return offset


def _marked_problem(builder: TreeBuilder, error: yaml.MarkedYAMLError) -> YamlProblem:
    message = ", ".join(part for part in (error.problem, error.context) if part)
    mark: Any = error.problem_mark or error.context_mark
    start = mark.index if mark is not None else 0
    return builder.problem(message, start, start + 1)


def _character_problem(builder: TreeBuilder, error: yaml.reader.ReaderError, text: str) -> YamlProblem:
    """Return the problem of a character that YAML does not allow; libyaml counts bytes up to it."""
    code = error.character if isinstance(error.character, int) else ord(error.character)
    start = max(text.find(chr(code)), 0)
    return builder.problem(f"character U+{code:04X} is not allowed", start, start + 1)
