"""Finding and loading rules: built-in ones and other packages' come through the same door."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from vllint.rule_index import listed_rules
from vllint.rule_modules import rules_of, rules_of_module

if TYPE_CHECKING:
    from vllint.rule import Rule
    from vllint.rule_index import AnyRule

R = TypeVar("R", bound="AnyRule", covariant=True)

_GROUP = "vllint.rules"
_BUILTIN = "builtin"


class BuiltinRulesError(ValueError):
    """vllint's own rules do not load: a run without them would find nothing and say that all is well."""


class EntryPoint(NamedTuple):
    """A package of rules that a distribution offers."""

    name: str
    module: str
    distribution: str


class Registry(NamedTuple, Generic[R]):
    """The rules at hand in the order of their codes, and what kept others from loading."""

    rules: tuple[R, ...]
    failures: tuple[str, ...] = ()

    @property
    def urls(self) -> Mapping[str, str]:
        """The addresses of the rules' documentation by code."""
        return {rule.code: rule.url for rule in self.rules}


def load_rules(plugins: Sequence[Path] = ()) -> Registry[Rule]:
    """Load the rules of every installed package that offers some, and of folders named by the user.

    Raises BuiltinRulesError where vllint's own do not load; others' failures are returned.
    """
    return _registry(plugins, rules_of)


def list_rules(plugins: Sequence[Path] = ()) -> Registry[AnyRule]:
    """Return the rules that `load_rules` does; those that an index lists are loaded when they judge."""
    return _registry(plugins, listed_rules)


def _registry(plugins: Sequence[Path], offered: Callable[[ModuleType], Iterable[Any]]) -> Registry[Any]:
    rules: list[AnyRule] = []
    failures: list[str] = []
    for entry in entry_points():
        try:
            rules.extend(offered(importlib.import_module(entry.module)))
        except (Exception, SystemExit) as error:
            failure = f"the rules `{entry.name}` of {entry.distribution} do not load: {error!r}"
            if entry.name == _BUILTIN:
                raise BuiltinRulesError(failure) from error
            failures.append(failure)
    for path in _plugin_files(plugins):
        try:
            rules.extend(_rules_in_file(path))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            failures.append(f"the rules in {path} do not load: {error!r}")
    return Registry(*_without_duplicates(rules, failures))


def _without_duplicates(
    rules: Sequence[AnyRule], failures: Sequence[str]
) -> tuple[tuple[AnyRule, ...], tuple[str, ...]]:
    by_code: dict[str, AnyRule] = {}
    problems = list(failures)
    for rule in rules:
        first = by_code.setdefault(rule.code, rule)
        if first is not rule:
            problems.append(
                f"the code {rule.code} is used twice, by {first.module} and {rule.module}; the first is kept"
            )
    return tuple(by_code[code] for code in sorted(by_code)), tuple(problems)


def rule_places() -> tuple[str, ...] | None:
    """Return where the installed rules stand: folders of packages, and files of single modules.

    `None` if one of them does not load, so that there is no telling what its rules are.
    """
    places: list[str] = []
    for entry in entry_points():
        try:
            module = importlib.import_module(entry.module)
        except Exception:  # noqa: BLE001 - `load_rules` says so, once it is asked for rules
            return None
        places.extend(getattr(module, "__path__", [module.__file__]))
    return tuple(places)


def _plugin_files(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the modules in folders of rules; a folder that is not there is yielded itself."""
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.glob("*.py"))
        else:
            yield folder


def _rules_in_file(path: Path) -> tuple[Rule, ...]:
    """Return the rules of a file, which may import others of its folder.

    The module has the path for its name, so that it takes no other module's place.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(str(path), path)
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise NotADirectoryError("it is not a folder")
    module = sys.modules[spec.name] = module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return tuple(rules_of_module(module))


def entry_points() -> tuple[EntryPoint, ...]:
    """Return the rule packages that installed distributions offer.

    Reads the `entry_points.txt` files itself: importing importlib.metadata takes longer than the rest of
    a run over one file.
    """
    return _entry_points(tuple(dict.fromkeys(sys.path)))


@cache
def _entry_points(folders: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    found: dict[str, EntryPoint] = {}
    for folder in folders:
        for metadata in _metadata_folders(folder):
            for entry in _entries(folder, metadata):
                found.setdefault(entry.name, entry)
    return tuple(found.values())


def _metadata_folders(folder: str) -> list[str]:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - names only, of folders with thousands of entries
    except OSError:
        # Archives and missing folders stand on sys.path too; neither holds unpacked metadata.
        return []
    return [name for name in names if name.endswith((".dist-info", ".egg-info"))]


def _entries(folder: str, metadata: str) -> Iterator[EntryPoint]:
    try:
        # As bytes: there are many such files, and hardly one names our group.
        with open(os.path.join(folder, metadata, "entry_points.txt"), "rb") as file:  # noqa: PTH118, PTH123
            content = file.read()
    except OSError:
        # Most distributions offer nothing.
        return
    if f"[{_GROUP}]".encode() not in content:
        return
    section = content.decode().partition(f"[{_GROUP}]")[2].partition("\n[")[0]
    for line in section.splitlines():
        name, equals, module = line.partition("=")
        if equals:
            yield EntryPoint(name.strip(), module.strip(), metadata.partition("-")[0])
