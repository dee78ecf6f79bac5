"""What Python expressions may be worth: texts, lists of words, tables, and what the file does not tell."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from vllint.sources.python.source import Module
from vllint_schemas import Origin, Span, Word

_MAX_LENGTH = 200_000


class Text(NamedTuple):
    """A text or a number as a command line spells it; `value` is Python's own, if it is known."""

    word: Word
    value: object = None


class Items(NamedTuple):
    """A list of words; one that splits stands for any number of them."""

    words: tuple[Word, ...]


class Table(NamedTuple):
    """A dict with text keys; `open` says that it may hold more, as the environment does."""

    entries: tuple[tuple[str, Value, Span], ...]
    open: bool = False

    def get(self, key: str) -> Value | None:
        """Return the value of a key, the last one."""
        return next((value for name, value, _ in reversed(self.entries) if name == key), None)


class Constant(NamedTuple):
    """`True`, `False` or `None`."""

    value: bool | None
    span: Span
    origin: Origin = Origin.LITERAL


class Opaque(NamedTuple):
    """A value that the file does not tell; `node` is the expression that gives it.

    `unset` says that it is nothing unless whoever runs the program sets it.
    """

    reason: str
    span: Span
    node: ast.expr | None = None
    unset: bool = False


class Parser(NamedTuple):
    """A parser of a command line, made at `place`: what its options are worth by default, by their names.

    `ahead` names those that have a default and are not declared yet.
    """

    place: Span
    defaults: Table
    ahead: frozenset[str] = frozenset()


class Namespace(NamedTuple):
    """What a parser gives a program: its options as attributes."""

    place: Span
    options: Table


Value: TypeAlias = Text | Items | Table | Constant | Opaque | Parser | Namespace
State: TypeAlias = Mapping[str, Value]
"""What names are worth at one place of a program."""


def text_word(value: Value | None) -> Word | None:
    """Return the word of a text or number; `None` for what is neither."""
    return value.word if isinstance(value, Text) else None


def joined_text(parts: Sequence[Word], span: Span) -> Text | Opaque:
    """Return texts put together; what becomes too long is not known."""
    size = sum(len(part.text) + len(part.runs) + len(part.holes) + len(part.via) for part in parts)
    if size > _MAX_LENGTH:
        return Opaque("the text is too long", span)
    word = Word.join(parts, span)
    return Text(word, word.text if word.is_known else None)


class Evaluating(Protocol):
    """What evaluates the expressions of one module."""

    module: Module

    def value(self, node: ast.expr, state: State, depth: int = 0) -> Value:
        """Return what an expression is worth when names are worth what `state` says."""

    def word(self, value: Value, site: Span) -> Word:
        """Return a value as one word."""

    def returned(self, node: ast.Call, state: State, depth: int) -> Value | None:
        """Return what a call of one of the program's own functions gives; `None` for other calls."""
