"""Options of a Python program that are parameters, as with `click` and `typer`: their defaults."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from vllint.sources.python.arguments import FunctionDefinition, defaults_of
from vllint.sources.python.options import by_default, constant_of, keywords_of, unconverted
from vllint.sources.python.source import Module
from vllint.sources.python.values import Constant, Evaluating, Opaque, State, Value

_CLICK = frozenset({"click.option", "click.argument"})
_TYPER = frozenset({"typer.Option", "typer.Argument"})
_RUNNERS = frozenset({"typer.run", "fire.Fire"})
_SEVERAL = ("multiple", "nargs", "callback", "flag_value", "count", "default_factory", "parser")
"""What makes of a default something else than it is written."""


def command_defaults(
    evaluator: Evaluating, function: FunctionDefinition, state: State, run: frozenset[str]
) -> Mapping[str, Value]:
    """Return the parameters of a program's command with what they are worth when nobody passes options.

    `run` names the functions that are commands without a decorator.
    """
    found = dict(_clicked(evaluator, function, state))
    is_command = any(_is_command(evaluator, decorator, state) for decorator in function.decorator_list)
    is_run = is_command or (function.name in run and not function.decorator_list)
    for name, default in defaults_of(function.args).items():
        is_option = isinstance(default, ast.Call) and evaluator.module.dotted(default.func) in _TYPER
        if is_option and isinstance(default, ast.Call):
            found[name] = by_default(_typed(evaluator, default, state))
        elif is_run:
            found[name] = by_default(evaluator.value(default, state))
    return found


def commands_run(module: Module) -> Iterator[str]:
    """Yield the functions that a program gives to `typer.run` or `fire.Fire`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and node.args and module.dotted(node.func) in _RUNNERS:
            given = node.args[0]
            yield from [given.id] if isinstance(given, ast.Name) else []


def _is_command(evaluator: Evaluating, decorator: ast.expr, state: State) -> bool:
    """Whether a decorator is `@app.command()` of a `typer.Typer()`."""
    method = decorator.func if isinstance(decorator, ast.Call) else None
    if not isinstance(method, ast.Attribute) or method.attr not in {"command", "callback"}:
        return False
    app = evaluator.value(method.value, state)
    made = app.node if isinstance(app, Opaque) else None
    return isinstance(made, ast.Call) and evaluator.module.dotted(made.func) == "typer.Typer"


def _typed(evaluator: Evaluating, node: ast.Call, state: State) -> Value:
    stated = keywords_of(node)
    default = node.args[0] if node.args else stated.get("default")
    if default is None or constant_of(default) is ... or any(name in stated for name in _SEVERAL):
        return Opaque("the option has to be passed", evaluator.module.span(node))
    return evaluator.value(default, state)


def _clicked(
    evaluator: Evaluating, function: FunctionDefinition, state: State
) -> Iterator[tuple[str, Value]]:
    """Yield the parameters that `@click.option` and `@click.argument` declare."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or evaluator.module.dotted(decorator.func) not in _CLICK:
            continue
        names = [one.value for one in decorator.args if isinstance(one, ast.Constant)]
        texts = [name for name in names if isinstance(name, str) and name]
        if texts and len(texts) == len(decorator.args):
            yield _parameter(texts), by_default(_click_default(evaluator, decorator, texts, state))


def _parameter(names: list[str]) -> str:
    """Return the parameter of an option: the name without dashes, else the first with two, else the first."""
    plain = next((name for name in names if not name.startswith("-")), None)
    long = next((name for name in names if name.startswith("--")), names[0])
    return (plain or long.partition("/")[0].lstrip("-")).replace("-", "_").lower()


def _click_default(evaluator: Evaluating, node: ast.Call, names: list[str], state: State) -> Value:
    stated, span = keywords_of(node), evaluator.module.span(node)
    default = stated.get("default")
    asked = evaluator.module.dotted(node.func) == "click.argument" and default is None
    if asked or constant_of(stated.get("required")) not in {None, False}:
        return Opaque(f"`{names[0]}` has to be passed", span)
    if any(name in stated for name in _SEVERAL) or any(keyword.arg is None for keyword in node.keywords):
        return Opaque(f"`{names[0]}` is computed", span)
    if default is not None:
        value = evaluator.value(default, state)
        return unconverted(evaluator, value, names[0], stated.get("type"), span)
    is_switch = constant_of(stated.get("is_flag")) is True or any("/" in name for name in names)
    return Constant(False if is_switch else None, span)
