"""How many bytes a quantized checkpoint's weights take: packed elements, scales, zero points."""

from __future__ import annotations

from typing import NamedTuple

from vllint.models.modules import HEAD, MODULES, UNALIGNED, names_module, names_tower, tower_names
from vllint_schemas import ModelFacts, Quantization
from vllint_schemas.models import Component, Scheme

SCALE = 4.0
"""Bytes of a scale of a channel or a block."""

_GROUP_BYTES = {"mxfp4": 1.0, "gpt_oss_mxfp4": 1.0, "mxfp8": 1.0, "modelopt_mxfp8": 1.0}
"""Bytes of a group's scale where it has eight bits, by method; else two, and the zero point's."""

_NO_TOWERS = frozenset(
    ["mxfp4", "gpt_oss_mxfp4", "modelopt", "modelopt_fp4", "modelopt_mixed", "modelopt_mxfp8"]
)
"""Methods under which vLLM leaves what lies below `vision_tower` and `vision_model` unquantized."""

_EXACT = frozenset(["fp8", "fbgemm_fp8", "compressed-tensors"])
"""Methods that compare the names of modules as they are (`quantization/utils/quant_utils.py:619`)."""

_VISUAL = frozenset(
    [
        "glm4v",
        "glm4v_moe",
        "qwen2_vl",
        "qwen2_5_vl",
        "qwen3_vl",
        "qwen3_vl_moe",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_omni_moe",
    ]
)
"""Model types whose towers vLLM calls `visual`."""

_PIECES = frozenset(["awq", "auto_awq", "awq_marlin"])
"""Methods to which any piece of a module's name means it. auto_awq.py:294."""

_HEADS_TOO = frozenset(["modelopt", "modelopt_fp4", "modelopt_mixed", "modelopt_mxfp8"])
"""Methods that quantize the language model head unless the checkpoint leaves it out. modelopt.py:254."""

_EXPERTS_ONLY = frozenset(["mxfp4", "gpt_oss_mxfp4"])
"""Methods that quantize nothing but routed experts."""


_EXPERT_BIAS = 2.0
"""Bytes of the bias that each output of GPTQ's experts has whether or not the model's have one."""


_BITSANDBYTES_BLOCK = 64
"""Weights for which bitsandbytes keeps a scale, in 32 bits once it is loaded."""


_OTHER_HEADS = {"chatglm": ("transformer.output_layer",)}
"""What vLLM calls the head of a model type where that is not `lm_head`."""

_WHOLE_MLPS = frozenset(["shared_experts", "shared_expert"])
"""Components whose matrices in and out bear one name."""


class Packing(NamedTuple):
    """Bytes of an element with its share of the group's or block's scale, and of each output's scale."""

    element: float
    output: float = 0.0


def packing_of(
    quantization: Quantization,
    component: Component,
    layer: int | None,
    expert_width: int | None = None,
    model_type: str | None = None,
) -> Packing | None:
    """Return how a component is packed; `None` if it stays unquantized or its scheme is not known.

    `expert_width` is how wide an expert is on a rank, where experts are divided; the model's type tells what
    vLLM calls its tower.
    """
    if not component.quantizable or (quantization.method in _EXPERTS_ONLY and component.sharding != "expert"):
        return None
    if quantization.method == "deepseek_v4_fp8" and component.name != "head":
        return _v4_packing(quantization, component)
    if component.name == "head" and quantization.method not in _HEADS_TOO and not quantization.head:
        return None
    if _is_left_out(quantization, component, layer, model_type):
        return None
    names = _module_names(component, model_type)
    if not quantization.schemes:
        if component.sharding == "expert" and quantization.method in ("gptq", "awq"):
            return _expert_packing(quantization, expert_width)
        return whole_packing(quantization)
    for scheme in quantization.schemes:
        if names_module(scheme.targets, names, layer):
            return _scheme_packing(quantization, scheme)
    return None


def _v4_packing(quantization: Quantization, component: Component) -> Packing | None:
    """Return how DeepSeek-V4 is packed: experts in four bits, NVFP4 in mixed checkpoints, the rest in FP8."""
    if component.sharding == "expert":
        return Packing(0.5 + 1 / (16 if quantization.algorithm == "MIXED_PRECISION" else 32))
    return Packing(1 + 1 / 128**2)


def _is_left_out(
    quantization: Quantization, component: Component, layer: int | None, model_type: str | None
) -> bool:
    """Whether the checkpoint, or the method, leaves the module unquantized."""
    names, ignored = _module_names(component, model_type), quantization.ignored or ()
    if component.name.startswith("tower"):
        if component.name == UNALIGNED and quantization.method != "compressed-tensors":
            return True
        if quantization.method in _NO_TOWERS and _is_called_tower(names, model_type):
            return True
        return names_tower(ignored, names, quantization.method in _EXACT)
    return bool(ignored) and names_module(ignored, names, layer, quantization.method in _PIECES)


def _is_called_tower(names: tuple[str, ...], model_type: str | None) -> bool:
    """Whether a tower's module lies below what some methods leave out by its name."""
    if model_type in _VISUAL:
        return False
    known = len(names) == 1
    return not known or any(part in ("vision_tower", "vision_model") for part in names[0].split("."))


def _module_names(component: Component, model_type: str | None) -> tuple[str, ...]:
    name = component.name
    if name == "head":
        return _OTHER_HEADS.get(model_type or "", HEAD)
    if name.startswith("tower"):
        return tower_names(model_type, name)
    names = MODULES.get(name, (name,))
    if name not in _WHOLE_MLPS:
        return names
    return tuple(one for one in names if one.endswith("down_proj") == component.by_inputs)


def _expert_packing(quantization: Quantization, width: int | None) -> Packing | None:
    """Return how GPTQ and AWQ pack experts: in smaller groups where theirs do not divide the width.

    vLLM 0.33.0 `quantization/moe_wna16.py`; GPTQ's symmetric experts have no zero points there.
    """
    bits, group = quantization.bits, quantization.group_size
    if bits is None or group is None or group < 1:
        return whole_packing(quantization)
    if not width or width % group == 0:
        bias = _EXPERT_BIAS if quantization.method == "gptq" else 0.0
        return Packing(bits / 8 + (2.0 + bits / 8) / group, bias)
    while width % group and group > 1:
        group //= 2
    zero_point = bits / 8 if quantization.method == "awq" else 0.0
    return Packing(bits / 8 + (2.0 + zero_point) / group)


_BY_NAME = {
    ("awq", 4): Quantization("awq", 4, 128),
    ("gptq", 4): Quantization("gptq", 4, 128),
    ("gptq", 8): Quantization("gptq", 8, 128),
    ("fp8", 8): Quantization("compressed-tensors", 8),
    ("w8a8", 8): Quantization("compressed-tensors", 8),
    ("int8", 8): Quantization("compressed-tensors", 8),
    ("w4a16", 4): Quantization("compressed-tensors", 4, 128, symmetric=True),
    ("int4", 4): Quantization("compressed-tensors", 4, 128, symmetric=True),
    ("nvfp4", 4): Quantization("modelopt_fp4", 4, 16, ignored=("lm_head", "visual")),
}
"""What a name stands for most often: tools' defaults."""

_NATIVE = {("mxfp4", "gpt_oss"): Quantization("gpt_oss_mxfp4", 4, 32)}
"""What a name stands for where the architecture has but one checkpoint format of it."""


def packing_by_name(model: ModelFacts) -> Quantization | None:
    """Return how a checkpoint is likely quantized by its name, where nothing better is known."""
    if model.quantization is not None or not model.quantized or model.quantization_name is None:
        return None
    native = _NATIVE.get((model.quantization_name, model.text_model_type or ""))
    return native or _BY_NAME.get((model.quantization_name, model.bits_per_weight or 0))


def _scheme_packing(quantization: Quantization, scheme: Scheme) -> Packing | None:
    return whole_packing(quantization._replace(bits=scheme.bits, group_size=scheme.group_size, block=None))


def whole_packing(quantization: Quantization) -> Packing | None:
    """Return how a checkpoint of one precision packs its linear layers."""
    bits, group = quantization.bits, quantization.group_size
    if bits is None:
        return None
    if quantization.block is not None:
        return Packing(bits / 8 + SCALE / (quantization.block[0] * quantization.block[1]))
    if group is not None and group > 0:
        return Packing(bits / 8 + _group_bytes(quantization, bits, group) / group)
    if quantization.method == "bitsandbytes" and bits == 4:
        return Packing(bits / 8 + SCALE / _BITSANDBYTES_BLOCK)
    if quantization.method in ("fbgemm_fp8", "compressed-tensors"):
        return Packing(bits / 8, SCALE if bits == 8 else 2.0)
    if group == -1:
        return Packing(bits / 8, 2.0 + bits / 8)
    return Packing(bits / 8)


def _group_bytes(quantization: Quantization, bits: int, group: int) -> float:
    """Return the bytes of a group's scale and zero point: NVFP4, of groups of 16, has an FP8 scale."""
    if quantization.method in _GROUP_BYTES or group == 16 or quantization.narrow_scales:
        return 1.0
    return 2.0 if quantization.symmetric and quantization.method == "compressed-tensors" else 2.0 + bits / 8
