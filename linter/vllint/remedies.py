"""What makes a launch fit the memory of its cards, proved by estimating it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.layouts import best_layout, describe, layout_settings, memory_verdict
from vllint.memory import host
from vllint.memory.activations import warm_up
from vllint.memory.budget import BatchLimits
from vllint.memory.estimate import estimate_memory, known_card, least_beside
from vllint.memory.host import HostPart
from vllint.option_edits import Setting, set_options
from vllint_schemas import GIB, Applicability, EngineArgs, Fix, Located, MemoryEstimate, Origin, Unknown
from vllint_schemas.parallel import Parallel

_BLOCK = 16
_SHORTEST = 1024
"""Shorter contexts serve hardly anyone: none is suggested."""

_GOOD_PART = 0.25
"""What a fix that also lets requests wait must leave of the context."""

_USUAL_SHARE = 0.9
FEWER_REQUESTS = (512, 256, 192, 128, 96, 64, 48, 32, 16)
"""What is tried for `--max-num-seqs`, the most first."""


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
    if isinstance(facts.maybe_parallel, Unknown):
        return facts.maybe_parallel
    return estimate_memory(model, facts.parallel, with_values(facts.args, values), gpu)


def fits_with(facts: LaunchFacts, values: Mapping[str, object]) -> bool:
    """Whether a launch would surely enough fit if its options were those of `values`."""
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


def sampled_again(facts: LaunchFacts) -> float:
    """Return what sampling for all requests likely takes beside an allocated cache; 0 if not known."""
    seqs = facts.memory.max_num_seqs
    if isinstance(seqs, Unknown):
        return 0.0
    return warm_up(facts.model, facts.args, BatchLimits(seqs, seqs))


def pinned_parts(facts: LaunchFacts) -> tuple[HostPart, ...]:
    """Return what a launch surely pins of its host's memory; nothing where that cannot be judged."""
    gpu = known_card(facts.hardware.gpu)
    return (
        () if isinstance(gpu, Unknown) else host.pinned_parts(facts.args, facts.parallel, facts.memory, gpu)
    )


def fitting_length(facts: LaunchFacts) -> int | None:
    """Return the longest `--max-model-len` below the present one with which the launch fits.

    It is found by halving, in blocks of 16 tokens, each length judged as vLLM groups the layers: windows and
    states count. `None` where not even 1024 tokens fit, or the length now is not known.
    """
    length = None if isinstance(facts.maybe_memory, Unknown) else facts.memory.max_model_len
    return longest_length(facts, length - 1) if isinstance(length, int) else None


def longest_length(facts: LaunchFacts, limit: int) -> int | None:
    """Return the longest `--max-model-len` up to `limit` with which the launch fits, found likewise."""
    low, high = _SHORTEST // _BLOCK, limit // _BLOCK
    if high < low or not fits_with(facts, {"max_model_len": low * _BLOCK}):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits_with(facts, {"max_model_len": middle * _BLOCK}):
            low = middle
        else:
            high = middle - 1
    return low * _BLOCK


def most_length(facts: LaunchFacts) -> int | None:
    """Return the longest `--max-model-len` that fits and the model allows; `None` where that is not known."""
    if isinstance(facts.maybe_memory, Unknown) or isinstance(facts.maybe_memory.verdict, Unknown):
        return None
    asked = facts.maybe_memory.max_model_len
    own = 0 if isinstance(facts.maybe_model, Unknown) else facts.maybe_model.derived_max_model_len or 0
    return longest_length(facts, max(own, 0 if isinstance(asked, Unknown) else asked))


def least_share(facts: LaunchFacts) -> float | None:
    """Return the least `--gpu-memory-utilization` in hundredths, up to 0.9, with which the launch fits."""
    low, high = 1, round(_USUAL_SHARE * 100)
    if not fits_with(facts, {"gpu_memory_utilization": high / 100}):
        return None
    while low < high:
        middle = (low + high) // 2
        if fits_with(facts, {"gpu_memory_utilization": middle / 100}):
            high = middle
        else:
            low = middle + 1
    return high / 100


def memory_fix(facts: LaunchFacts) -> Fix | None:
    """Return the fix after which the launch fits, saying what it costs; advice where nothing can be edited.

    Tried in order: the GPUs there are in another layout, the share of the card that others leave, fewer
    requests at once, a shorter context, both. None changes the model, its precision or the bill.
    """
    for find in (_other_layout, _larger_share, _fewer_requests, _shorter_context, _fewer_and_shorter):
        remedy = find(facts)
        if remedy is not None:
            return _written(facts, remedy)
    return None


def requests_fix(facts: LaunchFacts) -> Fix | None:
    """Return the fix that lets so few requests run at once that the launch fits, else any that does."""
    remedy = _fewer_requests(facts)
    return memory_fix(facts) if remedy is None else _written(facts, remedy)


def share_fix(facts: LaunchFacts) -> Fix | None:
    """Return the fix that gives vLLM the least share of the card with which the launch fits."""
    remedy = _larger_share(facts)
    return None if remedy is None else _written(facts, remedy)


def _other_layout(facts: LaunchFacts) -> Remedy | None:
    """Return the best layout of the GPUs there are; where that is tight, with fewer requests or tokens."""
    count = facts.hardware.gpu_count
    if not isinstance(count, Located) or not _is_alone(facts) or facts.args.open_ended is not None:
        return None
    better = best_layout(facts, count.value)
    if better is None or better == facts.parallel:
        return None
    settings, cost = layout_settings(facts, better), _layout_cost(facts.parallel, better)
    verdict = memory_verdict(facts, better)
    if verdict == "fits":
        return Remedy(settings, cost) if settings else None
    spread = facts._replace(maybe_parallel=better)
    if verdict != "tight" or not settings:
        return None
    also = _fewer_requests(spread) or _shorter_context(spread)
    return None if also is None else _both(Remedy(settings, cost), also)


def _layout_cost(now: Parallel, better: Parallel) -> str:
    fewer = f" instead of {now.data} copies" if better.data < now.data else ""
    return f"{describe(better)}{fewer}"


def _is_alone(facts: LaunchFacts) -> bool:
    """Whether no other server of the file takes of the machine's GPUs."""
    return facts.machine_mates == 0 and not facts.gpu_mates


def _larger_share(facts: LaunchFacts) -> Remedy | None:
    """Return the least share that does where too little is given, and no other server takes the rest."""
    given, share = facts.args.given("gpu_memory_utilization"), facts.args.value("gpu_memory_utilization")
    now = share.value if isinstance(share, Located) else None
    if given is None or not _is_alone(facts) or not isinstance(now, int | float) or now >= _USUAL_SHARE:
        return None
    least = least_share(facts)
    if least is None or least <= now:
        return None
    setting = Setting("--gpu-memory-utilization", "gpu_memory_utilization", f"{least:g}")
    return Remedy((setting,), f"vLLM takes {_of_card(facts, least)} of the card instead of {now:.0%}")


def _of_card(facts: LaunchFacts, share: float) -> str:
    gpu = known_card(facts.hardware.gpu)
    total = gpu if isinstance(gpu, Unknown) else gpu.memory_bytes
    return f"{share:.0%}" if isinstance(total, Unknown) else f"{share:.0%} ({share * total / GIB:.1f} GiB)"


def _fewer_requests(facts: LaunchFacts) -> Remedy | None:
    """Return a smaller batch where its buffers and graphs are what is too much; the context stays."""
    seqs = facts.memory.max_num_seqs
    if not isinstance(seqs, int):
        return None
    for fewer in FEWER_REQUESTS:
        if fewer < seqs and fits_with(facts, {"max_num_seqs": fewer}):
            setting = Setting("--max-num-seqs", "max_num_seqs", str(fewer))
            return Remedy((setting,), f"at most {fewer} requests run at once instead of {seqs:,}")
    return None


def _shorter_context(facts: LaunchFacts) -> Remedy | None:
    length = fitting_length(facts)
    return None if length is None else _context(length)


def _context(length: int) -> Remedy:
    setting = Setting("--max-model-len", "max_model_len", str(length))
    return Remedy((setting,), f"requests of more than {length:,} tokens are refused")


def _fewer_and_shorter(facts: LaunchFacts) -> Remedy | None:
    """Return the most requests at once with which a good part of the context fits, and that context."""
    seqs, length = facts.memory.max_num_seqs, facts.memory.max_model_len
    if not isinstance(seqs, int) or not isinstance(length, int):
        return None
    for fewer in FEWER_REQUESTS:
        lighter = facts._replace(args=with_values(facts.args, {"max_num_seqs": fewer}))
        fitting = fitting_length(lighter) if fewer < seqs else None
        if fitting is not None and fitting >= _GOOD_PART * length:
            first = Setting("--max-num-seqs", "max_num_seqs", str(fewer))
            cost = f"at most {fewer} requests run at once instead of {seqs:,}"
            return _both(Remedy((first,), cost), _context(fitting))
    return None


def _both(one: Remedy, other: Remedy) -> Remedy:
    return Remedy((*one.settings, *other.settings), f"{one.cost}, and {other.cost}")


def _written(facts: LaunchFacts, remedy: Remedy) -> Fix:
    options = " ".join(setting.shown for setting in remedy.settings)
    title = f"use {options}: {remedy.cost}"
    edits = set_options(facts, remedy.settings)
    if edits is None:
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, edits)
