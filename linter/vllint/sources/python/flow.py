"""Python's statements in the order in which they run: what names are worth at each call.

Branches that may or may not be taken leave holes; a loop's body is read once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from vllint.sources.python.arguments import (
    FunctionDefinition,
    callers_first,
    evaluated_arguments,
    is_plain,
    own_calls,
    own_functions,
    passed,
    stated_arguments,
    without_self,
)
from vllint.sources.python.branches import ENDED, merged, merged_value
from vllint.sources.python.command_options import command_defaults, commands_run
from vllint.sources.python.effects import take_effect
from vllint.sources.python.evaluator import Evaluator
from vllint.sources.python.objects import (
    CONSTRUCTOR,
    Changed,
    changed,
    constructors,
    held,
    may_change_anything,
)
from vllint.sources.python.source import Module
from vllint.sources.python.statements import (
    blocks_of,
    local_names,
    own_expressions,
    parameter_names,
    targets_of,
)
from vllint.sources.python.values import Constant, Items, Opaque, State, Text, Value
from vllint_schemas import Origin, Span, Word

_MAX_STATEMENTS = 20_000
_MAX_NESTING = 60
_MAX_STATEMENTS_OF_CALLS = 10_000
_MAX_CALLS_IN_CALLS = 3
_MAX_DEPTH_OF_CALLS = 10
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
        self.evaluator = Evaluator(module, self._returned)
        self._left = _Budget()
        self._functions = own_functions(module.tree)
        self._constructors = {} if may_change_anything(module.tree) else constructors(module.tree)
        self._changed: Changed | None = None
        self._own_calls = own_calls(module.tree)
        self._commands = frozenset(commands_run(module))
        self._rebound = frozenset(_rebound(module.tree))
        self._left_for_calls = _Budget(_MAX_STATEMENTS_OF_CALLS)
        self._calling: tuple[FunctionDefinition, ...] = ()
        self._returns: list[Value] = []
        self._visible: State | None = None
        self._given: dict[int, Mapping[str, Value]] = {}

    def sites(self) -> Iterator[Site]:
        """Yield the calls of the module, those of its functions with what the whole module defines."""
        state: dict[str, Value] = {}
        definitions: list[tuple[Definition, tuple[Definition, ...]]] = []
        yield from self._block(self.module.tree.body, state, (), definitions, 0)
        for name in self._rebound:
            state[name] = Opaque(f"`{name}` is assigned in a function", Span(self.module.path, 0, 0))
        self._visible = state
        in_order = [definitions[at] for at in callers_first(definitions)]
        yield from self._definitions(in_order, state, 0)

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
                self._bind_parameters(definition, local, self._calls_of(definition, outer))
            yield from self._block(definition.body, local, inside, inner, depth + 1)
            visible = state if isinstance(definition, ast.ClassDef) else local
            if isinstance(definition, ast.ClassDef):
                visible = {**state, **_attributes(definition, local, state)}
                # What it gives an object is known in the methods, wherever they stand.
                inner.sort(key=lambda one: one[0].name != CONSTRUCTOR)
            elif outer and definition is self._constructors.get(outer[-1].name):
                assert isinstance(outer[-1], ast.ClassDef)
                self._changed = self._changed or changed(self.module.tree)
                state = {**state, **held(outer[-1], local, self._changed)}
            yield from self._definitions(inner, visible, depth + 1)

    def _calls_of(
        self, function: FunctionDefinition, outer: tuple[Definition, ...]
    ) -> tuple[ast.arguments, Sequence[ast.Call]]:
        """Return the parameters that callers give a function, and all calls, if these are known."""
        if function in self.module.tree.body:
            return function.args, self._own_calls.get(function.name, ())
        if len(outer) == 1 and function is self._constructors.get(outer[0].name):
            return without_self(function.args), self._own_calls.get(outer[0].name, ())
        return function.args, ()

    def _bind_parameters(
        self,
        function: FunctionDefinition,
        state: dict[str, Value],
        called: tuple[ast.arguments, Sequence[ast.Call]],
    ) -> None:
        for name in local_names(function):
            state.pop(name, None)
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        parameters, calls = called
        known = stated_arguments(parameters, calls)
        given = {
            **evaluated_arguments([self._given.get(id(call)) for call in calls]),
            **command_defaults(self.evaluator, function, state, self._commands),
        }
        for argument in every:
            place = Span(self.module.path, *self._place(argument))
            stated = known.get(argument.arg)
            value = self.evaluator.value(stated, {}) if stated is not None else given.get(argument.arg)
            if isinstance(value, Text):
                word = replace(value.word, origin=Origin.DEFAULT, via=(place, *value.word.via)[:8], slot=None)
                state[argument.arg] = Text(word, value.value)
            else:
                unknown = Opaque(f"`{argument.arg}` is passed to `{function.name}`", place)
                state[argument.arg] = unknown if value is None else value

    def _arguments(
        self, function: FunctionDefinition, call: ast.Call, state: State, depth: int = 0
    ) -> dict[str, Value]:
        """Return what a call gives the parameters of one of the module's functions."""
        is_method = isinstance(call.func, ast.Attribute) or function.name == CONSTRUCTOR
        parameters = without_self(function.args) if is_method else function.args
        visible = state if self._visible is None else self._visible
        return {
            name: self.evaluator.value(one.node, visible if one.is_default else state, depth + 1)
            for name, one in (passed(parameters, call) if is_plain(call) else {}).items()
        }

    def _returned(self, call: ast.Call, state: State, depth: int) -> Value | None:
        """Return what a call of one of the module's functions gives; `None` where that is not known."""
        function = self._functions.get(self.module.dotted(call.func))
        if function is None or function in self._calling or len(self._calling) >= _MAX_CALLS_IN_CALLS:
            return None
        if depth > _MAX_DEPTH_OF_CALLS or self._left_for_calls.statements < 0:
            return None
        visible = state if self._visible is None else self._visible
        local = {**visible, **{name: value for name, value in state.items() if name.startswith("self.")}}
        for name in (*self._rebound, *local_names(function), *parameter_names(function)):
            local[name] = Opaque(f"`{name}` is not known in `{function.name}`", self.module.span(call))
        local.update(self._arguments(function, call, state, depth))
        values = self._run(function, local, visible)
        found = merged_value([*values], self.module.span(call)) if values else None
        return None if isinstance(found, Constant) and found.value is None else found

    def _run(self, function: FunctionDefinition, local: dict[str, Value], visible: State) -> list[Value]:
        """Return what a function's `return` statements may give; nothing where it is too much to read."""
        before = self._left, self._calling, self._returns, self._visible
        self._left, self._calling = self._left_for_calls, (*self._calling, function)
        self._returns, self._visible = [], visible
        start = len(self._calling) * _MAX_NESTING // (_MAX_CALLS_IN_CALLS + 1)
        for _ in self._block(function.body, local, (), [], start):
            continue
        values = self._returns
        self._left, self._calling, self._returns, self._visible = before
        if ENDED not in local:
            values.append(Constant(None, self.module.span(function)))
        return values if self._left_for_calls.statements >= 0 else []

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
            for expression in own_expressions(statement):
                yield from self._calls(expression, state, inside)
            take_effect(self.evaluator, statement, state)
            yield from self._inner(statement, state, inside, definitions, depth + 1)
            if isinstance(statement, ast.Return) and self._calling:
                nothing = Constant(None, self.module.span(statement))
                given = statement.value
                self._returns.append(nothing if given is None else self.evaluator.value(given, state))
            if isinstance(statement, ast.Return | ast.Raise):
                state[ENDED] = Opaque("", Span(self.module.path, 0, 0))
            if ENDED in state or isinstance(statement, ast.Continue | ast.Break):
                return

    def _calls(self, expression: ast.expr, state: State, inside: tuple[Definition, ...]) -> Iterator[Site]:
        for node in ast.walk(expression):
            if isinstance(node, ast.Call):
                name = self.module.dotted(node.func)
                function = self._functions.get(name) or self._constructors.get(name)
                if function is not None and not self._calling and isinstance(node.func, ast.Name):
                    self._given[id(node)] = self._arguments(function, node, state)
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
        for name in targets_of(statement):
            state[name] = Opaque(f"`{name}` differs from turn to turn", site)
        if isinstance(statement, ast.For | ast.AsyncFor | ast.While):
            _unsettle(statement, state, site)
        blocks = blocks_of(statement)
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


def _rebound(tree: ast.Module) -> Iterator[str]:
    """Yield the module's names that functions assign."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


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
