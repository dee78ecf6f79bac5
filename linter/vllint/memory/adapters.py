"""Weights that come on top of a model's own: LoRA slots, drafts and layers that predict further tokens."""

from __future__ import annotations

from collections.abc import Iterable

from vllint.memory.dtypes import NARROW
from vllint.memory.speculation import own_layers, speculation
from vllint.memory.stages import layers_per_stage
from vllint.memory.weights import stage_weights
from vllint.models.catalogue import find_model
from vllint.models.parameters import count_parameters
from vllint_schemas import Band, EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.models import Component
from vllint_schemas.parallel import Parallel

_NOTHING = Band(0.0, 0.0, 0.0)

_DEFAULT_RANK = 16
_DEFAULT_SLOTS = 1

_UNKNOWN_DRAFT = (0.0, 0.05, 0.35)
"""A draft against the model's weights on the rank, where it is not known."""

_NO_DRAFT = frozenset({"ngram", "ngram_gpu", "suffix"})


def lora_slots(model: ModelFacts, parallel: Parallel, args: EngineArgs) -> tuple[Band, ...]:
    """Return what each stage keeps for LoRA: `--max-loras` slots of `--max-lora-rank`, whatever is loaded.

    The matrix on the side that is divided is divided too, the other is a copy (vLLM 0.33.0
    `lora/layers/`); experts may have slots or not.
    """
    enabled = args.is_on("enable_lora")
    if isinstance(enabled, Unknown) or not enabled.value:
        return (_NOTHING,) * parallel.pipeline
    size = _number(args, "max_lora_rank", _DEFAULT_RANK) * _number(args, "max_loras", _DEFAULT_SLOTS) * NARROW
    counted = count_parameters(model)
    if isinstance(counted, Unknown):
        hidden = 14 * (model.hidden_size or 4096) * (model.num_hidden_layers or 32) / parallel.pipeline
        return (Band(0.3 * size * hidden, size * hidden, 3 * size * hidden),) * parallel.pipeline
    whole = args.is_on("fully_sharded_loras")
    divided = isinstance(whole, Located) and whole.value
    stages: list[Band] = []
    start = 0
    for count in layers_per_stage(len(counted.layers), parallel.pipeline):
        held = [part for layer in counted.layers[start : start + count] for part in layer]
        plain = size * _sides((one for one in held if one.name != "experts"), parallel.tensor, divided)
        experts = size * _sides((one for one in held if one.name == "experts"), parallel.tensor, divided)
        stages.append(Band(plain, plain, 1.1 * plain + experts))
        start += count
    return tuple(stages)


def _sides(components: Iterable[Component], tensor: int, divided: bool) -> float:
    total = 0.0
    for one in components:
        if not one.quantizable or not one.outputs:
            continue
        inputs, outputs = one.elements / one.outputs, float(one.outputs)
        if one.by_inputs or divided:
            inputs /= tensor
        if not one.by_inputs or divided:
            outputs /= tensor
        total += inputs + outputs
    return total


def _number(args: EngineArgs, dest: str, default: int) -> int:
    found = args.integer(dest)
    return default if isinstance(found, Unknown) else found.value


def draft_weights(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown, weights: Band
) -> Band:
    """Return what drafting adds to the last stage, whose own `weights` are given."""
    asked = speculation(args)
    if asked is None or (not isinstance(asked, Unknown) and asked.get("method") in _NO_DRAFT):
        return _NOTHING
    share = Band(*(bound * part for bound, part in zip(weights, _UNKNOWN_DRAFT, strict=True)))
    if isinstance(asked, Unknown):
        return share
    layers = own_layers(model, args)
    if layers:
        return _own_layer_weights(model, parallel, weights, layers)
    name = asked.get("model")
    draft = find_model(name) if isinstance(name, str) else None
    if draft is None:
        return share
    ranks = asked.get("draft_tensor_parallel_size")
    tensor = ranks if isinstance(ranks, int) and ranks > 0 else parallel.tensor
    plain = args._replace(arguments=tuple(one for one in args.arguments if one.dest != "quantization"))
    built = stage_weights(draft, Parallel(tensor=tensor), plain, gpu)
    return share if isinstance(built, Unknown) else built[0].weights


def _own_layer_weights(model: ModelFacts, parallel: Parallel, weights: Band, layers: int) -> Band:
    """Return the weights of prediction layers: as large as a layer of the model, and a projection."""
    counted = count_parameters(model)
    share = 1 / max(1, (model.num_hidden_layers or 32) / parallel.pipeline)
    if not isinstance(counted, Unknown):
        body = sum(part.elements for layer in counted.layers for part in layer)
        last = sum(part.elements for part in counted.layers[-1])
        share = parallel.pipeline * last / max(1, counted.total) if body else share
    projection = 2 * (model.hidden_size or 0) ** 2 * NARROW
    return Band(
        *(
            layers * (factor * share * bound + projection)
            for factor, bound in zip((0.5, 1.0, 1.5), weights, strict=True)
        )
    )
