"""Decoders whose layers have parts that no other family has.

Source: vllm/model_executor/models/*.py of 0.33.0, one module per function, checked against what vLLM builds.
"""

from __future__ import annotations

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.layers import written_kinds
from vllint.models.matrices import (
    columns,
    copied,
    experts_of,
    heads,
    model_of,
    padded,
    replicated,
    rows,
    table,
)
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, optional, per_layer
from vllint_schemas.models import Component, Components

WIDE = 4
_MOLMO_ADDED = 128
"""Rows of Molmo's embedding beside those of its vocabulary, for the marks of pictures (`molmo.py`)."""


def molmo(text: Attributes, architecture: str) -> Components:
    """Return gated layers whose MLP is half as wide as written (`molmo.py`)."""
    hidden, count = need(text, "hidden_size"), need(text, "num_attention_heads")
    kv_heads = need(text, "num_key_value_heads", default=count)
    size, width = hidden // count, need(text, "intermediate_size") // 2
    bias = flag(text, "qkv_bias")
    norms = hidden + kv_heads * size if flag(text, "attention_layer_norm") else 0
    layer = (
        *columns("q", hidden, hidden, bias),
        *heads("k", hidden, kv_heads * size, kv_heads, bias),
        *heads("v", hidden, kv_heads * size, kv_heads, bias),
        *rows("o", hidden, hidden),
        *columns("up", hidden, width * 2),
        *rows("down", width, hidden),
        copied("norms", hidden * 2 + norms),
    )
    vocabulary = need(text, "embedding_size", "vocab_size")
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    tied = flag(text, "weight_tying")
    model = model_of(vocabulary, hidden, layers, norm=hidden, tied=tied)
    embedding = table("embedding", padded(vocabulary) + _MOLMO_ADDED, hidden)
    return model._replace(embedding=(embedding,), embeddings_copied=True, heads_copied=True)


def gpt_bigcode(text: Attributes, architecture: str) -> Components:
    """Return what Transformers' class is made of: attention divided, MLPs whole on every rank."""
    hidden, count = need(text, "hidden_size", "n_embd"), need(text, "num_attention_heads", "n_head")
    size, width = hidden // count, need(text, "n_inner", default=hidden * 4)
    kv_heads = 1 if flag(text, "multi_query", True) else count
    layer = (
        *columns("q", hidden, hidden, True),
        *heads("k", hidden, kv_heads * size, kv_heads, True),
        *heads("v", hidden, kv_heads * size, kv_heads, True),
        *rows("o", hidden, hidden, True),
        *replicated("up", hidden, width, True),
        *replicated("down", width, hidden, True),
        copied("norms", hidden * 4),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers", "n_layer")
    tied = flag(text, "tie_word_embeddings", True)
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden * 2, tied=tied)
    positions = need(text, "max_position_embeddings", "n_positions") * hidden
    # Transformers' classes keep on every stage what is no list of layers.
    return model._replace(everywhere=(copied("positions", positions),))


def aria(text: Attributes, architecture: str) -> Components:
    """Return experts in every layer, and shared ones as wide as several of them (`aria.py`)."""
    hidden, count = need(text, "hidden_size"), need(text, "num_attention_heads")
    kv_heads = need(text, "num_key_value_heads", default=count)
    size = need(text, "head_dim", default=hidden // count)
    experts, width = need(text, "moe_num_experts"), need(text, "intermediate_size")
    shared = width * need(text, "moe_num_shared_experts")
    layer = (
        *columns("q", hidden, count * size),
        *heads("k", hidden, kv_heads * size, kv_heads),
        *heads("v", hidden, kv_heads * size, kv_heads),
        *rows("o", count * size, hidden),
        *experts_of("experts", experts, hidden, width),
        copied("router", experts * hidden),
        *columns("shared_expert", hidden, shared * 2),
        *rows("shared_expert", shared, hidden),
        copied("norms", hidden * 2),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)


def gemma3n(text: Attributes, architecture: str) -> Components:
    """Return layers that carry several predictions and an embedding of their own (`gemma3n.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    own, altups = need(text, "hidden_size_per_layer_input"), need(text, "altup_num_inputs")
    kinds, shared = written_kinds(text, total), optional(text, "num_kv_shared_layers")
    if not kinds or len(kinds) < total:
        raise MissingSizeError("layer_types")
    widths = text.get("intermediate_size")
    listed = list(widths) if isinstance(widths, (list, tuple)) else [widths] * total
    if len(listed) < total or not all(isinstance(width, int) and width > 0 for width in listed):
        raise MissingSizeError("intermediate_size")
    layers = tuple(
        (
            *_gemma3n_attention(text, hidden, kinds[place], place < total - shared),
            *columns("up", hidden, listed[place] * 2),
            *rows("down", listed[place], hidden),
            *_gemma3n_beside(text, hidden, own, altups),
        )
        for place in range(total)
    )
    vocabulary = need(text, "vocab_size")
    model = model_of(vocabulary, hidden, layers, norm=hidden, tied=flag(text, "tie_word_embeddings", True))
    below = (
        *model.embedding,
        table("layer_embedding", need(text, "vocab_size_per_layer_input"), total * own),
        *columns("layer_projection", hidden, total * own),
        copied("norms", own),
        *columns("altup_projection", hidden, hidden * (altups - 1) * 2),
    )
    return model._replace(embedding=below)


def _gemma3n_attention(text: Attributes, hidden: int, kind: str, own_keys: bool) -> list[Component]:
    """Return attention with normed heads; the last layers build keys and values that they do not use."""
    count, size = need(text, "num_attention_heads"), need(text, "head_dim")
    kv_heads, mark = need(text, "num_key_value_heads"), "" if kind == "full_attention" else "_window"
    keys = [
        *heads(f"k{mark}", hidden, kv_heads * size, kv_heads),
        *heads(f"v{mark}", hidden, kv_heads * size, kv_heads),
    ]
    return [
        *columns("q", hidden, count * size),
        *(keys if own_keys else []),
        *rows("o", count * size, hidden),
        copied("head_norms", size * (2 if own_keys else 1)),
    ]


def _gemma3n_beside(text: Attributes, hidden: int, own: int, altups: int) -> list[Component]:
    rank = need(text, "laurel_rank")
    return [
        *columns("laurel_left", hidden, rank),
        *rows("laurel_right", rank, hidden),
        *replicated("layer_gate", hidden, own),
        *replicated("layer_input", own, hidden),
        *replicated("altup", altups, altups * (altups + 1)),
        *replicated("altup", hidden, altups),
        copied("altup_scale", hidden, WIDE if flag(text, "altup_correct_scale", True) else 0),
        copied("norms", hidden * 7),
    ]


def afmoe(text: Attributes, architecture: str) -> Components:
    """Return gated attention, four norms, experts after the first layers (`afmoe.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    kinds = written_kinds(text, total)
    if not kinds or len(kinds) < total:
        raise MissingSizeError("layer_types")
    width, experts = need(text, "intermediate_size"), optional(text, "num_experts")
    dense = [*columns("up", hidden, width * 2), *rows("down", width, hidden)]
    inner = need(text, "moe_intermediate_size")
    shared = optional(text, "num_shared_experts") * inner
    sparse = [
        *experts_of("experts", experts, hidden, inner),
        copied("router", experts * hidden, WIDE),
        copied("correction_bias", experts, WIDE),
        *columns("shared_expert", hidden, shared * 2),
        *rows("shared_expert", shared, hidden),
    ]
    first = optional(text, "num_dense_layers") if experts else total
    layers = tuple(
        (
            *_afmoe_attention(text, hidden, kinds[place] == "sliding_attention"),
            *(dense if place < first else sparse),
        )
        for place in range(total)
    )
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)


def _afmoe_attention(text: Attributes, hidden: int, window: bool) -> list[Component]:
    count, size = need(text, "num_attention_heads"), need(text, "head_dim")
    kv_heads = need(text, "num_key_value_heads", default=count)
    mark = "_window" if window else ""
    return [
        *columns("q", hidden, count * size),
        *heads(f"k{mark}", hidden, kv_heads * size, kv_heads),
        *heads(f"v{mark}", hidden, kv_heads * size, kv_heads),
        *columns("gate", hidden, count * size),
        *rows("o", count * size, hidden),
        copied("norms", hidden * 4 + size * 2),
    ]


def longcat(text: Attributes, architecture: str) -> Components:
    """Return layers of two latent attentions and two MLPs beside experts, some of which do nothing."""
    hidden = need(text, "hidden_size")
    count, query, rank = (need(text, key) for key in ("num_attention_heads", "q_lora_rank", "kv_lora_rank"))
    nope, rope, value = (need(text, f"{name}_head_dim") for name in ("qk_nope", "qk_rope", "v"))
    width, experts = need(text, "ffn_hidden_size", "intermediate_size"), need(text, "n_routed_experts")
    half = [
        *replicated("q_a", hidden, query),
        *columns("q_b", query, count * (nope + rope)),
        *replicated("kv_a", hidden, rank + rope),
        *columns("kv_b", rank, count * (nope + value)),
        *rows("o", count * value, hidden),
        *columns("up", hidden, width * 2),
        *rows("down", width, hidden),
        copied("norms", hidden * 2 + query + rank),
    ]
    choices = experts + optional(text, "zero_expert_num")
    layer = (
        *half * 2,
        *experts_of(
            "experts", experts, hidden, need(text, "expert_ffn_hidden_size", "moe_intermediate_size")
        ),
        copied("router", choices * (hidden + 1), WIDE),
    )
    layers = (layer,) * layer_count(text, "num_layers")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)


def hunyuan_moe(text: Attributes, architecture: str) -> Components:
    """Return experts and a shared one in every layer, as Transformers' class has them; heads are normed."""
    hidden, count = need(text, "hidden_size"), need(text, "num_attention_heads")
    kv_heads, size = (
        need(text, "num_key_value_heads", default=count),
        need(text, "head_dim", default=hidden // count),
    )
    experts, width = need(text, "num_experts"), need(text, "intermediate_size")
    layer = (
        *columns("q", hidden, count * size),
        *heads("k", hidden, kv_heads * size, kv_heads),
        *heads("v", hidden, kv_heads * size, kv_heads),
        *rows("o", count * size, hidden),
        *experts_of("experts", experts, hidden, width),
        copied("router", experts * hidden),
        *columns("shared_expert", hidden, width * 2),
        *rows("shared_expert", width, hidden),
        copied("norms", hidden * 2 + size * 2),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    tied = flag(text, "tie_word_embeddings")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)


def minimax_m3(text: Attributes, architecture: str) -> Components:
    """Return attention with an indexer in some layers, experts in some (vllm `models/minimax_m3`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    sparse = per_layer(text, "moe_layer_freq", total)
    stated = part_attributes(text, "sparse_attention_config")
    used = stated is not None and flag(stated, "use_sparse_attention", True)
    indexed = per_layer(stated, "sparse_attention_freq", total) if stated and used else [0] * total
    width = need(text, "dense_intermediate_size")
    dense = [*columns("up", hidden, width * 2), *rows("down", width, hidden)]
    experts, shared = need(text, "num_local_experts"), optional(text, "shared_intermediate_size")
    routed = [
        *experts_of("experts", experts, hidden, need(text, "intermediate_size")),
        copied("router", experts * hidden, WIDE),
        copied("correction_bias", experts, WIDE),
        *columns("shared_expert", hidden, shared * 2),
        *rows("shared_expert", shared, hidden),
    ]
    layers = tuple(
        (
            *_m3_attention(text, hidden, stated if indexed[place] else None),
            *(routed if sparse[place] else dense),
            copied("norms", hidden * 2),
        )
        for place in range(total)
    )
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)


def _m3_attention(text: Attributes, hidden: int, index: Attributes | None) -> list[Component]:
    count, size = need(text, "num_attention_heads"), need(text, "head_dim")
    kv_heads = need(text, "num_key_value_heads")
    built = [
        *columns("q", hidden, count * size),
        *heads("k", hidden, kv_heads * size, kv_heads),
        *heads("v", hidden, kv_heads * size, kv_heads),
        *rows("o", count * size, hidden),
        copied("head_norms", size * 2),
    ]
    if index is None:
        return built
    queries, depth = need(index, "sparse_num_index_heads"), need(index, "sparse_index_dim")
    return [
        *built,
        *heads("sparse_index", hidden, queries * depth, queries),
        *replicated("sparse_index", hidden, depth),
        copied("head_norms", depth * 2),
    ]
