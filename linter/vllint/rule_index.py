"""The index of a package of rules: what a run must know of each before it imports it.

A package may bring the file `index.json`, written by `scripts/docs/rules.py`. It counts for a module as long
as the module has the size that it had then; others are imported at once.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from vllint.rule_modules import modules_below, rules_of_module

if TYPE_CHECKING:
    from vllint.facts import FactName, LaunchFacts
    from vllint.rule import Judges, Rule
    from vllint_schemas import Finding, SourceProblem

_SETS = ("waits_for", "triggers", "yields_to", "judges")


class ListedRule:
    """A rule as an index lists it; its module is imported when it is first asked to judge."""

    module: str
    code: str
    name: str
    url: str
    preview: bool
    carries_over: bool
    needs: tuple[FactName, ...]
    waits_for: frozenset[str]
    triggers: frozenset[str]
    yields_to: frozenset[str]
    judges: frozenset[Judges]

    def __init__(self, module: str, record: Mapping[str, Any]) -> None:
        vars(self).update(record)
        vars(self).update({name: frozenset(record[name]) for name in _SETS})
        self.module = module
        self.needs = tuple(record["needs"])

    @cached_property
    def rule(self) -> Rule:
        """The rule itself."""
        found = rules_of_module(importlib.import_module(self.module))
        return next(rule for rule in found if rule.code == self.code)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield what is wrong with a launch."""
        return self.rule.check(facts)

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield what is wrong with a file's launches taken together."""
        return self.rule.check_file(launches)

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield what to say about a file that could not be read."""
        return self.rule.check_source(problem)


if TYPE_CHECKING:
    AnyRule: TypeAlias = Rule | ListedRule


def listed_rules(package: ModuleType) -> Iterator[AnyRule]:
    """Yield the rules of a package, those of modules that its index does not know already imported."""
    index = _index(package)
    yield from rules_of_module(package)
    for name, file in modules_below(package):
        listed = index.get(name)
        if listed is not None and listed["size"] == file.stat().st_size:
            yield from (ListedRule(name, record) for record in listed["rules"])
        else:
            yield from rules_of_module(importlib.import_module(name))


def _index(package: ModuleType) -> Mapping[str, Mapping[str, Any]]:
    try:
        index: Mapping[str, Mapping[str, Any]] = json.loads(index_place(package).read_bytes())
    except FileNotFoundError:
        return {}
    return index


def index_place(package: ModuleType) -> Path:
    """Return the file of a package's index."""
    return Path(package.__file__ or "").with_name("index.json")


def index_text(package: ModuleType) -> str:
    """Return the index of a package as it stands in the file."""
    lines = []
    for name, file in modules_below(package):
        rules = [_record(rule) for rule in rules_of_module(importlib.import_module(name))]
        lines.append(f" {json.dumps(name)}: {json.dumps({'size': file.stat().st_size, 'rules': rules})}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _record(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "url": rule.url,
        "preview": rule.preview,
        "carries_over": rule.carries_over,
        "needs": rule.needs,
        "waits_for": sorted(rule.waits_for),
        "triggers": sorted(rule.triggers),
        "yields_to": sorted(rule.yields_to),
        "judges": sorted(rule.judges),
    }
