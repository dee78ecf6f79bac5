"""What the objects of a program's own classes hold, as far as their constructors say."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vllint.sources.python.arguments import FunctionDefinition
from vllint.sources.python.branches import ENDED
from vllint.sources.python.values import Items, State, Table, Value

CONSTRUCTOR = "__init__"
_SELF = "self."
_IN_PLACE = frozenset(
    {"append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault", "sort"}
)
_ANYTHING = frozenset({"setattr", "delattr", "vars"})
_HOOKS = frozenset({"__setattr__", "__getattribute__"})


def constructors(tree: ast.Module) -> Mapping[str, FunctionDefinition]:
    """Return the constructors of a module's classes by the names of these."""
    return {
        owner.name: method
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for method in owner.body
        if isinstance(method, FunctionDefinition) and method.name == CONSTRUCTOR
    }


class Changed(NamedTuple):
    """The attributes that others than constructors assign, in place with `[]`; classes that others extend."""

    attributes: frozenset[str]
    extended: frozenset[str]


def changed(tree: ast.Module) -> Changed:
    """Return what of the objects of a module's classes is not settled by their constructors."""
    bases = (base for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases)
    extended = frozenset(base.id for base in bases if isinstance(base, ast.Name))
    return Changed(frozenset(_changed(tree)), extended)


def held(owner: ast.ClassDef, end: State, other: Changed) -> dict[str, Value]:
    """Return the attributes that a constructor, which leaves names worth `end`, gives each object."""
    if ENDED in end or owner.name in other.extended:
        return {}
    methods = {one.name for one in owner.body if isinstance(one, FunctionDefinition)}
    found = {name.removeprefix(_SELF): value for name, value in end.items() if name.startswith(_SELF)}
    return {
        f"{_SELF}{name}": value
        for name, value in found.items()
        if name not in methods
        and name not in other.attributes
        and not (isinstance(value, Items | Table) and f"{name}[]" in other.attributes)
    }


def _changed(tree: ast.Module) -> Iterator[str]:
    inside = {
        id(node)
        for constructor in ast.walk(tree)
        if isinstance(constructor, FunctionDefinition) and constructor.name == CONSTRUCTOR
        for node in ast.walk(constructor)
        if not isinstance(node, ast.Attribute) or _is_own(node)
    }
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _named(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from _named(node.func.value) if node.func.attr in _IN_PLACE else ()


def _named(owner: ast.expr) -> Iterator[str]:
    if isinstance(owner, ast.Attribute):
        yield f"{owner.attr}[]"


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and f"{node.value.id}." == _SELF


def may_change_anything(tree: ast.Module) -> bool:
    """Whether a program sets attributes by names that it computes, or in a way of its own."""
    return any(
        (isinstance(node, ast.Name) and node.id in _ANYTHING)
        or (isinstance(node, ast.Attribute) and node.attr == "__dict__")
        or (isinstance(node, FunctionDefinition) and node.name in _HOOKS)
        for node in ast.walk(tree)
    )
