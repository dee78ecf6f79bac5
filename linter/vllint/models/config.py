"""A model's facts from its `config.json`, read as vLLM 0.33 reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from vllint.models.architectures import architecture_of_type, has_trait, is_draft
from vllint.models.attention import attention, latent_attention
from vllint.models.attributes import (
    Attributes,
    are_sizes,
    comes_with_checkpoints,
    count,
    mapping,
    part_attributes,
    size,
    switch,
    text_attributes,
    whole_attributes,
)
from vllint.models.hybrids import state_dtype
from vllint.models.json_object import object_in
from vllint.models.layers import (
    MOST_LAYERS,
    dense_layers,
    expert_count,
    indexed_layers,
    layer_kinds,
    shared_expert_width,
)
from vllint.models.lengths import lengths, partial_rotary_factor
from vllint.models.quantization import checkpoint_quantization
from vllint.models.structures import built_components
from vllint.models.towers import tower_components
from vllint_schemas import ModelFacts, ModelSource, Unknown

LARGEST_CONFIG = 4 * 2**20

EXPERTS_PER_TOKEN_KEYS = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "top_k_experts",
    "moe_topk",
    "moe_top_k",
    "top_k",
)
EXPERT_WIDTH_KEYS = ("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size")
RECURRENT_KEYS = (
    "linear_num_value_heads",
    "mamba_d_state",
    "ssm_state_size",
    "state_size",
    "conv_kernel",
    "conv_L_cache",
    "lru_width",
    "layers_block_type",
    "hybrid_override_pattern",
)
LAYERS_REPEATED = frozenset({"hrm_text"})
"""Types whose classes multiply the layers by their cycles."""

TEXT_TIES = frozenset({"idefics3", "smolvlm"})
"""Composite types whose classes ask the text part whether its embeddings are tied (`idefics3.py`)."""

DEFAULT_LENGTHS = {"EmbeddingGemma2Model": 8192}
"""Longest contexts that vLLM takes unasked of an architecture. vllm/model_executor/models/config.py."""

DTYPES = frozenset({"bfloat16", "float16", "float32", "float64", "half", "float8_e4m3fn"})


def facts_from_config(
    model_id: str, config: Mapping[str, object], source: ModelSource
) -> ModelFacts | Unknown:
    """Return what `config` says about the model; facts it gives in the wrong shape are not known."""
    if not isinstance(config, Mapping):
        return Unknown("config.json is not an object")
    whole = whole_attributes(config)
    architecture = _architecture(config.get("architectures"))
    if whole.model_type is None and architecture is None:
        return Unknown("config.json names neither a `model_type` nor `architectures`")
    text = text_attributes(whole)
    if not config.get("architectures"):
        architecture = architecture_of_type(whole.model_type)
    if not any(count(text.get(key)) for key in ("hidden_size", "num_attention_heads", "num_hidden_layers")):
        return _unreadable(model_id, source, whole, architecture)
    return ModelFacts(
        id=model_id,
        source=source,
        architecture=architecture,
        model_type=whole.model_type,
        text_model_type=text.model_type,
        encoder_only=_encoder_only(architecture, whole),
        multimodal=_multimodal(architecture, whole),
        tie_word_embeddings=_tied(whole, text, architecture),
        dtype=_dtype(whole, text),
        **attention(whole, text),
        **latent_attention(text),
        **_layers(whole, text, architecture),
        **_experts(text),
        **_state_space(text),
        **_lengths(text, architecture),
        **_quantization(whole, text),
        **_vision(whole),
        tower=tower_components(whole, text, architecture),
        built=built_components(text, architecture),
        configuration=_configuration(whole),
    )


def _unreadable(
    model_id: str, source: ModelSource, whole: Attributes, architecture: str | None
) -> ModelFacts | Unknown:
    """Return what a config without the usual sizes says: at least that nothing at hand can read it."""
    configuration = _configuration(whole)
    if configuration not in ("remote", "missing"):
        return Unknown("config.json gives no size of a text model")
    return ModelFacts(model_id, source, architecture, whole.model_type, configuration=configuration)


def _configuration(whole: Attributes) -> Literal["known", "remote", "missing"] | None:
    """Return who has the class of the config; vLLM finds it in other ways where there is no type."""
    known = whole.known and not comes_with_checkpoints(whole.model_type)
    if known or whole.model_type is None:
        return "known" if known else None
    return "remote" if "AutoConfig" in mapping(whole.written.get("auto_map")) else "missing"


def load_config(path: Path) -> Mapping[str, object] | Unknown:
    """Read `config.json`, given itself or its folder; an `Unknown` says what is wrong with it."""
    file = path / "config.json" if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_CONFIG + 1)
    except OSError as error:
        return Unknown(f"cannot read {file}: {error.strerror or error}")
    if len(content) > LARGEST_CONFIG:
        return Unknown(f"{file} is larger than {LARGEST_CONFIG // 2**20} MB")
    return object_in(content, str(file))


def _architecture(written: object) -> str | None:
    if not isinstance(written, (list, tuple)) or not written:
        return None
    return written[0] if isinstance(written[0], str) else None


def _encoder_only(architecture: str | None, whole: Attributes) -> bool | None:
    if whole.written.get("is_causal") is False or whole.written.get("use_bidirectional_attention") is True:
        return True
    return has_trait(architecture, "encoder_only")


def _multimodal(architecture: str | None, whole: Attributes) -> bool | None:
    """Return what vLLM's class says; a text class without parts is text only whatever builds it."""
    composite = whole.described.get("parts") or whole.described.get("text")
    if architecture is None and whole.known and not composite:
        return False
    return has_trait(architecture, "multimodal")


def _tied(whole: Attributes, text: Attributes, architecture: str | None) -> bool | None:
    """Return the root's word, which counts in composite models; else the text part's, else the class's.

    Where the root's class ties them itself, the text part is not asked. A class that builds the text part
    alone heeds that part's, and so do some composite ones.
    """
    if whole.model_type in TEXT_TIES:
        return switch(text.get("tie_word_embeddings"))
    text_only = has_trait(architecture, "multimodal") is False
    own = whole.known and whole.has("tie_word_embeddings")
    if own and not text_only and whole.get("tie_word_embeddings") is True:
        return True
    for attributes in (text, whole) if text_only else (whole, text):
        written = attributes.written.get("tie_word_embeddings")
        if isinstance(written, bool):
            return written
    return switch((whole if own else text).get("tie_word_embeddings"))


def _dtype(whole: Attributes, text: Attributes) -> str | None:
    vision = mapping(whole.written.get("vision_config"))
    for part in (whole.written, text.written, vision):
        for key in ("dtype", "torch_dtype"):
            written = part.get(key)
            if isinstance(written, str) and written.removeprefix("torch.") in DTYPES:
                return written.removeprefix("torch.").replace("half", "float16")
    return None


def _layers(whole: Attributes, text: Attributes, architecture: str | None) -> dict[str, Any]:
    window = _sliding_window(text)
    recurrent = _recurrent(text, architecture)
    kinds = layer_kinds(text, window, recurrent)
    lists_kinds = whole.written.get("layer_types") or whole.described.get("pattern")
    if recurrent and kinds is not None and not kinds.linear and lists_kinds:
        recurrent = False
    return {
        "num_hidden_layers": None if is_draft(architecture) else _layer_count(text),
        "sliding_window": window,
        "linear_attention": recurrent,
        "num_full_attention_layers": kinds.full if kinds else None,
        "num_sliding_attention_layers": kinds.sliding if kinds else None,
        "num_linear_attention_layers": kinds.linear if kinds else None,
        "num_kv_shared_layers": size(text.get("num_kv_shared_layers")),
        "indexed_layers": indexed_layers(text),
        "num_nextn_predict_layers": size(text.first("num_nextn_predict_layers", "mtp_num_hidden_layers")),
    }


def _layer_count(text: Attributes) -> int | None:
    """Return the decoder layers; some classes count them by other attributes."""
    if text.model_type == "longcat_flash":
        sublayers = count(text.written.get("num_hidden_layers"), MOST_LAYERS)
        return count(text.get("num_layers"), MOST_LAYERS) if sublayers is None else sublayers // 2
    if text.model_type == "nemotron_h":
        kinds = text.first("layers_block_type", "hybrid_override_pattern")
        return len(kinds) if isinstance(kinds, (list, str)) and 0 < len(kinds) <= MOST_LAYERS else None
    if text.model_type in LAYERS_REPEATED:
        return None
    return count(text.get("num_hidden_layers"), MOST_LAYERS)


def _recurrent(text: Attributes, architecture: str | None) -> bool | None:
    """Return what vLLM's class says; without a class, transformers' sizes tell."""
    hybrid, free = has_trait(architecture, "hybrid"), has_trait(architecture, "attention_free")
    if hybrid is not None:
        return bool(hybrid or free)
    if architecture is not None or not text.known:
        return None
    return None if any(text.has(key) for key in RECURRENT_KEYS) else False


def _sliding_window(text: Attributes) -> int | None:
    value = text.get("sliding_window")
    if value is None:
        return 0 if text.known or "sliding_window" in text.written else None
    return size(value)


def _experts(text: Attributes) -> dict[str, Any]:
    experts = expert_count(text)
    if not experts:
        return {"num_experts": experts, "num_dense_layers": dense_layers(text, experts)}
    width = count(text.first(*EXPERT_WIDTH_KEYS))
    per_token = text.first(*EXPERTS_PER_TOKEN_KEYS)
    return {
        "num_experts": experts,
        "num_experts_per_tok": size(max(per_token) if are_sizes(per_token) else per_token),
        "moe_intermediate_size": width,
        "shared_expert_intermediate_size": shared_expert_width(text, width),
        "num_dense_layers": dense_layers(text, experts),
    }


def _state_space(text: Attributes) -> dict[str, Any]:
    linear = (
        "linear_num_key_heads",
        "linear_num_value_heads",
        "linear_key_head_dim",
        "linear_value_head_dim",
        "linear_conv_kernel_dim",
    )
    return {
        **{key: count(text.get(key)) for key in linear},
        "mamba_num_heads": count(text.first("mamba_num_heads", "mamba_n_heads")),
        "mamba_head_dim": _state_head_size(text),
        "mamba_n_groups": count(text.first("mamba_n_groups", "n_groups")),
        "mamba_d_state": count(text.first("mamba_d_state", "ssm_state_size", "state_size")),
        "mamba_d_conv": count(text.first("mamba_d_conv", "conv_kernel")),
        "mamba_ssm_dtype": state_dtype(text),
    }


def _state_head_size(text: Attributes) -> int | None:
    """Return the size of a recurrent state's heads; Granite's class divides the state by them."""
    if text.model_type != "granitemoehybrid" or count(text.written.get("mamba_d_head")):
        return count(text.first("mamba_head_dim", "mamba_d_head"))
    sizes = [count(text.get(key)) for key in ("mamba_expand", "hidden_size", "mamba_n_heads")]
    expand, hidden, heads = sizes
    return expand * hidden // heads if expand and hidden and heads else None


def _lengths(text: Attributes, architecture: str | None) -> dict[str, Any]:
    found = lengths(text)
    most = DEFAULT_LENGTHS.get(architecture or "")
    return {
        "max_position_embeddings": found.written,
        "derived_max_model_len": found.derived,
        "default_max_model_len": min(found.default, most) if found.default and most else found.default,
        "rope_type": found.rope_type,
        "rope_factor": found.rope_factor,
        "original_max_position_embeddings": found.original,
        "partial_rotary_factor": partial_rotary_factor(text),
    }


def _quantization(whole: Attributes, text: Attributes) -> dict[str, Any]:
    checkpoint = checkpoint_quantization(whole, text)
    bits = checkpoint.how.bits if checkpoint.how else None
    return {"quantized": checkpoint.quantized, "quantization": checkpoint.how, "bits_per_weight": bits}


def _vision(whole: Attributes) -> dict[str, Any]:
    tower = part_attributes(whole, "vision_config", "visual", "vision_tower")
    if tower is None:
        return {}
    # Qwen2-VL's `hidden_size` is that of the text model.
    widths = (
        ("embed_dim", "hidden_size", "width") if tower.has("depth") else ("hidden_size", "embed_dim", "width")
    )
    return {
        "vision_num_attention_heads": count(tower.first("num_attention_heads", "num_heads")),
        "vision_hidden_size": count(tower.first(*widths)),
        "vision_intermediate_size": count(tower.first("intermediate_size", "mlp_dim")),
        "vision_num_hidden_layers": count(tower.first("num_hidden_layers", "depth", "num_layers", "layers")),
    }
