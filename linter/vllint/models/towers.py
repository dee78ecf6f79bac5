"""What vLLM builds of vision and audio towers, from the tower's part of `config.json`.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.checkpoint_towers import (
    deepseek_ocr,
    deepseek_ocr2,
    dots_ocr,
    glm4v_chat,
    internvl_chat,
    keye,
    minicpm_v,
    minicpm_v4_6,
    minimax_m3,
    mistral_pixtral,
    molmo,
    ovis2_5,
    phi3_v,
    phi4mm,
    ultravox,
    voxtral,
)
from vllint.models.class_defaults import part_of
from vllint.models.gemma4_towers import gemma4_towers, unified_embedders
from vllint.models.matrices import columns, copied, rows, total_of
from vllint.models.radio_towers import deepseek_vl2, gemma3n, nemotron_vl
from vllint.models.siglip_towers import cohere2_vision, gemma3, idefics3, lfm2_vl, paligemma
from vllint.models.sizes import MOST_LAYERS, MissingSizeError, flag, layer_count, layers_used, need
from vllint.models.sound_towers import (
    aria,
    audio_flamingo,
    paddleocr_vl,
    qwen2_5_omni,
    qwen3_asr,
    qwen3_audio,
)
from vllint.models.vision_encoders import (
    clip,
    encoder_layer,
    pixtral,
    qwen2_5_vision,
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


def _merger(inputs: int, outputs: int, norm: int) -> list[Component]:
    return [
        copied("tower_norms", norm),
        *columns("tower_merger", inputs, inputs, True),
        *rows("tower_merger", inputs, outputs, True),
    ]


def _qwen3_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """Patches of several frames, learned positions, a merger, and one for each deep stack (`qwen3_vl.py`)."""
    tower = part_of(whole, "vision_config")
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


def _qwen3_omni(whole: Attributes, text: Attributes) -> list[Component]:
    return [*_qwen3_vl(whole, text), *unquantized(qwen3_audio(part_of(whole, "audio_config")))]


def _qwen2_vl(whole: Attributes, text: Attributes) -> list[Component]:
    """No biases on patches, a merger to the width of the text model (`qwen2_vl.py`)."""
    tower = part_of(whole, "vision_config")
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
    return qwen2_5_vision(part_of(whole, "vision_config"))


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


def _llava(whole: Attributes, text: Attributes) -> list[Component]:
    """Return CLIP or SigLIP up to the layer whose features count, and a divided projector (`llava.py`)."""
    tower = part_of(whole, "vision_config")
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
    layers = layer_count(tower, "num_hidden_layers")
    return layers_used(whole, "vision_feature_layer", default, layers, first=1)


def _mistral3(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Pixtral, a merger of patches, a divided projector (`mistral3.py`)."""
    tower = part_of(whole, "vision_config")
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
    tower = part_of(whole, "vision_config")
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
    tower = part_of(whole, "vision_config")
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
    tower = part_of(whole, "vision_config")
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


def _qwen2_audio(whole: Attributes, text: Attributes) -> list[Component]:
    tower = part_of(whole, "audio_config")
    hidden, output = need(tower, "d_model", default=1280), need(text, "hidden_size")
    positions = need(tower, "max_source_positions", default=1500) * hidden
    return [
        *whisper_encoder(tower),
        copied("tower_positions", positions),
        copied("tower_projector", hidden * output + output),
    ]


def _llava_video(whole: Attributes, text: Attributes) -> list[Component]:
    """Return the towers of `_llava` with a projector that every rank has (`llava_next_video.py`)."""
    tower = part_of(whole, "vision_config")
    hidden, width = need(tower, "hidden_size"), need(text, "hidden_size")
    layers = _layers_used(whole, tower)
    vision = siglip(tower, layers) if tower.model_type == "siglip_vision_model" else clip(tower, layers)
    newline = width if whole.model_type == "llava_onevision" else 0
    return [*vision, copied("tower_projector", hidden * width + width * width + width * 2 + newline)]


def _internvl(whole: Attributes, text: Attributes) -> list[Component]:
    """Return transformers' encoder, of which vLLM divides the MLPs alone (`interns1_vit.py`)."""
    tower = part_of(whole, "vision_config")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    width, output = need(tower, "intermediate_size"), need(text, "hidden_size")
    vectors = 3 + (2 if tower.get("norm_type") == "rms_norm" else 4)
    vectors += 3 if flag(tower, "attention_bias") else 0
    vectors += 2 if flag(tower, "use_qk_norm") else 0
    merged = hidden * 4
    layers = layer_count(tower, "num_hidden_layers")
    mlp = [*columns("tower_up", hidden, width, True), *rows("tower_down", width, hidden, True)]
    positions = (need(tower, "image_size", default=448) // patch) ** 2 + 1
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden * 2),
        copied("tower_positions", positions * hidden),
        copied("tower_layers", (hidden * hidden * 4 + hidden * vectors) * layers),
        *mlp * layers,
        copied("tower_projector", merged * 2 + merged * output + output * output + output * 2),
    ]


_TOWERS: Mapping[str, Callable[[Attributes, Attributes], list[Component]]] = {
    "gemma3": gemma3,
    "qwen3_vl": _qwen3_vl,
    "qwen3_vl_moe": _qwen3_vl,
    "qwen3_5": _qwen3_vl,
    "qwen3_5_moe": _qwen3_vl,
    "qwen2_vl": _qwen2_vl,
    "qwen2_5_vl": _qwen2_5_vl,
    "llama4": _llama4,
    "paligemma": paligemma,
    "shieldgemma2": gemma3,
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
    "cohere2_vision": cohere2_vision,
    "qwen2_audio": _qwen2_audio,
    "idefics3": idefics3,
    "smolvlm": idefics3,
    "internvl": _internvl,
    "interns1": _internvl,
    "lighton_ocr": _mistral3,
    "lfm2_vl": lfm2_vl,
    "llava_next_video": _llava_video,
    "llava_onevision": _llava_video,
    "internvl_chat": internvl_chat,
    "h2ovl_chat": internvl_chat,
    "skywork_chat": internvl_chat,
    "NVLM_D": internvl_chat,
    "phi3_v": phi3_v,
    "phi4mm": phi4mm,
    "minicpmv": minicpm_v,
    "minicpmo": minicpm_v,
    "molmo": molmo,
    "Keye": keye,
    "KeyeVL1_5": keye,
    "ovis2_5": ovis2_5,
    "dots_ocr": dots_ocr,
    "ultravox": ultravox,
    "NemotronH_Nano_VL_V2": nemotron_vl,
    "gemma3n": gemma3n,
    "minicpmv4_6": minicpm_v4_6,
    "minimax_m3_vl": minimax_m3,
    "aria": aria,
    "audioflamingo3": audio_flamingo,
    "exaone4_5": _qwen2_5_vl,
    "paddleocr_vl": paddleocr_vl,
    "qwen2_5_omni": qwen2_5_omni,
    "qwen3_asr": qwen3_asr,
    "qwen3_omni_moe": _qwen3_omni,
}
"""By the model type of the whole."""

TOWER_TYPES = frozenset(_TOWERS)

_TOWERS_BY_ARCHITECTURE: Mapping[str, Callable[[Attributes, Attributes], list[Component]]] = {
    "DeepseekOCRForCausalLM": deepseek_ocr,
    "DeepseekOCR2ForCausalLM": deepseek_ocr2,
    "DeepseekVLV2ForCausalLM": deepseek_vl2,
    "GLM4VForCausalLM": glm4v_chat,
    "PixtralForConditionalGeneration": mistral_pixtral,
    "VoxtralForConditionalGeneration": voxtral,
}
"""By vLLM's class, for types that several classes share."""
