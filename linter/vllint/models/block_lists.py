"""Text models of which each layer has its own sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vllint.models.attributes import Attributes, mapping, part_attributes
from vllint.models.layers import written_kinds
from vllint.models.matrices import columns, copied, experts_of, heads, model_of, rows
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, numbers, per_layer
from vllint_schemas.models import Component, Components

WIDE = 4
_WIDTH_MULTIPLE = 256


def nemotron_nas(text: Attributes, architecture: str) -> Components:
    """Return layers that may lack attention or the MLP, with MLPs of all widths (`nemotron_nas.py`)."""
    hidden = need(text, "hidden_size")
    total = layer_count(text, "num_hidden_layers")
    blocks = [mapping(block) for block in per_layer(text, "block_configs", total)]
    layers = tuple((*_nas_attention(text, hidden, block), *_nas_mlp(text, hidden, block)) for block in blocks)
    tied = flag(text, "tie_word_embeddings")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)


def _nas_attention(text: Attributes, hidden: int, block: Mapping[str, Any]) -> list[Component]:
    stated = mapping(block.get("attention"))
    if stated.get("no_op"):
        return []
    count, group = need(text, "num_attention_heads"), stated.get("n_heads_in_group")
    if not isinstance(group, int) or group < 1:
        raise MissingSizeError("n_heads_in_group")
    size, kv_heads, bias = hidden // count, count // group, flag(text, "attention_bias")
    return [
        *columns("q", hidden, count * size, bias),
        *heads("k", hidden, kv_heads * size, kv_heads, bias),
        *heads("v", hidden, kv_heads * size, kv_heads, bias),
        *rows("o", count * size, hidden, bias),
        copied("norms", hidden),
    ]


def _nas_mlp(text: Attributes, hidden: int, block: Mapping[str, Any]) -> list[Component]:
    stated = mapping(block.get("ffn"))
    if stated.get("no_op"):
        return []
    factor, width = stated.get("ffn_mult"), stated.get("intermediate_size")
    if isinstance(factor, (int, float)) and 0 < factor < _WIDTH_MULTIPLE:
        width = -(-int(2 * factor * hidden / 3) // _WIDTH_MULTIPLE) * _WIDTH_MULTIPLE
    if not isinstance(width, int) or width < 1:
        raise MissingSizeError("ffn_mult")
    bias = flag(text, "mlp_bias")
    mlp = [*columns("up", hidden, width * 2, bias), *rows("down", width, hidden, bias)]
    return [*mlp, copied("norms", hidden)]


def step3p5(text: Attributes, architecture: str) -> Components:
    """Return gated attention, window layers of other heads, experts in most layers (`step3p5.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    kinds = written_kinds(text, total)
    if not kinds or len(kinds) < total:
        raise MissingSizeError("layer_types")
    sparse = _step_sparse(text, total)
    width = need(text, "intermediate_size")
    dense = [*columns("up", hidden, width * 2), *rows("down", width, hidden)]
    mlps = {True: _step_experts(text, hidden), False: dense}
    layers = tuple(
        (
            *_step_attention(text, hidden, kinds[place] == "sliding_attention"),
            *mlps[place in sparse],
            copied("norms", hidden * 2),
        )
        for place in range(total)
    )
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)


def _step_sparse(text: Attributes, total: int) -> frozenset[int]:
    if "mlp_layer_types" in text.written:
        kinds = per_layer(text, "mlp_layer_types", total)
        return frozenset(place for place, kind in enumerate(kinds) if kind == "sparse")
    if text.written.get("moe_layers_enum") is not None:
        return numbers(text, "moe_layers_enum")
    return frozenset(range(1, total))


def _step_attention(text: Attributes, hidden: int, window: bool) -> list[Component]:
    count, kv_heads = need(text, "num_attention_heads"), need(text, "num_attention_groups")
    other = part_attributes(text, "attention_other_setting")
    if window and text.get("num_sliding_attention_heads"):
        count = need(text, "num_sliding_attention_heads")
    elif window and other is not None and other.written.get("attention_type") == "sliding_attention":
        count = need(other, "num_attention_heads")
    size, mark = need(text, "head_dim", default=hidden // count), "_window" if window else ""
    gate = columns("gate", hidden, count) if flag(text, "use_head_wise_attn_gate") else []
    return [
        *columns("q", hidden, count * size),
        *heads(f"k{mark}", hidden, kv_heads * size, kv_heads),
        *heads(f"v{mark}", hidden, kv_heads * size, kv_heads),
        *rows("o", count * size, hidden),
        *gate,
        copied("head_norms", size * 2),
    ]


def _step_experts(text: Attributes, hidden: int) -> list[Component]:
    experts, shared = need(text, "moe_num_experts"), need(text, "share_expert_dim")
    return [
        *experts_of("experts", experts, hidden, need(text, "moe_intermediate_size")),
        copied("router", experts * hidden, WIDE if flag(text, "need_fp32_gate") else 0),
        copied("correction_bias", experts, WIDE),
        *columns("shared_expert", hidden, shared * 2),
        *rows("shared_expert", shared, hidden),
    ]
