"""Evaluates Python expressions as far as the file says.

Nothing is run. What is computed, passed in or read from outside is a hole in the words it touches.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

from vllint.sources.python.builtins import called, joined_by
from vllint.sources.python.options import by_default
from vllint.sources.python.paths import path_of
from vllint.sources.python.source import Module, parsed
from vllint.sources.python.strings import string_word
from vllint.sources.python.values import (
    Constant,
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
from vllint_schemas import Origin, Span, Word

_MAX_DEPTH = 40
_MAX_WORDS = 2000


Returned = Callable[[ast.Call, State, int], Value | None]
"""Returns what a call of a program's own function gives, if it is one."""


def _nothing(_node: ast.Call, _state: State, _depth: int) -> None:
    """Return what calls give where no function of the module is known."""


class Evaluator:
    """Evaluates expressions of one module."""

    def __init__(self, module: Module, returned: Returned = _nothing) -> None:
        self.module = module
        self._returned = returned

    def value(self, node: ast.expr, state: State, depth: int = 0) -> Value:
        """Return what an expression is worth when names are worth what `state` says."""
        if depth > _MAX_DEPTH:
            return self._opaque(node)
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.JoinedStr):
            return self._formatted(node, state, depth)
        if isinstance(node, ast.Name):
            return self._named(node, state)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return Items(tuple(self._items(node, state, depth)))
        if isinstance(node, ast.Dict):
            return self._table(node, state, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._sum(node, state, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return self._converted(node, state, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            sides = [self.value(side, state, depth + 1) for side in (node.left, node.right)]
            path = path_of(sides, self.module.span(node))
            return self._opaque(node) if isinstance(path, Opaque) else path
        if isinstance(node, ast.IfExp):
            return self._chosen(node, state, depth)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return self._first_true(node, state, depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, state, depth)
        if isinstance(node, ast.Call):
            return called(self, node, state, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, state, depth)
        if isinstance(node, ast.Await):
            return self.value(node.value, state, depth + 1)
        return self._opaque(node)

    def _attribute(self, node: ast.Attribute, state: State, depth: int) -> Value:
        name = self.module.dotted(node)
        if name == "os.environ":
            known = state.get("os.environ")
            return known if isinstance(known, Table) else Table((), open=True)
        if name in state:
            return self._looked_up(name, self.module.span(node), state)
        owner = self.value(node.value, state, depth + 1)
        found = owner.options.get(node.attr) if isinstance(owner, Namespace) else None
        return self._opaque(node) if found is None else _used(found, self.module.span(node))

    def returned(self, node: ast.Call, state: State, depth: int) -> Value | None:
        """Return what a call of one of the program's own functions gives; `None` for other calls."""
        return self._returned(node, state, depth)

    def truth(self, node: ast.expr, state: State, depth: int = 0) -> bool | None:
        """Return whether a condition holds; `None` where that is not known."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(node.operand, state, depth + 1)
            return None if inner is None else not inner
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._compared(node, state, depth)
        value = self.value(node, state, depth + 1)
        if isinstance(value, Constant) and value.origin is not Origin.DEFAULT:
            return bool(value.value)
        if isinstance(value, Text) and value.value is not None and value.word.origin is not Origin.DEFAULT:
            return bool(value.value)
        return None

    def _compared(self, node: ast.Compare, state: State, depth: int) -> bool | None:
        sides = [self.value(side, state, depth + 1) for side in (node.left, node.comparators[0])]
        values = [side.value for side in sides if isinstance(side, Text | Constant)]
        if len(values) < 2 or any(isinstance(side, Text) and side.value is None for side in sides):
            return None
        if any(_is_default(side) for side in sides):
            return None
        left, right = values
        operator = node.ops[0]
        if isinstance(operator, ast.Eq | ast.Is):
            return left == right
        if isinstance(operator, ast.NotEq | ast.IsNot):
            return left != right
        if isinstance(left, int | float) and isinstance(right, int | float):
            if isinstance(operator, ast.Gt):
                return left > right
            if isinstance(operator, ast.GtE):
                return left >= right
            if isinstance(operator, ast.Lt):
                return left < right
            if isinstance(operator, ast.LtE):
                return left <= right
        return None

    def _opaque(self, node: ast.expr) -> Opaque:
        return Opaque(f"`{self.module.written(node)}` is computed", self.module.span(node), node)

    def _constant(self, node: ast.Constant) -> Value:
        span = self.module.span(node)
        if isinstance(node.value, bool) or node.value is None:
            return Constant(node.value, span)
        if isinstance(node.value, str):
            text = self.module.text
            word = string_word(text, span.path, span.start, span.end, node.value, self._unfilled)
            return Text(word, node.value)
        if isinstance(node.value, int | float):
            return Text(self._number(str(node.value), span), node.value)
        return self._opaque(node)

    def _number(self, text: str, span: Span) -> Word:
        if self.module.text[span.start : span.end] == text:
            return Word.verbatim(text, span.path, span.start)
        return Word.atomic(text, span)

    @staticmethod
    def _unfilled(expression: str, start: int) -> Word:
        return Word.unknown("a plain literal has no replacement fields", Span("", start, start))

    def _formatted(self, node: ast.JoinedStr, state: State, depth: int) -> Value:
        span = self.module.span(node)

        def filled(expression: str, start: int) -> Word:
            site = Span(span.path, start, start + len(expression))
            try:
                tree = parsed(expression.strip(), "eval")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return Word.unknown(f"`{expression[:40]}` is computed", site)
            # Its lines and columns count from the expression, so only names can be placed.
            inner = tree.body if isinstance(tree, ast.Expression) else ast.Constant("")
            value = self._placed(inner, site, state)
            if value is not None:
                return self.word(value, site)
            return Word.unknown(f"`{' '.join(expression.split())[:40]}` is computed", site)

        word = string_word(self.module.text, span.path, span.start, span.end, None, filled)
        return joined_text((word,), span)

    def _placed(self, node: ast.expr, site: Span, state: State) -> Value | None:
        """Return what a name is worth, `str` of it, or the words of a list put together, used at `site`."""
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            given = self._placed(node.args[0], site, state)
            if isinstance(node.func, ast.Name) and node.func.id == "str" and isinstance(given, Text):
                return given
            if given is None or not isinstance(node.func, ast.Attribute) or node.func.attr != "join":
                return None
            separator = node.func.value
            return joined_by(separator.value, [given], site) if isinstance(separator, ast.Constant) else None
        name = node.id if isinstance(node, ast.Name) else self.module.dotted(node)
        if name in state:
            return self._looked_up(name, site, state)
        if not isinstance(node, ast.Attribute):
            return None
        owner = self._placed(node.value, site, state)
        found = owner.options.get(node.attr) if isinstance(owner, Namespace) else None
        return None if found is None else _used(found, site)

    def _named(self, node: ast.Name, state: State) -> Value:
        return self._looked_up(node.id, self.module.span(node), state)

    def _looked_up(self, name: str, use: Span, state: State) -> Value:
        found = state.get(name)
        if found is None:
            return Opaque(f"`{name}` is not known here", use)
        return _used(found, use)

    def _items(self, node: ast.List | ast.Tuple | ast.Set, state: State, depth: int) -> Iterator[Word]:
        for element in node.elts[:_MAX_WORDS]:
            if isinstance(element, ast.Starred):
                yield from self.words(self.value(element.value, state, depth + 1))
            else:
                yield self.word(self.value(element, state, depth + 1), self.module.span(element))

    def words(self, value: Value) -> tuple[Word, ...]:
        """Return a value spliced into a list."""
        if isinstance(value, Items):
            return value.words
        if isinstance(value, Opaque):
            return (Word.unknown(value.reason, value.span, splits=True),)
        span = value.word.site if isinstance(value, Text) else None
        if isinstance(value, Table):
            span = value.entries[0][2] if value.entries else None
        elif isinstance(value, Constant):
            span = value.span
        elif isinstance(value, Parser | Namespace):
            span = value.place
        return () if span is None else (Word.unknown("it is no list of words", span, splits=True),)

    def word(self, value: Value, site: Span) -> Word:
        """Return a value as one word."""
        if isinstance(value, Text):
            return value.word
        if isinstance(value, Constant):
            if value.value is None and value.origin is Origin.DEFAULT:
                return Word.unknown("it has no default", site)
            return Word.atomic(str(value.value), value.span, value.origin)
        reason = value.reason if isinstance(value, Opaque) else "it is no text"
        return Word.unknown(reason, site)

    def _table(self, node: ast.Dict, state: State, depth: int) -> Table:
        entries: list[tuple[str, Value, Span]] = []
        is_open = False
        for key, item in list(zip(node.keys, node.values, strict=True))[:_MAX_WORDS]:
            value = self.value(item, state, depth + 1)
            if key is None:
                overrides = not isinstance(value, Table) or value.open
                entries = [(name, by_default(old) if overrides else old, at) for name, old, at in entries]
                is_open = is_open or overrides
                entries.extend(value.entries if isinstance(value, Table) else ())
                continue
            name = self.value(key, state, depth + 1)
            if isinstance(name, Text) and name.word.is_known:
                entries.append((name.word.text, value, self.module.span(key)))
            else:
                is_open = True
        is_open = is_open or len(node.keys) > _MAX_WORDS
        return Table(tuple(entries[:_MAX_WORDS]), is_open)

    def _sum(self, node: ast.BinOp, state: State, depth: int) -> Value:
        left = self.value(node.left, state, depth + 1)
        right = self.value(node.right, state, depth + 1)
        return self.added(left, right, self.module.span(node))

    def _converted(self, node: ast.BinOp, state: State, depth: int) -> Value:
        left, span = self.value(node.left, state, depth + 1), self.module.span(node)
        if not isinstance(left, Text) or isinstance(left.value, int | float):
            return self._opaque(node)
        from vllint.sources.python.formats import converted

        given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        values = [self.value(one, state, depth + 1) for one in given[:_MAX_WORDS]]
        if len(values) == 1 and isinstance(values[0], Table):
            named = {name: self.word(value, span) for name, value, _ in values[0].entries}
            return converted(left.word, (), named, span)
        return converted(left.word, [self.word(value, span) for value in values], {}, span)

    def added(self, left: Value, right: Value, span: Span) -> Value:
        """Return the sum of two texts or two lists; a part that is not known is a hole in it."""
        if isinstance(left, Items) or isinstance(right, Items):
            return Items((self.words(left) + self.words(right))[:_MAX_WORDS])
        if isinstance(left, Text) and isinstance(left.value, int | float):
            return Opaque("a number is computed", span)
        if isinstance(left, Text) or isinstance(right, Text):
            return joined_text((self.word(left, span), self.word(right, span)), span)
        return Opaque("a sum is computed", span)

    def _chosen(self, node: ast.IfExp, state: State, depth: int) -> Value:
        truth = self.truth(node.test, state, depth + 1)
        if truth is not None:
            return self.value(node.body if truth else node.orelse, state, depth + 1)
        options = [self.value(side, state, depth + 1) for side in (node.body, node.orelse)]
        reason = f"it depends on `{self.module.written(node.test)}`"
        if any(isinstance(option, Items) for option in options):
            return Items((Word.unknown(reason, self.module.span(node), splits=True),))
        return Opaque(reason, self.module.span(node), node)

    def _first_true(self, node: ast.BoolOp, state: State, depth: int) -> Value:
        """Return `value or other`; what is only not set by default gives way to the other by default."""
        by_chance = False
        for operand in node.values[:-1]:
            value = self.value(operand, state, depth + 1)
            if isinstance(value, Opaque) and value.unset:
                by_chance = True
                continue
            if not isinstance(value, Text | Constant) or (isinstance(value, Text) and value.value is None):
                return self._opaque(node)
            if value.value:
                return by_default(value) if by_chance else value
            by_chance = by_chance or _is_default(value)
        last = self.value(node.values[-1], state, depth + 1)
        return by_default(last) if by_chance else last

    def _subscript(self, node: ast.Subscript, state: State, depth: int) -> Value:
        value = self.value(node.value, state, depth + 1)
        if isinstance(node.slice, ast.Slice):
            whole = node.slice.lower is None and node.slice.upper is None and node.slice.step is None
            return value if whole and isinstance(value, Items) else self._opaque(node)
        key = self.value(node.slice, state, depth + 1)
        if isinstance(value, Namespace) and isinstance(key, Text) and key.value == 0:
            # `parse_known_args` gives a pair.
            return value
        if isinstance(value, Table) and isinstance(key, Text) and key.word.is_known:
            found = value.get(key.word.text)
            found = by_default(found) if found is not None and _is_default(key) else found
            return self._opaque(node) if found is None else found
        return self._opaque(node)


def _used(found: Value, use: Span) -> Value:
    """Return a value that is named at `use`."""
    if not isinstance(found, Text):
        return found
    origin = Origin.VARIABLE if found.word.origin is Origin.LITERAL else found.word.origin
    via = (use, *found.word.via)
    return Text(replace(found.word, site=use, via=via[:8], origin=origin, slot=None), found.value)


def _is_default(value: Value) -> bool:
    """Whether a user may override a value."""
    origin = value.word.origin if isinstance(value, Text) else None
    return (value.origin if isinstance(value, Constant) else origin) is Origin.DEFAULT
