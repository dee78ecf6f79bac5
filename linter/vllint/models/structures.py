"""Whole text models whose layers differ in ways that the common facts do not express."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vllint.models.attributes import Attributes, part_attributes
from vllint.models.block_lists import nemotron_nas, step3p5
from vllint.models.class_defaults import with_class_defaults
from vllint.models.decoders import afmoe, aria, gemma3n, gpt_bigcode, hunyuan_moe, longcat, minimax_m3, molmo
from vllint.models.encoders import bert, gte, modern_bert, nomic_bert, whisper
from vllint.models.gemma4 import gemma4
from vllint.models.hybrids import falcon_h1, granite_hybrid, jamba, lfm2, mamba1_only, mamba2_only, nemotron_h
from vllint.models.laguna import laguna
from vllint.models.latent import deepseek_v4, kimi_linear, minicpm3
from vllint.models.matrices import columns, copied, experts_of, heads, model_of, rows
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, per_layer
from vllint_schemas.models import Component, Components

Builder = Callable[[Attributes, str], Components]


def built_components(text: Attributes, architecture: str | None) -> Components | None:
    """Return what vLLM builds of the text model; `None` where its type is not here or a size is missing."""
    builder = _BUILDERS.get(text.model_type or "")
    if builder is None:
        return None
    try:
        return builder(with_class_defaults(text), architecture or "")
    except MissingSizeError:
        return None


def _falcon(text: Attributes, architecture: str) -> Components:
    """Attention and MLP side by side, with a norm each in the new architecture (`falcon.py`)."""
    hidden, count = need(text, "hidden_size"), need(text, "num_attention_heads")
    new, bias = flag(text, "new_decoder_architecture"), flag(text, "bias")
    kv_heads = need(text, "num_kv_heads") if new else (1 if flag(text, "multi_query") else count)
    size = hidden // count
    norms = 2 if new or not flag(text, "parallel_attn", True) else 1
    width = need(text, "ffn_hidden_size", default=hidden * 4)
    layer = (
        *columns("q", hidden, hidden, bias),
        *heads("k", hidden, kv_heads * size, kv_heads, bias),
        *heads("v", hidden, kv_heads * size, kv_heads, bias),
        *rows("o", hidden, hidden, bias),
        *columns("up", hidden, width, bias),
        *rows("down", width, hidden, bias),
        copied("norms", hidden * 2 * norms),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden * 2, tied=_tied(text, True))
    return model._replace(embeddings_copied=True)


def _dbrx(text: Attributes, architecture: str) -> Components:
    """Experts throughout, no bias at all; all of it but the layers on every stage (`dbrx.py`)."""
    hidden, count = need(text, "d_model", "hidden_size"), need(text, "n_heads", "num_attention_heads")
    attending, experts = (part_attributes(text, key) for key in ("attn_config", "ffn_config"))
    if attending is None or experts is None:
        raise MissingSizeError("ffn_config")
    kv_heads, size = need(attending, "kv_n_heads", default=1), hidden // count
    number, width = (
        need(experts, "moe_num_experts", default=4),
        need(experts, "ffn_hidden_size", default=3584),
    )
    layer = (
        *columns("q", hidden, hidden),
        *heads("k", hidden, kv_heads * size, kv_heads),
        *heads("v", hidden, kv_heads * size, kv_heads),
        *rows("o", hidden, hidden),
        *experts_of("experts", number, hidden, width),
        copied("router", number * hidden),
        copied("norms", hidden * 2),
    )
    layers = (layer,) * layer_count(text, "n_layers", "num_hidden_layers")
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=0, tied=False)
    embedding = (*model.embedding, copied("final_norm", hidden))
    return model._replace(embedding=embedding, embeddings_copied=True, heads_copied=True)


def _mimo_v2(text: Attributes, architecture: str) -> Components:
    """Window layers of other heads, with sinks; values narrower than keys (`mimo_v2_flash.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    windows = per_layer(text, "hybrid_layer_pattern", total)
    sparse = per_layer(text, "moe_layer_freq", total)
    built: dict[tuple[bool, bool], tuple[Component, ...]] = {}
    for key in {(bool(w), bool(s)) for w, s in zip(windows, sparse, strict=True)}:
        mlp = _mimo_experts(text, hidden) if key[1] else _gated(hidden, need(text, "intermediate_size"))
        built[key] = (*_mimo_attention(text, hidden, key[0]), *mlp, copied("norms", hidden * 2))
    layers = tuple(built[bool(w), bool(s)] for w, s in zip(windows, sparse, strict=True))
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=_tied(text, False))


def _mimo_attention(text: Attributes, hidden: int, window: bool) -> list[Component]:
    mark = "swa_" if window else ""
    count, kv_heads = need(text, f"{mark}num_attention_heads"), need(text, f"{mark}num_key_value_heads")
    key, value = need(text, f"{mark}head_dim"), need(text, f"{mark}v_head_dim")
    bias = flag(text, "attention_bias")
    kind = "swa" if window else "full"
    return [
        *columns("q", hidden, count * key, bias),
        *heads("k_window" if window else "k", hidden, kv_heads * key, kv_heads, bias),
        *heads("v_window" if window else "v", hidden, kv_heads * value, kv_heads, bias),
        *rows("o", count * value, hidden),
        *([Component("sinks", count, "even")] if flag(text, f"add_{kind}_attention_sink_bias") else []),
    ]


def _mimo_experts(text: Attributes, hidden: int) -> list[Component]:
    experts = need(text, "n_routed_experts")
    return [
        *experts_of("experts", experts, hidden, need(text, "moe_intermediate_size")),
        copied("router", experts * hidden, 4),
        copied("correction_bias", experts, 4),
    ]


def _gated(hidden: int, width: int) -> list[Component]:
    return [*columns("up", hidden, width * 2), *rows("down", width, hidden)]


def _tied(text: Attributes, default: bool) -> bool:
    return flag(text, "tie_word_embeddings", default)


_BUILDERS: Mapping[str, Builder] = {
    "dbrx": _dbrx,
    "falcon": _falcon,
    "RefinedWeb": _falcon,
    "RefinedWebModel": _falcon,
    "mimo_v2_flash": _mimo_v2,
    "gemma4_text": gemma4,
    "gemma4_unified_text": gemma4,
    "laguna": laguna,
    "nemotron_h": nemotron_h,
    "mamba": mamba1_only,
    "falcon_mamba": mamba1_only,
    "mamba2": mamba2_only,
    "falcon_h1": falcon_h1,
    "jamba": jamba,
    "lfm2": lfm2,
    "lfm2_moe": lfm2,
    "granitemoehybrid": granite_hybrid,
    "minicpm3": minicpm3,
    "kimi_linear": kimi_linear,
    "nemotron-nas": nemotron_nas,
    "step3p5": step3p5,
    "molmo": molmo,
    "gpt_bigcode": gpt_bigcode,
    "aria_text": aria,
    "gemma3n_text": gemma3n,
    "afmoe": afmoe,
    "minimax_m3_text": minimax_m3,
    "hunyuan_v1_moe": hunyuan_moe,
    "longcat_flash": longcat,
    "deepseek_v4": deepseek_v4,
    "bert": bert,
    "roberta": bert,
    "xlm-roberta": bert,
    "modernbert": modern_bert,
    "nomic_bert": nomic_bert,
    "gte": gte,
    "new": gte,
    "whisper": whisper,
}
"""By the model type of the text part."""

BUILT_TYPES = frozenset(_BUILDERS)
