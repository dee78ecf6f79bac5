"""What captured CUDA graphs take of a card."""

from __future__ import annotations

from vllint.memory.budget import BatchLimits, is_eager, is_first_engine
from vllint.memory.constants import card_kind, constant
from vllint.memory.runners import takes_no_graphs_off
from vllint.release_order import version_key
from vllint_schemas import GIB, Band, EngineArgs, Gpu, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

_NOTHING = Band(0.0, 0.0, 0.0)

_COUNTED_SINCE = (0, 20)
"""Logs of 0.20.0 say "enabled (default since v0.21.0)" and take the estimate off."""

_AT_DEFAULTS = 102
"""How many graphs the line is fitted to, at the defaults of a large card: 51 sizes, piecewise and full."""

_BY_REQUESTS_SINCE = (0, 10)
"""Before, all sizes up to 512 were captured, however few requests may run (vllm-project/vllm#20628)."""

_FULL_ONES_SINCE = (0, 11)
"""From here on graphs of whole steps are captured beside piecewise ones."""


def counted_graphs(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu, limits: BatchLimits
) -> Band | Unknown:
    """Return what captured graphs take of the budget: nothing when eager, or before 0.20."""
    eager = is_eager(args)
    if isinstance(eager, Unknown):
        return eager
    if eager or version_key(args.vllm_version) < _COUNTED_SINCE or takes_no_graphs_off(model, args):
        return _NOTHING
    return estimated_graphs(model, parallel, args, gpu, limits)


def uncounted_graphs(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu, limits: BatchLimits
) -> Band:
    """Return what graphs take beside vLLM's share, where nothing is set aside for them.

    What several ranks exchange within a graph is held for each of them; experts are divided among the ranks
    of data parallelism, too.
    """
    if is_eager(args) is not False or counted_graphs(model, parallel, args, gpu, limits) != _NOTHING:
        return _NOTHING
    ranks = parallel.tensor * (parallel.data if model.num_experts else 1)
    exchanged = constant("graphs_exchanged", args, card_kind(gpu), ranks)
    likely = estimated_graphs(model, parallel, args, gpu, limits)
    return likely + Band(*(bound * GIB for bound in exchanged))


def estimated_graphs(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu, limits: BatchLimits
) -> Band:
    """Return what vLLM estimates for graphs: a fixed part, and one for each layer and graph."""
    layers = (model.num_hidden_layers or 32) / parallel.pipeline
    captured = captured_graphs(args, gpu, limits)
    fixed = constant("graphs_fixed", args, card_kind(gpu))
    each = constant("graphs_per_layer", args, card_kind(gpu))
    return Band(*(GIB * (base + layer * layers * captured) for base, layer in zip(fixed, each, strict=True)))


def captured_graphs(args: EngineArgs, gpu: Gpu, limits: BatchLimits) -> float:
    """Return how many graphs are captured, against the defaults of a large card."""
    return _count(args, gpu, limits) / _AT_DEFAULTS


def _count(args: EngineArgs, gpu: Gpu, limits: BatchLimits) -> int:
    """Return how many graphs are captured: piecewise of all sizes, full ones of no more than all requests.

    A start-up with 256 sequences logs `PIECEWISE=51 (largest=512), FULL=35 (largest=256)`. Drafts make the
    sizes larger and often leave the full ones out: the estimates that are logged with them are no higher.
    """
    release = version_key(args.vllm_version)
    if is_first_engine(args, gpu):
        return _in_eights(min(limits.max_num_seqs, 256))
    if release < _BY_REQUESTS_SINCE:
        return _in_eights(min(512, limits.max_num_batched_tokens))
    most = min(2 * limits.max_num_seqs, 512, limits.max_num_batched_tokens)
    if release < _FULL_ONES_SINCE:
        return _in_eights(most)
    return _sizes(most) + _sizes(min(most, limits.max_num_seqs))


def _in_eights(most: int) -> int:
    """Return how many batch sizes earlier releases captured: 1, 2, 4 and every eighth."""
    return min(most, 3) + most // 8


def _sizes(most: int) -> int:
    """Return how many batch sizes are captured up to the largest (vLLM 0.33.0 `config/vllm.py:2398`)."""
    return min(most, 3) + min(most, 255) // 8 + max(0, (most - 240) // 16)
