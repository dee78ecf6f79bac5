"""Gemma 4's towers (vllm/model_executor/models/gemma4_mm.py, gemma4_unified.py of 0.33.0)."""

from __future__ import annotations

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.matrices import columns, copied
from vllint.models.modules import UNALIGNED
from vllint.models.sizes import MissingSizeError, layer_count, need
from vllint_schemas.models import Component


def gemma4_towers(whole: Attributes, text: Attributes) -> list[Component]:
    """Return towers that every rank has whole (`gemma4_mm.py`)."""
    output = need(text, "hidden_size")
    return [*_vision(whole, output), *_audio(whole, output)]


def _vision(whole: Attributes, output: int) -> list[Component]:
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


def _audio(whole: Attributes, output: int) -> list[Component]:
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


def unified_embedders(whole: Attributes, text: Attributes) -> list[Component]:
    """Return what takes the place of towers in Gemma 4 Unified: patches and sounds are projected."""
    vision, audio = part_attributes(whole, "vision_config"), part_attributes(whole, "audio_config")
    if vision is None:
        raise MissingSizeError("vision_config")
    output, inner = need(text, "hidden_size"), need(vision, "mm_embed_dim", default=3840)
    side = need(vision, "patch_size", default=16) * need(vision, "pooling_kernel_size", default=3)
    patch = need(vision, "model_patch_size", default=side) ** 2 * 3
    sounds = 0 if audio is None else need(audio, "output_proj_dims", "audio_embed_dim", default=640) * output
    return [
        *columns("tower_patches", patch, inner, True),
        copied("tower_norms", patch * 2 + inner * 4),
        copied("tower_positions", need(vision, "mm_posemb_size", default=1120) * 2 * inner),
        copied("tower_projector", need(vision, "output_proj_dims", default=3840) * output + sounds),
    ]
