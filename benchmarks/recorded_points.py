"""What the laws of vLLM's overheads take of a recorded start-up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from recorded_startups import StartUp

from vllint.memory import activations, budget
from vllint.memory.dtypes import element_bytes
from vllint.memory.estimate import max_model_len
from vllint.release_order import version_key
from vllint_schemas import GIB, Gpu, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel


class Point(NamedTuple):
    """A start-up with what the laws take."""

    of: StartUp
    model: ModelFacts
    gpu: Gpu
    parallel: Parallel
    limits: budget.BatchLimits
    element: float
    overhead: float | None

    @property
    def logits(self) -> float:
        """Vocabulary rows times sequences, in 2^30."""
        rows = min(self.limits.max_num_seqs, self.limits.max_num_batched_tokens)
        return (self.model.vocab_size or 0) * rows / GIB

    @property
    def states(self) -> float:
        """GiB of one hidden state of all tokens."""
        return self.limits.max_num_batched_tokens * (self.model.hidden_size or 0) * self.element / GIB

    @property
    def workspace(self) -> float:
        """GiB of the experts' workspace, as vllint counts it."""
        case = activations.Profiled(
            self.model,
            self.parallel,
            self.of.args,
            self.limits,
            self.element,
            self.model.hidden_size or 0,
            self.gpu,
        )
        return activations.expert_workspace(case).mid / GIB


def points(held: Iterable[StartUp]) -> list[Point]:
    """Return the successful start-ups whose model, card and release are known."""
    found: list[Point] = []
    for one in held:
        if one.outcome != "ok" or not (one.model and one.gpu and one.parallel and one.states_version):
            continue
        if not one.model.vocab_size or not one.model.hidden_size:
            continue
        length = max_model_len(one.model, one.args)
        known_length = None if isinstance(length, Unknown) else length
        limits = budget.batch_limits(one.args, one.gpu, known_length, one.model)
        element = element_bytes(one.model, one.args, one.gpu)
        total = budget.budget(one.args, one.gpu)
        if isinstance(limits, Unknown) or isinstance(element, Unknown):
            continue
        known = one.weights is not None and one.kv is not None and not isinstance(total, Unknown)
        left = total.mid / GIB - (one.weights or 0) - (one.kv or 0) if known else None  # type: ignore[union-attr]
        found.append(Point(one, one.model, one.gpu, one.parallel, limits, element, left))
    return found


def between(point: Point, since: str, until: str | None) -> bool:
    """Whether a start-up's release is in a range."""
    release = version_key(point.of.version)
    return version_key(since) <= release and (until is None or release < version_key(until))


def layer_peak(one: Point, states: float) -> float:
    """Return the GiB of a layer that holds so many hidden states, or of its experts."""
    if one.model.num_experts != 0:
        return one.workspace
    width = 3 * (one.model.intermediate_size or 0) / one.parallel.tensor
    extra = 2 if one.parallel.pipeline > 1 else 0
    size = (states + extra) * (one.model.hidden_size or 0) + width
    return one.limits.max_num_batched_tokens * one.element * size / GIB


def rest_of(one: Point) -> float:
    """Return the logged peak without what the law takes for granted, in GiB."""
    kept = one.workspace if between(one, "0.17", None) else 0.0
    return (one.of.activation or 0) - one.states - one.element * one.logits - kept
