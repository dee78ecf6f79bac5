"""Estimates are made once for launches that ask for the same."""

from __future__ import annotations

import os
from pathlib import Path

import vllint_rules
from vllint import LaunchFacts
from vllint.checking import Checker, Request
from vllint.memory.estimate import estimate_memory, known_card
from vllint.memory.recurring import recurring_estimate
from vllint.rule_modules import rules_of
from vllint.testing import judge_example
from vllint_schemas import Unknown

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared")) / "corpus/files"


def launches() -> list[LaunchFacts]:
    """Return launches of examples and of real files, of which many are alike."""
    shown = [
        facts
        for rule in rules_of(vllint_rules)
        for example in (*rule.BAD, *rule.GOOD)
        for facts in judge_example(rule, example).launches
    ]
    folders = [str(folder) for folder in (ROOT / "examples", CORPUS) if folder.is_dir()]
    return [*shown, *Checker(Request(gpu="A10G:4")).check(folders).launches]


def test_a_recurring_estimate_is_the_one_that_is_made_anew() -> None:
    for facts in launches():
        model, layout = facts.maybe_model, facts.maybe_parallel
        if isinstance(model, Unknown) or isinstance(layout, Unknown):
            continue
        asked = (model, layout, facts.args, known_card(facts.hardware.gpu))
        for assumed in (False, True):
            assert recurring_estimate(*asked, assumed) == estimate_memory(*asked, assumed), facts.launch.id
