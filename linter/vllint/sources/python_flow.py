"""Python's statements in the order in which they run: what names are worth at each call.

Branches that may or may not be taken leave holes; a loop's body is read once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from vllint.sources.python_arguments import stated_arguments
from vllint.sources.python_branches import ENDED, merged
from vllint.sources.python_evaluator import Evaluator
from vllint.sources.python_source import Module
from vllint.sources.python_values import Constant, Items, Opaque, State, Table, Text, Value
from vllint_schemas import Origin, Span, Word

_MAX_STATEMENTS = 20_000
_MAX_NESTING = 60
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Site(NamedTuple):
    """A call, what names are worth there, and the functions and classes it stands in, the outermost first."""

    call: ast.Call
    state: State
    inside: tuple[Definition, ...]


@dataclass(slots=True)
class _Budget:
    statements: int = _MAX_STATEMENTS


class Flow:
    """Walks one module's statements."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.evaluator = Evaluator(module)
        self._left = _Budget()

    def sites(self) -> Iterator[Site]:
        """Yield the calls of the module, those of its functions with what the whole module defines."""
        state: dict[str, Value] = {}
        definitions: list[tuple[Definition, tuple[Definition, ...]]] = []
        yield from self._block(self.module.tree.body, state, (), definitions, 0)
        for name in self._rebound():
            state[name] = Opaque(f"`{name}` is assigned in a function", Span(self.module.path, 0, 0))
        yield from self._definitions(definitions, state, 0)

    def _rebound(self) -> Iterator[str]:
        for node in ast.walk(self.module.tree):
            if isinstance(node, ast.Global):
                yield from node.names

    def _definitions(
        self, definitions: list[tuple[Definition, tuple[Definition, ...]]], state: State, depth: int
    ) -> Iterator[Site]:
        """Yield the calls in functions and classes, each with a state of its own."""
        if depth > _MAX_NESTING:
            return
        for definition, outer in definitions:
            inside = (*outer, definition)
            local = dict(state)
            inner: list[tuple[Definition, tuple[Definition, ...]]] = []
            if not isinstance(definition, ast.ClassDef):
                self._bind_parameters(definition, local)
            yield from self._block(definition.body, local, inside, inner, depth + 1)
            visible = state if isinstance(definition, ast.ClassDef) else local
            if isinstance(definition, ast.ClassDef):
                visible = {**state, **_attributes(definition, local, state)}
            yield from self._definitions(inner, visible, depth + 1)

    def _bind_parameters(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, state: dict[str, Value]
    ) -> None:
        for name in _local_names(function):
            state.pop(name, None)
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        known = stated_arguments(self.module.tree, function)
        for argument in every:
            place = Span(self.module.path, *self._place(argument))
            stated = known.get(argument.arg)
            value = self.evaluator.value(stated, {}) if stated is not None else None
            if isinstance(value, Text):
                word = replace(value.word, origin=Origin.DEFAULT, via=(place,), slot=None)
                state[argument.arg] = Text(word, value.value)
            elif isinstance(value, Constant):
                state[argument.arg] = value
            else:
                state[argument.arg] = Opaque(f"`{argument.arg}` is passed to `{function.name}`", place)

    def _place(self, argument: ast.arg) -> tuple[int, int]:
        name = ast.Name(argument.arg)
        name.lineno, name.col_offset = argument.lineno, argument.col_offset
        name.end_lineno, name.end_col_offset = argument.end_lineno, argument.end_col_offset
        span = self.module.span(name)
        return span.start, span.end

    def _block(
        self,
        body: Iterable[ast.stmt],
        state: dict[str, Value],
        inside: tuple[Definition, ...],
        definitions: list[tuple[Definition, tuple[Definition, ...]]],
        depth: int,
    ) -> Iterator[Site]:
        """Yield the calls of statements in order, and leave in `state` what names are worth behind them."""
        for statement in body:
            # Branches copy what is known, so more names make a statement dearer.
            self._left.statements -= 1 + len(state) // 100
            if self._left.statements < 0 or depth > _MAX_NESTING:
                return
            if isinstance(statement, Definition):
                for decorator in statement.decorator_list:
                    yield from self._calls(decorator, state, inside)
                state.pop(statement.name, None)
                definitions.append((statement, inside))
                continue
            for expression in _own_expressions(statement):
                yield from self._calls(expression, state, inside)
            self._effect(statement, state)
            yield from self._inner(statement, state, inside, definitions, depth + 1)
            if isinstance(statement, ast.Return | ast.Raise):
                state[ENDED] = Opaque("", Span(self.module.path, 0, 0))
            if ENDED in state or isinstance(statement, ast.Continue | ast.Break):
                return

    def _calls(self, expression: ast.expr, state: State, inside: tuple[Definition, ...]) -> Iterator[Site]:
        for node in ast.walk(expression):
            if isinstance(node, ast.Call):
                yield Site(node, state, inside)

    def _inner(
        self,
        statement: ast.stmt,
        state: dict[str, Value],
        inside: tuple[Definition, ...],
        definitions: list[tuple[Definition, tuple[Definition, ...]]],
        depth: int,
    ) -> Iterator[Site]:
        """Yield the calls of a compound statement's blocks."""
        site = self.module.span(statement)
        site = Span(site.path, site.start, site.start)
        for name in _targets_of(statement):
            state[name] = Opaque(f"`{name}` differs from turn to turn", site)
        if isinstance(statement, ast.For | ast.AsyncFor | ast.While):
            _unsettle(statement, state, site)
        blocks = _blocks(statement)
        taken = self.evaluator.truth(statement.test, state) if isinstance(statement, ast.If) else None
        if isinstance(statement, ast.If) and taken is not None:
            blocks = [statement.body if taken else statement.orelse]
            yield from self._block(blocks[0], state, inside, definitions, depth)
            return
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from self._block(statement.body, state, inside, definitions, depth)
            return
        if not blocks:
            return
        before = dict(state)
        ends: list[State] = []
        for block in blocks:
            branch = dict(before)
            yield from self._block(block, branch, inside, definitions, depth)
            if ENDED not in branch:
                ends.append(branch)
        if not (isinstance(statement, ast.If) and statement.orelse):
            ends.append(before)
        state.clear()
        state.update(merged(before, ends, site))

    def _effect(self, statement: ast.stmt, state: dict[str, Value]) -> None:
        """Change `state` as an assignment or a call of a list's method does."""
        if isinstance(statement, ast.Assign):
            value = self.evaluator.value(statement.value, state)
            for target in statement.targets:
                self._assign(target, value, state)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            self._assign(statement.target, self.evaluator.value(statement.value, state), state)
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            old = state.get(name) or Opaque(f"`{name}` is not known", self.module.span(statement.target))
            new = self.evaluator.value(statement.value, state)
            if isinstance(statement.op, ast.Add):
                state[name] = self.evaluator.added(old, new, self.module.span(statement.value))
            else:
                state[name] = Opaque(f"`{name}` is computed", self.module.span(statement))
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            self._method(statement.value, state)

    def _assign(self, target: ast.expr, value: Value, state: dict[str, Value]) -> None:
        if isinstance(target, ast.Name):
            state[target.id] = value
        elif isinstance(target, ast.Subscript):
            self._assign_item(target, value, state)
        elif isinstance(target, ast.Attribute):
            name = self.module.dotted(target)
            if name.startswith(("self.", "cls.")):
                state[name] = value
        else:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    state[node.id] = Opaque(f"`{node.id}` is one of several", self.module.span(node))

    def _assign_item(self, target: ast.Subscript, value: Value, state: dict[str, Value]) -> None:
        """Do `table["NAME"] = value`."""
        name = self.module.dotted(target.value)
        table = state.get(name) or (Table((), open=True) if name == "os.environ" else None)
        key = self.evaluator.value(target.slice, state)
        if isinstance(table, Table) and isinstance(key, Text) and key.word.is_known:
            entry = (key.word.text, value, self.module.span(target.slice))
            state[name] = Table((*table.entries, entry), table.open)
        elif name in state:
            state[name] = Opaque(f"`{name}` is changed", self.module.span(target))

    def _method(self, call: ast.Call, state: dict[str, Value]) -> None:
        """Do `list.append(word)`, `list.extend(words)` and `table.update(table)`."""
        if not isinstance(call.func, ast.Attribute):
            return
        name, method = self.module.dotted(call.func.value), call.func.attr
        old = state.get(name)
        if name == "os.environ" and old is None:
            old = Table((), open=True)
        if isinstance(old, Items) and method in {"append", "extend"} and len(call.args) == 1:
            added = self.evaluator.value(call.args[0], state)
            site = self.module.span(call.args[0])
            words = self.evaluator.words(added) if method == "extend" else (self.evaluator.word(added, site),)
            state[name] = Items(old.words + words)
        elif isinstance(old, Items) and method in {"insert", "remove", "pop", "clear", "reverse", "sort"}:
            state[name] = Opaque(f"`{name}` is changed by `{method}`", self.module.span(call))
        elif isinstance(old, Table) and method in {"update", "setdefault"}:
            state[name] = self._updated(old, call, state)

    def _updated(self, old: Table, call: ast.Call, state: State) -> Table:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "setdefault":
            return replace_open(old)
        added = self.evaluator.value(call.args[0], state) if call.args else Table(())
        entries = list(old.entries)
        entries += added.entries if isinstance(added, Table) else ()
        for keyword in call.keywords:
            if keyword.arg is not None:
                value = self.evaluator.value(keyword.value, state)
                entries.append((keyword.arg, value, self.module.span(keyword)))
        return Table(tuple(entries), old.open or not isinstance(added, Table))


def replace_open(table: Table) -> Table:
    """Return a table that may hold more than is seen."""
    return Table(table.entries, open=True)


def _unsettle(loop: ast.stmt, state: dict[str, Value], site: Span) -> None:
    """Take away what is known before a loop of names that the loop changes."""
    for node in ast.walk(loop):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in state:
            grown = _grown(state[node.id], site)
            state[node.id] = grown or Opaque(f"`{node.id}` differs from turn to turn", site)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and node.func.attr in {"append", "extend", "insert"}:
                grown = _grown(state.get(owner.id), site)
                if grown is not None:
                    state[owner.id] = grown


def _grown(value: Value | None, site: Span) -> Value | None:
    """Return a list that a loop may have made longer."""
    if not isinstance(value, Items):
        return None
    return Items((*value.words, Word.unknown("words are added in a loop", site, splits=True)))


def _attributes(definition: ast.ClassDef, local: State, outer: State) -> dict[str, Value]:
    """Return what a class's body assigns and its methods do not, as they name it."""
    changed = {
        node.attr
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return {
        f"self.{name}": value
        for name, value in local.items()
        if outer.get(name) is not value and name not in changed and name.isidentifier()
    }


def _local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the names that a function assigns, which hide the module's from its first line on."""
    passed_on = {
        name
        for node in ast.walk(function)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in passed_on:
            yield node.id


def _own_expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield a statement's expressions, those of its blocks left out."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a compound statement, each of which may or may not run."""
    if isinstance(statement, ast.Try | ast.TryStar):
        first = [*statement.body, *statement.orelse, *statement.finalbody]
        return [first, *(handler.body for handler in statement.handlers)]
    if isinstance(statement, ast.Match):
        return [case.body for case in statement.cases]
    body: list[list[ast.stmt]] = []
    for name in ("body", "orelse"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block:
            body.append(block)
    return body


def _targets_of(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a loop or a `with` binds."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.For | ast.AsyncFor):
        targets.append(statement.target)
    elif isinstance(statement, ast.With | ast.AsyncWith):
        targets += [item.optional_vars for item in statement.items if item.optional_vars is not None]
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                yield node.id
