"""From a model and machines to the layouts that it can take, the best first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.models.catalogue import model_ids
from vllint.plan.judging import CommandJudge, Judgement, judge_placement
from vllint.plan.machines import Machines
from vllint.plan.placements import SIZES, placements
from vllint.plan.ranking import Choice, Goal, ranked
from vllint.statements import StatementError
from vllint_schemas import Finding, Located, Severity, Unknown

_SUGGESTED = 5


class Plan(NamedTuple):
    """What can be done: `choices` fit or may, the best first; the `others` do not, or vLLM refuses them.

    `words` follow `vllm serve` in every command; `base` is what is known of the model without a layout.
    """

    words: tuple[str, ...]
    base: LaunchFacts
    machines: Machines
    goal: Goal
    choices: tuple[Choice, ...]
    others: tuple[Judgement, ...]

    @property
    def model(self) -> str:
        """The model's id."""
        return self.base.model.id

    @property
    def release(self) -> str:
        """The vLLM release that is asked for, else the newest known."""
        stated = self.base.release.stated
        return stated.value if isinstance(stated, Located) else self.base.release.judged

    @property
    def max_model_len(self) -> int | None:
        """The context length that is planned for, `None` if it is not known."""
        for one in (*(choice.judgement for choice in self.choices), *self.others):
            length = (
                None if one.memory is None or isinstance(one.memory, Unknown) else one.memory.max_model_len
            )
            if isinstance(length, int):
                return length
        return None


def plan(judge: CommandJudge, words: Sequence[str], machines: Machines, goal: Goal) -> Plan:
    """Judge every layout of `vllm serve` with `words` on the machines.

    Raises StatementError for models that are not known and options that leave nothing to plan.
    """
    base = _base(judge, words)
    words = (*words, *_share_words(base, machines))
    base = _base(judge, words)
    is_open = base.model.num_experts and base.args.given("enable_expert_parallel") is None
    experts = (False, True) if is_open else (base.parallel.expert,)
    judgements = tuple(
        judge_placement(judge, words, base, placement, machines)
        for placement in placements(machines, experts, _fixed(base))
    )
    if not judgements:
        raise StatementError(_too_large(base, machines))
    choices = ranked(judgements, base.model, machines, goal)
    others = tuple(one for one in judgements if one.verdict in {"refused", "does_not_fit"})
    return Plan(words, base, machines, goal, choices, others)


def _base(judge: CommandJudge, words: Sequence[str]) -> LaunchFacts:
    judged = judge.judge(("vllm", "serve", *words))
    if not judged.launches:
        raise StatementError("the words give vLLM no model to serve")
    facts = judged.launches[0]
    _refuse_misread(judged.findings)
    if isinstance(facts.maybe_model, Unknown):
        raise StatementError(why_unknown(facts, facts.maybe_model))
    if isinstance(facts.maybe_parallel, Unknown):
        raise StatementError(facts.maybe_parallel.reason)
    return facts


def _refuse_misread(findings: Sequence[Finding]) -> None:
    """Raise StatementError for words that vLLM does not read: no layout makes up for a misspelt option."""
    for found in findings:
        if found.evidence.stage == "parse" and found.severity is Severity.ERROR:
            raise StatementError("; ".join(text for text in (found.message, found.help) if text))


def why_unknown(facts: LaunchFacts, reason: Unknown) -> str:
    """Say that a model is not known, what it may have meant, and what helps."""
    named = facts.args.model
    if not isinstance(named, Located):
        return reason.reason
    close = suggest_models(named.value)
    hint = f"; did you mean {' or '.join(f'`{name}`' for name in close)}?" if close else "."
    return f"{reason.reason}{hint} `--model-config FILE` takes any model's config.json."


def suggest_models(name: str) -> tuple[str, ...]:
    """Return models of the catalogue that `name` may have meant, the likeliest first."""
    from difflib import get_close_matches

    full = {model.lower(): model for model in model_ids()}
    short: dict[str, list[str]] = {}
    for key, model in full.items():
        short.setdefault(key.partition("/")[2], []).append(model)
    wanted = name.lower()
    close = [full[match] for match in get_close_matches(wanted, full, n=_SUGGESTED, cutoff=0.75)]
    matches = get_close_matches(wanted.rpartition("/")[2], short, n=_SUGGESTED, cutoff=0.8)
    return tuple(dict.fromkeys([*close, *(model for match in matches for model in short[match])]))[
        :_SUGGESTED
    ]


def _fixed(base: LaunchFacts) -> dict[str, int]:
    """Return the sizes that the words give, which are then not to be chosen."""
    return {SIZES[dest]: size for dest, size in _given(base).items()}


def _given(base: LaunchFacts) -> dict[str, int]:
    """Return the options of sizes that the words give, and what they say."""
    return {
        dest: getattr(base.parallel, field)
        for dest, field in SIZES.items()
        if base.args.given(dest) is not None
    }


def _too_large(base: LaunchFacts, machines: Machines) -> str:
    """Say which sizes the machines have no room for."""
    sizes = [f"`--{dest.replace('_', '-')} {size}`" for dest, size in _given(base).items()]
    gpus = f"{machines.nodes} x {machines.gpus_per_node}" if machines.nodes > 1 else str(machines.gpus)
    return f"{', '.join(sizes)}: leave no layout for {gpus} {'GPU' if gpus == '1' else 'GPUs'}"


def _share_words(base: LaunchFacts, machines: Machines) -> Iterator[str]:
    """Yield the share of the cards that vLLM may take, where less is free than it would."""
    shares = [share for group in machines.groups if (share := machines.free_share(group.card)) is not None]
    asked = base.args.value("gpu_memory_utilization")
    wanted = asked.value if isinstance(asked, Located) else None
    if not shares or not isinstance(wanted, int | float) or wanted <= min(shares):
        return
    if base.args.given("gpu_memory_utilization") is not None:
        raise StatementError(
            f"--gpu-memory-utilization: {wanted} of a card is asked for, and {min(shares):g} is free"
        )
    if min(shares) <= 0:
        raise StatementError("--gpu-used: nothing is left of the cards")
    yield from ("--gpu-memory-utilization", f"{min(shares):g}")
