"""Which variables a script's test is about, and what it states of them: `[ "$X" = y ]`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.text.shell.expansion import Expansion
from vllint.text.shell.syntax import (
    Arithmetic,
    Assignment,
    Calculation,
    Chain,
    Literal,
    Node,
    Not,
    Parameter,
    Part,
    RawWord,
    Redirected,
    Sequence,
    Simple,
    Test,
)
from vllint_schemas import Word


def named_in(node: Node, text: str) -> Iterator[str]:
    """Yield the variables that a test names."""
    if isinstance(node, Not | Redirected):
        yield from named_in(node.node, text)
    elif isinstance(node, Sequence):
        for child in node.nodes:
            yield from named_in(child, text)
    elif isinstance(node, Chain):
        for child in (node.first, *(child for _, child in node.rest)):
            yield from named_in(child, text)
    elif isinstance(node, Test | Simple):
        for word in node.words:
            yield from names_in((word.value if isinstance(word, Assignment) else word).parts)
    elif isinstance(node, Calculation):
        yield from re.findall(r"[A-Za-z_]\w*", text[node.start : node.end])


def names_in(parts: tuple[Part, ...]) -> Iterator[str]:
    """Yield the variables that parts of a word name."""
    for part in parts:
        if isinstance(part, Parameter):
            yield part.name
            yield from names_in(part.operand)
        elif isinstance(part, Arithmetic):
            yield from names_in(part.expression)


def stated_value(node: Node, expansion: Expansion) -> tuple[str, Word] | None:
    """Return the variable and the text that it has where `[ "$NAME" = text ]` holds."""
    if isinstance(node, Sequence) and len(node.nodes) == 1:
        return stated_value(node.nodes[0], expansion)
    if not isinstance(node, Test | Simple):
        return None
    words = [word for word in node.words if isinstance(word, RawWord)]
    if isinstance(node, Simple):
        texts = [expansion.source.text[word.start : word.end] for word in words]
        if len(words) != 5 or texts[0] != "[" or texts[4] != "]":
            return None
        words = words[1:4]
    if len(words) != 3 or expansion.source.text[words[1].start : words[1].end] not in ("=", "=="):
        return None
    return value_stated_by(words[0], words[2], expansion)


def value_stated_by(subject: RawWord, pattern: RawWord, expansion: Expansion) -> tuple[str, Word] | None:
    """Return the variable that `subject` is and its text where it matches `pattern`, which is plain."""
    lone = subject.parts[0] if len(subject.parts) == 1 else None
    if not isinstance(lone, Parameter) or lone.subscript or lone.change or lone.operand:
        return None
    if lone.operator not in ("", "-", ":-") or not re.fullmatch(r"[A-Za-z_]\w*", lone.name):
        return None
    plain = all(
        isinstance(part, Literal)
        and (part.quoted or not re.search(r"[*?\[]", expansion.source.text[part.start : part.end]))
        for part in pattern.parts
    )
    if not plain or not pattern.parts:
        return None
    return lone.name, expansion.single(pattern)
