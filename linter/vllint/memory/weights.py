"""Weights per rank: what vLLM builds of a model under a layout, and what stays resident."""

from __future__ import annotations

from typing import NamedTuple

from vllint.memory.built import Towers, Widths, stage_bytes
from vllint.memory.dtypes import NARROW, element_bytes
from vllint.memory.packing import whole_packing
from vllint.models.parameters import count_parameters
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, ModelFacts, Unknown
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
    widths = _widths(model, args, dtype_bytes)
    if isinstance(widths, Unknown):
        return _from_total(model, parallel, dtype_bytes, offloaded, args)
    plain = model.quantization is None and widths.online is None
    sizes = stage_bytes(model, components, parallel, widths, _towers(args), _has_head(args))
    unsure = _TOWERS_LEFT_OUT if components.partial else 0.0
    spread = _COUNTED if plain else _QUANTIZED
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


def _widths(model: ModelFacts, args: EngineArgs, dtype_bytes: float) -> Widths | Unknown:
    """Return the bytes of an element, quantized by vLLM itself or as the checkpoint says."""
    asked = args.value("quantization")
    if isinstance(asked, Unknown):
        return asked
    if model.quantization is not None:
        if model.quantization.schemes or whole_packing(model.quantization) is not None:
            return Widths(dtype_bytes)
        return Unknown("the checkpoint's bits per weight are not known")
    if model.quantized is not False:
        return Unknown("the checkpoint's quantization is not known")
    if asked.value is None:
        return Widths(dtype_bytes)
    online = _ONLINE_BYTES.get(str(asked.value))
    if online is None:
        return Unknown(f"sizes under `--quantization {asked.value}` are not known")
    return Widths(dtype_bytes, online)


def _towers(args: EngineArgs) -> Towers:
    """Return what becomes of the towers (vLLM 0.33.0 `config/multimodal.py`)."""
    mode, text_only = args.value("mm_encoder_tp_mode"), args.value("language_model_only")
    copied = isinstance(mode, Located) and mode.value == "data"
    return Towers(not (isinstance(text_only, Located) and text_only.value is True), copied)


def _has_head(args: EngineArgs) -> bool:
    """Whether a language model head is built: pooling runners have none."""
    runner, convert = args.value("runner"), args.value("convert")
    pools = isinstance(runner, Located) and runner.value == "pooling"
    converted = isinstance(convert, Located) and convert.value in ("embed", "classify", "reward")
    return not (pools or converted)


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
