"""The KV heads of layers that see everything, where a model has others than its windowed layers (Gemma 4)."""

from __future__ import annotations

from vllint_schemas import ModelFacts, Unknown

_DIFFERENT = frozenset({"gemma4_text", "gemma4_unified_text", "diffusion_gemma_text"})
"""Model types whose full layers have heads of their own size, and fewer where keys serve as values."""

_GLOBAL_HEAD_DIM = 512
"""Transformers' `Gemma4TextConfig.global_head_dim`."""

_MOST_HEADS = 16
_NEAR = 0.05
"""How far off a total may be to tell the number of heads: a share of what one head more would make."""


def global_heads(model: ModelFacts) -> tuple[int | None, int | None] | Unknown:
    """Return the KV heads of a full layer and their size.

    Where the facts lack them they are solved from the model's total, which no other number of heads makes.
    """
    own = (
        model.num_global_key_value_heads or model.num_key_value_heads,
        model.global_head_dim or model.head_dim,
    )
    kind = model.text_model_type or model.model_type
    if kind not in _DIFFERENT or model.global_head_dim is not None:
        return own
    beside, step = _all_but_keys(model), (model.hidden_size or 0) * _GLOBAL_HEAD_DIM
    layers, heads = model.num_full_attention_layers, model.num_key_value_heads
    if beside is None or not (layers and heads and step and model.params_total):
        return Unknown("the KV heads of the model's full layers are not known")
    # Keys of few heads that serve as values, too; else keys and values of as many heads as elsewhere.
    missing = (model.params_total - beside) / (layers * step)
    if abs(missing - 2 * heads) < _NEAR:
        return heads, _GLOBAL_HEAD_DIM
    found = next((count for count in range(1, _MOST_HEADS + 1) if abs(missing - count) < _NEAR), None)
    return (
        Unknown("the KV heads of the model's full layers are not known")
        if found is None
        else (found, _GLOBAL_HEAD_DIM)
    )


def _all_but_keys(model: ModelFacts) -> int | None:
    """Return all parameters but the keys and values of full layers (vLLM 0.33.0 `models/gemma4.py`)."""
    hidden, total, full = model.hidden_size, model.num_hidden_layers, model.num_full_attention_layers
    heads, size, kv_heads = model.num_attention_heads, model.head_dim, model.num_key_value_heads
    if not (hidden and total and full and heads and size and kv_heads and model.vocab_size):
        return None
    if model.num_kv_shared_layers or model.vision_params is None or model.intermediate_size is None:
        return None
    windowed = hidden * size * 2 * (heads + kv_heads) + 2 * size
    seeing_all = hidden * _GLOBAL_HEAD_DIM * 2 * heads + 2 * _GLOBAL_HEAD_DIM
    layer = 3 * hidden * model.intermediate_size + 4 * hidden
    if model.num_experts:
        layer += model.num_experts * (3 * hidden * (model.moe_intermediate_size or 0) + hidden) + 4 * hidden
    embedding = model.vocab_size * hidden + hidden
    attention = (total - full) * windowed + full * seeing_all
    return embedding + attention + total * layer + model.vision_params
