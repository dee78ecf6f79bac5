"""What makes a launch fit the memory of its cards, proved by estimating it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.layouts import best_layout, describe, layout_settings, memory_verdict, written_setting
from vllint.memory.estimate import estimate_memory, known_card, least_beside
from vllint.option_edits import Setting, set_options
from vllint_schemas import Applicability, EngineArgs, Fix, Located, MemoryEstimate, Origin, Unknown

_BLOCK = 16
_SHORTEST = 1024
"""Shorter contexts serve hardly anyone: none is suggested."""

_USUAL_SHARE = 0.9


class Remedy(NamedTuple):
    """Options that make a launch fit, and what they cost."""

    settings: tuple[Setting, ...]
    cost: str


def with_values(args: EngineArgs, values: Mapping[str, object]) -> EngineArgs:
    """Return the options as if those of `values` were given so, by their `dest`."""
    arguments = tuple(
        argument._replace(value=Located(values[argument.dest], None, Origin.LITERAL))
        if argument.dest in values
        else argument
        for argument in args.arguments
    )
    return args._replace(arguments=arguments, defaults={**args.defaults, **values})


def memory_with(facts: LaunchFacts, values: Mapping[str, object]) -> MemoryEstimate | Unknown:
    """Return the estimate of a launch whose options were those of `values`."""
    model, gpu = facts.maybe_model, known_card(facts.hardware.gpu)
    if isinstance(model, Unknown):
        return model
    if isinstance(gpu, Unknown):
        return gpu
    return estimate_memory(model, facts.parallel, with_values(facts.args, values), gpu)


def _fits(facts: LaunchFacts, values: Mapping[str, object]) -> bool:
    estimate = memory_with(facts, values)
    return not isinstance(estimate, Unknown) and estimate.verdict == "fits"


class Rest(NamedTuple):
    """The bytes of a card beside vLLM's share, and the least that stands there."""

    left: float
    least: float


def beside_the_share(facts: LaunchFacts) -> Rest | Unknown:
    """Return what vLLM's share leaves of the card, and what that must hold."""
    gpu, share = known_card(facts.hardware.gpu), facts.args.value("gpu_memory_utilization")
    if isinstance(gpu, Unknown):
        return gpu
    if isinstance(share, Unknown) or not isinstance(share.value, int | float):
        return Unknown("the share of the card is not known")
    least = least_beside(facts.model, facts.parallel, facts.args, gpu)
    if isinstance(least, Unknown) or isinstance(gpu.memory_bytes, Unknown):
        return least if isinstance(least, Unknown) else Unknown("the card's memory is not known")
    return Rest((1 - share.value) * gpu.memory_bytes, least)


def fitting_length(facts: LaunchFacts) -> int | None:
    """Return the longest `--max-model-len` with which the launch fits, in blocks of 16 tokens.

    It is found by halving, each length judged as vLLM groups the layers: windows and states count.
    `None` where not even 1024 tokens fit, or the length now is not known.
    """
    length = None if isinstance(facts.maybe_memory, Unknown) else facts.memory.max_model_len
    if not isinstance(length, int) or length <= _SHORTEST:
        return None
    low, high = _SHORTEST // _BLOCK, (length - 1) // _BLOCK
    if not _fits(facts, {"max_model_len": low * _BLOCK}):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(facts, {"max_model_len": middle * _BLOCK}):
            low = middle
        else:
            high = middle - 1
    return low * _BLOCK


def memory_fix(facts: LaunchFacts) -> Fix | None:
    """Return the fix after which the launch fits, saying what it costs; advice where nothing can be edited.

    Tried in order: the GPUs there are in another layout, the share of the card that others leave, fewer
    requests at once, a shorter context. None changes the model, its precision or the bill.
    """
    for find in (_other_layout, _larger_share, _fewer_requests, _shorter_context):
        remedy = find(facts)
        if remedy is not None:
            return _written(facts, remedy)
    return None


def _other_layout(facts: LaunchFacts) -> Remedy | None:
    """Return the best layout of the GPUs there are; where it is tight, with a context that fits it."""
    count = facts.hardware.gpu_count
    if not isinstance(count, Located) or facts.machine_mates != 0 or facts.args.open_ended is not None:
        return None
    better = best_layout(facts, count.value)
    if better is None or better == facts.parallel:
        return None
    settings, cost = layout_settings(facts, better), describe(better)
    verdict = memory_verdict(facts, better)
    if verdict == "fits":
        return Remedy(settings, cost) if settings else None
    spread = facts._replace(maybe_parallel=better)
    shorter = _shorter_context(spread) if verdict == "tight" and settings else None
    return None if shorter is None else Remedy((*settings, *shorter.settings), f"{cost}, and {shorter.cost}")


def _larger_share(facts: LaunchFacts) -> Remedy | None:
    """Return the usual share where less is given, and no other server of the file takes the rest."""
    given, share = facts.args.given("gpu_memory_utilization"), facts.args.value("gpu_memory_utilization")
    now = share.value if isinstance(share, Located) else None
    if given is None or facts.machine_mates != 0 or not isinstance(now, int | float) or now >= _USUAL_SHARE:
        return None
    if not _fits(facts, {"gpu_memory_utilization": _USUAL_SHARE}):
        return None
    setting = Setting("--gpu-memory-utilization", "gpu_memory_utilization", f"{_USUAL_SHARE}")
    return Remedy((setting,), f"the server takes {_USUAL_SHARE:.0%} of the card instead of {now:.0%}")


def _fewer_requests(facts: LaunchFacts) -> Remedy | None:
    """Return a smaller batch where its buffers and graphs are what is too much; the context stays."""
    seqs = facts.memory.max_num_seqs
    if not isinstance(seqs, int):
        return None
    for fewer in (256, 128, 64):
        if fewer < seqs // 2 + 1 and _fits(facts, {"max_num_seqs": fewer}):
            setting = Setting("--max-num-seqs", "max_num_seqs", str(fewer))
            return Remedy((setting,), f"of {seqs} requests at once {seqs - fewer} wait")
    return None


def _shorter_context(facts: LaunchFacts) -> Remedy | None:
    length = fitting_length(facts)
    if length is None:
        return None
    setting = Setting("--max-model-len", "max_model_len", str(length))
    return Remedy((setting,), f"requests of more than {length:,} tokens are refused")


def _written(facts: LaunchFacts, remedy: Remedy) -> Fix:
    options = " ".join(written_setting(facts, setting) for setting in remedy.settings)
    title = f"use {options}: {remedy.cost}"
    edits = set_options(facts, remedy.settings)
    if edits is None:
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, edits)
