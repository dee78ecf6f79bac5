"""Weights per rank: what vLLM builds of a model under a layout, and what stays resident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vllint.memory.built import Towers, Widths, stage_bytes
from vllint.memory.dtypes import NARROW, element_bytes
from vllint.memory.packing import packing_by_name, whole_packing
from vllint.memory.resident import buffers, rounding
from vllint.models.parameters import REWARDS, VALUES, WHOLE_TOWER, count_parameters
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.models import Components
from vllint_schemas.parallel import Parallel

_ONLINE_BYTES: Mapping[str, tuple[float | None, float]] = {
    "fp8": (1.0, 1.0),
    "ptpc_fp8": (1.0, 1.0),
    "fp8_per_tensor": (1.0, 1.0),
    "fp8_per_channel": (1.0, 1.0),
    "fp8_per_block": (1.0, 1.0),
    "mxfp8": (1.03125, 1.03125),
    "mxfp4": (0.53125, 0.53125),
    "experts_int8": (None, 1.0),
    "int8_per_channel_weight_only": (None, 1.0),
    "nvfp4_per_token": (None, 0.5625),
    "bitsandbytes": (0.5625, 0.5625),
}
"""Bytes per weight of a linear layer, `None` if it stays as it is, and of an expert, where vLLM itself
quantizes an unquantized checkpoint while it loads (0.33.0 `config/quantization.py:195`; scales of channels
and blocks of 128 are less than a thousandth)."""

_COUNTED = (0.98, 1.0, 1.03)
"""Spread where every component is counted: buffers and kernels' padding come on top."""

_QUANTIZED = (0.98, 1.0, 1.1)
"""Spread of quantized checkpoints: kernels may pad and repack what is built."""

_PERHAPS_LEFT_OUT = (0.98, 1.0, 1.25)
"""Spread where nobody says which modules a checkpoint of four bits leaves unquantized."""

_NARROW_BITS = 4

_ONLINE = (0.9, 1.0, 1.1)
"""Spread where vLLM quantizes while it loads: some modules may stay as they are."""

_TOWERS_LEFT_OUT = 6 * GIB
"""What the towers of a composite model may take at most when not even their layers are known."""

_TOWER_AROUND_LAYERS = 1.5
"""How much larger a tower may be than the matrices of its layers."""

_TOTAL_ONLY = (0.95, 1.04, 1.2)
"""Spread where only the model's total is known: what every rank copies is not."""

_PERHAPS_QUANTIZED = (0.25, 1.0, 1.2)
"""Spread where nobody says whether the checkpoint is quantized: it may hold four bits a weight."""

_ESTIMATED = (0.8, 1.0, 1.25)
"""Spread where the total itself is an estimate."""


_PADDED = frozenset({"mxfp4", "gpt_oss_mxfp4"})
"""Methods whose experts vLLM pads as its kernels want it."""

_KERNEL_MULTIPLES = {9: (64, 1)}
"""Multiples that a card's kernel takes an expert's width and the hidden size in, by compute capability.

vLLM 0.33.0 `fused_moe/oracle/mxfp4.py:837`: Triton on Hopper, else Marlin or TensorRT-LLM.
"""

_OTHER_MULTIPLES = (128, 256)


_COPIED_ON_REQUEST = frozenset(
    [
        "glm4v",
        "glm4v_moe",
        "internvl",
        "kimi_k25",
        "kimi_vl",
        "llama4",
        "qwen2_5_vl",
        "qwen2_vl",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
    ]
)
"""Model types of classes with `supports_encoder_tp_data`: others divide their towers whatever is asked."""

_IMAGES = ("image",)
_IMAGES_AND_VIDEOS = ("image", "video")
_MODALITIES = {
    "gemma4": ("image", "video", "audio"),
    "glm4v": _IMAGES_AND_VIDEOS,
    "glm4v_moe": _IMAGES_AND_VIDEOS,
    "internvl": _IMAGES_AND_VIDEOS,
    "kimi_k25": ("vision_chunk",),
    "qwen2_5_vl": _IMAGES_AND_VIDEOS,
    "qwen2_audio": ("audio",),
    "qwen2_vl": _IMAGES_AND_VIDEOS,
    "qwen3_5": _IMAGES_AND_VIDEOS,
    "qwen3_5_moe": _IMAGES_AND_VIDEOS,
    "qwen3_vl": _IMAGES_AND_VIDEOS,
    "qwen3_vl_moe": _IMAGES_AND_VIDEOS,
}
"""What a model type takes beside text, where that is not images alone."""


class StageWeights(NamedTuple):
    """One pipeline stage's rank: bytes as built, if all is counted, and the band of what stays resident."""

    name: str
    parameters: float | Unknown
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
    named = packing_by_name(model)
    if named is not None:
        model = model._replace(quantization=named)
    widths = _widths(model, args, dtype_bytes)
    if isinstance(widths, Unknown):
        return _from_total(model, parallel, dtype_bytes, offloaded, args)
    widths = _padded(widths, model, gpu)
    if model.quantization is not None and model.quantization.head:
        # What is packed cannot be the embedding as well.
        components = components._replace(tied=False)
    towers, has_head = _towers(model, args), _has_head(model, args)
    what = (model, components, parallel, widths, towers, has_head)
    sizes = stage_bytes(*what)
    beside = [
        rounded + held
        for rounded, held in zip(
            rounding(*what), buffers(model, parallel, args, gpu, dtype_bytes), strict=True
        )
    ]
    left_out = _left_out(model, components, parallel, towers, has_head)
    if named is not None or _may_leave_out(model):
        doubt = Unknown(f"which modules of `{model.id}` are quantized is not known")
        left_out = tuple(_LeftOut(one.most, doubt if one.why is None else one.why) for one in left_out)
    spread = _spread_of(model, widths, named is not None)
    return tuple(
        _stage(number, size, extra, spread, offloaded, missing)
        for number, (size, extra, missing) in enumerate(zip(sizes, beside, left_out, strict=True))
    )


class _LeftOut(NamedTuple):
    """What a stage may hold beside what is counted: at most so many bytes, and why they are not counted."""

    most: float = 0.0
    why: Unknown | None = None


def _left_out(
    model: ModelFacts, components: Components, parallel: Parallel, towers: Towers, has_head: bool
) -> tuple[_LeftOut, ...]:
    """Return what is not counted of each stage: towers stand on the first, the head on the last."""
    stages = [_LeftOut()] * parallel.pipeline
    if towers.built:
        stages[0] = _tower_left_out(model, components, parallel, towers)
        if "tower" in components.partial:
            # What nobody has counted may stand on any stage.
            stages[1:] = [stages[0]._replace(most=0.0)] * (parallel.pipeline - 1)
    if has_head and "head" in components.partial:
        more = sum(part.elements for part in components.head) * NARROW / parallel.tensor
        why = Unknown(f"whether `{model.id}` has a head of its own is not known")
        stages[-1] = _LeftOut(stages[-1].most + more, why)
    return tuple(stages)


def _tower_left_out(
    model: ModelFacts, components: Components, parallel: Parallel, towers: Towers
) -> _LeftOut:
    """Return what is not counted of towers: all, or how a tower known by its size alone is divided."""
    if "tower" in components.partial:
        why = Unknown(f"how large the towers of `{model.id}` are is not known")
        return _LeftOut(_most_of_towers(model), why)
    whole = sum(part.elements for part in components.tower if part.name == WHOLE_TOWER)
    if not whole or towers.copied or parallel.tensor == 1:
        return _LeftOut()
    why = Unknown(f"which parts of the towers of `{model.id}` are divided is not known")
    return _LeftOut(whole * NARROW * (1 - 1 / parallel.tensor), why)


def _most_of_towers(model: ModelFacts) -> float:
    layers, hidden = model.vision_num_hidden_layers, model.vision_hidden_size
    width = model.vision_intermediate_size
    if not (layers and hidden and width):
        return _TOWERS_LEFT_OUT
    matrices = layers * hidden * (4 * hidden + 3 * width)
    return max(_TOWERS_LEFT_OUT, matrices * NARROW * _TOWER_AROUND_LAYERS)


def _spread_of(model: ModelFacts, widths: Widths, by_name: bool) -> tuple[float, float, float]:
    if by_name:
        return _ESTIMATED
    if widths.online_experts is not None:
        return _ONLINE
    if model.quantization is None:
        return _COUNTED
    narrow = (model.quantization.bits or _NARROW_BITS) <= _NARROW_BITS
    return _PERHAPS_LEFT_OUT if narrow and _may_leave_out(model) else _QUANTIZED


def _may_leave_out(model: ModelFacts) -> bool:
    """Whether the checkpoint may leave modules unquantized that are not known: the catalogue lists none.

    MXFP4 packs nothing but the experts.
    """
    how = model.quantization
    if how is None or how.ignored is not None or model.source != "catalogue":
        return False
    return how.method not in _PADDED


def _stage(
    number: int,
    size: float,
    beside: float,
    spread: tuple[float, float, float],
    offloaded: float,
    left_out: _LeftOut,
) -> StageWeights:
    low, mid, high = (
        max(0.0, size * factor + more - offloaded)
        for factor, more in zip(spread, (0.0, beside, beside + left_out.most), strict=True)
    )
    return StageWeights(f"pp{number}", size if left_out.why is None else left_out.why, Band(low, mid, high))


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
    return Widths(dtype_bytes, online[0], online[1])


def _padded(widths: Widths, model: ModelFacts, gpu: Gpu | Unknown) -> Widths:
    """Return the widths with the multiples that MXFP4 experts are padded to on the card."""
    how = model.quantization
    if how is None or isinstance(gpu, Unknown) or gpu.compute_capability is None:
        return widths
    if how.method in _PADDED:
        expert, hidden = _KERNEL_MULTIPLES.get(gpu.compute_capability[0], _OTHER_MULTIPLES)
    elif how.method == "deepseek_v4_fp8" and how.algorithm != "MIXED_PRECISION":
        expert, hidden = _OTHER_MULTIPLES
    else:
        return widths
    return widths._replace(expert_multiple=expert, hidden_multiple=hidden)


def _towers(model: ModelFacts, args: EngineArgs) -> Towers:
    """Return what becomes of the towers (vLLM 0.33.0 `config/multimodal.py`)."""
    mode, only = args.value("mm_encoder_tp_mode"), args.value("language_model_only")
    limits = args.value("limit_mm_per_prompt")
    copied = isinstance(mode, Located) and mode.value == "data" and model.model_type in _COPIED_ON_REQUEST
    text_only = isinstance(only, Located) and only.value is True
    if isinstance(limits, Located) and isinstance(limits.value, Mapping):
        text_only = text_only or _none_left(limits.value, _MODALITIES.get(model.model_type or "", _IMAGES))
    return Towers(not text_only, copied)


def _none_left(limits: Mapping[str, object], modalities: tuple[str, ...]) -> bool:
    """Whether no item of any modality is allowed, so that vLLM builds no tower."""

    def allowed(limit: object) -> object:
        return limit.get("count") if isinstance(limit, Mapping) else limit

    return all(allowed(limits.get(modality)) == 0 for modality in modalities)


def _has_head(model: ModelFacts, args: EngineArgs) -> bool:
    """Whether a head is built: pooling runners have none but a reward's."""
    if model.architecture in REWARDS or model.architecture in VALUES:
        return True
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
    why = Unknown(f"only the size of all of `{model.id}` is known, not what a rank holds of it")
    return tuple(StageWeights(f"pp{number}", why, band) for number in range(parallel.pipeline))


def _total_bytes(
    model: ModelFacts, dtype_bytes: float, args: EngineArgs
) -> tuple[float, tuple[float, float, float]] | Unknown:
    asked = args.value("quantization")
    if isinstance(asked, Unknown):
        return asked
    online = asked.value is not None and model.quantized is not True
    if online:
        factor = _ONLINE_BYTES.get(str(asked.value), (None, 1.0))[0]
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
        return float(
            model.weights_bytes_estimate
        ), _PERHAPS_QUANTIZED if model.quantized is None else _ESTIMATED
    return Unknown(f"the size of `{model.id}` is not known")
