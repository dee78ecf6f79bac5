"""Finding and loading rules: built-in ones and other packages' come through the same door."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from vllint.rule import Rule

_GROUP = "vllint.rules"


class EntryPoint(NamedTuple):
    """A package of rules that a distribution offers."""

    name: str
    module: str
    distribution: str


class Registry(NamedTuple):
    """The rules at hand in the order of their codes, and what kept others from loading."""

    rules: tuple[Rule, ...]
    failures: tuple[str, ...] = ()

    @property
    def urls(self) -> Mapping[str, str]:
        """The addresses of the rules' documentation by code."""
        return {rule.code: rule.url for rule in self.rules}


def load_rules(plugins: Sequence[Path] = ()) -> Registry:
    """Load the rules of every installed package that offers some, and of folders named by the user."""
    rules: list[Rule] = []
    failures: list[str] = []
    for entry in entry_points():
        try:
            rules.extend(rules_of(importlib.import_module(entry.module)))
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way, and is named for it
            failures.append(f"the rules `{entry.name}` of {entry.distribution} do not load: {error!r}")
    for folder in plugins:
        try:
            rules.extend(_rules_in_folder(folder))
        except Exception as error:  # noqa: BLE001 - as above
            failures.append(f"the rules in {folder} do not load: {error!r}")
    return Registry(*_without_duplicates(rules, failures))


def _without_duplicates(
    rules: Sequence[Rule], failures: Sequence[str]
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    by_code: dict[str, Rule] = {}
    problems = list(failures)
    for rule in rules:
        first = by_code.setdefault(rule.code, rule)
        if first is not rule:
            owners = f"{type(first).__module__} and {type(rule).__module__}"
            problems.append(f"the code {rule.code} is used twice, by {owners}; the first is kept")
    return tuple(by_code[code] for code in sorted(by_code)), tuple(problems)


def rules_of(package: ModuleType) -> Iterator[Rule]:
    """Yield the rules that the modules of a package define, one instance each."""
    for module in _modules(package):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__:
                yield value()


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for folder in getattr(package, "__path__", ()):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            name, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - DirEntry names are plain text
            is_package = entry.is_dir() and name.isidentifier() and name != "__pycache__"
            is_module = suffix == ".py" and name != "__init__" and entry.is_file()
            if is_module or is_package:
                module = importlib.import_module(f"{package.__name__}.{name}")
                yield from _modules(module) if is_package else (module,)


def _rules_in_folder(folder: Path) -> Iterator[Rule]:
    """Yield the rules of a folder's modules, imported from the folder itself."""
    if not folder.is_dir():
        raise NotADirectoryError(str(folder))
    sys.path.insert(0, str(folder))
    try:
        for path in sorted(folder.glob("*.py")):
            yield from rules_of(importlib.import_module(path.stem))
    finally:
        sys.path.remove(str(folder))


def entry_points() -> tuple[EntryPoint, ...]:
    """Return the rule packages that installed distributions offer.

    Reads the `entry_points.txt` files itself: importing importlib.metadata takes longer than the rest of
    a run over one file.
    """
    found: dict[str, EntryPoint] = {}
    for folder in dict.fromkeys(sys.path):
        for path in _metadata_files(folder):
            for entry in _entries(path):
                found.setdefault(entry.name, entry)
    return tuple(found.values())


def _metadata_files(folder: str) -> Iterator[Path]:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - names only, of folders with thousands of entries
    except OSError:
        # Archives and missing folders stand on sys.path too; neither holds unpacked metadata.
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            path = Path(folder) / name / "entry_points.txt"
            if path.is_file():
                yield path


def _entries(path: Path) -> Iterator[EntryPoint]:
    text = path.read_text(encoding="utf-8")
    if f"[{_GROUP}]" not in text:
        return
    section = text.partition(f"[{_GROUP}]")[2].partition("\n[")[0]
    for line in section.splitlines():
        name, equals, module = line.partition("=")
        if equals:
            yield EntryPoint(name.strip(), module.strip(), path.parent.name.partition("-")[0])
