"""Which layout a launch could take instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.memory.estimate import estimate_memory, known_card
from vllint.option_edits import Setting, set_options
from vllint.vllm.legality import (
    resized,
    tensor_parallel_obstacles,
    valid_tensor_parallel_sizes,
)
from vllint_schemas import Applicability, EntryPoint, Fix, Instance, Located, Unknown
from vllint_schemas.parallel import Parallel

_ORDER = {"fits": 0, "tight": 1, "unknown": 2, "does_not_fit": 3}


def best_layout(facts: LaunchFacts, gpus: int) -> Parallel | None:
    """Return the legal layout for `gpus` GPUs, `None` if there is none that is known to do.

    It keeps the GPUs in use and the context, then takes the least tensor parallelism. Where memory
    cannot be judged, no layout may need more of it than the present one; if none is left, the most tensor
    parallelism is taken. What spreads over several machines is left as it is.
    """
    candidates = list(_candidates(facts, gpus)) if facts.launch.nodes is None else []
    if not candidates:
        return None
    judged = [(candidate, memory_verdict(facts, candidate)) for candidate in candidates]
    if all(verdict == "unknown" for _, verdict in judged):
        safe = [layout for layout in candidates if layout.tensor >= facts.parallel.tensor]
        if not safe:
            return max(candidates, key=lambda layout: (layout.tensor, layout.gpus_needed_here))
        return max(safe, key=lambda layout: (layout.gpus_needed_here, -layout.tensor))
    judged = [(layout, verdict) for layout, verdict in judged if verdict != "does_not_fit"]
    if not judged:
        return None
    best, _ = min(
        judged,
        key=lambda item: (-item[0].gpus_needed_here, _ORDER[item[1]], item[0].tensor),
    )
    return best


def memory_verdict(facts: LaunchFacts, layout: Parallel) -> str:
    """Return how the model fits under another layout: a verdict, or `unknown`."""
    model, gpu = facts.maybe_model, known_card(facts.hardware.gpu)
    if isinstance(model, Unknown) or isinstance(gpu, Unknown):
        return "unknown"
    estimate = estimate_memory(model, layout, facts.args, gpu)
    if isinstance(estimate, Unknown) or isinstance(estimate.verdict, Unknown):
        return "unknown"
    return estimate.verdict


def _candidates(facts: LaunchFacts, gpus: int) -> Iterator[Parallel]:
    """Yield the legal layouts that differ in tensor and data parallelism only, idle GPUs included.

    Of a model that is not known, only the number of copies may change.
    """
    current, model = facts.parallel, facts.maybe_model
    held = current.pipeline * current.prefill_context
    offline = facts.launch.entry_point is EntryPoint.LLM
    has_data_parallel = "data_parallel_size" in facts.args.defaults and not offline
    for tensor in range(1, min(gpus // held, _LARGEST_TENSOR) + 1):
        layout = resized(current, tensor, gpus // (held * tensor) if has_data_parallel else 1)
        if _has_fixed_replicas(facts):
            layout = resized(current, tensor)
        if layout.gpus_needed_here > gpus or not _is_shared_evenly(facts, tensor):
            continue
        if isinstance(model, Unknown):
            if tensor == current.tensor:
                yield layout
        elif not tensor_parallel_obstacles(model, layout, facts.args):
            yield layout


_LARGEST_TENSOR = 1024
"""No model has more heads to deal out; a machine's number of GPUs may be a slip of the keyboard."""


def _has_fixed_replicas(facts: LaunchFacts) -> bool:
    """Whether the options deal the replicas out to machines, so that their number is not free."""
    return any(facts.args.given(dest) is not None for dest in _DEALT_OUT)


_DEALT_OUT = (
    "data_parallel_size_local",
    "data_parallel_rank",
    "data_parallel_start_rank",
    "data_parallel_external_lb",
    "data_parallel_hybrid_lb",
    "nnodes",
)


def _is_shared_evenly(facts: LaunchFacts, tensor: int) -> bool:
    """Whether `--decode-context-parallel-size` divides the ranks (vLLM `config/parallel.py`)."""
    found = facts.args.value("decode_context_parallel_size")
    ranks = found.value if isinstance(found, Located) else None
    return not isinstance(ranks, int) or ranks < 1 or tensor % ranks == 0


def layout_fix(facts: LaunchFacts, layout: Parallel | None) -> Fix | None:
    """Return the fix that gives the launch `layout`; where its words cannot be edited, as advice."""
    if layout is None:
        return None
    settings = layout_settings(facts, layout)
    if not settings:
        return None
    title = f"use {' '.join(setting.shown for setting in settings)}: {describe(layout)}"
    edits = set_options(facts, settings)
    if edits is None:
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, edits)


def layout_settings(facts: LaunchFacts, layout: Parallel) -> tuple[Setting, ...]:
    """Return the options that make the launch's layout `layout`: those whose sizes change."""
    current = facts.parallel
    return tuple(
        Setting(flag, dest, str(size))
        for flag, dest, size, now in (
            ("--tensor-parallel-size", "tensor_parallel_size", layout.tensor, current.tensor),
            ("--data-parallel-size", "data_parallel_size", layout.data, current.data),
        )
        if size != now
    )


def describe(layout: Parallel) -> str:
    """Say in words what a layout does with the GPUs."""
    per_copy = layout.gpus_per_replica
    copies = "1 copy" if layout.data == 1 else f"{layout.data} copies"
    each = "" if layout.data == 1 else " each"
    return f"{copies} of the model on {per_copy} {'GPU' if per_copy == 1 else 'GPUs'}{each}"


class Room(NamedTuple):
    """A tensor parallel size, and how one copy of the model fits at it."""

    tensor: int
    verdict: str


def fitting_tensor_parallel(facts: LaunchFacts) -> tuple[Room, ...]:
    """Return the least legal sizes up to 16 at which one copy fits the launch's card.

    The first may be tight; the last one fits with room, if any does.
    """
    found: list[Room] = []
    for tensor in valid_tensor_parallel_sizes(facts.model, facts.parallel, facts.args):
        verdict = memory_verdict(facts, resized(facts.parallel, tensor, 1))
        if verdict == "fits":
            return (*found[:1], Room(tensor, verdict))
        if verdict == "tight":
            found.append(Room(tensor, verdict))
    return tuple(found[:1])


class FittingInstance(NamedTuple):
    """An instance that holds one copy of the model, and the tensor parallel size it takes."""

    instance: Instance
    tensor: int


def fitting_instances(facts: LaunchFacts) -> tuple[FittingInstance, ...]:
    """Return the platform's instances that hold the model on all their cards, the cheapest first."""
    from vllint.hardware.cards import find_card
    from vllint.hardware.instances import hf_instances

    found: list[FittingInstance] = []
    for instance in hf_instances():
        card = find_card(instance.gpu)
        if isinstance(card, Unknown) or card.vendor != "nvidia":
            continue
        layout = resized(facts.parallel, instance.gpu_count, 1)
        if tensor_parallel_obstacles(facts.model, layout, facts.args):
            continue
        estimate = estimate_memory(facts.model, layout, facts.args, known_card(Located(card)))
        if not isinstance(estimate, Unknown) and estimate.verdict == "fits":
            found.append(FittingInstance(instance, instance.gpu_count))
    return tuple(found)
