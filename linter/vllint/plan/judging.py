"""Judging commands that are not written yet, as `vllint check` would judge them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from vllint.checking import COMMAND_PATH, Checker
from vllint.engine import Judged, judge_command
from vllint.facts import LaunchFacts
from vllint.hardware.resolve import stated_machine
from vllint.memory.estimate import estimate_memory, known_card
from vllint.models.resolve import ModelSources
from vllint.neighbours import neighbour_of
from vllint.plan.machines import Machines
from vllint.plan.placements import Placement
from vllint.plan.words import layout_words
from vllint.vllm.legality import tensor_parallel_obstacles
from vllint_schemas import Finding, Gpu, Located, MemoryEstimate, Origin, Severity, Unknown, Word


class CommandJudge:
    """Judges commands under one request; `models` beat what the settings say of models."""

    def __init__(self, checker: Checker, models: ModelSources | None = None) -> None:
        self._checker = checker
        self._models = models

    def judge(self, words: Sequence[str] | str, gpu: str | None = None) -> Judged:
        """Judge a command, as text or as words, on the machine `gpu` (`CARD:N`) if one is given."""
        text = words if isinstance(words, str) else shlex.join(words)
        settings, assumptions = self._checker.conditions(COMMAND_PATH)
        if gpu is not None:
            machine = stated_machine(gpu, Origin.COMMAND_LINE, "--gpu")
            assumptions = assumptions._replace(machines=(machine,))
        if self._models is not None:
            assumptions = assumptions._replace(models=self._models)
        word, neighbour = Word.verbatim(text, COMMAND_PATH, 0), neighbour_of(COMMAND_PATH, {})
        return judge_command(word, (), neighbour, self._checker.registry.rules, settings, assumptions)


class Judgement(NamedTuple):
    """What is known of a placement.

    `obstacles` are why vLLM would refuse it, `memory` what its ranks hold (`None` where it is refused before
    that matters), `warnings` what `vllint check` says of it besides. `gpu` is the card it is judged on.
    """

    placement: Placement
    gpu: str
    card: Gpu
    memory: MemoryEstimate | Unknown | None
    obstacles: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """How it fits: a verdict, `unknown`, or `refused`."""
        if self.obstacles:
            return "refused"
        if self.memory is None or isinstance(self.memory, Unknown):
            return "unknown"
        return "unknown" if isinstance(self.memory.verdict, Unknown) else self.memory.verdict


_AS_IT_RUNS = frozenset({"advice", "run"})
"""Stages of rules that say nothing of a layout that does not fit: advice, and what happens after loading."""


def _refuses(finding: Finding, fits: bool) -> bool:
    """Whether it is vLLM that refuses, and not the user's settings that call advice an error.

    Of a layout that does not fit only what has nothing to do with memory counts.
    """
    stage = finding.evidence.stage
    told = stage != "advice" if fits else stage not in _AS_IT_RUNS
    return finding.severity is Severity.ERROR and told


def judge_placement(
    judge: CommandJudge, words: Sequence[str], base: LaunchFacts, placement: Placement, machines: Machines
) -> Judgement:
    """Judge a placement of the command `words`, whose facts without a layout are `base`."""
    group = machines.smallest_of(placement.gpus_per_node)
    judgement = Judgement(placement, group.name, group.card, None)
    found = tensor_parallel_obstacles(base.model, placement.layout, base.args)
    if found:
        return judgement._replace(obstacles=tuple(one.arithmetic for one in found))
    card = known_card(Located(group.card))
    memory = estimate_memory(base.model, placement.layout, base.args, card)
    judgement = judgement._replace(memory=memory)
    fits = judgement.verdict != "does_not_fit"
    command = ("vllm", "serve", *words, *layout_words(placement, base.args))
    judged = judge.judge(command, f"{group.name}:{placement.gpus_per_node}")
    errors = tuple(one.message for one in judged.findings if _refuses(one, fits))
    warnings = tuple(one for one in judged.findings if one.severity is Severity.WARNING)
    return judgement._replace(obstacles=errors, warnings=warnings if fits else ())
