"""Bytes of parameters that vLLM builds on a rank of each pipeline stage.

Sharding rules: vLLM 0.33.0 `model_executor/layers/linear.py`, `vocab_parallel_embedding.py` and
`fused_moe/config.py:1106` (experts are divided over tensor, context and data parallel ranks).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from vllint.memory.packing import Packing, packing_of
from vllint.memory.stages import layers_per_stage
from vllint_schemas import ModelFacts
from vllint_schemas.models import Component, Components
from vllint_schemas.parallel import Parallel


class Widths(NamedTuple):
    """Bytes of an unquantized element, and of those of linear layers and experts that vLLM itself quantizes.

    Experts' widths and the hidden size are padded to multiples of `expert_multiple` and `hidden_multiple`.
    """

    plain: float
    online: float | None = None
    online_experts: float | None = None
    expert_multiple: int = 1
    hidden_multiple: int = 1


class Towers(NamedTuple):
    """What becomes of towers: left out, or copied on every rank instead of divided."""

    built: bool = True
    copied: bool = False


_FUSED = {
    **dict.fromkeys(("q", "k", "v", "k_window", "v_window"), "qkv"),
    **dict.fromkeys(("q_bias", "kv_bias", "k_bias", "v_bias"), "qkv_bias"),
    **dict.fromkeys(("q_a", "kv_a"), "qkv_a"),
}
"""Components that stand in one tensor, by its name."""


@lru_cache(maxsize=1024)
def stage_bytes(
    model: ModelFacts,
    components: Components,
    parallel: Parallel,
    widths: Widths,
    towers: Towers,
    has_head: bool,
) -> tuple[float, ...]:
    """Return the bytes on a rank of each stage, the first first."""
    stages, size = _stages(components, parallel, towers, has_head), _sizes(model, parallel, widths, towers)
    return tuple(sum(size(part, place) for place, parts in stage for part in parts) for stage in stages)


def stage_tensors(
    model: ModelFacts,
    components: Components,
    parallel: Parallel,
    widths: Widths,
    towers: Towers,
    has_head: bool,
) -> tuple[list[float], ...]:
    """Return the bytes of each tensor on a rank of each stage, in the order in which they are made."""

    def tensors(place: int | None, parts: tuple[Component, ...]) -> list[float]:
        sizes: dict[str, float] = {}
        for number, part in enumerate(parts):
            name = _FUSED.get(part.name, f"{part.name} {number}")
            sizes[name] = sizes.get(name, 0.0) + size(part, place)
        return list(sizes.values())

    stages, size = _stages(components, parallel, towers, has_head), _sizes(model, parallel, widths, towers)
    return tuple([size for place, parts in stage for size in tensors(place, parts)] for stage in stages)


def _stages(
    components: Components, parallel: Parallel, towers: Towers, has_head: bool
) -> list[list[tuple[int | None, tuple[Component, ...]]]]:
    """Return what stands on each stage: parts with the layer they are of, if of any."""
    stages: list[list[tuple[int | None, tuple[Component, ...]]]] = []
    taken = 0
    counts = layers_per_stage(len(components.layers), parallel.pipeline)
    for number, count in enumerate(counts):
        last, embeds = number == len(counts) - 1, number == 0 or components.embeddings_copied
        held: list[tuple[int | None, tuple[Component, ...]]] = [(None, components.everywhere)]
        if embeds:
            held.append((None, components.embedding))
        if number == 0 and towers.built:
            held.append((None, components.tower))
        held += [(place, components.layers[place]) for place in range(taken, taken + count)]
        taken += count
        if last:
            held.append((None, components.final))
        if has_head and (last or components.heads_copied) and not (components.tied and embeds):
            held.append((None, components.head))
        stages.append(held)
    return stages


def _sizes(
    model: ModelFacts, parallel: Parallel, widths: Widths, towers: Towers
) -> Callable[[Component, int | None], float]:
    """Return what says the bytes of a component on one rank; parts of layers that are alike are counted once.

    A checkpoint's quantization may tell layers apart.
    """

    @cache
    def counted(part: Component, layer: int | None) -> float:
        return _bytes(part, layer, model, parallel, widths, towers)

    if model.quantization is not None:
        return counted
    return lambda part, layer: counted(part, None)


def _bytes(
    part: Component,
    layer: int | None,
    model: ModelFacts,
    parallel: Parallel,
    widths: Widths,
    towers: Towers,
) -> float:
    """Return the bytes of a component on one rank."""
    tower = part.name.startswith("tower")
    whole = tower and towers.copied
    elements = part.elements if whole else part.elements * _share(part, model, parallel)
    if part.sharding == "expert":
        elements *= _padding(part, model, parallel, widths)
    packing = None if part.width else _packing(part, layer, model, parallel, widths)
    if packing is None:
        return elements * (part.width or widths.plain)
    outputs = part.outputs if whole else part.outputs * _outputs_share(part, model, parallel)
    return elements * packing.element + outputs * packing.output


def _packing(
    part: Component, layer: int | None, model: ModelFacts, parallel: Parallel, widths: Widths
) -> Packing | None:
    if model.quantization is not None:
        whole = parallel.expert or model.moe_intermediate_size is None
        width = None if whole else (model.moe_intermediate_size or 0) // _expert_ranks(parallel)
        return packing_of(model.quantization, part, layer, width, model.model_type)
    online = widths.online_experts if part.sharding == "expert" else widths.online
    if online is not None and part.quantizable and part.name != "head":
        return Packing(online)
    return None


def _share(part: Component, model: ModelFacts, parallel: Parallel) -> float:
    """Return the share of a component's elements that one rank holds."""
    tensor = parallel.tensor
    if part.sharding == "none" or (_is_sequence_parallel(parallel) and _sees_a_share(part, model)):
        return 1.0
    if part.sharding == "key_value":
        heads = part.units or model.num_key_value_heads
        return max(1, heads // tensor) / heads if heads else 1 / tensor
    if part.sharding == "expert":
        if not parallel.expert or not model.num_experts:
            # The bias of what comes out is not divided: every rank adds it to its share.
            return 1.0 if part.by_inputs and not part.quantizable else 1 / _expert_ranks(parallel)
        return -(-model.num_experts // _expert_ranks(parallel)) / model.num_experts
    # Towers whose heads cannot be divided are copied.
    return 1.0 if part.units % tensor else 1 / tensor


def _outputs_share(part: Component, model: ModelFacts, parallel: Parallel) -> float:
    """Return the share of a matrix's outputs that one rank holds: all, where the inputs are divided."""
    whole_experts = part.sharding == "expert" and parallel.expert
    return 1.0 if part.by_inputs and not whole_experts else _share(part, model, parallel)


def _padding(part: Component, model: ModelFacts, parallel: Parallel, widths: Widths) -> float:
    """Return by how much the padding of experts makes them larger."""
    width, hidden = model.moe_intermediate_size, model.hidden_size
    if not width or not hidden:
        return 1.0
    own = width if parallel.expert else width / _expert_ranks(parallel)
    wider = -(-own // widths.expert_multiple) * widths.expert_multiple / own
    taller = -(-hidden // widths.hidden_multiple) * widths.hidden_multiple / hidden
    if part.quantizable:
        return wider * taller
    return taller if part.by_inputs else wider


def _expert_ranks(parallel: Parallel) -> int:
    return parallel.tensor * parallel.prefill_context * parallel.data


def _sees_a_share(part: Component, model: ModelFacts) -> bool:
    """Whether the module gets a share of the tokens: shared experts, and dense layers by sparse attention."""
    dense = bool(model.index_topk) or model.text_model_type in _DENSE_LAYERS_OF_SHARES
    return part.name == "shared_experts" or (part.name in ("up", "down") and dense)


_DENSE_LAYERS_OF_SHARES = frozenset({"kimi_linear"})
"""Types whose dense layers get a share of the tokens too (`models/kimi_k3`)."""


def _is_sequence_parallel(parallel: Parallel) -> bool:
    """Whether experts see a share of the tokens, with shared experts whole on every rank.

    As vLLM 0.33.0 `config/parallel.py`, `use_sequence_parallel_moe`.
    """
    return parallel.expert and parallel.tensor > 1 and parallel.data > 1
