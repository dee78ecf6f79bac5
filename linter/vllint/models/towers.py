"""What vLLM builds of vision and audio towers, from the tower's part of `config.json`.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.class_defaults import part_or_made_up
from vllint.models.gemma4_towers import gemma4_towers, unified_embedders
from vllint.models.matrices import columns, copied, rows, total_of
from vllint.models.sizes import MOST_LAYERS, MissingSizeError, flag, layer_count, need
from vllint.models.vision_encoders import (
    clip,
    encoder_layer,
    pixtral,
    siglip,
    unquantized,
    whisper_encoder,
)
from vllint_schemas.models import Component

Tower = tuple[Component, ...]


def tower_components(whole: Attributes, text: Attributes, architecture: str | None) -> Tower | None:
    """Return the towers of a composite model with their projectors; `None` where they cannot be counted."""
    known = _TOWERS.get(whole.model_type or "") or _TOWERS_BY_ARCHITECTURE.get(architecture or "")
    if known is None:
        return None
    try:
        built = known(whole, text)
    except MissingSizeError:
        return None
    return total_of(built)


def _part(whole: Attributes, *keys: str) -> Attributes:
    for key in keys:
        found = part_or_made_up(whole, key)
        if found is not None:
            return found
    raise MissingSizeError(keys[0])


def _gemma3(whole: Attributes, text: Attributes) -> list[Component]:
    tower = _part(whole, "vision_config")
    hidden = need(tower, "hidden_size")
    return [*siglip(tower), copied("tower_projector", hidden * need(text, "hidden_size") + hidden)]


def _merger(inputs: int, outputs: int, norm: int) -> list[Component]:
    return [
        copied("tower_norms", norm),
        *columns("tower_merger", inputs, inputs, True),
        *rows("tower_merger", inputs, outputs, True),
    ]


def _qwen3_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Patches of several frames, learned positions, a merger, and one for each deep stack (`qwen3_vl.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=16)
    merged = hidden * need(tower, "spatial_merge_size", default=2) ** 2
    outputs = need(tower, "out_hidden_size")
    depth = layer_count(tower, "depth", "num_hidden_layers")
    deep = tower.get("deepstack_visual_indexes")
    stacks = len(deep) if isinstance(deep, (list, tuple)) else 0
    if stacks > MOST_LAYERS:
        raise MissingSizeError("deepstack_visual_indexes")
    frames = need(tower, "temporal_patch_size", default=2)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden + hidden),
        copied("tower_positions", need(tower, "num_position_embeddings", default=2304) * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * depth,
        *_merger(merged, outputs, hidden * 2),
        *_merger(merged, outputs, merged * 2) * stacks,
    ]


def _qwen2_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """No biases on patches, a merger to the width of the text model (`qwen2_vl.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = need(tower, "embed_dim"), need(tower, "patch_size", default=14)
    merged = hidden * need(tower, "spatial_merge_size", default=2) ** 2
    ratio = tower.get("mlp_ratio")
    width = int(hidden * (ratio if isinstance(ratio, (int, float)) else 4))
    frames = need(tower, "temporal_patch_size", default=2)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden),
        *encoder_layer(hidden, width) * layer_count(tower, "depth"),
        *_merger(merged, need(tower, "hidden_size"), hidden * 2),
    ]


def _qwen2_5_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Gated MLPs and norms without bias (`qwen2_5_vl.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    merged = hidden * need(tower, "spatial_merge_size", default=2) ** 2
    frames = need(tower, "temporal_patch_size", default=2)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size"), gated=True, norm=1)
        * layer_count(tower, "depth"),
        *_merger(merged, need(tower, "out_hidden_size"), hidden),
    ]


def _llama4(whole: Attributes, text: Attributes) -> list[Component]:
    """Patches unfolded, an adapter after the pixel shuffle, a projector, none quantized (`mllama4.py`)."""
    tower = part_attributes(whole, "vision_config") or Attributes({}, {}, False, None)
    hidden = need(tower, "hidden_size", default=768)
    patch, width = need(tower, "patch_size", default=14), need(tower, "intermediate_size", default=5632)
    positions = (need(tower, "image_size", default=448) // patch) ** 2 + 1
    inner = need(tower, "projector_input_dim", default=4096)
    outer = need(tower, "projector_output_dim", default=4096)
    return unquantized(
        [
            *columns("tower_patches", 3 * patch * patch, hidden, False),
            copied("tower_positions", hidden + positions * hidden),
            copied("tower_norms", hidden * 4),
            *encoder_layer(hidden, width) * layer_count(tower, "num_hidden_layers", default=34),
            *columns("tower_adapter", width, inner, False),
            *rows("tower_adapter", inner, outer, False),
            *columns(
                "tower_projector",
                need(tower, "vision_output_dim", default=7680),
                need(text, "hidden_size"),
                False,
            ),
        ]
    )


def _paligemma(whole: Attributes, text: Attributes) -> list[Component]:
    tower = _part(whole, "vision_config")
    hidden, width = need(tower, "hidden_size"), need(tower, "projection_dim", default=2048)
    return [*siglip(tower), copied("tower_projector", hidden * width + width)]


def _llava(whole: Attributes, text: Attributes) -> list[Component]:
    """Return CLIP or SigLIP up to the layer whose features count, and a divided projector (`llava.py`)."""
    tower = _part(whole, "vision_config")
    width = need(text, "hidden_size")
    bias = flag(whole, "multimodal_projector_bias", True)
    if tower.model_type == "pixtral":
        vision = pixtral(tower)
    elif tower.model_type == "siglip_vision_model":
        vision = siglip(tower, _layers_used(whole, tower))
    elif tower.model_type == "clip_vision_model":
        vision = clip(tower, _layers_used(whole, tower))
    else:
        raise MissingSizeError("vision_config")
    newline = width if whole.model_type != "llava" else 0
    hidden = need(tower, "hidden_size")
    return [
        *vision,
        *columns("tower_projector", hidden, width, bias),
        *rows("tower_projector", width, width, bias),
        *([copied("tower_newline", newline)] if newline else []),
    ]


def _layers_used(whole: Attributes, tower: Attributes) -> int:
    """Return how many layers vLLM builds: the features are taken from `vision_feature_layer`."""
    default = -1 if whole.model_type == "llava_onevision" else -2
    place = whole.written.get("vision_feature_layer", default)
    layers = layer_count(tower, "num_hidden_layers")
    if not isinstance(place, int) or isinstance(place, bool):
        raise MissingSizeError("vision_feature_layer")
    return layers + place + 1 if place < 0 else place


def _mistral3(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Pixtral, a merger of patches, a divided projector (`mistral3.py`)."""
    tower = _part(whole, "vision_config")
    hidden, width = need(tower, "hidden_size", default=1024), need(text, "hidden_size")
    merge = need(whole, "spatial_merge_size", default=2)
    bias = flag(whole, "multimodal_projector_bias")
    return [
        *pixtral(tower),
        copied("tower_merger", hidden + hidden * hidden * merge**2),
        *columns("tower_projector", hidden, width, bias),
        *rows("tower_projector", width, width, bias),
    ]


def _kimi(whole: Attributes, text: Attributes) -> list[Component]:
    """Return MoonViT, whose projector every rank has (`kimi_k25.py`, `moonvit.py`)."""
    tower = _part(whole, "vision_config")
    hidden = need(tower, "vt_hidden_size", "hidden_size", default=1152)
    width = need(tower, "vt_intermediate_size", "intermediate_size", default=4304)
    layers = layer_count(tower, "vt_num_hidden_layers", "num_hidden_layers", default=27)
    patch, side = need(tower, "patch_size", default=14), need(tower, "init_pos_emb_height", default=64)
    merged = hidden * need(tower, "merge_kernel_size", default=2) ** 2
    output = need(text, "hidden_size")
    return unquantized(
        [
            copied("tower_patches", 3 * patch * patch * hidden + hidden),
            copied("tower_positions", side * need(tower, "init_pos_emb_width", default=64) * hidden),
            *encoder_layer(hidden, width) * layers,
            copied("tower_norms", hidden * 4),
            copied("tower_projector", merged * merged + merged + merged * output + output),
        ]
    )


def _glm4v(whole: Attributes, text: Attributes) -> list[Component]:
    """Return layers without biases, a convolution that merges patches, a gated merger (`glm4_1v.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = need(tower, "hidden_size", default=1536), need(tower, "patch_size", default=14)
    output, width = need(tower, "out_hidden_size", default=4096), need(tower, "intermediate_size")
    merge, frames = (
        need(tower, "spatial_merge_size", default=2),
        need(tower, "temporal_patch_size", default=2),
    )
    positions = (need(tower, "image_size", default=336) // patch) ** 2
    bias = flag(tower, "attention_bias")
    layer = encoder_layer(hidden, output, bias=bias, output_bias=False, mlp_bias=False, gated=True, norm=1)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden + hidden),
        copied("tower_positions", positions * hidden + hidden * 2),
        *layer * layer_count(tower, "depth", default=24),
        copied("tower_merger", output * hidden * merge**2 + output + output * 2),
        *columns("tower_merger", output, output),
        *columns("tower_merger", output, width * 2),
        *rows("tower_merger", width, output),
    ]


def _glm_ocr(whole: Attributes, text: Attributes) -> list[Component]:
    """Return layers with biases and normed heads; the merger is as wide as the text's MLP (`glm_ocr.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    output, merge = need(tower, "out_hidden_size"), need(tower, "spatial_merge_size", default=2)
    frames, width = need(tower, "temporal_patch_size", default=2), need(text, "intermediate_size")
    heads = hidden // need(tower, "num_heads") * 2
    layer = encoder_layer(hidden, need(tower, "intermediate_size"), gated=True, norm=1, extra=heads)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden + hidden * 2),
        *layer * layer_count(tower, "depth"),
        copied("tower_merger", output * hidden * merge**2 + output + output * 2),
        *columns("tower_merger", output, output),
        *columns("tower_merger", output, width * 2),
        *rows("tower_merger", width, output),
    ]


def _cohere2_vision(whole: Attributes, text: Attributes) -> list[Component]:
    tower = _part(whole, "vision_config")
    factor = need(whole, "downsample_factor", default=2)
    inputs = need(tower, "hidden_size") * factor**2
    inner = need(whole, "alignment_intermediate_size", default=36864)
    return [
        *siglip(tower),
        *columns("tower_projector", inputs, inner, True),
        *rows("tower_projector", inner // 2, need(text, "hidden_size"), True),
    ]


def _qwen2_audio(whole: Attributes, text: Attributes) -> list[Component]:
    tower = _part(whole, "audio_config")
    hidden, output = need(tower, "d_model", default=1280), need(text, "hidden_size")
    positions = need(tower, "max_source_positions", default=1500) * hidden
    return [
        *whisper_encoder(tower),
        copied("tower_positions", positions),
        copied("tower_projector", hidden * output + output),
    ]


def _llava_video(whole: Attributes, text: Attributes) -> list[Component]:
    """Return the towers of `_llava` with a projector that every rank has (`llava_next_video.py`)."""
    tower = _part(whole, "vision_config")
    hidden, width = need(tower, "hidden_size"), need(text, "hidden_size")
    layers = _layers_used(whole, tower)
    vision = siglip(tower, layers) if tower.model_type == "siglip_vision_model" else clip(tower, layers)
    newline = width if whole.model_type == "llava_onevision" else 0
    return [*vision, copied("tower_projector", hidden * width + width * width + width * 2 + newline)]


def _idefics3(whole: Attributes, text: Attributes) -> list[Component]:
    tower = _part(whole, "vision_config")
    inputs = need(tower, "hidden_size") * need(whole, "scale_factor", default=2) ** 2
    return [*siglip(tower), copied("tower_projector", inputs * need(text, "hidden_size"))]


def _lfm2_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP 2 up to the layer whose features count, and a projector that every rank has."""
    tower = _part(whole, "vision_config")
    hidden, inner = need(tower, "hidden_size"), need(whole, "projector_hidden_size", default=2560)
    inputs, width = hidden * need(whole, "downsample_factor", default=2) ** 2, need(text, "hidden_size")
    bias = flag(whole, "projector_bias", True)
    norm = inputs * 2 if flag(whole, "projector_use_layernorm", True) else 0
    patch, positions = need(tower, "patch_size", default=16), need(tower, "num_patches", default=256)
    projector = inputs * inner + inner * width + (inner + width if bias else 0)
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden),
        copied("tower_positions", positions * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * layer_count(tower, "num_hidden_layers"),
        copied("tower_norms", hidden * 2),
        copied("tower_projector", norm + projector),
    ]


def _internvl(whole: Attributes, text: Attributes) -> list[Component]:
    """Return transformers' encoder, of which vLLM divides the MLPs alone (`interns1_vit.py`)."""
    tower = _part(whole, "vision_config")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    width, output = need(tower, "intermediate_size"), need(text, "hidden_size")
    if flag(tower, "attention_bias") or flag(tower, "use_qk_norm"):
        raise MissingSizeError("attention_bias")
    merged = hidden * 4
    layers = layer_count(tower, "num_hidden_layers")
    mlp = [*columns("tower_up", hidden, width, True), *rows("tower_down", width, hidden, True)]
    positions = (need(tower, "image_size", default=448) // patch) ** 2 + 1
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden * 2),
        copied("tower_positions", positions * hidden),
        copied("tower_layers", (hidden * hidden * 4 + hidden * 7) * layers),
        *mlp * layers,
        copied("tower_projector", merged * 2 + merged * output + output * output + output * 2),
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
    "paligemma": _paligemma,
    "shieldgemma2": _gemma3,
    "llava": _llava,
    "llava_next": _llava,
    "mistral3": _mistral3,
    "kimi_k25": _kimi,
    "gemma4": gemma4_towers,
    "gemma4_unified": unified_embedders,
    "glm4v": _glm4v,
    "glm4v_moe": _glm4v,
    "glm_ocr": _glm_ocr,
    "kimi_vl": _kimi,
    "cohere2_vision": _cohere2_vision,
    "qwen2_audio": _qwen2_audio,
    "idefics3": _idefics3,
    "smolvlm": _idefics3,
    "internvl": _internvl,
    "lfm2_vl": _lfm2_vl,
    "llava_next_video": _llava_video,
    "llava_onevision": _llava_video,
}
"""By the model type of the whole."""

TOWER_TYPES = frozenset(_TOWERS)

_TOWERS_BY_ARCHITECTURE: Mapping[str, Callable[[Attributes, Attributes], list[Component]]] = {}
"""By vLLM's class, for types that several classes share."""
