"""JSON text to the same tree of nodes as YAML, by JSON's rules."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from vllint.text.source_map import SourceMap
from vllint.text.yaml.builder import TreeBuilder
from vllint.text.yaml.document import Document
from vllint.text.yaml.nodes import Node
from vllint.text.yaml.scalars import json_string_runs
from vllint_schemas.words import Word

_TOKEN = (
    r'[ \t\n\r]*+(?:(?P<mark>[\[\]{},:])|(?P<string>"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+")'
    r"|(?P<literal>(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null|NaN|-?Infinity)"
    r"(?![\w.+-]))|(?P<end>\Z))"
)
_VALUE: Final = frozenset({"string", "literal", "[", "{"})
_ALLOWED: dict[str, frozenset[str]] = {
    "a value": _VALUE,
    "a value or ]": _VALUE | {"]"},
    "a key": frozenset({"string"}),
    "a key or }": frozenset({"string", "}"}),
    ":": frozenset({":"}),
    ", or ]": frozenset({",", "]"}),
    ", or }": frozenset({",", "}"}),
    "the end of the text": frozenset({"end"}),
}


def parse_json(word: Word) -> Node:
    """Read one JSON value (RFC 8259, and Python's `NaN` and `Infinity`), tabs and all.

    Raises `YamlProblem` for what is not JSON, half a surrogate pair and too deep nesting.
    """
    document = Document(SourceMap(word), json=True)
    builder = TreeBuilder(document)
    containers: list[str] = []
    expected = "a value"
    at = 0
    while True:
        kind, start, at = _token(word.text, at, builder, expected)
        if kind == "end":
            return builder.roots[0]
        if kind in ("string", "literal"):
            _add_scalar(word, builder, kind, start, at)
        elif kind in ("[", "{"):
            builder.open(start, kind == "{", True, None, None)
            containers.append(kind)
        elif kind in ("]", "}"):
            builder.close(at)
            containers.pop()
        expected = _after(kind, expected, containers)


@cache
def _token_pattern() -> re.Pattern[str]:
    return re.compile(_TOKEN)


def _token(text: str, at: int, builder: TreeBuilder, expected: str) -> tuple[str, int, int]:
    """Return kind, start and end of the next token, which must be one of those expected."""
    match = _token_pattern().match(text, at)
    if match is None:
        start = len(text) - len(text[at:].lstrip(" \t\n\r"))
        raise builder.problem(f"JSON: expected {expected}", start, start + 1)
    group = match.lastgroup or "end"
    kind = match[group] if group == "mark" else group
    start, end = match.span(group)
    if kind not in _ALLOWED[expected]:
        raise builder.problem(f"JSON: expected {expected}", start, end)
    return kind, start, end


def _after(kind: str, expected: str, containers: list[str]) -> str:
    """Return what may follow a token."""
    if kind == "[":
        return "a value or ]"
    if kind == "{":
        return "a key or }"
    if kind == ":":
        return "a value"
    if kind == "string" and expected.startswith("a key"):
        return ":"
    if not containers:
        return "the end of the text"
    if kind == ",":
        return "a value" if containers[-1] == "[" else "a key"
    return ", or ]" if containers[-1] == "[" else ", or }"


def _add_scalar(word: Word, builder: TreeBuilder, kind: str, start: int, end: int) -> None:
    if kind == "literal":
        builder.scalar(start, end, word.text[start:end], "", True, None, None)
        return
    value = word.text[start + 1 : end - 1]
    if "\\" in value:
        decoded = json_string_runs(word.text, word.site.path, start, end)
        if decoded is None:
            raise builder.problem("JSON: an escape that stands for no character", start, end)
        value = decoded[0]
    builder.scalar(start, end, value, '"', False, None, None)
