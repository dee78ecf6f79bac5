"""Which modules of a model a checkpoint's quantization names.

Checkpoints name modules in many ways: whole names, globs, regular expressions, their last parts. vLLM maps
them to its own names and compares (vllm 0.33.0, `quantization/utils/quant_utils.py`, `modelopt.py`,
`compressed_tensors/utils.py`). Here a component of a layer has the names that its module has in
checkpoints, and a name is compared from the layer downwards, so that what stands above does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple

UNALIGNED = "tower_unaligned"
"""A tower's matrices of sizes that only compressed-tensors quantizes (`gemma4_mm.py:102`)."""

_SHARED = tuple(
    f"{name}.{matrix}"
    for name in ("shared_experts", "shared_expert")
    for matrix in ("up_proj", "down_proj", "gate_up_proj", "gate_proj")
)
_ATTENTION = ("self_attn", "attn", "mixer", "attention", "self_attention")
_MLP = ("mlp", "feed_forward", "mixer", "ffn", "block_sparse_moe")


def _below(parents: Iterable[str], *names: str) -> tuple[str, ...]:
    return tuple(f"{parent}.{name}" for parent in parents for name in names)


MODULES: Mapping[str, tuple[str, ...]] = {
    "q": _below(_ATTENTION, "q_proj", "qkv_proj"),
    "k": _below(_ATTENTION, "k_proj", "qkv_proj"),
    "v": _below(_ATTENTION, "v_proj", "qkv_proj"),
    "k_window": _below(_ATTENTION, "k_proj", "qkv_proj"),
    "v_window": _below(_ATTENTION, "v_proj", "qkv_proj"),
    "o": _below(_ATTENTION, "o_proj", "out_proj", "wo_b"),
    "kv_a": _below(_ATTENTION, "kv_a_proj_with_mqa"),
    "kv_b": _below(_ATTENTION, "kv_b_proj"),
    "q_a": _below(_ATTENTION, "q_a_proj"),
    "q_b": _below(_ATTENTION, "q_b_proj"),
    "index_q": _below(_ATTENTION, "indexer.wq_b"),
    "in_qkvz": _below(("linear_attn",), "in_proj_qkvz", "in_proj_qkv", "in_proj_z"),
    "in_ba": _below(("linear_attn",), "in_proj_ba", "in_proj_b", "in_proj_a"),
    "out": _below(("linear_attn",), "out_proj"),
    "state_in": _below(("mixer", "mamba"), "in_proj"),
    "state_out": _below(("mixer", "mamba"), "out_proj"),
    "up": _below(_MLP, "up_proj", "gate_up_proj", "gate_proj"),
    "down": _below(_MLP, "down_proj"),
    "experts": _below(_MLP, "experts", "experts.0.up_proj", "experts.0.w1"),
    "shared_experts": _below(_MLP, *_SHARED),
    "shared_expert": _below(_MLP, *_SHARED),
    "layer_experts": ("experts", "experts.0.up_proj", "moe.experts"),
    "latent_experts": _below(_MLP, "fc1_latent_proj", "fc2_latent_proj"),
}
"""What checkpoints and vLLM call the modules of a layer, by the component's name here."""

HEAD = ("lm_head", "language_model.lm_head", "head")
_TOWER_LAYERS = ("visual.blocks.0", "vision_tower.encoder.layers.0", "vision_model.layers.0")
TOWER = _below(_TOWER_LAYERS, "mlp.fc1")
TOWER_ATTENTION = ("visual.blocks.0.attn.qkv", *_below(_TOWER_LAYERS, "self_attn.q_proj"))
PROJECTOR = ("visual.merger.mlp.0", "multi_modal_projector.linear_1", "mm_projector.linear_1")

_INTERN = ("vision_model.encoder.layers.0", "attn.qkv", "mlp.fc1", "mlp1.1")
_KEYE = ("visual.vision_model.encoder.layers.0", "self_attn.qkv_proj", "mlp.fc1", "mlp_AR.linear_1")
_MINICPM = ("vpm.encoder.layers.0", "self_attn.qkv_proj", "mlp.fc1", "resampler.kv_proj")
_TOWERS_OF_TYPES: Mapping[str, tuple[str, str, str, str]] = {
    "Keye": _KEYE,
    "KeyeVL1_5": _KEYE,
    "NVLM_D": _INTERN,
    "chatglm": (
        "transformer.vision.transformer.layers.0",
        "attention.query_key_value",
        "mlp.fc1",
        "transformer.vision.linear_proj.linear_proj",
    ),
    "deepseek_vl_v2": (
        "vision_model.transformer.layers.0",
        "self_attn.qkv_proj",
        "mlp.fc1",
        "projector.layers",
    ),
    "h2ovl_chat": _INTERN,
    "internvl_chat": _INTERN,
    "minicpmo": _MINICPM,
    "minicpmv": _MINICPM,
    "molmo": (
        "vision_backbone.image_vit.transformer.resblocks.0",
        "attention.wq",
        "feed_forward.w1",
        "vision_backbone.image_projector.down_proj",
    ),
    "phi3_v": (
        "model.vision_embed_tokens.img_processor.vision_model.encoder.layers.0",
        "self_attn.qkv_proj",
        "mlp.fc1",
        "model.vision_embed_tokens.img_projection.0",
    ),
    "skywork_chat": _INTERN,
    "ultravox": (
        "audio_tower.layers.0",
        "self_attn.qkv_proj",
        "mlp.fc1",
        "multi_modal_projector.linear_1",
    ),
}
"""What vLLM calls a tower's layers, a matrix of their attention and of their MLP, and the projector."""


def tower_names(model_type: str | None, component: str) -> tuple[str, ...]:
    """Return what a component of a tower may be called: what vLLM calls it, where that is known."""
    known = _TOWERS_OF_TYPES.get(model_type or "")
    attends, projects = component in _ATTENDING, component.endswith(("merger", "projector", "adapter"))
    if known is None:
        return TOWER_ATTENTION if attends else PROJECTOR if projects else TOWER
    layer, attention, mlp, projector = known
    return (projector if projects else f"{layer}.{attention if attends else mlp}",)


_ATTENDING = frozenset(["tower_qkv", "tower_o"])

_TOWER_PARTS = frozenset(
    ["visual", "vision_tower", "vision_model", "vision_encoder", "vit", "vpm", "audio_tower", "embed_vision"]
)

_NUMBERED = r"(?s)(?:^|\.)(?:layers|h|blocks)\.(\d+)(?:\.(.*)|(\*))?$"
_LONGEST = 300


class Patterns(NamedTuple):
    """Names of modules: those of one layer by its number, and those that may mean any."""

    numbered: Mapping[int, tuple[str, ...]]
    anywhere: tuple[str, ...]


@lru_cache(maxsize=64)
def patterns(names: tuple[str, ...]) -> Patterns:
    """Return the names sorted by layer."""
    numbered: dict[int, list[str]] = {}
    anywhere: list[str] = []
    for name in names:
        if name.startswith("mtp") or _names_tower(name):
            continue
        found = None if name.startswith("re:") else re.search(_NUMBERED, name[:_LONGEST])
        if found is None:
            anywhere.append(name)
        else:
            numbered.setdefault(int(found[1]), []).append(found[2] or "*")
    return Patterns({layer: tuple(own) for layer, own in numbered.items()}, tuple(anywhere))


@lru_cache(maxsize=256)
def names_tower(names: tuple[str, ...], candidates: tuple[str, ...], exact: bool) -> bool:
    """Whether one of `names` means a tower: checkpoints that name a part of one leave out all of it.

    Methods that compare names `exact`ly do not take the name of a tower for that of its layers.
    """
    named = [name for name in names if _names_tower(name)]
    if exact:
        named = [name for name in named if any(part.isdigit() for part in name.split("."))]
    return bool(named) or _any_of(patterns(names).anywhere, candidates)


def _names_tower(name: str) -> bool:
    return not name.startswith("re:") and any(part.rstrip("*") in _TOWER_PARTS for part in name.split("."))


@lru_cache(maxsize=4096)
def names_module(
    names: tuple[str, ...], candidates: tuple[str, ...], layer: int | None, anyhow: bool = False
) -> bool:
    """Whether one of `names` means a module called one of `candidates`, of a layer where that counts.

    `anyhow`: any piece of a module's name means it.
    """
    known = patterns(names)
    own = known.numbered.get(layer, ()) if layer is not None else ()
    if own and _any_of(own, candidates):
        return True
    if not known.anywhere:
        return False
    above = None if layer is None else f"model.layers.{layer}."
    if anyhow:
        return any(name in (above or "") + module for name in known.anywhere for module in candidates)
    return _any_of(known.anywhere, candidates, above)


@lru_cache(maxsize=4096)
def _any_of(names: tuple[str, ...], candidates: tuple[str, ...], above: str | None = "") -> bool:
    whole = tuple((above or "") + candidate for candidate in candidates)
    return any(_means(name, candidate) for name in names for candidate in whole)


def _means(name: str, module: str) -> bool:
    if name.startswith("re:"):
        return _expression(name[3:]).match(module) is not None
    if "*" in name:
        return _expression(translate(name)).match(module) is not None or name.removesuffix("*") == module
    return module == name or module.startswith(name + ".") or f".{module}.".find(f".{name}.") >= 0


@lru_cache(maxsize=1024)
def _expression(text: str) -> re.Pattern[str]:
    """Return the expression; one that is too long or malformed matches nothing."""
    try:
        return re.compile(text if len(text) <= _LONGEST else "(?!)", re.DOTALL)
    except re.error:
        return re.compile("(?!)")
