"""What calls of Python's own functions are worth that programs build command lines with."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from vllint.sources.blank_words import words_at_blanks
from vllint.sources.python.formats import formatted
from vllint.sources.python.options import by_default, option_value
from vllint.sources.python.paths import JOINS, PATHS, joined_path, path_of
from vllint.sources.python.values import (
    Constant,
    Evaluating,
    Items,
    Opaque,
    State,
    Table,
    Text,
    Value,
    joined_text,
)
from vllint_schemas import Origin, Span, Word

_QUOTED = re.compile(r"[^\w@%+=:,./-]", re.ASCII)
"""What `shlex.quote` puts into quotes."""

_SAME = frozenset({"list", "tuple", "copy.copy", "copy.deepcopy", "textwrap.dedent", "inspect.cleandoc"})
"""Functions whose value is their argument's, as far as a shell or a list of words goes."""


def called(evaluator: Evaluating, node: ast.Call, state: State, depth: int) -> Value:
    """Return what a call is worth."""
    name = evaluator.module.dotted(node.func)
    span = evaluator.module.span(node)
    arguments = [evaluator.value(argument, state, depth + 1) for argument in node.args[:8]]
    if name in {"str", "repr", "int", "float"} and len(arguments) == 1:
        return _as_text(arguments[0], span)
    if name in _SAME and len(arguments) == 1:
        return arguments[0]
    if name in {"os.environ.get", "os.getenv"}:
        return _from_environment(evaluator, name, arguments, state, span)
    if name in {"os.environ.copy", "dict"}:
        return _copied(evaluator, node, arguments, state, depth)
    if name in {"shlex.join", "shlex.quote"} and len(arguments) == 1:
        return _quoted(arguments[0], span)
    if (name in JOINS or name in PATHS) and arguments and not node.keywords:
        return (joined_path if name in JOINS else path_of)(arguments, span)
    if name == "shlex.split" and arguments:
        return _split(arguments[0], span)
    if isinstance(node.func, ast.Attribute):
        method = _method(evaluator, node, node.func, arguments, state, depth)
        if method is not None:
            return method
    option = option_value(evaluator, node, state, depth)
    own = evaluator.returned(node, state, depth) if option is None else option
    if own is not None:
        return own
    return Opaque(f"`{evaluator.module.written(node)}` is computed", span, node)


def _as_text(value: Value, span: Span) -> Value:
    if isinstance(value, Text):
        word = replace(value.word, site=span, slot=None)
        return Text(word, word.text if word.is_known else None)
    return value if isinstance(value, Opaque) else Opaque("it is no text", span)


def _from_environment(
    evaluator: Evaluating, name: str, arguments: list[Value], state: State, span: Span
) -> Value:
    """Return a variable of the environment: the one set before, else the default, which it may override."""
    if not arguments or not isinstance(arguments[0], Text):
        return Opaque("it is read from the environment", span)
    variable = arguments[0].word.text
    environment = state.get("os.environ")
    known = environment.get(variable) if isinstance(environment, Table) else None
    if known is not None:
        return known
    default = arguments[1] if len(arguments) > 1 else None
    if isinstance(default, Text):
        word = replace(default.word, site=span, via=(span,), origin=Origin.DEFAULT, slot=None)
        return Text(word, default.value)
    missing = default is None or (isinstance(default, Constant) and not default.value)
    return Opaque(f"`{variable}` is read from the environment", span, unset=missing)


def _copied(evaluator: Evaluating, node: ast.Call, arguments: list[Value], state: State, depth: int) -> Value:
    """Return `dict(table, NAME=value)` and `os.environ.copy()`."""
    base = arguments[0] if arguments else None
    if evaluator.module.dotted(node.func) == "os.environ.copy":
        known = state.get("os.environ")
        base = known if isinstance(known, Table) else Table((), open=True)
    entries = list(base.entries) if isinstance(base, Table) else []
    is_open = base is not None and (not isinstance(base, Table) or base.open)
    for keyword in node.keywords:
        value = evaluator.value(keyword.value, state, depth + 1)
        if keyword.arg is None:
            is_open = True
        else:
            entries.append((keyword.arg, value, evaluator.module.span(keyword)))
    return Table(tuple(entries), is_open)


def _method(
    evaluator: Evaluating,
    node: ast.Call,
    function: ast.Attribute,
    arguments: list[Value],
    state: State,
    depth: int,
) -> Value | None:
    """Return a call of a text's or list's method; `None` for others."""
    if function.attr not in {"join", "strip", "lstrip", "rstrip", "split", "copy", "get", "format"}:
        return None
    span = evaluator.module.span(node)
    value = evaluator.value(function.value, state, depth + 1)
    if function.attr == "copy" and isinstance(value, Items | Table):
        return value
    if function.attr == "get" and isinstance(value, Table) and arguments and isinstance(arguments[0], Text):
        found = value.get(arguments[0].word.text)
        by_chance = arguments[0].word.origin is Origin.DEFAULT
        return by_default(found) if found is not None and by_chance else found
    if not isinstance(value, Text):
        return None
    if function.attr == "join":
        return joined_by(value.word.text, arguments, span)
    if function.attr in {"strip", "lstrip", "rstrip"} and not arguments:
        return Text(_stripped(value.word), value.value)
    if function.attr == "split" and not arguments:
        return Items(words_at_blanks(value.word))
    return _formatted(evaluator, node, value.word, arguments, state) if function.attr == "format" else None


def _formatted(
    evaluator: Evaluating, node: ast.Call, template: Word, arguments: list[Value], state: State
) -> Value:
    span = evaluator.module.span(node)
    if any(isinstance(argument, ast.Starred) for argument in node.args) or len(node.args) > len(arguments):
        return Opaque("a text is formatted", span)
    words = [evaluator.word(value, span) for value in arguments]
    named = {
        keyword.arg: evaluator.word(evaluator.value(keyword.value, state, 1), span)
        for keyword in node.keywords
        if keyword.arg is not None
    }
    return formatted(template, words, named, span)


def joined_by(separator: object, arguments: list[Value], span: Span) -> Value | None:
    """Return `separator.join(words)`; `None` for other arguments than a list of words."""
    if not isinstance(separator, str) or len(arguments) != 1 or not isinstance(arguments[0], Items):
        return None
    return _joined(separator, arguments[0].words, span)


def _joined(separator: str, words: tuple[Word, ...], span: Span) -> Value:
    parts: list[Word] = []
    for word in words:
        if parts:
            parts.append(Word.atomic(separator, span))
        parts.append(word)
    return joined_text(parts, span)


def _stripped(word: Word) -> Word:
    start = len(word.text) - len(word.text.lstrip())
    end = len(word.text.rstrip())
    if word.holes or start >= end:
        return word
    return replace(word.slice(start, end), site=word.site, via=word.via, origin=word.origin)


def _split(value: Value, span: Span) -> Value:
    """Return `shlex.split` of a text without quotes; others are left to the shell's own reader."""
    if isinstance(value, Text) and not set(value.word.text) & set("'\"\\"):
        return Items(words_at_blanks(value.word))
    return Opaque("a text is split as a shell would", span)


def _quoted(value: Value, span: Span) -> Value:
    """Return `shlex.join` and `shlex.quote`: words that need quotes get them around."""
    words = value.words if isinstance(value, Items) else (value.word,) if isinstance(value, Text) else None
    if words is None:
        return Opaque("a text is quoted for a shell", span)
    parts: list[Word] = []
    for word in words:
        if parts:
            parts.append(Word.atomic(" ", span))
        needs = _QUOTED.search(word.text) is not None or (not word.text and not word.holes)
        if needs and "'" in word.text:
            parts.append(Word.unknown("a text is quoted for a shell", word.site))
        elif needs:
            parts.extend((Word.atomic("'", span), word, Word.atomic("'", span)))
        else:
            parts.append(word)
    return joined_text(parts, span)


def is_true(value: Value | None) -> bool:
    """Whether a value is `True`."""
    return isinstance(value, Constant) and value.value is True
