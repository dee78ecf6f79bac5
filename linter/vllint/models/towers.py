"""What vLLM builds of vision and audio towers, from the tower's part of `config.json`.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.matrices import columns, copied, rows, total_of
from vllint.models.sizes import MOST_LAYERS, MissingSizeError, flag, layer_count, need
from vllint.models.vision_encoders import (
    UNALIGNED,
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
    found = part_attributes(whole, *keys)
    if found is None:
        raise MissingSizeError(keys[0])
    return found


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
    layers, place = layer_count(tower, "num_hidden_layers"), whole.written.get("vision_feature_layer", -2)
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


def _gemma4(whole: Attributes, text: Attributes) -> list[Component]:
    """Return towers that every rank has whole (`gemma4_mm.py`)."""
    output = need(text, "hidden_size")
    return [*_gemma4_vision(whole, output), *_gemma4_audio(whole, output)]


def _gemma4_vision(whole: Attributes, output: int) -> list[Component]:
    tower = part_attributes(whole, "vision_config")
    if tower is None:
        return []
    hidden, width = need(tower, "hidden_size", default=768), need(tower, "intermediate_size", default=3072)
    heads, size = need(tower, "num_attention_heads", default=12), need(tower, "head_dim", default=64)
    keys = need(tower, "num_key_value_heads", default=heads) * size * 2
    patch = need(tower, "patch_size", default=16)
    matrices = hidden * (heads * size * 2 + keys) + hidden * width * 3
    layers = layer_count(tower, "num_hidden_layers", default=16)
    aligned = hidden % 64 == 0 and width % 64 == 0
    name = "tower_layers" if aligned else UNALIGNED
    return [
        copied("tower_positions", 2 * need(tower, "position_embedding_size", default=10240) * hidden),
        copied("tower_patches", 3 * patch * patch * hidden),
        Component(name, matrices * layers, "none", quantizable=True),
        copied("tower_norms", (size * 2 + hidden * 4) * layers),
        copied("tower_projector", hidden * output),
    ]


def _gemma4_audio(whole: Attributes, output: int) -> list[Component]:
    """Return the conformer: two MLPs, attention and a convolution a layer."""
    tower = part_attributes(whole, "audio_config")
    if tower is None:
        return []
    hidden, heads = need(tower, "hidden_size", default=1024), need(tower, "num_attention_heads", default=8)
    kernel, inner = need(tower, "conv_kernel_size", default=5), need(tower, "output_proj_dims", default=1536)
    channels = (128, 32)
    norms = hidden * 9
    layer = hidden * hidden * (16 + 5 + 3) + hidden // heads + hidden * kernel + norms
    convolutions = channels[0] * 9 + channels[0] + channels[1] * channels[0] * 9 + channels[1]
    return [
        copied("tower_convolutions", convolutions + 32 * channels[1] * hidden),
        copied("tower_layers", layer * layer_count(tower, "num_hidden_layers", default=12)),
        copied("tower_projector", hidden * inner + inner + inner * output),
    ]


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
    "gemma4": _gemma4,
    "glm4v": _glm4v,
    "cohere2_vision": _cohere2_vision,
    "qwen2_audio": _qwen2_audio,
    "idefics3": _idefics3,
    "smolvlm": _idefics3,
    "internvl": _internvl,
    "llava_next_video": _llava_video,
    "llava_onevision": _llava_video,
}
"""By the model type of the whole."""

_TOWERS_BY_ARCHITECTURE: Mapping[str, Callable[[Attributes, Attributes], list[Component]]] = {}
"""By vLLM's class, for types that several classes share."""
