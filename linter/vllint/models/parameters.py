"""Counts the parameters vLLM builds for a model, component by component."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

from vllint.models.architectures import is_compared, is_converted, pooling_kind
from vllint.models.families import FAMILIES, Family
from vllint.models.matrices import (
    VOCABULARY_PADDING,
    columns,
    copied,
    divided,
    experts_of,
    padded,
    replicated,
    rows,
    table,
)
from vllint_schemas import ModelFacts, Unknown
from vllint_schemas.models import Component, Components

SCORING_SUFFIXES = ("ForSequenceClassification", "ForTokenClassification", "RewardModel")
"""Architectures that vLLM builds without a language model head."""

WIDE = 4
"""Bytes of what vLLM keeps in 32 bits: decays of states, corrections of routers, norms of indexers."""

TOLERANCE = 0.01
"""How far the count may be from the checkpoint's before the structure counts as not known."""


WHOLE_TOWER = "tower"
"""Towers of which the size is known, as what a checkpoint has beside the text model, and no more."""


class _Sizes(NamedTuple):
    """A model's sizes, all known."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int


@lru_cache(maxsize=256)
def count_parameters(facts: ModelFacts) -> Components | Unknown:
    """Return the elements vLLM builds, or why they cannot be counted from the facts alone.

    The count is checked against `params_total` where that is known; without it, vLLM's class must be one
    whose builds the count was compared with. Of composite models the towers are one component beside the
    embedding. Towers and heads of unknown size are left out (`partial`).
    """
    counted = _counted(facts)
    if isinstance(counted, Unknown) or is_compared(facts.architecture, facts.model_type):
        return counted
    if facts.multimodal:
        return _without_parts(facts, counted)
    if facts.params_total is not None and facts.built is None:
        return counted
    return Unknown(f"how vLLM builds `{facts.architecture}` of `{facts.model_type}` models is not tabled")


def _without_parts(facts: ModelFacts, counted: Components) -> Components:
    """Return a composite model of a class that was compared with no build: what its text model has surely."""
    bare = counted._replace(tower=(), partial=("tower",))
    if facts.architecture is None or not pooling_kind(facts.architecture):
        return bare
    return bare._replace(tied=True, partial=("tower", "head"))


def _counted(facts: ModelFacts) -> Components | Unknown:
    if facts.built is not None:
        built = facts.built._replace(head=()) if is_converted(facts.architecture) else facts.built
        return _with_tower(facts, built) if facts.multimodal else built
    kind = _kind(facts)
    family = FAMILIES.get(kind)
    if family is None:
        return Unknown(f"how vLLM builds `{kind or facts.architecture}` models is not tabled")
    if family.latent and facts.qk_nope_head_dim == facts.qk_rope_head_dim == 0:
        # Without latents, DeepSeek's classes build plain attention (`deepseek_v2.py`).
        family = family._replace(latent=False)
    sizes = _sizes(facts, family)
    if isinstance(sizes, Unknown):
        return sizes
    layers = _layers(facts, family, sizes)
    if isinstance(layers, Unknown):
        return layers
    counted = _assembled(facts, family, sizes, layers)
    return counted if isinstance(counted, Unknown) else _checked(facts, counted, sizes)


def _kind(facts: ModelFacts) -> str:
    return facts.text_model_type or facts.model_type or ""


def _sizes(facts: ModelFacts, family: Family) -> _Sizes | Unknown:
    head_dim = 1 if family.latent else facts.head_dim
    for name, value in (
        ("num_hidden_layers", facts.num_hidden_layers),
        ("hidden_size", facts.hidden_size),
        ("num_attention_heads", facts.num_attention_heads),
        ("num_key_value_heads", facts.num_key_value_heads),
        ("head_dim", head_dim),
        ("vocab_size", facts.vocab_size),
        ("num_experts", facts.num_experts),
    ):
        if value is None:
            return Unknown(f"`{name}` of `{facts.id}` is not known")
    return _Sizes(
        facts.num_hidden_layers or 0,
        facts.hidden_size or 0,
        facts.num_attention_heads or 0,
        facts.num_key_value_heads or 0,
        head_dim or 0,
        facts.vocab_size or 0,
    )


def _layers(facts: ModelFacts, family: Family, sizes: _Sizes) -> tuple[tuple[Component, ...], ...] | Unknown:
    """Return the layers in order: dense ones first, each last of a period with full attention."""
    attention = _latent(facts, sizes) if family.latent else _attention(facts, family, sizes)
    recurrent = _delta_net(facts, sizes) if facts.linear_attention else attention
    dense = _mlp(facts, family, sizes) if _has_dense(facts) else ()
    sparse = _experts(facts, family, sizes) if facts.num_experts else ()
    for part in (attention, recurrent, dense, sparse):
        if isinstance(part, Unknown):
            return part
    norms = (Component("norms", _norm(family, sizes) * family.norms + family.extra, "none"),)
    is_dense = _dense_places(facts, sizes.layers)
    if isinstance(is_dense, Unknown):
        return is_dense
    is_full = _full_places(facts, sizes.layers)
    if isinstance(is_full, Unknown):
        return is_full
    built: dict[tuple[bool, bool], tuple[Component, ...]] = {
        (full, plain): (*(attention if full else recurrent), *(dense if plain else sparse), *norms)  # type: ignore[misc]
        for full in (True, False)
        for plain in (True, False)
    }
    layers = tuple(built[place] for place in zip(is_full, is_dense, strict=True))
    return _with_indexers(layers, facts.indexed_layers)


def _with_indexers(
    layers: tuple[tuple[Component, ...], ...], indexed: tuple[bool, ...] | None
) -> tuple[tuple[Component, ...], ...]:
    """Take the indexer out of the layers that have none of their own."""
    if indexed is None or len(indexed) != len(layers):
        return layers
    bare = {
        layer: tuple(part for part in layer if not part.name.startswith("index_")) for layer in set(layers)
    }
    return tuple(layer if own else bare[layer] for layer, own in zip(layers, indexed, strict=True))


def _has_dense(facts: ModelFacts) -> bool:
    return facts.num_experts == 0 or bool(facts.num_dense_layers)


def _dense_places(facts: ModelFacts, layers: int) -> list[bool] | Unknown:
    if facts.num_experts == 0:
        return [True] * layers
    dense = facts.num_dense_layers
    if dense is None and facts.params_total is not None and facts.multimodal is False:
        # The total decides: a dense layer weighs a fraction of a sparse one.
        return [False] * layers
    if dense is None or dense > layers:
        return Unknown(f"which layers of `{facts.id}` have experts is not known")
    if facts.text_model_type == "llama4_text" and dense * 2 == layers:
        return [place % 2 == 0 for place in range(layers)]
    return [place < dense for place in range(layers)]


def _full_places(facts: ModelFacts, layers: int) -> list[bool] | Unknown:
    if not facts.linear_attention:
        return [True] * layers
    full = facts.num_full_attention_layers
    if not full or layers % full:
        return Unknown(f"which layers of `{facts.id}` have full attention is not known")
    return [(place + 1) % (layers // full) == 0 for place in range(layers)]


def _attention(facts: ModelFacts, family: Family, sizes: _Sizes) -> tuple[Component, ...]:
    query, key = sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
    gated = query * 2 if family.output_gate else query
    linear = partial(Component, quantizable=True)
    parts = [
        linear("q", gated * sizes.hidden, "query", outputs=gated),
        linear("k", key * sizes.hidden, "key_value", outputs=key),
        linear("v", key * sizes.hidden, "key_value", outputs=key),
        linear("o", query * sizes.hidden, "query", outputs=sizes.hidden, by_inputs=True),
    ]
    if facts.attention_bias if family.query_bias is None else family.query_bias:
        parts += [
            Component("q_bias", gated, "query"),
            Component("kv_bias", key * 2, "key_value"),
        ]
    if facts.attention_bias if family.output_bias is None else family.output_bias:
        parts.append(Component("o_bias", sizes.hidden, "none"))
    if family.head_norms == "head":
        parts.append(Component("head_norms", sizes.head_dim * 2, "none"))
    if family.head_norms == "all":
        parts.append(Component("head_norms", query + key, "none"))
    if family.sinks:
        parts.append(Component("sinks", sizes.heads, "query"))
    return tuple(parts)


def _latent(facts: ModelFacts, sizes: _Sizes) -> tuple[Component, ...] | Unknown:
    """Return multi-head latent attention: what makes the latents is copied, what reads them is divided."""
    rank, rope = facts.kv_lora_rank, facts.qk_rope_head_dim
    nope, value = facts.qk_nope_head_dim, facts.v_head_dim
    if not rank or rope is None or nope is None or value is None:
        return Unknown(f"the latent attention of `{facts.id}` is not known in full")
    query = sizes.heads * (nope + rope)
    parts = [
        *replicated("kv_a", sizes.hidden, rank + rope),
        *columns("kv_b", rank, sizes.heads * (nope + value)),
        *rows("o", sizes.heads * value, sizes.hidden),
        copied("latent_norms", rank + (facts.q_lora_rank or 0)),
    ]
    if facts.q_lora_rank:
        parts += replicated("q_a", sizes.hidden, facts.q_lora_rank)
        parts += columns("q_b", facts.q_lora_rank, query)
    else:
        parts += columns("q", sizes.hidden, query)
    if facts.index_topk and facts.index_n_heads and facts.index_head_dim and facts.q_lora_rank:
        parts += replicated("index_q", facts.q_lora_rank, facts.index_n_heads * facts.index_head_dim)
        parts.append(copied("index_k", sizes.hidden * (facts.index_head_dim + facts.index_n_heads)))
        parts.append(copied("index_norm", facts.index_head_dim * 2, WIDE))
    return tuple(parts)


def _delta_net(facts: ModelFacts, sizes: _Sizes) -> tuple[Component, ...] | Unknown:
    """Return a gated delta net, the recurrent layer of Qwen3-Next and its successors."""
    key_heads, value_heads = facts.linear_num_key_heads, facts.linear_num_value_heads
    key_dim, value_dim = facts.linear_key_head_dim, facts.linear_value_head_dim
    kernel = facts.linear_conv_kernel_dim
    if not (key_heads and value_heads and key_dim and value_dim and kernel):
        return Unknown(f"the recurrent layers of `{facts.id}` are not known in full")
    keys, values = key_heads * key_dim, value_heads * value_dim
    return (
        *columns("in_qkvz", sizes.hidden, (keys + values) * 2),
        *columns("in_ba", sizes.hidden, value_heads * 2),
        *rows("out", values, sizes.hidden),
        divided("conv", (keys * 2 + values) * kernel),
        divided("decay", value_heads, WIDE),
        divided("time_bias", value_heads),
        copied("state_norm", value_dim),
    )


def _mlp(facts: ModelFacts, family: Family, sizes: _Sizes) -> tuple[Component, ...] | Unknown:
    width = facts.intermediate_size
    if not width:
        if family.mlp_matrices == 2:
            width = sizes.hidden * 4
        else:
            return Unknown(f"`intermediate_size` of `{facts.id}` is not known")
    bias = bool(facts.mlp_bias if family.mlp_bias is None else family.mlp_bias)
    return (
        *columns("up", sizes.hidden, width * (family.mlp_matrices - 1), bias),
        *rows("down", width, sizes.hidden, bias),
    )


def _experts(facts: ModelFacts, family: Family, sizes: _Sizes) -> tuple[Component, ...] | Unknown:
    experts, width = facts.num_experts or 0, facts.moe_intermediate_size
    shared = facts.shared_expert_intermediate_size
    if not width or shared is None:
        return Unknown(f"the width of the experts of `{facts.id}` is not known")
    parts = [
        *experts_of("experts", experts, sizes.hidden, width),
        copied("router", experts * sizes.hidden, WIDE if family.wide_router else 0),
    ]
    if family.expert_bias:
        parts.append(Component("expert_bias", experts * width * 2, "expert"))
        parts.append(Component("expert_output_bias", experts * sizes.hidden, "expert", by_inputs=True))
    if family.router_bias:
        parts.append(copied("router_bias", experts))
    if family.correction_bias:
        parts.append(copied("correction_bias", experts, WIDE))
    if shared:
        name = "shared_expert" if family.shared_divided else "shared_experts"
        parts += columns(name, sizes.hidden, shared * 2)
        parts += rows(name, shared, sizes.hidden)
    if shared and family.shared_gate:
        parts.append(Component("shared_gate", sizes.hidden, "none"))
    return tuple(parts)


def _assembled(
    facts: ModelFacts, family: Family, sizes: _Sizes, layers: tuple[tuple[Component, ...], ...]
) -> Components | Unknown:
    embedding = [table("embedding", sizes.vocabulary, sizes.hidden)]
    if family.positions is not None:
        if facts.max_position_embeddings is None:
            return Unknown(f"the positions of `{facts.id}` are not known")
        length = facts.max_position_embeddings + family.positions
        embedding.append(Component("positions", length * sizes.hidden, "none"))
    scores = (
        (facts.architecture or "").endswith(SCORING_SUFFIXES)
        or is_converted(facts.architecture)
        or pooling_kind(facts.architecture or "")
    )
    rewards = _reward(facts, sizes)
    head = rewards if scores or rewards else [table("head", sizes.vocabulary, sizes.hidden)]
    bias = [Component("head_bias", padded(sizes.vocabulary), "vocabulary")] if family.head_bias else []
    final = [Component("final_norm", _norm(family, sizes), "none")] if family.final_norm else []
    tied = family.tied if facts.tie_word_embeddings is None else facts.tie_word_embeddings
    return Components(
        tuple(embedding),
        layers,
        (*final, *bias),
        tuple(head),
        (tied or family.always_tied) and not family.never_tied and not rewards,
        embeddings_copied=family.embeddings_copied,
        heads_copied=family.heads_copied or bool(rewards),
    )


REWARDS = {"Qwen2ForRewardModel": 1, "Qwen2ForProcessRewardModel": 2}
"""Architectures with an MLP in 32 bits on every stage -> how many numbers it gives (`qwen2_rm.py`)."""

VALUES = frozenset(["InternLM2ForRewardModel"])
"""Architectures with one number for a hidden state in 32 bits on every stage (`internlm2.py`)."""


def _reward(facts: ModelFacts, sizes: _Sizes) -> list[Component]:
    if facts.architecture in VALUES:
        return [divided("reward", sizes.hidden, WIDE)]
    labels = REWARDS.get(facts.architecture or "")
    if labels is None:
        return []
    inner = sizes.hidden * (sizes.hidden + 1 + labels)
    return [divided("reward", inner, WIDE), copied("reward", labels, WIDE)]


def _norm(family: Family, sizes: _Sizes) -> int:
    return sizes.hidden * (2 if family.norm_bias else 1)


def _checked(facts: ModelFacts, counted: Components, sizes: _Sizes) -> Components | Unknown:
    """Return the count with the towers' share, if it agrees with the checkpoint's where that is known."""
    family = FAMILIES[_kind(facts)]
    unsure = facts.tie_word_embeddings is None and not (family.never_tied or family.always_tied)
    if unsure and (facts.multimodal or facts.params_total is None):
        counted = counted._replace(tied=True, partial=("head",))
    if facts.multimodal:
        return _with_tower(facts, counted)
    if facts.multimodal is None:
        return Unknown(f"whether `{facts.id}` has towers beside its text model is not known")
    if facts.params_total is None:
        return counted
    if unsure and abs(_other(counted).total - facts.params_total) < abs(counted.total - facts.params_total):
        # Checkpoints of embeddings hold no head, and vLLM builds one.
        counted = _other(counted)
        counted = counted._replace(partial=("head",) if counted.tied else ())
    difference = abs(counted.total - facts.params_total) - VOCABULARY_PADDING * sizes.hidden * 2
    if difference > facts.params_total * TOLERANCE:
        return Unknown(
            f"`{facts.id}` has {facts.params_total:,} parameters, and its sizes account for {counted.total:,}"
        )
    return counted


def _other(counted: Components) -> Components:
    return counted._replace(tied=not counted.tied)


_EVERYWHERE = frozenset({"gemma4_unified"})
"""Model types whose every pipeline stage builds what takes the place of towers."""


_TOWERLESS = frozenset({"whisper"})
"""Model types whose encoder is counted with the text model."""


def _with_tower(facts: ModelFacts, counted: Components) -> Components:
    if facts.model_type in _TOWERLESS:
        return counted
    if facts.tower is not None and facts.model_type in _EVERYWHERE:
        return counted._replace(embedding=(*counted.embedding, *facts.tower))
    if facts.tower is not None:
        return counted._replace(tower=facts.tower)
    elements = facts.vision_params
    if facts.params_total is not None and not counted.partial:
        elements = facts.params_total - counted.total
    if elements is None or elements < 0:
        return counted._replace(partial=("tower", *counted.partial))
    return counted._replace(tower=(divided(WHOLE_TOWER, elements),))
