"""What rules say that triggers them: the engine asks no rule of which nothing stands in a launch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import vllint_rules
from vllint import Rule
from vllint.checking import Checker, Request
from vllint.facts import LaunchFacts
from vllint.rule_modules import rules_of
from vllint.testing import judge_example
from vllint.triggers import BESIDE, OF_CONTAINER, OF_FACTS, OF_LAUNCH, OF_MODEL, OF_OPTIONS, triggers_of
from vllint.vllm.mistakes import MistakeKind
from vllint.vllm.options import option_table
from vllint.vllm.releases import releases
from vllint_schemas import Verdict

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared")) / "corpus/files"
RULES = sorted(rules_of(vllint_rules), key=lambda rule: rule.code)
TRIGGERED = [rule for rule in RULES if rule.triggers]


@cache
def files() -> tuple[tuple[LaunchFacts, ...], ...]:
    """Return the launches of all rules' examples and of real files, file by file."""
    shown = [judge_example(rule, example).launches for rule in RULES for example in (*rule.BAD, *rule.GOOD)]
    folders = [str(folder) for folder in (ROOT / "examples", CORPUS) if folder.is_dir()]
    real = [judged.launches for judged in Checker(Request(gpu="A10G:4")).check(folders).judged]
    return tuple(launches for launches in (*shown, *real) if launches)


def launches() -> Iterator[LaunchFacts]:
    """Yield the launches of all files."""
    return (facts for some in files() for facts in some)


@pytest.mark.parametrize("rule", TRIGGERED, ids=lambda rule: rule.code)
def test_a_rule_has_nothing_to_say_of_a_launch_that_does_not_trigger_it(rule: Rule) -> None:
    for facts in launches():
        if rule.triggers.isdisjoint(triggers_of(facts)) and facts.unknown().keys().isdisjoint(rule.needs):
            assert list(rule.check(facts)) == [], facts.launch.id


@pytest.mark.parametrize("rule", TRIGGERED, ids=lambda rule: rule.code)
def test_a_rule_has_nothing_to_say_of_a_file_none_of_whose_launches_triggers_it(rule: Rule) -> None:
    for some in files() if "files" in rule.judges else ():
        if all(rule.triggers.isdisjoint(triggers_of(facts, alone=len(some) == 1)) for facts in some):
            assert list(rule.check_file(some)) == [], some[0].launch.id


def names() -> Iterator[str]:
    """Yield what may stand in a launch, but for environment variables."""
    for release in releases():
        yield from (option.dest for option in option_table(release).options)
    yield from get_args(MistakeKind)
    yield from (f"memory.{verdict}" for verdict in get_args(Verdict))
    yield from (BESIDE, *OF_FACTS, *OF_OPTIONS)
    yield from ("$", "--config", *OF_LAUNCH.values(), *OF_CONTAINER.values(), *OF_MODEL.values())


def test_a_trigger_is_something_that_may_stand_in_a_launch() -> None:
    known = set(names())
    for rule in TRIGGERED:
        unknown = {name for name in rule.triggers if not name.startswith("$")} - known
        assert not unknown, rule.code


def test_most_rules_say_what_triggers_them() -> None:
    assert len(TRIGGERED) > len(RULES) / 2
