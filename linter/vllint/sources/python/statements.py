"""What Python's statements are made of: their own expressions, their blocks, the names that they bind."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
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


def own_expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield a statement's expressions, those of its blocks left out."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def blocks_of(statement: ast.stmt) -> list[list[ast.stmt]]:
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


def targets_of(statement: ast.stmt) -> Iterator[str]:
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


def parameter_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the names of a function's parameters."""
    arguments = function.args
    extra = (one for one in (arguments.vararg, arguments.kwarg) if one is not None)
    yield from (one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra))
