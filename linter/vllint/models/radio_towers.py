"""RADIO, and other towers that timm's classes give their sizes.

Source: vllm/model_executor/models/{radio,nano_nemotron_vl,deepseek_vl2,gemma3n_mm}.py of 0.33.0,
checked against the bytes that vLLM builds (tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vllint.models.attributes import Attributes, are_sizes, mapping, part_attributes
from vllint.models.class_defaults import part_or_made_up
from vllint.models.matrices import columns, copied, linear, rows, table
from vllint.models.sizes import MissingSizeError, flag, layer_count, need
from vllint.models.vision_encoders import encoder_layer, unquantized
from vllint_schemas.models import Component

_VIT = {
    "vit_small_patch16_224": (384, 12, 1536),
    "vit_base_patch16_224": (768, 12, 3072),
    "vit_large_patch16_224": (1024, 24, 4096),
    "vit_huge_patch16_224": (1280, 32, 5120),
    "vit_so400m_patch16_224": (1152, 27, 4304),
}
"""timm's names of encoders -> hidden size, layers, MLP size (vllm `configs/radio.py`)."""

_LARGEST = 2**16


def nemotron_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Return RADIO and a projector without biases, on every rank (`nano_nemotron_vl.py`)."""
    tower = part_attributes(whole, "vision_config")
    if tower is None:
        raise MissingSizeError("vision_config")
    hidden, output = need(whole, "vit_hidden_size", default=1280), need(text, "hidden_size")
    ratio = whole.written.get("downsample_ratio", 0.5)
    if not isinstance(ratio, (int, float)) or not 0 < ratio <= 1 or "sound_config" in whole.written:
        raise MissingSizeError("downsample_ratio")
    merged, inner = hidden * int(1 / ratio) ** 2, need(whole, "projector_hidden_size")
    projector = merged + linear(merged, inner, False) + linear(inner, output, False)
    return [*radio(tower), copied("tower_projector", projector)]


def radio(tower: Attributes) -> list[Component]:
    """Return patches, places, tokens of classes, and layers whose results are scaled (`radio.py`)."""
    options = mapping(tower.written.get("args"))
    found = _VIT.get(str(options.get("model")))
    if found is None:
        raise MissingSizeError("vision_config")
    hidden, layers, width = found
    patch, side = need(tower, "patch_size", default=16), options.get("cpe_max_size", 2048)
    if not isinstance(side, int) or not 0 < side <= _LARGEST:
        raise MissingSizeError("cpe_max_size")
    frames = need(tower, "video_temporal_patch_size", default=1)
    videos = frames if frames > 1 and flag(tower, "separate_video_embedder", True) else 0
    pictures = 1 if videos or frames == 1 else frames
    return [
        copied("tower_patches", 3 * patch * patch * hidden * (pictures + videos)),
        copied("tower_positions", ((side // patch) ** 2 + _tokens(options)) * hidden),
        *unquantized(encoder_layer(hidden, width)) * layers,
        copied("tower_norms", hidden * 2 * layers),
    ]


def _tokens(options: Mapping[str, Any]) -> int:
    """Return the tokens before the patches: of classes, and registers up to a multiple."""
    multiple, teachers = options.get("register_multiple"), options.get("teachers")
    names = (
        {str(mapping(teacher).get("name")) for teacher in teachers} if isinstance(teachers, list) else {""}
    )
    classes = len(names) if options.get("cls_token_per_teacher") else 1
    return classes + (multiple - classes % multiple if isinstance(multiple, int) and multiple > 0 else 0)


def deepseek_vl2(whole: Attributes, text: Attributes) -> list[Component]:
    """Return timm's SigLIP, whose MLPs vLLM divides, with pooling, and a projector (`deepseek_vl2.py`)."""
    joined = part_attributes(whole, "projector_config")
    tower = part_attributes(whole, "vision_config")
    if joined is None or tower is None or joined.written.get("projector_type") != "downsample_mlp_gelu":
        raise MissingSizeError("projector_config")
    hidden, layers, width, patch = 1152, 27, 4304, 14
    if need(tower, "width", default=hidden) != hidden or need(tower, "layers", default=layers) != layers:
        raise MissingSizeError("vision_config")
    mlp = [*columns("tower_up", hidden, width, True), *rows("tower_down", width, hidden, True)]
    attention = linear(hidden, hidden * 3) + linear(hidden, hidden)
    merged = need(joined, "input_dim", default=hidden) * need(joined, "downsample_ratio", default=2) ** 2
    output, depth = need(joined, "n_embed"), need(joined, "depth", default=2)
    inner = output * need(joined, "mlp_ratio", default=1)
    projector = linear(merged, inner) + linear(inner, inner) * (depth - 2) + linear(inner, output)
    positions = (need(tower, "image_size", default=384) // patch) ** 2
    return [
        copied("tower_patches", linear(3 * patch * patch, hidden) + positions * hidden),
        copied("tower_layers", (attention + hidden * 4) * layers),
        *unquantized(mlp) * (layers + 1),
        copied("tower_pooling", attention + hidden * 5),
        copied("tower_projector", projector + output * 2),
    ]


_MOBILENET = 294_126_912
"""Elements of timm's `mobilenetv5_300m_enc`, which is Gemma 3n's tower for pictures."""


def gemma3n(whole: Attributes, text: Attributes) -> list[Component]:
    """Return MobileNet and a conformer, copied, each with a table of its own (`gemma3n_mm.py`)."""
    audio, vision = part_or_made_up(whole, "audio_config"), part_or_made_up(whole, "vision_config")
    if audio is None or vision is None or vision.get("architecture") != "mobilenetv5_300m_enc":
        raise MissingSizeError("vision_config")
    output = need(text, "hidden_size")
    return [
        copied("tower_mobilenet", _MOBILENET),
        *_conformer(audio),
        *(part for tower in (vision, audio) for part in _embedder(tower, output)),
    ]


def _embedder(tower: Attributes, output: int) -> list[Component]:
    hidden = need(tower, "hidden_size")
    return [
        table("tower_words", need(tower, "vocab_size", default=128), hidden),
        copied("tower_norms", hidden * 2),
        *rows("tower_projector", hidden, output),
    ]


def _conformer(audio: Attributes) -> list[Component]:
    hidden, kernel = need(audio, "hidden_size"), need(audio, "conf_conv_kernel_size", default=5)
    heads = need(audio, "conf_num_attention_heads", default=8)
    channels = audio.get("sscp_conv_channel_size")
    if not are_sizes(channels) or len(channels) != 2:
        raise MissingSizeError("sscp_conv_channel_size")
    first, second = channels
    pitches = need(audio, "input_feat_size", default=128) // 4
    below = 9 * first + first + 9 * first * second + second + second * pitches * hidden
    feed = hidden * hidden * 8 + hidden * 2
    attention = hidden * hidden * 5 + hidden // heads + hidden * 2
    convolution = hidden * hidden * 3 + hidden * kernel + hidden * 2
    layers = layer_count(audio, "conf_num_hidden_layers", default=12)
    return [copied("tower_conformer", below + (feed * 2 + attention + convolution + hidden) * layers)]
