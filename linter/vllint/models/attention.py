"""Attention's part of a model's facts: heads, their sizes, latent attention."""

from __future__ import annotations

from typing import Any

from vllint.models.architectures import uses_latent_attention
from vllint.models.attributes import Attributes, are_sizes, count, mapping, size, switch

KV_HEAD_KEYS = (
    "n_head_kv",
    "num_kv_heads",
    "num_key_value_heads",
    "multi_query_group_num",
    "num_attention_groups",
)
"""vllm/transformers_utils/config.py, CONFIG_FIELD_ALIASES."""

DENSE_WIDTH_KEYS = ("intermediate_size_mlp", "intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner")
FALCON_TYPES = frozenset({"falcon", "RefinedWeb", "RefinedWebModel"})
PADDED = ("padded_vocab_size",)
"""What ChatGLM's class takes for the vocabulary."""

STATE_ONLY_TYPES = frozenset({"mamba", "mamba2", "falcon_mamba"})


def attention(whole: Attributes, text: Attributes) -> dict[str, Any]:
    """Return the sizes of attention and of the plain MLP, by the names of the facts."""
    heads = _heads(text)
    kv_heads = _kv_heads(whole, text, heads)
    state_only = whole.model_type in STATE_ONLY_TYPES
    return {
        "num_attention_heads": 0 if state_only else heads,
        "num_key_value_heads": 0 if state_only else kv_heads,
        "hidden_size": count(text.get("hidden_size")),
        "intermediate_size": size(text.first(*DENSE_WIDTH_KEYS)),
        "vocab_size": count(text.first(*(PADDED if text.model_type == "chatglm" else ()), "vocab_size")),
        "head_dim": _head_dim(text, heads),
        "global_head_dim": count(text.get("global_head_dim")),
        "num_global_key_value_heads": _global_kv_heads(text),
        "attention_bias": switch(text.first("attention_bias", "qkv_bias", "use_qkv_bias", "use_bias")),
        "mlp_bias": switch(text.get("mlp_bias")),
    }


def _heads(text: Attributes) -> int | None:
    """Return the heads; of layers that differ in them, the most, by which Step's class goes."""
    heads = size(text.get("num_attention_heads"), 2**20)
    other = mapping(text.get("attention_other_setting")).get("num_attention_heads")
    window = size(text.first("num_sliding_attention_heads") or other, 2**20)
    return max(heads, window) if heads and window and text.model_type == "step3p5" else heads


def _kv_heads(whole: Attributes, text: Attributes, heads: int | None) -> int | None:
    if (
        whole.model_type in FALCON_TYPES
        and not text.get("new_decoder_architecture")
        and text.get("multi_query")
    ):
        return 1
    if whole.model_type == "dbrx":
        return _dbrx_kv_heads(text)
    if whole.model_type == "nemotron-nas":
        return _first_block_kv_heads(text, heads)
    for key in KV_HEAD_KEYS:
        if text.has(key):
            value = text.get(key)
            return count(max(value) if are_sizes(value) else value, 2**20)
    return heads


def _dbrx_kv_heads(text: Attributes) -> int | None:
    """Return the heads that `attn_config` states, else those of its class."""
    if "attn_config" not in text.written:
        return 1
    stated = mapping(text.written["attn_config"]).get("kv_n_heads", 1)
    return count(stated, 2**20)


def _global_kv_heads(text: Attributes) -> int | None:
    """Return the KV heads of global layers, which count only where these share keys and values."""
    shared = text.get("attention_k_eq_v") is True
    return count(text.get("num_global_key_value_heads"), 2**20) if shared else None


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
    if uses_latent_attention(text.model_type) and not _compressed(text):
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
    if _compressed(text):
        return None
    return size(text.get("kv_lora_rank") or 0)


def _compressed(text: Attributes) -> bool:
    """Whether latent attention is of DeepSeek-V4's kind, whose cache is not of one rank."""
    return text.get("compress_ratios") is not None or text.model_type in ("deepseek_v4", "deepseek_v41")


def latent_attention(text: Attributes) -> dict[str, Any]:
    """Return the sizes of latent and of sparse attention."""
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
