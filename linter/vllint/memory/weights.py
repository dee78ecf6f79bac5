"""Weights per rank: what vLLM builds of a model under a layout, and what stays resident.

Sharding rules: knowledge of vLLM 0.33.0 `model_executor/layers/linear.py`, `vocab_parallel_embedding.py`
and `fused_moe/config.py:1106` (experts are divided over tensor, context and data parallel ranks).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from vllint.memory.dtypes import NARROW, element_bytes
from vllint.memory.stages import layers_per_stage
from vllint.models.parameters import count_parameters
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.models import Component, Quantization
from vllint_schemas.parallel import Parallel

_ONLINE_BYTES = {"fp8": 1.0, "ptpc_fp8": 1.0, "mxfp8": 1.03, "experts_int8": 1.0, "bitsandbytes": 0.56}
"""Bytes per linear weight when vLLM itself quantizes an unquantized checkpoint at load time."""

_COUNTED = (0.98, 1.0, 1.03)
"""Spread where every component is counted: buffers and kernels' padding come on top."""

_QUANTIZED = (0.9, 1.0, 1.1)
"""Spread of quantized checkpoints, of which some modules may stay unquantized."""

_TOWERS_LEFT_OUT = 6 * GIB
"""What the towers of a composite model may take at most when their size is not known."""

_TOTAL_ONLY = (0.95, 1.04, 1.2)
"""Spread where only the model's total is known: what every rank copies is not."""

_PERHAPS_QUANTIZED = (0.25, 1.0, 1.2)
"""Spread where nobody says whether the checkpoint is quantized: it may hold four bits a weight."""

_ESTIMATED = (0.8, 1.0, 1.25)
"""Spread where the total itself is an estimate."""


class StageWeights(NamedTuple):
    """One pipeline stage's rank: bytes as built, and the band of what stays resident."""

    name: str
    parameters: float
    weights: Band


def stage_weights(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown
) -> tuple[StageWeights, ...] | Unknown:
    """Return the weights on a rank of each pipeline stage, in bytes."""
    dtype_bytes = element_bytes(model, args, gpu)
    if isinstance(dtype_bytes, Unknown):
        return dtype_bytes
    offloaded = _offloaded(args)
    components = count_parameters(model)
    if isinstance(components, Unknown):
        return _from_total(model, parallel, dtype_bytes, offloaded, args)
    linear_bytes = _linear_bytes(model, args, dtype_bytes)
    if isinstance(linear_bytes, Unknown):
        return _from_total(model, parallel, dtype_bytes, offloaded, args)
    spread = _COUNTED if linear_bytes == dtype_bytes else _QUANTIZED
    sizes = _stage_bytes(model, parallel, dtype_bytes, linear_bytes)
    unsure = _TOWERS_LEFT_OUT if components.partial else 0.0
    return tuple(_stage(number, size, spread, offloaded, unsure) for number, size in enumerate(sizes))


def _stage(
    number: int, size: float, spread: tuple[float, float, float], offloaded: float, unsure: float
) -> StageWeights:
    low, mid, high = (max(0.0, size * factor - offloaded) for factor in spread)
    return StageWeights(f"pp{number}", size, Band(low, mid, high + unsure))


def _offloaded(args: EngineArgs) -> float:
    """Return the bytes per rank that `--cpu-offload-gb` may keep in host memory."""
    found = args.value("cpu_offload_gb")
    if isinstance(found, Located) and isinstance(found.value, int | float):
        return float(found.value) * GIB
    return 0.0


def _linear_bytes(model: ModelFacts, args: EngineArgs, dtype_bytes: float) -> float | Unknown:
    """Return the bytes of a linear layer's weight, scales included."""
    asked = args.value("quantization")
    if isinstance(asked, Unknown):
        return asked
    if model.quantization is not None:
        return _checkpoint_bytes(model)
    if model.quantized is not False:
        return Unknown("the checkpoint's quantization is not known")
    if asked.value is None:
        return dtype_bytes
    online = _ONLINE_BYTES.get(str(asked.value))
    return Unknown(f"sizes under `--quantization {asked.value}` are not known") if online is None else online


def _checkpoint_bytes(model: ModelFacts) -> float | Unknown:
    """Return the bytes of a packed weight: its bits, and the scales of its group or block."""
    quantization = model.quantization
    if quantization is None or quantization.bits is None:
        return Unknown("the checkpoint's bits per weight are not known")
    bytes_per_weight = quantization.bits / 8
    if quantization.block is not None:
        return bytes_per_weight + 4 / (quantization.block[0] * quantization.block[1])
    if quantization.group_size is not None and quantization.group_size > 0:
        return bytes_per_weight + _scale_bytes(quantization) / quantization.group_size
    return bytes_per_weight


def _scale_bytes(quantization: Quantization) -> float:
    """Return the bytes of a group's scale and zero point: NVFP4, of groups of 16, has one FP8 scale."""
    if quantization.group_size == 16:
        return 1.0
    return 2.5 if (quantization.bits or 0) <= 4 else 2.0


@lru_cache(maxsize=1024)
def _stage_bytes(
    model: ModelFacts, parallel: Parallel, dtype_bytes: float, linear_bytes: float
) -> tuple[float, ...]:
    components = count_parameters(model)
    if isinstance(components, Unknown):
        return ()

    def size(parts: tuple[Component, ...]) -> float:
        return sum(
            _elements(part, model, parallel) * (linear_bytes if part.quantizable else dtype_bytes)
            for part in parts
        )

    sizes: list[float] = []
    taken = 0
    counts = layers_per_stage(len(components.layers), parallel.pipeline)
    for number, count in enumerate(counts):
        total = sum(size(layer) for layer in components.layers[taken : taken + count])
        taken += count
        embeds = number == 0 or components.embeddings_copied
        if number == 0:
            total += size(components.embedding)
        elif embeds:
            total += size(tuple(part for part in components.embedding if part.name != "tower"))
        last = number == len(counts) - 1
        if last:
            total += size(components.final)
        if (last or components.heads_copied) and not (components.tied and embeds):
            total += size(components.head)
        sizes.append(total)
    return tuple(sizes)


def _elements(part: Component, model: ModelFacts, parallel: Parallel) -> float:
    """Return how many of a component's elements one rank holds."""
    tensor = parallel.tensor
    if part.sharding == "none" or (part.name == "shared_experts" and _is_sequence_parallel(parallel)):
        return part.elements
    if part.sharding == "key_value" and model.num_key_value_heads:
        heads = model.num_key_value_heads
        return part.elements * max(1, heads // tensor) / heads
    if part.sharding == "expert":
        ranks = tensor * parallel.prefill_context * parallel.data
        if parallel.expert and model.num_experts:
            return part.elements * -(-model.num_experts // ranks) / model.num_experts
        return part.elements / ranks
    return part.elements / tensor


def _is_sequence_parallel(parallel: Parallel) -> bool:
    """Whether experts see a share of the tokens, with shared experts whole on every rank.

    As vLLM 0.33.0 `config/parallel.py`, `use_sequence_parallel_moe`.
    """
    return parallel.expert and parallel.tensor > 1 and parallel.data > 1


def _from_total(
    model: ModelFacts, parallel: Parallel, dtype_bytes: float, offloaded: float, args: EngineArgs
) -> tuple[StageWeights, ...] | Unknown:
    """Divide the model's total evenly: the heaviest rank holds at least that."""
    total = _total_bytes(model, dtype_bytes, args)
    if isinstance(total, Unknown):
        return total
    size, spread = total
    if model.num_experts == 0:
        share = size / (parallel.tensor * parallel.pipeline)
        low = share
    else:
        # Experts may be most of the model, and are divided over the data parallel ranks as well.
        share = size / (parallel.tensor * parallel.pipeline)
        low = share / (parallel.data * parallel.prefill_context)
    band = Band(
        max(0.0, low * spread[0] - offloaded),
        max(0.0, share * spread[1] - offloaded),
        max(0.0, share * spread[2] - offloaded),
    )
    return tuple(StageWeights(f"pp{number}", share, band) for number in range(parallel.pipeline))


def _total_bytes(
    model: ModelFacts, dtype_bytes: float, args: EngineArgs
) -> tuple[float, tuple[float, float, float]] | Unknown:
    asked = args.value("quantization")
    if isinstance(asked, Unknown):
        return asked
    online = asked.value is not None and model.quantized is not True
    if online:
        factor = _ONLINE_BYTES.get(str(asked.value))
        if factor is None or model.params_total is None or model.quantized is None:
            return Unknown(f"sizes under `--quantization {asked.value}` are not known")
        return model.params_total * factor, _ESTIMATED
    if model.weights_bytes is not None and dtype_bytes == NARROW:
        return float(model.weights_bytes), _TOTAL_ONLY
    if model.quantized is False and model.params_total is not None:
        return model.params_total * dtype_bytes, _TOTAL_ONLY
    if model.quantized is None and model.params_total is not None:
        return model.params_total * dtype_bytes, _PERHAPS_QUANTIZED
    if model.weights_bytes_estimate is not None:
        return float(model.weights_bytes_estimate), _ESTIMATED
    return Unknown(f"the size of `{model.id}` is not known")
