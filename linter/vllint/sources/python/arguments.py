"""What a program passes to its own functions, and which functions these are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from vllint.sources.python.values import Constant, Items, Namespace, Text, Value

_MAX_CALLS = 20
_MAX_ORDERED = 300
_MENTIONS = "vllm"
_GENERATES = (ast.Yield, ast.YieldFrom)

FunctionDefinition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
T = TypeVar("T", bound=ast.stmt)


class Passed(NamedTuple):
    """A parameter's expression in a call, or its default in the function's definition."""

    node: ast.expr
    is_default: bool


def own_functions(tree: ast.Module) -> Mapping[str, FunctionDefinition]:
    """Return the functions that a module defines once, by how they are called: `name` or `self.name`."""
    found: dict[str, list[FunctionDefinition]] = {}
    for node in tree.body:
        if isinstance(node, FunctionDefinition):
            found.setdefault(node.name, []).append(node)
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, FunctionDefinition):
                found.setdefault(f"self.{inner.name}", []).append(inner)
    other = set(_other_names(tree))
    return {
        name: every[0]
        for name, every in found.items()
        if len(every) == 1
        and name not in other
        and not every[0].decorator_list
        and not any(isinstance(node, _GENERATES) for node in ast.walk(every[0]))
    }


def _other_names(tree: ast.Module) -> Iterator[str]:
    """Yield names that a program gives to something else than a function of the module."""
    placed = {id(node) for node in tree.body}
    placed.update(id(one) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for one in node.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, FunctionDefinition | ast.ClassDef) and id(node) not in placed:
            yield node.name


def callers_first(definitions: Sequence[tuple[T, object]]) -> list[int]:
    """Return in which order to read definitions, so that what calls a function is read before it."""
    if len(definitions) > _MAX_ORDERED:
        return list(range(len(definitions)))
    used = [
        {node.id for node in ast.walk(one) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        for one, _ in definitions
    ]
    names = [getattr(one, "name", "") for one, _ in definitions]
    waits = [
        sum(name in names_used for by, names_used in enumerate(used) if by != at)
        for at, name in enumerate(names)
    ]
    left = list(range(len(definitions)))
    order: list[int] = []
    while left:
        at = next((at for at in left if not waits[at]), left[0])
        left.remove(at)
        order.append(at)
        for called in left:
            waits[called] -= names[called] in used[at]
    return order


def own_calls(tree: ast.Module) -> Mapping[str, Sequence[ast.Call]]:
    """Return all calls of a module's functions and classes by name.

    Those that are decorated, that nothing here calls, or many calls, are left out: they may be given
    anything. A use of the name that is no call counts as one with anything, unless it says a type.
    """
    definitions = (one for one in tree.body if isinstance(one, FunctionDefinition | ast.ClassDef))
    plain = {one.name for one in definitions if not one.decorator_list}
    types = _types_in(tree)
    nodes = [node for node in ast.walk(tree) if id(node) not in types]
    called = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
    found: dict[str, list[ast.Call]] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in plain and isinstance(node.ctx, ast.Load):
            anything = ast.Call(node, [ast.Starred(node, ast.Load())], [])
            found.setdefault(node.id, []).append(called.get(id(node), anything))
    return {name: calls for name, calls in found.items() if len(calls) <= _MAX_CALLS}


def _types_in(tree: ast.Module) -> set[int]:
    """Return which nodes are names in annotations."""
    said = [
        annotation
        for node in ast.walk(tree)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if isinstance(annotation, ast.expr)
    ]
    return {id(node) for annotation in said for node in ast.walk(annotation)}


def without_self(parameters: ast.arguments) -> ast.arguments:
    """Return the parameters of a method as its callers see them."""
    return ast.arguments(
        parameters.posonlyargs, parameters.args[1:], None, parameters.kwonlyargs,
        parameters.kw_defaults, None, parameters.defaults,
    )  # fmt: skip


def stated_arguments(parameters: ast.arguments, calls: Sequence[ast.Call]) -> Mapping[str, ast.expr]:
    """Return the parameters that all calls give the same literal, or leave to their default."""
    if not all(is_plain(call) for call in calls):
        return {}
    given = [passed(parameters, call) for call in calls]
    found: dict[str, ast.expr] = {}
    for name, first in given[0].items() if given else ():
        values = [one.get(name) for one in given]
        same = all(value is not None and ast.dump(value.node) == ast.dump(first.node) for value in values)
        if same and isinstance(first.node, ast.Constant):
            found[name] = first.node
    return found


def evaluated_arguments(calls: Sequence[Mapping[str, Value] | None]) -> Mapping[str, Value]:
    """Return the parameters that all calls give the same; `None` is a call of which nothing is known.

    A command that is passed on is left out: where it is passed is where it starts.
    """
    given = [call for call in calls if call is not None]
    if not given or len(given) < len(calls):
        return {}
    return {
        name: first
        for name, first in given[0].items()
        if _is_plain_value(first) and all(_is_same(first, other.get(name)) for other in given[1:])
    }


def _is_plain_value(value: Value) -> bool:
    if isinstance(value, Text):
        return value.word.is_known and not any(character.isspace() for character in value.word.text)
    if isinstance(value, Items):
        return not any(_MENTIONS in word.text for word in value.words)
    return isinstance(value, Constant | Namespace)


def _is_same(one: Value, other: Value | None) -> bool:
    if isinstance(one, Text):
        return isinstance(other, Text) and other.word.is_known and one.word.text == other.word.text
    if isinstance(one, Constant):
        return isinstance(other, Constant) and one.value is other.value
    return one == other


def is_plain(call: ast.Call) -> bool:
    """Whether a call says which parameter each of its arguments is for."""
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not starred and all(keyword.arg is not None for keyword in call.keywords)


def passed(parameters: ast.arguments, call: ast.Call) -> dict[str, Passed]:
    """Return what a plain call gives each parameter, defaults included."""
    positional = [*parameters.posonlyargs, *parameters.args]
    found = {name: Passed(default, True) for name, default in defaults_of(parameters).items()}
    found |= {one.arg: Passed(value, False) for one, value in zip(positional, call.args, strict=False)}
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    return found | {name: Passed(value, False) for name, value in named.items()}


def defaults_of(parameters: ast.arguments) -> dict[str, ast.expr]:
    """Return the defaults that a function's definition gives its parameters."""
    positional = [*parameters.posonlyargs, *parameters.args]
    found = dict(zip((one.arg for one in reversed(positional)), reversed(parameters.defaults), strict=False))
    for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if default is not None:
            found[parameter.arg] = default
    return found
