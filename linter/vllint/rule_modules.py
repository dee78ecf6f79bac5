"""The modules of a package of rules, and the rules in them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vllint.rule import Rule


def rules_of(package: ModuleType) -> Iterator[Rule]:
    """Yield the rules that a package and the modules below it define, one instance each."""
    yield from rules_of_module(package)
    for name, _ in modules_below(package):
        yield from rules_of_module(importlib.import_module(name))


def rules_of_module(module: ModuleType) -> Iterator[Rule]:
    """Yield the rules that a module itself defines."""
    from vllint.rule import Rule

    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__:
            yield value()


def modules_below(package: ModuleType) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the modules and the packages below a package by name, each with its file."""
    for folder in getattr(package, "__path__", ()):
        for entry in _entries_of(folder):
            yield from _modules_at(package.__name__, entry)


def _modules_at(package: str, entry: os.DirEntry[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    name, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - DirEntry names are plain text
    whole = f"{package}.{name}"
    if suffix == ".py" and name != "__init__":
        yield whole, entry
    elif name.isidentifier() and name != "__pycache__" and entry.is_dir():
        for inner in _entries_of(entry.path):
            if inner.name == "__init__.py":
                yield whole, inner
            else:
                yield from _modules_at(whole, inner)


def _entries_of(folder: str) -> list[os.DirEntry[str]]:
    return sorted(os.scandir(folder), key=lambda entry: entry.name)
