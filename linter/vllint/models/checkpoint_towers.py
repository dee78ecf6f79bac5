"""Towers of composite models whose configuration classes come with their checkpoints.

Source: vllm/model_executor/models/*.py of 0.33.0, each tower checked against the bytes that vLLM builds
(tests/models/data/builds.jsonl).
"""

from __future__ import annotations

from vllint.models.attributes import Attributes, mapping
from vllint.models.class_defaults import part_of
from vllint.models.matrices import columns, copied, linear, replicated, rows, table
from vllint.models.sizes import MissingSizeError, flag, layer_count, layers_used, need
from vllint.models.vision_encoders import clip, encoder_layer, pixtral, siglip, unquantized
from vllint_schemas.models import Component

WIDE = 4
_NOTHING = Attributes({}, {}, False, None)
_NVLM_HEADS = 32
"""Heads of NVLM-D's vision tower, seven of which are added so that more cards can divide them."""


def intern_vit(tower: Attributes, layers: int, heads: int) -> list[Component]:
    """Return InternViT (`intern_vit.py`): attention is divided where the ranks divide its heads."""
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    width = need(tower, "intermediate_size")
    inner = hidden // need(tower, "num_attention_heads") * heads
    positions = (need(tower, "image_size", default=448) // patch) ** 2 + 1
    norms = 2 if tower.get("norm_type") == "rms_norm" else 4
    query_norms = inner * 2 if flag(tower, "qk_normalization") else 0
    attention = [
        *columns("tower_qkv", hidden, inner * 3, flag(tower, "qkv_bias")),
        *rows("tower_o", inner, hidden, True),
    ]
    layer = [
        *(part._replace(units=heads) if part.sharding == "even" else part for part in attention),
        *columns("tower_up", hidden, width, True),
        *rows("tower_down", width, hidden, True),
        copied("tower_norms", hidden * (norms + 2) + query_norms),
    ]
    return [
        copied("tower_patches", linear(3 * patch * patch, hidden) + hidden),
        copied("tower_positions", positions * hidden),
        *layer * layers,
    ]


def internvl_chat(whole: Attributes, text: Attributes) -> list[Component]:
    """Return InternViT up to the layer whose features count, and a copied projector (`internvl.py`)."""
    tower, output = part_of(whole, "vision_config"), need(text, "hidden_size")
    nvlm = whole.model_type == "NVLM_D"
    layers = layer_count(tower, "num_hidden_layers")
    used = layers_used(whole, "select_layer", -1, layers, first=0)
    heads = _NVLM_HEADS if nvlm else need(tower, "num_attention_heads")
    ratio = whole.written.get("downsample_ratio", 0.5)
    if not isinstance(ratio, (int, float)) or not 0 < ratio <= 1:
        raise MissingSizeError("downsample_ratio")
    merged = need(tower, "hidden_size") * int(1 / ratio) ** 2
    if nvlm:
        inner = need(text, "intermediate_size")
        projector = merged * 2 + linear(merged, inner, False) + linear(inner, output, False)
    else:
        projector = merged * 2 + linear(merged, output) + linear(output, output)
    return [*intern_vit(tower, used, heads), copied("tower_projector", projector)]


def phi3_v(whole: Attributes, text: Attributes) -> list[Component]:
    """Return CLIP-L up to the last layer but one, a projector, and a second table of tokens (`phi3v.py`)."""
    width, hidden = need(text, "hidden_size"), 1024
    tower = _NOTHING._replace(
        written={"hidden_size": hidden, "patch_size": 14, "image_size": 336, "intermediate_size": 4096}
    )
    projector = linear(hidden * 4, width) + linear(width, width)
    return [
        *clip(tower, 23),
        copied("tower_projector", projector + hidden * 8),
        table("tower_embedding", need(text, "vocab_size"), width),
    ]


def minicpm_v(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP without its last layer where asked for, and a resampler on every rank (`minicpmv.py`)."""
    tower, width = part_of(whole, "vision_config"), need(text, "hidden_size")
    hidden = need(tower, "hidden_size")
    layers = layer_count(tower, "num_hidden_layers") - flag(whole, "drop_vision_last_layer")
    queries = need(whole, "query_num", default=64)
    attention = linear(width, width * 3) + linear(width, width) + width * width
    resampler = queries * width + linear(hidden, width, False) + attention + width * 6
    built = [
        *siglip(tower, layers, whole_mlp=True),
        copied("tower_norms", hidden * 2),
        copied("tower_resampler", resampler),
    ]
    return [*built, *_minicpm_audio(whole, width)] if whole.model_type == "minicpmo" else built


def _minicpm_audio(whole: Attributes, width: int) -> list[Component]:
    """Return transformers' encoder of sound and a projector, on every rank (`minicpmo.py`)."""
    if not flag(whole, "init_audio", True):
        return []
    audio = part_of(whole, "audio_config")
    inner, hidden = need(audio, "encoder_ffn_dim"), need(audio, "d_model")
    mels, positions = (
        need(audio, "num_mel_bins", default=80),
        need(audio, "max_source_positions", default=1500),
    )
    layer = linear(hidden, hidden) * 4 - hidden + linear(hidden, inner) + linear(inner, hidden) + hidden * 4
    convolutions = linear(mels * 3, hidden) + linear(hidden * 3, hidden)
    encoder = convolutions + positions * hidden + layer * layer_count(audio, "encoder_layers") + hidden * 2
    return [copied("tower_audio", encoder + linear(inner // 4, width) + linear(width, width))]


def molmo(whole: Attributes, text: Attributes) -> list[Component]:
    """Return a vision tower of fixed sizes, pooling over the features of two layers (`molmo.py`)."""
    hidden, width, output = 1024, need(text, "intermediate_size") // 2, need(text, "hidden_size")
    pooled = [
        *columns("tower_pooling", hidden * 2, hidden * 3, True),
        *rows("tower_pooling", hidden, hidden, True),
    ]
    return [
        copied("tower_patches", linear(3 * 14 * 14, hidden, False) + 577 * hidden + hidden * 3),
        *encoder_layer(hidden, 4096) * 23,
        *pooled,
        copied("tower_padding", 2 * hidden * 2),
        *columns("tower_projector", hidden, width * 2),
        *rows("tower_projector", width, output),
    ]


def keye(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP with positions of packed patches, and a divided projector (`keye.py`)."""
    tower = part_of(whole, "vision_config")
    hidden, merge = need(tower, "hidden_size"), need(tower, "spatial_merge_size", default=2)
    merged = hidden * merge**2
    normed = merged if whole.model_type == "KeyeVL1_5" else hidden
    return [
        *siglip(tower),
        copied("tower_positions", 2**15 * hidden),
        copied("tower_norms", normed * 2),
        *columns("tower_projector", merged, merged, True),
        *rows("tower_projector", merged, need(text, "hidden_size"), True),
    ]


_SAM_WIDTH, _SAM_LAYERS, _SAM_NECK = 768, 12, 256
_SAM_HEAD = 64
_SAM_SPANS = (27,) * 8 + (127,) * 4
"""Relative places that a layer tells apart: eight layers look at windows, four at all of the picture."""


def _sam(output: int) -> Component:
    """Return the encoder of Segment Anything, whole on every rank, down to an output (`deepencoder.py`)."""
    hidden, neck = _SAM_WIDTH, _SAM_NECK
    layer = linear(hidden, hidden * 3) + linear(hidden, hidden)
    layer += linear(hidden, hidden * 4) + linear(hidden * 4, hidden) + hidden * 4
    places = sum(2 * span * _SAM_HEAD for span in _SAM_SPANS)
    necks = hidden * neck + neck * neck * 9 + neck * 4
    last = neck * 512 * 9 + 512 * output * 9
    patches = linear(3 * 16 * 16, hidden) + 64 * 64 * hidden
    return copied("tower_sam", patches + layer * _SAM_LAYERS + places + necks + last)


def deepseek_ocr(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Segment Anything, CLIP-L behind it and a projector (`deepseek_ocr.py`)."""
    projector = part_of(whole, "projector_config")
    output = need(projector, "n_embed")
    joined = linear(need(projector, "input_dim", default=2048), output)
    hidden = 1024
    return [
        _sam(hidden),
        copied("tower_patches", linear(3 * 14 * 14, hidden, False) + 257 * hidden + hidden * 3),
        *encoder_layer(hidden, 4096) * 24,
        copied("tower_projector", joined + output * 2),
    ]


def deepseek_ocr2(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Segment Anything, a Qwen2 of fixed sizes, a projector, all copied (`deepseek_ocr2.py`)."""
    joined, hidden, keys, width = part_of(whole, "projector_config"), 896, 128, 4864
    output = need(joined, "n_embed")
    attention = linear(hidden, hidden) * 2 - hidden + linear(hidden, keys) * 2
    layer = attention + hidden * width * 3 + hidden * 2
    return [
        _sam(hidden),
        copied("tower_layers", layer * 24 + hidden + (144 + 256) * hidden),
        copied("tower_projector", linear(need(joined, "input_dim", default=2048), output) + output),
    ]


def phi4mm(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP of fixed sizes, a conformer, and projectors for both (`phi4mm.py`)."""
    vision, width = 1152, need(text, "hidden_size")
    tower = _NOTHING._replace(
        written={"hidden_size": vision, "patch_size": 14, "image_size": 448, "intermediate_size": 4304}
    )
    audio = mapping(mapping(whole.written.get("audio_processor")).get("config"))
    sizes = Attributes(audio, {}, False, None)
    hidden = need(sizes, "attention_dim")
    projectors = (
        linear(vision, width) + linear(width, width) + (linear(hidden, width) + linear(width, width)) * 2
    )
    return [
        *unquantized(siglip(tower, 26)),
        copied("tower_projector", projectors + vision * 2),
        copied("tower_conformer", _conformer(sizes, hidden)),
    ]


def _conformer(audio: Attributes, hidden: int) -> int:
    """Return the elements of Phi-4's encoder of sound (`phi4mm_audio.py`)."""
    width, kernel = need(audio, "linear_units", default=1536), need(audio, "kernel_size", default=3)
    mels = need(audio, "input_size", default=80)
    reduction = need(audio, "time_reduction", default=8)
    feed = hidden * 2 + linear(hidden, width * 2) + linear(width, hidden)
    attention = linear(hidden, hidden) * 4
    convolution = (
        hidden * 2 * 2 + linear(hidden, hidden * 2) + linear(hidden, hidden) * 2 + linear(kernel, hidden)
    )
    layer = feed * 2 + attention + convolution + hidden * 2
    below = linear(9, hidden) * 3 + linear(hidden, hidden) * 2 + linear(hidden * mels // reduction, hidden)
    biases = 1000 * need(audio, "attention_heads", default=16) + mels * 2
    return below + biases + layer * layer_count(audio, "num_blocks")


def ovis2_5(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP 2, a head over visual words, and their table, on every rank (`ovis2_5.py`)."""
    tower, words = part_of(whole, "vit_config"), need(whole, "visual_vocab_size", default=2**16)
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=16)
    merged = hidden * need(tower, "hidden_stride", default=2) ** 2
    positions = (need(tower, "image_size", default=512) // patch) ** 2
    frames = need(tower, "temporal_patch_size", default=1)
    said = words - 4
    return [
        copied("tower_patches", linear(3 * frames * patch * patch, hidden) + positions * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * layer_count(tower, "num_hidden_layers"),
        copied("tower_norms", hidden * 2),
        copied("tower_head", merged * said),
        copied("tower_norms", said * 2),
        copied("tower_words", words * need(text, "hidden_size")),
    ]


def dots_ocr(whole: Attributes, text: Attributes) -> list[Component]:
    """Return gated layers with plain norms, and a merger divided by its inputs alone (`dots_ocr.py`)."""
    tower = part_of(whole, "vision_config")
    hidden, patch = need(tower, "embed_dim", default=1536), need(tower, "patch_size", default=14)
    merged, output = hidden * need(tower, "spatial_merge_size", default=2) ** 2, need(tower, "hidden_size")
    frames, bias = need(tower, "temporal_patch_size", default=1), flag(tower, "use_bias")
    layer = encoder_layer(
        hidden,
        need(tower, "intermediate_size"),
        bias=bias,
        output_bias=bias,
        mlp_bias=bias,
        gated=True,
        norm=1,
    )
    return [
        copied("tower_patches", linear(3 * frames * patch * patch, hidden) + hidden),
        *layer * layer_count(tower, "num_hidden_layers"),
        copied("tower_norms", hidden * (3 if flag(tower, "post_norm", True) else 2)),
        *unquantized(columns("tower_merger", merged, merged, True)),
        *unquantized(rows("tower_merger", merged, output, True)),
    ]


def glm4v_chat(whole: Attributes, text: Attributes) -> list[Component]:
    """Return the layers of GLM-4V, a convolution that merges patches, a gated projector (`glm4v.py`)."""
    tower = part_of(whole, "vision_config")
    hidden, patch, output = need(tower, "hidden_size"), need(tower, "patch_size"), need(text, "hidden_size")
    width = need(text, "ffn_hidden_size")
    return [
        copied("tower_patches", linear(3 * patch * patch, hidden) + hidden),
        copied("tower_positions", need(tower, "num_positions") * hidden),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * layer_count(tower, "num_hidden_layers"),
        copied("tower_merger", linear(hidden * 4, output)),
        *replicated("tower_projector", output, output),
        copied("tower_norms", output * 4),
        *columns("tower_projector", output, width * 2),
        *rows("tower_projector", width, output),
    ]


def ultravox(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Whisper's encoder, divided, and a projector on every rank (`ultravox.py`)."""
    audio, output = part_of(whole, "audio_config"), need(text, "hidden_size")
    hidden = need(audio, "d_model")
    stacked, inner = hidden * need(whole, "stack_factor", default=8), need(whole, "hidden_size", default=4096)
    half = inner // 2 if mapping(whole.written).get("projector_act") == "swiglu" else inner
    middle = half if flag(whole, "projector_ln_mid") else output
    return [
        *whisper_layers(audio),
        copied("tower_norms", stacked + middle),
        *replicated("tower_projector", stacked, inner),
        *replicated("tower_projector", half, output),
    ]


def whisper_layers(audio: Attributes, width: int = 0) -> list[Component]:
    """Return vLLM's own encoder of sound, with layers divided and places of `width` bytes (`whisper.py`)."""
    hidden, mels = need(audio, "d_model"), need(audio, "num_mel_bins", default=80)
    positions = need(audio, "max_source_positions", default=1500)
    layer = encoder_layer(hidden, need(audio, "encoder_ffn_dim"))
    return [
        copied("tower_convolutions", linear(mels * 3, hidden) + linear(hidden * 3, hidden)),
        copied("tower_positions", positions * hidden, width),
        copied("tower_norms", hidden * 2),
        *layer * layer_count(audio, "encoder_layers"),
    ]


def voxtral(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Whisper's encoder with places in 32 bits, and a projector on every rank (`voxtral.py`)."""
    audio, output = part_of(whole, "audio_config"), need(text, "hidden_size")
    stacked = need(audio, "d_model") * need(audio, "downsample_factor")
    projector = linear(stacked, output, False) + linear(output, output, False)
    return [*unquantized(whisper_layers(audio, WIDE)), copied("tower_projector", projector)]


def mistral_pixtral(whole: Attributes, text: Attributes) -> list[Component]:
    """Return Pixtral as Mistral's own format has it: nothing quantized, a copied adapter (`pixtral.py`)."""
    tower, output = part_of(whole, "vision_config"), need(text, "hidden_size")
    hidden, merge = need(tower, "hidden_size"), need(tower, "spatial_merge_size", default=1)
    bias = flag(tower, "adapter_bias", True)
    merger = linear(hidden * merge**2, hidden, False) if tower.get("mm_projector_id") == "patch_merge" else 0
    norm = hidden if flag(tower, "add_pre_mm_projector_layer_norm") else 0
    return [
        *unquantized(pixtral(tower)),
        copied(
            "tower_projector", merger + norm + linear(hidden, output, bias) + linear(output, output, bias)
        ),
    ]


def minimax_m3(whole: Attributes, text: Attributes) -> list[Component]:
    """Return CLIP's layers, a divided projector, and a merger of patches (vllm `models/minimax_m3`)."""
    tower, output = part_of(whole, "vision_config"), need(text, "hidden_size")
    merging = part_of(tower, "img_token_compression_config")
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    inner = need(whole, "projector_hidden_size", default=output)
    frames, merge = need(merging, "temporal_patch_size"), need(merging, "spatial_merge_size")
    bias = flag(whole, "multimodal_projector_bias", True)
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden + hidden * 2),
        *encoder_layer(hidden, need(tower, "intermediate_size")) * layer_count(tower, "num_hidden_layers"),
        *columns("tower_projector", hidden, inner, bias),
        *rows("tower_projector", inner, output, bias),
        *columns("tower_merger", output * merge**2, inner, bias),
        *rows("tower_merger", inner, output, bias),
    ]


def minicpm_v4_6(whole: Attributes, text: Attributes) -> list[Component]:
    """Return SigLIP with a merger of patches between its layers, and mergers behind it (`minicpmv4_6.py`)."""
    tower, output = part_of(whole, "vision_config"), need(text, "hidden_size")
    hidden = need(tower, "hidden_size")
    merged, times = hidden * 4, need(whole, "merger_times", default=1)
    between = linear(merged, merged * 4) + linear(merged * 4, hidden) + hidden * 2 + merged * 2
    behind = (linear(merged, merged) + merged * 2) * times
    return [
        *siglip(tower),
        *columns("tower_qkv", hidden, hidden * 3, True),
        *rows("tower_o", hidden, hidden, True),
        copied("tower_merger", between + behind + linear(merged, output)),
    ]
