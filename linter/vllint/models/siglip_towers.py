"""Towers that are SigLIP with one projector or another.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.class_defaults import part_of
from vllint.models.matrices import columns, copied, rows
from vllint.models.sizes import flag, layer_count, need
from vllint.models.vision_encoders import encoder_layer, siglip
from vllint_schemas.models import Component


def gemma3(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP and a projector that every rank has (`gemma3_mm.py`)."""
    tower = part_of(whole, "vision_config")
    hidden = need(tower, "hidden_size")
    return [*siglip(tower), copied("tower_projector", hidden * need(text, "hidden_size") + hidden)]


def paligemma(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP and a projector with a bias, that every rank has (`paligemma.py`)."""
    tower = part_of(whole, "vision_config")
    hidden, width = need(tower, "hidden_size"), need(tower, "projection_dim", default=2048)
    return [*siglip(tower), copied("tower_projector", hidden * width + width)]


def cohere2_vision(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP and a gated projector (`cohere2_vision.py`)."""
    tower = part_of(whole, "vision_config")
    factor = need(whole, "downsample_factor", default=2)
    inputs = need(tower, "hidden_size") * factor**2
    inner = need(whole, "alignment_intermediate_size", default=36864)
    return [
        *siglip(tower),
        *columns("tower_projector", inputs, inner, True),
        *rows("tower_projector", inner // 2, need(text, "hidden_size"), True),
    ]


def idefics3(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP and a projector of merged patches (`idefics3.py`)."""
    tower = part_of(whole, "vision_config")
    inputs = need(tower, "hidden_size") * need(whole, "scale_factor", default=2) ** 2
    return [*siglip(tower), copied("tower_projector", inputs * need(text, "hidden_size"))]


def lfm2_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP 2 and a projector that every rank has (`lfm2_vl.py`)."""
    tower = part_of(whole, "vision_config")
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
