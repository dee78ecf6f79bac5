"""Text models with latent attention of their own kinds."""

from __future__ import annotations

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.matrices import columns, copied, divided, experts_of, model_of, replicated, rows
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, numbers, optional, per_layer
from vllint_schemas.models import Component, Components

WIDE = 4
INDEXED_RATIO = 4
"""Layers that compress so many tokens to one have an indexer (`deepseek_v4.py`)."""


def minicpm3(text: Attributes, architecture: str) -> Components:
    """Return latents that are unfolded before they are cached (`minicpm3.py`)."""
    hidden, count = need(text, "hidden_size"), need(text, "num_attention_heads")
    nope, rope = need(text, "qk_nope_head_dim"), need(text, "qk_rope_head_dim")
    value = need(text, "v_head_dim", default=hidden // count)
    query, latent, width = (
        need(text, "q_lora_rank"),
        need(text, "kv_lora_rank"),
        need(text, "intermediate_size"),
    )
    layer = (
        *replicated("q_a", hidden, query),
        *columns("q_b", query, count * (nope + rope)),
        *replicated("kv_a", hidden, latent + rope),
        *columns("kv_b", latent, count * (nope + value)),
        *rows("o", count * value, hidden),
        *columns("up", hidden, width * 2),
        *rows("down", width, hidden),
        copied("norms", hidden * 2 + query + latent),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    tied = flag(text, "tie_word_embeddings", True)
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)
    return model._replace(embeddings_copied=True, heads_copied=True)


_K3_ONLY = ("routed_expert_hidden_size", "attn_res_block_size", "mla_use_output_gate")
"""What Kimi K3 has beside Kimi Linear, whose type it shares. Nobody could build it without a GPU."""


def kimi_linear(text: Attributes, architecture: str) -> Components:
    """Return layers with latent attention here and there, of delta nets else (`kimi_linear.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    linear = part_attributes(text, "linear_attn_config")
    odd = next((key for key in _K3_ONLY if text.written.get(key)), None)
    if odd is not None:
        raise MissingSizeError(odd)
    recurrent = {place - 1 for place in numbers(linear, "kda_layers")} if linear else set()
    delta = _delta_attention(linear, hidden) if linear else []
    mixers = {True: delta, False: _latent_attention(text, hidden)}
    width, norms = need(text, "intermediate_size"), copied("norms", hidden * 2)
    dense = [*columns("up", hidden, width * 2), *rows("down", width, hidden)]
    experts, every = optional(text, "num_experts"), need(text, "moe_layer_freq", default=1)
    first = optional(text, "first_k_dense_replace") if experts else total
    sparse = {place for place in range(first, total) if place % every == 0}
    mlps = {True: _kimi_experts(text, hidden) if sparse else [], False: dense}
    layers = tuple((*mixers[place in recurrent], *mlps[place in sparse], norms) for place in range(total))
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)


def _delta_attention(linear: Attributes, hidden: int) -> list[Component]:
    """Return a delta net with a decay for each channel: gates go through matrices of a low rank."""
    count, size = need(linear, "num_heads"), need(linear, "head_dim")
    inner = count * size
    return [
        *columns("in_qkvz", hidden, inner * 3),
        *replicated("in_qkvz", hidden, size),
        *columns("in_ba", hidden, count),
        *columns("gate_decay", size, inner),
        *replicated("gate", hidden, size),
        *columns("gate", size, inner),
        divided("conv", inner * 3 * need(linear, "short_conv_kernel_size", default=4), WIDE),
        divided("decay", inner + count, WIDE),
        copied("state_norm", size),
        *rows("o", inner, hidden),
    ]


def _latent_attention(text: Attributes, hidden: int) -> list[Component]:
    count, rank = need(text, "num_attention_heads"), need(text, "kv_lora_rank")
    nope, rope, value = (need(text, f"{name}_head_dim") for name in ("qk_nope", "qk_rope", "v"))
    query = optional(text, "q_lora_rank")
    return [
        *(replicated("q_a", hidden, query) if query else []),
        *columns("q_b" if query else "q", query or hidden, count * (nope + rope)),
        *replicated("kv_a", hidden, rank + rope),
        *columns("kv_b", rank, count * (nope + value)),
        copied("latent_norms", rank + query),
        *rows("o", count * value, hidden),
    ]


def _kimi_experts(text: Attributes, hidden: int) -> list[Component]:
    experts, width = need(text, "num_experts"), need(text, "moe_intermediate_size")
    shared = optional(text, "num_shared_experts") * width
    return [
        *experts_of("experts", experts, hidden, width),
        copied("router", experts * hidden),
        copied("correction_bias", experts, WIDE),
        *columns("shared_experts", hidden, shared * 2),
        *rows("shared_experts", shared, hidden),
    ]


def deepseek_v4(text: Attributes, architecture: str) -> Components:
    """Return layers that attend to a window and to compressed tokens, with hyper-connections."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    ratios = per_layer(text, "compress_ratios", total)
    hashed = optional(text, "num_hash_layers")
    streams = need(text, "hc_mult")
    common = [*_attention_v4(text, hidden), *_experts_v4(text, hidden), *_connections(hidden, streams)]
    layers = tuple(
        (*common, *_compressor(text, hidden, ratio), _choice(text, place < hashed))
        for place, ratio in enumerate(ratios)
    )
    tied = flag(text, "tie_word_embeddings")
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)
    head = copied("connections", streams * streams * hidden + streams + 1, WIDE)
    return model._replace(final=(*model.final, head))


def _attention_v4(text: Attributes, hidden: int) -> list[Component]:
    count, size = need(text, "num_attention_heads"), need(text, "head_dim")
    query, groups, output = need(text, "q_lora_rank"), need(text, "o_groups"), need(text, "o_lora_rank")
    return [
        *replicated("q_a", hidden, query + size),
        *columns("q_b", query, count * size),
        *columns("o_a", count * size // groups, groups * output),
        *rows("o", groups * output, hidden),
        copied("latent_norms", query + size),
        copied("sinks", count, WIDE),
        copied("norms", hidden * 2),
    ]


def _experts_v4(text: Attributes, hidden: int) -> list[Component]:
    experts, width = need(text, "n_routed_experts"), need(text, "moe_intermediate_size")
    shared = optional(text, "n_shared_experts") * width
    return [
        *experts_of("experts", experts, hidden, width),
        copied("router", experts * hidden),
        *columns("shared_experts", hidden, shared * 2),
        *rows("shared_experts", shared, hidden),
    ]


def _connections(hidden: int, streams: int) -> list[Component]:
    mixed = (2 + streams) * streams
    return [copied("connections", 2 * (mixed * streams * hidden + mixed + 3), WIDE)]


def _choice(text: Attributes, hashed: bool) -> Component:
    """Return how the first layers choose experts, by a table of tokens, and the others, by corrections."""
    if hashed:
        return copied("token_experts", need(text, "vocab_size") * need(text, "num_experts_per_tok"), WIDE)
    return copied("correction_bias", need(text, "n_routed_experts"), WIDE)


def _compressor(text: Attributes, hidden: int, ratio: object) -> list[Component]:
    if not isinstance(ratio, int) or ratio < 1:
        return []
    size, index = need(text, "head_dim"), need(text, "index_head_dim")
    if ratio != INDEXED_RATIO:
        return _compressed(hidden, size, ratio, 1)
    count = need(text, "index_n_heads")
    return [
        *_compressed(hidden, size, ratio, 2),
        *_compressed(hidden, index, ratio, 2),
        *replicated("index_q", need(text, "q_lora_rank"), count * index),
        copied("index_k", hidden * count),
    ]


def _compressed(hidden: int, size: int, ratio: int, overlap: int) -> list[Component]:
    return [
        copied("compressor", ratio * size * overlap, WIDE),
        copied("compressor", size * overlap * 2 * hidden + size),
    ]
