"""A model's facts from its `config.json`, read as vLLM 0.33 reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from vllint.models.architectures import has_trait, uses_latent_attention
from vllint.models.attributes import (
    Attributes,
    count,
    mapping,
    part_attributes,
    size,
    switch,
    text_attributes,
    whole_attributes,
)
from vllint.models.layers import (
    dense_layers,
    expert_count,
    indexed_layers,
    layer_kinds,
    shared_expert_width,
)
from vllint.models.lengths import lengths
from vllint.models.quantization import checkpoint_quantization
from vllint.models.structures import built_components
from vllint.models.towers import tower_components
from vllint_schemas import ModelFacts, ModelSource, Unknown

LARGEST_CONFIG = 4 * 2**20
DEEPEST_CONFIG = 64

KV_HEAD_KEYS = (
    "n_head_kv",
    "num_kv_heads",
    "num_key_value_heads",
    "multi_query_group_num",
    "num_attention_groups",
)
"""vllm/transformers_utils/config.py, CONFIG_FIELD_ALIASES."""

EXPERTS_PER_TOKEN_KEYS = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "top_k_experts",
    "moe_topk",
    "moe_top_k",
    "top_k",
)
DENSE_WIDTH_KEYS = ("intermediate_size_mlp", "intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner")
EXPERT_WIDTH_KEYS = ("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size")
FALCON_TYPES = frozenset({"falcon", "RefinedWeb", "RefinedWebModel"})
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
STATE_ONLY_TYPES = frozenset({"mamba", "falcon_mamba"})
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
    if not any(count(text.get(key)) for key in ("hidden_size", "num_attention_heads", "num_hidden_layers")):
        return Unknown("config.json gives no size of a text model")
    return ModelFacts(
        id=model_id,
        source=source,
        architecture=architecture,
        model_type=whole.model_type,
        text_model_type=text.model_type,
        encoder_only=_encoder_only(architecture, whole),
        multimodal=_multimodal(architecture, whole),
        tie_word_embeddings=_tied(whole, text),
        dtype=_dtype(whole, text),
        **_attention(whole, text),
        **_latent_attention(text),
        **_layers(whole, text, architecture),
        **_experts(text),
        **_state_space(text),
        **_lengths(text),
        **_quantization(whole, text),
        **_vision(whole),
        tower=tower_components(whole, text, architecture),
        built=built_components(text, architecture),
        configuration=_configuration(whole),
    )


def _configuration(whole: Attributes) -> Literal["known", "remote", "missing"] | None:
    """Return who has the class of the config; vLLM finds it in other ways where there is no type."""
    if whole.known or whole.model_type is None:
        return "known" if whole.known else None
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
    try:
        config = json.loads(content)
    except RecursionError:
        return Unknown(f"{file} is nested too deeply")
    except ValueError as error:
        return Unknown(f"{file} is not valid JSON: {error}")
    if not isinstance(config, dict):
        return Unknown(f"{file} is not a JSON object")
    if _deeper_than(config, DEEPEST_CONFIG):
        return Unknown(f"{file} is nested more than {DEEPEST_CONFIG} levels deep")
    return config


def _deeper_than(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            below
            for node in level
            if isinstance(node, (dict, list))
            for below in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


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


def _tied(whole: Attributes, text: Attributes) -> bool | None:
    """Return the root's word, which counts in composite models; else the text part's, else the class's."""
    for attributes in (whole, text):
        written = attributes.written.get("tie_word_embeddings")
        if isinstance(written, bool):
            return written
    return switch(whole.get("tie_word_embeddings") if whole.known else text.get("tie_word_embeddings"))


def _dtype(whole: Attributes, text: Attributes) -> str | None:
    vision = mapping(whole.written.get("vision_config"))
    for part in (whole.written, text.written, vision):
        for key in ("dtype", "torch_dtype"):
            written = part.get(key)
            if isinstance(written, str) and written.removeprefix("torch.") in DTYPES:
                return written.removeprefix("torch.").replace("half", "float16")
    return None


def _attention(whole: Attributes, text: Attributes) -> dict[str, Any]:
    heads = size(text.get("num_attention_heads"), 2**20)
    kv_heads = _kv_heads(whole, text, heads)
    state_only = whole.model_type in STATE_ONLY_TYPES
    return {
        "num_attention_heads": 0 if state_only else heads,
        "num_key_value_heads": 0 if state_only else kv_heads,
        "hidden_size": count(text.get("hidden_size")),
        "intermediate_size": size(text.first(*DENSE_WIDTH_KEYS)),
        "vocab_size": count(text.get("vocab_size")),
        "head_dim": _head_dim(text, heads),
        "global_head_dim": count(text.get("global_head_dim")),
        "num_global_key_value_heads": _global_kv_heads(text),
        "attention_bias": switch(text.first("attention_bias", "qkv_bias", "use_qkv_bias", "use_bias")),
        "mlp_bias": switch(text.get("mlp_bias")),
    }


def _kv_heads(whole: Attributes, text: Attributes, heads: int | None) -> int | None:
    if (
        whole.model_type in FALCON_TYPES
        and not text.get("new_decoder_architecture")
        and text.get("multi_query")
    ):
        return 1
    if whole.model_type == "dbrx":
        return count(mapping(text.get("attn_config")).get("kv_n_heads"), 2**20) or heads
    if whole.model_type == "nemotron-nas":
        return _first_block_kv_heads(text, heads)
    for key in KV_HEAD_KEYS:
        if text.has(key):
            value = text.get(key)
            return count(max(value) if _sizes(value) else value, 2**20)
    return heads


def _global_kv_heads(text: Attributes) -> int | None:
    """Return the KV heads of global layers, which count only where these share keys and values."""
    shared = text.get("attention_k_eq_v") is True
    return count(text.get("num_global_key_value_heads"), 2**20) if shared else None


def _sizes(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(size(item) is not None for item in value)


def _first_block_kv_heads(text: Attributes, heads: int | None) -> int | None:
    blocks = text.get("block_configs")
    for block in blocks if isinstance(blocks, (list, tuple)) else ():
        attention = mapping(mapping(block).get("attention"))
        group = count(attention.get("n_heads_in_group"))
        if group and heads and not attention.get("no_op"):
            return heads // group
    return None


def _head_dim(text: Attributes, heads: int | None) -> int | None:
    if _latent_rank(text):
        return None
    value = text.first("head_dim", "hidden_size_per_head")
    if uses_latent_attention(text.model_type):
        value = text.written.get("head_dim")
    if isinstance(value, int) and value:
        return count(value, 2**16)
    if text.model_type == "zamba2":
        return count(text.get("attention_head_dim"), 2**16)
    hidden = count(text.get("hidden_size"))
    return hidden // heads if hidden and heads else None


def _latent_rank(text: Attributes) -> int | None:
    """Return `kv_lora_rank` where vLLM uses latent attention, 0 where it does not."""
    if not uses_latent_attention(text.model_type):
        return 0 if text.known or "kv_lora_rank" not in text.written else None
    if text.get("compress_ratios") is not None or text.model_type in ("deepseek_v4", "deepseek_v41"):
        return None
    return size(text.get("kv_lora_rank") or 0)


def _latent_attention(text: Attributes) -> dict[str, Any]:
    return {
        "kv_lora_rank": _latent_rank(text),
        **{
            key: size(text.get(key))
            for key in (
                "q_lora_rank",
                "qk_nope_head_dim",
                "qk_rope_head_dim",
                "v_head_dim",
                "index_topk",
                "index_n_heads",
                "index_head_dim",
            )
        },
    }


def _layers(whole: Attributes, text: Attributes, architecture: str | None) -> dict[str, Any]:
    window = _sliding_window(text)
    recurrent = _recurrent(text, architecture)
    kinds = layer_kinds(text, window, recurrent)
    if recurrent and kinds is not None and not kinds.linear and whole.written.get("layer_types"):
        recurrent = False
    layers = text.get("num_layers" if text.model_type == "longcat_flash" else "num_hidden_layers")
    return {
        "num_hidden_layers": count(layers, 2**16),
        "sliding_window": window,
        "linear_attention": recurrent,
        "num_full_attention_layers": kinds.full if kinds else None,
        "num_sliding_attention_layers": kinds.sliding if kinds else None,
        "num_linear_attention_layers": kinds.linear if kinds else None,
        "num_kv_shared_layers": size(text.get("num_kv_shared_layers")),
        "indexed_layers": indexed_layers(text),
        "num_nextn_predict_layers": size(text.first("num_nextn_predict_layers", "mtp_num_hidden_layers")),
    }


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
        "num_experts_per_tok": size(max(per_token) if _sizes(per_token) else per_token),
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
        "mamba_head_dim": count(text.first("mamba_head_dim", "mamba_d_head")),
        "mamba_n_groups": count(text.first("mamba_n_groups", "n_groups")),
        "mamba_d_state": count(text.first("mamba_d_state", "ssm_state_size", "state_size")),
        "mamba_d_conv": count(text.first("mamba_d_conv", "conv_kernel")),
    }


def _lengths(text: Attributes) -> dict[str, Any]:
    found = lengths(text)
    return {
        "max_position_embeddings": found.written,
        "derived_max_model_len": found.derived,
        "default_max_model_len": found.default,
        "rope_type": found.rope_type,
        "rope_factor": found.rope_factor,
        "original_max_position_embeddings": found.original,
    }


def _quantization(whole: Attributes, text: Attributes) -> dict[str, Any]:
    checkpoint = checkpoint_quantization(whole, text)
    bits = checkpoint.how.bits if checkpoint.how else None
    return {"quantized": checkpoint.quantized, "quantization": checkpoint.how, "bits_per_weight": bits}


def _vision(whole: Attributes) -> dict[str, Any]:
    tower = part_attributes(whole, "vision_config", "visual", "vision_tower")
    if tower is None:
        return {}
    return {
        "vision_num_attention_heads": count(tower.first("num_attention_heads", "num_heads")),
        "vision_hidden_size": count(tower.first("hidden_size", "embed_dim", "width")),
        "vision_intermediate_size": count(tower.first("intermediate_size", "mlp_dim")),
        "vision_num_hidden_layers": count(tower.first("num_hidden_layers", "depth", "num_layers", "layers")),
    }
