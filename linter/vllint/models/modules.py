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
TOWER = ("visual.blocks.0.attn.qkv", "vision_tower.encoder.layers.0.mlp.fc1", "vision_model.layers.0.mlp.fc1")
PROJECTOR = ("visual.merger.mlp.0", "multi_modal_projector.linear_1", "mm_projector.linear_1")

_TOWER_PARTS = frozenset(
    ["visual", "vision_tower", "vision_model", "vision_encoder", "vit", "vpm", "audio_tower", "embed_vision"]
)

_NUMBERED = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)(?:\.(.*)|(\*))?$", re.DOTALL)
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
        found = None if name.startswith("re:") else _NUMBERED.search(name[:_LONGEST])
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
def names_module(names: tuple[str, ...], candidates: tuple[str, ...], layer: int | None) -> bool:
    """Whether one of `names` means a module called one of `candidates`, of a layer where that counts."""
    known = patterns(names)
    own = known.numbered.get(layer, ()) if layer is not None else ()
    if own and _any_of(own, candidates):
        return True
    if not known.anywhere:
        return False
    return _any_of(known.anywhere, candidates, None if layer is None else f"model.layers.{layer}.")


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
