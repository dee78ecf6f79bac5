"""What a program passes to its own functions, where every call of them says the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

_MAX_CALLS = 20


def stated_arguments(
    tree: ast.Module, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Mapping[str, ast.expr]:
    """Return the parameters that all calls in the program give the same literal, or leave to their default.

    Functions that are decorated, methods, and those that nothing here calls may be given anything.
    """
    if function not in tree.body or function.decorator_list:
        return {}
    calls = list(_calls(tree, function.name))
    if not calls or len(calls) > _MAX_CALLS or not all(_is_plain(call) for call in calls):
        return {}
    given = [_given(function.args, call) for call in calls]
    found: dict[str, ast.expr] = {}
    for name, first in given[0].items():
        values = [one.get(name) for one in given]
        same = all(value is not None and ast.dump(value) == ast.dump(first) for value in values)
        if same and isinstance(first, ast.Constant):
            found[name] = first
    return found


def _calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    """Yield the calls of a function; a use of its name that is no call counts as one with anything."""
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            anything = ast.Call(node, [ast.Starred(node, ast.Load())], [])
            yield called.get(id(node), anything)


def _is_plain(call: ast.Call) -> bool:
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not starred and all(keyword.arg is not None for keyword in call.keywords)


def _given(parameters: ast.arguments, call: ast.Call) -> dict[str, ast.expr]:
    """Return what a call gives each parameter, defaults included."""
    positional = [*parameters.posonlyargs, *parameters.args]
    defaults = dict(
        zip((one.arg for one in reversed(positional)), reversed(parameters.defaults), strict=False)
    )
    for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if default is not None:
            defaults[parameter.arg] = default
    passed = {one.arg: value for one, value in zip(positional, call.args, strict=False)}
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    return {**defaults, **passed, **named}
