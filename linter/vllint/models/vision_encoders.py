"""Vision and audio encoders that several composite models share.

Source: vllm/model_executor/models/{siglip,clip,pixtral,moonvit,whisper}.py of 0.33.0.
"""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.matrices import columns, copied, rows
from vllint.models.sizes import layer_count, need
from vllint_schemas.models import Component


def encoder_layer(
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


def unquantized(parts: list[Component]) -> list[Component]:
    """Return the parts of a tower whose class is given no quantization."""
    return [part._replace(quantizable=False) for part in parts]


def siglip(tower: Attributes, layers: int | None = None, whole_mlp: bool = False) -> list[Component]:
    """Return patches, positions, all layers and a last norm, or so many layers and none.

    The MLP is quantized only where its sizes are multiples of 64 (`siglip.py`), or everywhere (`whole_mlp`).
    """
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=16)
    positions = (need(tower, "image_size", default=224) // patch) ** 2
    width = need(tower, "intermediate_size")
    packed = whole_mlp or (hidden % 64 == 0 and width % 64 == 0)
    layer = [
        part._replace(quantizable=part.quantizable and (packed or part.name in ("tower_qkv", "tower_o")))
        for part in encoder_layer(hidden, width)
    ]
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden),
        copied("tower_positions", positions * hidden),
        *layer * (layer_count(tower, "num_hidden_layers") if layers is None else layers),
        *([copied("tower_norms", hidden * 2)] if layers is None else []),
    ]


def clip(tower: Attributes, layers: int) -> list[Component]:
    """Return patches, a class embedding, positions, a norm before so many layers and none after."""
    hidden, patch = need(tower, "hidden_size", default=768), need(tower, "patch_size", default=32)
    positions = (need(tower, "image_size", default=224) // patch) ** 2 + 1
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden),
        copied("tower_positions", positions * hidden + hidden * 2),
        *encoder_layer(hidden, need(tower, "intermediate_size", default=3072)) * layers,
    ]


def pixtral(tower: Attributes) -> list[Component]:
    """Return patches, a norm, layers without any bias and with gated MLPs."""
    hidden, patch = need(tower, "hidden_size", default=1024), need(tower, "patch_size", default=16)
    layer = encoder_layer(
        hidden,
        need(tower, "intermediate_size", default=4096),
        bias=False,
        output_bias=False,
        mlp_bias=False,
        gated=True,
        norm=1,
    )
    return [
        copied("tower_patches", 3 * patch * patch * hidden + hidden),
        *layer * layer_count(tower, "num_hidden_layers", default=24),
    ]


def whisper_encoder(tower: Attributes) -> list[Component]:
    """Return transformers' encoder of sound, which vLLM does not divide."""
    hidden, width = need(tower, "d_model"), need(tower, "encoder_ffn_dim")
    mels = need(tower, "num_mel_bins", default=128)
    layer = hidden * hidden * 4 + hidden * 3 + hidden * width * 2 + width + hidden + hidden * 4
    return [
        copied("tower_convolutions", mels * hidden * 3 + hidden * hidden * 3 + hidden * 2),
        copied("tower_layers", layer * layer_count(tower, "encoder_layers")),
        copied("tower_norms", hidden * 2),
    ]


def qwen2_5_vision(tower: Attributes) -> list[Component]:
    """Return gated layers with plain norms; EXAONE's have fewer heads of keys (`qwen2_5_vl.py`)."""
    hidden, patch = need(tower, "hidden_size"), need(tower, "patch_size", default=14)
    merged = hidden * need(tower, "spatial_merge_size", default=2) ** 2
    frames, count = need(tower, "temporal_patch_size", default=2), need(tower, "num_heads", default=16)
    kv_heads, output = need(tower, "num_key_value_heads", default=count), need(tower, "out_hidden_size")
    keys = hidden // count * kv_heads * 2
    layer = [
        *columns("tower_qkv", hidden, hidden + keys, True),
        *rows("tower_o", hidden, hidden, True),
        *columns("tower_up", hidden, need(tower, "intermediate_size") * 2, True),
        *rows("tower_down", need(tower, "intermediate_size"), hidden, True),
        copied("tower_norms", hidden * 2),
    ]
    return [
        copied("tower_patches", 3 * frames * patch * patch * hidden),
        *layer * layer_count(tower, "depth"),
        copied("tower_norms", hidden),
        *columns("tower_merger", merged, merged, True),
        *rows("tower_merger", merged, output, True),
    ]
