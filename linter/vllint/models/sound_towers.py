"""Towers for sound, and of models that take sound beside pictures.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.class_defaults import part_of
from vllint.models.matrices import columns, copied, linear, replicated, rows
from vllint.models.sizes import layer_count, need
from vllint.models.vision_encoders import encoder_layer, qwen2_5_vision, unquantized, whisper_encoder
from vllint_schemas.models import Component


def audio_flamingo(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Transformers' encoder of sound and a projector, on every rank (`audioflamingo3.py`)."""
    audio, output = part_of(whole, "audio_config"), need(text, "hidden_size")
    hidden = need(audio, "hidden_size", "d_model")
    return [
        *whisper_encoder(audio),
        copied("tower_positions", need(audio, "max_source_positions", default=1500) * hidden),
        copied("tower_projector", linear(hidden, output) + linear(output, output)),
    ]


def qwen2_5_omni(whole: Attributes, text: Attributes) -> list[Component]:
    """Return the vision tower of Qwen2.5-VL, and an encoder of sound on every rank."""
    audio = part_of(whole, "audio_config")
    hidden, output = need(audio, "d_model"), need(audio, "output_dim", default=3584)
    return [
        *qwen2_5_vision(part_of(whole, "vision_config")),
        *whisper_encoder(audio),
        copied("tower_projector", linear(hidden, output) + output * 2),
    ]


def qwen3_audio(audio: Attributes) -> list[Component]:
    """Return layers that are divided, behind three convolutions over time and pitch (`qwen3_asr.py`)."""
    hidden, output = need(audio, "d_model"), need(audio, "output_dim")
    inner, mels = need(audio, "downsample_hidden_size", default=480), need(audio, "num_mel_bins", default=128)
    for _ in range(3):
        mels = (mels + 1) // 2
    layer = encoder_layer(hidden, need(audio, "encoder_ffn_dim"))
    return [
        copied("tower_convolutions", linear(9, inner) + linear(inner * 9, inner) * 2),
        *replicated("tower_convolutions", inner * mels, hidden),
        *layer * layer_count(audio, "encoder_layers"),
        copied("tower_norms", hidden * 2),
        *replicated("tower_projector", hidden, hidden, True),
        *replicated("tower_projector", hidden, output, True),
    ]


def qwen3_asr(whole: Attributes, text: Attributes) -> list[Component]:
    """Return the encoder of sound alone."""
    return unquantized(qwen3_audio(part_of(whole, "audio_config")))


def aria(whole: Attributes, text: Attributes) -> list[Component]:
    """Return a projector of queries behind Idefics3's tower (`aria.py`)."""
    tower, output = part_of(whole, "vision_config"), need(text, "hidden_size")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size")
    queries = whole.written.get("projector_patch_to_query_dict")
    most = (
        max((number for number in queries.values() if isinstance(number, int)), default=0)
        if isinstance(queries, dict)
        else 256
    )
    positions = (need(tower, "image_size") // patch) ** 2
    attention = hidden * hidden * 3 + linear(hidden, hidden * 3) + linear(hidden, hidden) * 2
    return [
        copied("tower_patches", linear(3 * patch * patch, hidden) + positions * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * layer_count(tower, "num_hidden_layers"),
        copied("tower_queries", most * hidden + attention + hidden * 6),
        *columns("tower_projector", hidden, output),
        *rows("tower_projector", output, output),
    ]


def paddleocr_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP, and a projector on every rank (`paddleocr_vl.py`)."""
    tower, output = part_of(whole, "vision_config"), need(text, "hidden_size")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    merged = hidden * need(tower, "spatial_merge_size", default=2) ** 2
    positions = (need(tower, "image_size", default=384) // patch) ** 2
    return [
        copied("tower_patches", linear(3 * patch * patch, hidden) + positions * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * layer_count(tower, "num_hidden_layers"),
        copied("tower_norms", hidden * 4),
        copied("tower_projector", linear(merged, merged) + linear(merged, output)),
    ]
