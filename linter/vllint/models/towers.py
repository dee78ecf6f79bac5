"""What vLLM builds of vision and audio towers, from the tower's part of `config.json`.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.matrices import columns, copied, rows, total_of
from vllint_schemas.models import Component

Tower = tuple[Component, ...]


class _Missing(Exception):
    """A size of the tower that neither the config nor the table has."""


def tower_components(whole: Attributes, text: Attributes, architecture: str | None) -> Tower | None:
    """Return the towers of a composite model with their projectors; `None` where they cannot be counted."""
    known = _TOWERS.get(whole.model_type or "") or _TOWERS_BY_ARCHITECTURE.get(architecture or "")
    if known is None:
        return None
    try:
        built = known(whole, text)
    except _Missing:
        return None
    return total_of(built)


def _part(whole: Attributes, *keys: str) -> Attributes:
    found = part_attributes(whole, *keys)
    if found is None:
        raise _Missing
    return found


def _size(part: Attributes, *keys: str, default: int | None = None) -> int:
    for key in keys:
        value = part.get(key)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**24:
            return value
    if default is None:
        raise _Missing
    return default


def _flag(part: Attributes, key: str, default: bool) -> bool:
    value = part.get(key)
    return value if isinstance(value, bool) else default


def _layer(
    hidden: int,
    width: int,
    *,
    bias: bool = True,
    output_bias: bool = True,
    mlp_bias: bool = True,
    gated: bool = False,
    norm: int = 2,
    extra: int = 0,
) -> list[Component]:
    """Return a transformer layer: attention and MLP divided, norms and the biases of outputs copied."""
    up = 2 if gated else 1
    return [
        *columns("tower_qkv", hidden, hidden * 3, bias),
        *rows("tower_o", hidden, hidden, output_bias),
        *columns("tower_up", hidden, width * up, mlp_bias),
        *rows("tower_down", width, hidden, mlp_bias),
        copied("tower_norms", hidden * norm * 2 + extra),
    ]


def _siglip(tower: Attributes) -> list[Component]:
    """Patches, positions, layers, a last norm (`siglip.py`)."""
    hidden, patch = _size(tower, "hidden_size"), _size(tower, "patch_size", default=16)
    positions = (_size(tower, "image_size", default=224) // patch) ** 2
    layer = _layer(hidden, _size(tower, "intermediate_size"))
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden),
        copied("tower_positions", positions * hidden),
        *layer * _size(tower, "num_hidden_layers"),
        copied("tower_norms", hidden * 2),
    ]


def _gemma3(whole: Attributes, text: Attributes) -> list[Component]:
    tower = _part(whole, "vision_config")
    hidden = _size(tower, "hidden_size")
    return [*_siglip(tower), copied("tower_projector", hidden * _size(text, "hidden_size") + hidden)]


def _merger(inputs: int, outputs: int, norm: int) -> list[Component]:
    return [
        copied("tower_norms", norm),
        *columns("tower_merger", inputs, inputs, True),
        *rows("tower_merger", inputs, outputs, True),
    ]


def _qwen3_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Patches of several frames, learned positions, a merger, and one for each deep stack (`qwen3_vl.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = _size(tower, "hidden_size"), _size(tower, "patch_size", default=16)
    merged = hidden * _size(tower, "spatial_merge_size", default=2) ** 2
    outputs = _size(tower, "out_hidden_size")
    depth = _size(tower, "depth", "num_hidden_layers")
    deep = tower.get("deepstack_visual_indexes")
    stacks = len(deep) if isinstance(deep, (list, tuple)) else 0
    frames = _size(tower, "temporal_patch_size", default=2)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden + hidden),
        copied("tower_positions", _size(tower, "num_position_embeddings", default=2304) * hidden),
        *_layer(hidden, _size(tower, "intermediate_size")) * depth,
        *_merger(merged, outputs, hidden * 2),
        *_merger(merged, outputs, merged * 2) * stacks,
    ]


def _qwen2_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """No biases on patches, a merger to the width of the text model (`qwen2_vl.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = _size(tower, "embed_dim"), _size(tower, "patch_size", default=14)
    merged = hidden * _size(tower, "spatial_merge_size", default=2) ** 2
    ratio = tower.get("mlp_ratio")
    width = int(hidden * (ratio if isinstance(ratio, (int, float)) else 4))
    frames = _size(tower, "temporal_patch_size", default=2)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden),
        *_layer(hidden, width) * _size(tower, "depth"),
        *_merger(merged, _size(tower, "hidden_size"), hidden * 2),
    ]


def _qwen2_5_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Gated MLPs and norms without bias (`qwen2_5_vl.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = _size(tower, "hidden_size"), _size(tower, "patch_size", default=14)
    merged = hidden * _size(tower, "spatial_merge_size", default=2) ** 2
    frames = _size(tower, "temporal_patch_size", default=2)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden),
        *_layer(hidden, _size(tower, "intermediate_size"), gated=True, norm=1) * _size(tower, "depth"),
        *_merger(merged, _size(tower, "out_hidden_size"), hidden),
    ]


def _llama4(whole: Attributes, text: Attributes) -> list[Component]:
    """Patches unfolded, an adapter after the pixel shuffle, a projector (`mllama4.py`)."""
    tower = part_attributes(whole, "vision_config") or Attributes({}, {}, False, None)
    hidden = _size(tower, "hidden_size", default=768)
    patch, width = _size(tower, "patch_size", default=14), _size(tower, "intermediate_size", default=5632)
    positions = (_size(tower, "image_size", default=448) // patch) ** 2 + 1
    inner = _size(tower, "projector_input_dim", default=4096)
    outer = _size(tower, "projector_output_dim", default=4096)
    return [
        *columns("tower_patches", 3 * patch * patch, hidden, False),
        copied("tower_positions", hidden + positions * hidden),
        copied("tower_norms", hidden * 4),
        *_layer(hidden, width) * _size(tower, "num_hidden_layers", default=34),
        *columns("tower_adapter", width, inner, False),
        *rows("tower_adapter", inner, outer, False),
        *columns(
            "tower_projector",
            _size(tower, "vision_output_dim", default=7680),
            _size(text, "hidden_size"),
            False,
        ),
    ]


_TOWERS: Mapping[str, Callable[[Attributes, Attributes], list[Component]]] = {
    "gemma3": _gemma3,
    "qwen3_vl": _qwen3_vl,
    "qwen3_vl_moe": _qwen3_vl,
    "qwen3_5": _qwen3_vl,
    "qwen3_5_moe": _qwen3_vl,
    "qwen2_vl": _qwen2_vl,
    "qwen2_5_vl": _qwen2_5_vl,
    "llama4": _llama4,
}
"""By the model type of the whole."""

_TOWERS_BY_ARCHITECTURE: Mapping[str, Callable[[Attributes, Attributes], list[Component]]] = {}
"""By vLLM's class, for types that several classes share."""
