"""Gemma 4's text model (vllm/model_executor/models/gemma4.py of 0.33.0)."""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.layers import written_kinds
from vllint.models.matrices import columns, copied, experts_of, heads, model_of, replicated, rows, table
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, optional
from vllint_schemas.models import Component, Components


def gemma4(text: Attributes, architecture: str) -> Components:
    """Return layers of two head sizes, the last of which may share the caches of others."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    kinds = written_kinds(text, total)
    if kinds is None or len(kinds) < total:
        raise MissingSizeError("layer_types")
    own = total - optional(text, "num_kv_shared_layers")
    built = {
        (full, shared): _layer(text, hidden, full, shared)
        for full in (True, False)
        for shared in (True, False)
    }
    layers = tuple(built[kinds[place] == "full_attention", place >= own] for place in range(total))
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=True)
    tied = flag(text, "tie_word_embeddings", True)
    embedding = (*model.embedding, *_inputs_per_layer(text, hidden, total))
    return model._replace(tied=tied, embedding=embedding, embeddings_copied=True)


def _layer(text: Attributes, hidden: int, full: bool, shared: bool) -> tuple[Component, ...]:
    wide = shared and flag(text, "use_double_wide_mlp")
    width = need(text, "intermediate_size") * (2 if wide else 1)
    inputs = optional(text, "hidden_size_per_layer_input")
    gates = replicated("layer_input", hidden, inputs * 2) if inputs else []
    return (
        *_attention(text, hidden, full, shared),
        *columns("up", hidden, width * 2),
        *rows("down", width, hidden),
        *(_experts(text, hidden) if flag(text, "enable_moe_block") else ()),
        *gates,
        copied("norms", hidden * (5 if inputs else 4)),
    )


def _attention(text: Attributes, hidden: int, full: bool, shared: bool) -> list[Component]:
    count = need(text, "num_attention_heads")
    size = need(text, "head_dim", default=hidden // count)
    kv_heads = need(text, "num_key_value_heads")
    if full:
        size = need(text, "global_head_dim", default=512)
        if flag(text, "attention_k_eq_v"):
            kv_heads = need(text, "num_global_key_value_heads", default=kv_heads)
    bias = flag(text, "attention_bias")
    keys = [
        *heads("k" if full else "k_window", hidden, kv_heads * size, kv_heads, bias),
        *heads("v" if full else "v_window", hidden, kv_heads * size, kv_heads, bias),
        copied("head_norms", size),
    ]
    return [
        *columns("q", hidden, count * size, bias),
        *([] if shared else keys),
        *rows("o", count * size, hidden, bias),
        copied("head_norms", size),
    ]


def _experts(text: Attributes, hidden: int) -> list[Component]:
    experts = need(text, "num_experts")
    return [
        *experts_of("layer_experts", experts, hidden, need(text, "moe_intermediate_size")),
        copied("router", experts * hidden + hidden + experts),
        copied("norms", hidden * 3),
    ]


def _inputs_per_layer(text: Attributes, hidden: int, total: int) -> list[Component]:
    size = optional(text, "hidden_size_per_layer_input")
    if not size:
        return []
    vocabulary = need(text, "vocab_size_per_layer_input", "vocab_size")
    return [
        table("layer_embedding", vocabulary, size * total),
        *columns("layer_projection", hidden, size * total),
        copied("layer_norm", size),
    ]
