"""Laguna (vllm/model_executor/models/laguna.py of 0.33.0)."""

from __future__ import annotations

from vllint.models.attributes import Attributes, count
from vllint.models.layers import sparse_layers, written_kinds
from vllint.models.matrices import columns, copied, experts_of, heads, model_of, rows
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, optional
from vllint_schemas.models import Component, Components

WIDE = 4


def laguna(text: Attributes, architecture: str) -> Components:
    """Return gated attention, windows on some layers, experts on most; layers may differ in their heads."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    kinds = written_kinds(text, total) or ["full_attention"] * total
    sparse = sparse_layers(text, total)
    numbers = text.get("num_attention_heads_per_layer")
    own = [need(text, "num_attention_heads")] * total
    if isinstance(numbers, (list, tuple)):
        own = [count(number, 2**16) or 0 for number in numbers]
    if sparse is None or len(kinds) < total or len(own) < total or not all(own):
        raise MissingSizeError("mlp_layer_types")
    mlps = {True: _experts(text, hidden), False: _mlp(hidden, need(text, "intermediate_size"), "")}
    layers = tuple(
        (
            *_attention(text, hidden, own[place], kinds[place] == "sliding_attention"),
            *mlps[place in sparse],
            copied("norms", hidden * 2),
        )
        for place in range(total)
    )
    tied = flag(text, "tie_word_embeddings")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)


def _attention(text: Attributes, hidden: int, count_: int, window: bool) -> list[Component]:
    kv_heads, size = need(text, "num_key_value_heads"), need(text, "head_dim", default=hidden // count_)
    bias, gate, mark = flag(text, "attention_bias"), text.get("gating"), "_window" if window else ""
    gates = 0 if not gate else count_ if gate is True or gate == "per-head" else count_ * size
    sinks = window and flag(text, "swa_attention_sink_enabled")
    return [
        *columns("q", hidden, count_ * size, bias),
        *heads(f"k{mark}", hidden, kv_heads * size, kv_heads, bias),
        *heads(f"v{mark}", hidden, kv_heads * size, kv_heads, bias),
        *rows("o", count_ * size, hidden, bias),
        *(columns("gate", hidden, gates) if gates else []),
        *([Component("sinks", count_, "even")] if sinks else []),
        copied("head_norms", size * 2),
    ]


def _mlp(hidden: int, width: int, name: str) -> list[Component]:
    return [*columns(name or "up", hidden, width * 2), *rows(name or "down", width, hidden)]


def _experts(text: Attributes, hidden: int) -> list[Component]:
    experts = need(text, "num_experts")
    shared = optional(text, "shared_expert_intermediate_size")
    return [
        *experts_of("experts", experts, hidden, need(text, "moe_intermediate_size")),
        copied("router", experts * hidden),
        copied("correction_bias", experts, WIDE),
        *(_mlp(hidden, shared, "shared_expert") if shared else []),
    ]
