"""Text models with state space layers beside attention, one kind of block after another."""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.layers import written_kinds
from vllint.models.matrices import columns, copied, divided, experts_of, heads, model_of, replicated, rows
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, optional
from vllint_schemas.models import Component, Components

WIDE = 4


STATE_DTYPES = frozenset({"bfloat16", "float16", "float32"})


def state_dtype(text: Attributes) -> str:
    """Return the type that the config asks for recurrent states; `auto` where it asks for none."""
    written = text.first("mamba_ssm_dtype", "mamba_ssm_cache_dtype")
    return written if isinstance(written, str) and written in STATE_DTYPES else "auto"


def mamba2(
    hidden: int, count: int, size: int, groups: int, state: int, kernel: int, bias: bool, conv_bias: bool
) -> list[Component]:
    """Return a Mamba-2 mixer (`mamba_mixer2.py`): divided by heads, its groups shared if there are fewer."""
    inner, shared = count * size, groups * state * 2
    return [
        *columns("state_in", hidden, inner * 2 + count, bias),
        *heads("state_in", hidden, shared, groups, bias),
        divided("conv", inner * (kernel + conv_bias)),
        Component("conv", shared * (kernel + conv_bias), "key_value", units=groups),
        divided("decay", count, WIDE),
        divided("time_bias", count * 2),
        divided("state_norm", inner),
        *rows("state_out", inner, hidden, bias),
    ]


def mamba1(
    hidden: int, inner: int, state: int, kernel: int, rank: int, bias: bool, conv_bias: bool, normed: bool
) -> list[Component]:
    """Return a Mamba-1 mixer (`mamba_mixer.py`), divided by its inner size.

    `normed`: its norms have weights.
    """
    return [
        *columns("state_in", hidden, inner * 2, bias),
        Component("conv", inner * kernel, "even", outputs=inner),
        *([divided("conv_bias", inner)] if conv_bias else []),
        *rows("state_x", inner, rank + state * 2),
        *columns("state_step", rank, inner, True),
        divided("state_matrix", inner * state, WIDE),
        divided("state_skip", inner),
        *rows("state_out", inner, hidden, bias),
        *([copied("state_norms", rank + state * 2)] if normed else []),
    ]


def mamba1_only(text: Attributes, architecture: str) -> Components:
    """Return Mamba-1 mixers and nothing else (`mamba.py`)."""
    hidden = need(text, "hidden_size")
    mixer = mamba1(
        hidden,
        need(text, "intermediate_size", default=hidden * need(text, "expand", default=2)),
        need(text, "state_size", default=16),
        need(text, "conv_kernel", default=4),
        need(text, "time_step_rank", default=-(-hidden // 16)),
        flag(text, "use_bias"),
        flag(text, "use_conv_bias", True),
        normed=False,
    )
    layers = ((*mixer, copied("norms", hidden)),) * layer_count(text, "num_hidden_layers")
    tied = flag(text, "tie_word_embeddings", True)
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)
    embedding = (*model.embedding, copied("final_norm", hidden))
    return model._replace(embedding=embedding, final=(), embeddings_copied=True, heads_copied=True)


def attention(text: Attributes, hidden: int, bias: bool) -> list[Component]:
    """Return grouped-query attention."""
    count = need(text, "num_attention_heads")
    kv_heads = need(text, "num_key_value_heads", default=count)
    size = need(text, "head_dim", default=hidden // count)
    return [
        *columns("q", hidden, count * size, bias),
        *heads("k", hidden, kv_heads * size, kv_heads, bias),
        *heads("v", hidden, kv_heads * size, kv_heads, bias),
        *rows("o", count * size, hidden, bias),
    ]


def mamba2_only(text: Attributes, architecture: str) -> Components:
    """Return Mamba-2 mixers and nothing else (`mamba2.py`)."""
    hidden = need(text, "hidden_size")
    size = need(text, "head_dim", "mamba_head_dim", default=64)
    count = need(text, "num_heads", "mamba_num_heads", default=hidden * 2 // size)
    mixer = mamba2(
        hidden,
        count,
        size,
        need(text, "n_groups", default=8),
        need(text, "state_size", "ssm_state_size", default=128),
        need(text, "conv_kernel", default=4),
        flag(text, "use_bias"),
        flag(text, "use_conv_bias", True),
    )
    layers = ((*mixer, copied("norms", hidden)),) * layer_count(text, "num_hidden_layers")
    tied = flag(text, "tie_word_embeddings")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)


def falcon_h1(text: Attributes, architecture: str) -> Components:
    """Return layers with attention and a Mamba-2 mixer side by side (`falcon_h1.py`)."""
    hidden, width = need(text, "hidden_size"), need(text, "intermediate_size")
    count, size = need(text, "mamba_n_heads"), need(text, "mamba_d_head")
    mixer = mamba2(
        hidden,
        count,
        size,
        need(text, "mamba_n_groups"),
        need(text, "mamba_d_state"),
        need(text, "mamba_d_conv"),
        flag(text, "mamba_proj_bias"),
        flag(text, "mamba_conv_bias", True),
    )
    if not flag(text, "mamba_rms_norm"):
        mixer = [part for part in mixer if part.name != "state_norm"]
    bias = flag(text, "mlp_bias")
    layer = (
        *attention(text, hidden, flag(text, "attention_bias")),
        *mixer,
        *columns("up", hidden, width * 2, bias),
        *rows("down", width, hidden, bias),
        copied("norms", hidden * 2),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    tied = flag(text, "tie_word_embeddings")
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)


def lfm2(text: Attributes, architecture: str) -> Components:
    """Return short convolutions and attention with normed heads (`lfm2.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    kinds = written_kinds(text, total)
    if not kinds:
        raise MissingSizeError("layer_types")
    size = hidden // need(text, "num_attention_heads")
    mlps = _lfm2_mlps(text, hidden, total)
    inner, kernel, bias = (
        need(text, "conv_dim", default=hidden),
        need(text, "conv_L_cache"),
        flag(text, "conv_bias"),
    )
    convolution = [
        *columns("state_in", hidden, inner * 3, bias),
        Component("conv", inner * kernel, "even", outputs=inner),
        *([divided("conv_bias", inner)] if bias else []),
        *rows("state_out", inner, hidden, bias),
    ]
    attending = [*attention(text, hidden, bias=False), copied("head_norms", size * 2)]
    layers = tuple(
        (*(attending if kind == "full_attention" else convolution), *mlp)
        for kind, mlp in zip(kinds, mlps, strict=False)
    )
    return model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=True)


def _lfm2_mlps(text: Attributes, hidden: int, total: int) -> list[tuple[Component, ...]]:
    """Return each layer's MLP and norms: of `lfm2_moe` all but the first layers have experts."""
    norms = copied("norms", hidden * 2)
    sparse = text.model_type == "lfm2_moe"
    width = need(text, "intermediate_size") if sparse else _lfm2_width(text)
    dense = (*columns("up", hidden, width * 2), *rows("down", width, hidden), norms)
    if not sparse:
        return [dense] * total
    experts = need(text, "num_experts")
    routed = (
        *experts_of("experts", experts, hidden, need(text, "moe_intermediate_size")),
        copied("router", experts * hidden),
        *([copied("correction_bias", experts, WIDE)] if flag(text, "use_expert_bias", True) else []),
        norms,
    )
    first = optional(text, "num_dense_layers")
    return [dense if place < first else routed for place in range(total)]


def jamba(text: Attributes, architecture: str) -> Components:
    """Return Mamba-1 mixers, attention here and there, experts in some layers (`jamba.py`)."""
    hidden, total = need(text, "hidden_size"), layer_count(text, "num_hidden_layers")
    mixer = mamba1(
        hidden,
        need(text, "mamba_expand", default=2) * hidden,
        need(text, "mamba_d_state", default=16),
        need(text, "mamba_d_conv", default=4),
        need(text, "mamba_dt_rank", default=-(-hidden // 16)),
        flag(text, "mamba_proj_bias"),
        flag(text, "mamba_conv_bias", True),
        normed=True,
    )
    width, experts = need(text, "intermediate_size"), optional(text, "num_experts")
    dense = [*columns("up", hidden, width * 2), *rows("down", width, hidden)]
    routed = [*experts_of("experts", experts, hidden, width), copied("router", experts * hidden)]
    every, first = need(text, "expert_layer_period", default=2), optional(text, "expert_layer_offset")
    apart, start = need(text, "attn_layer_period", default=8), optional(text, "attn_layer_offset")
    attending = attention(text, hidden, bias=False)
    layers = tuple(
        (
            *(attending if place % apart == start else mixer),
            *(routed if experts > 1 and place % every == first else dense),
            copied("norms", hidden * 2),
        )
        for place in range(total)
    )
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=False)
    embedding = (*model.embedding, copied("final_norm", hidden))
    return model._replace(embedding=embedding, final=(), embeddings_copied=True, heads_copied=True)


def _lfm2_width(text: Attributes) -> int:
    width = need(text, "block_ff_dim", "intermediate_size")
    if not flag(text, "block_auto_adjust_ff_dim", True):
        return width
    factor = text.get("block_ffn_dim_multiplier")
    narrow = int(2 * width / 3) * (factor if isinstance(factor, (int, float)) else 1)
    multiple = need(text, "block_multiple_of", default=256)
    return multiple * -(-int(narrow) // multiple)


_PATTERNS = ("hybrid_override_pattern", "layers_block_type", "layer_types")


def nemotron_h(text: Attributes, architecture: str) -> Components:
    """Return one block a layer: Mamba-2, attention, an MLP or experts (`nemotron_h.py`)."""
    hidden = need(text, "hidden_size")
    kinds = written_kinds(text, layer_count(text, "num_hidden_layers"))
    # The class's own pattern has its own length, whatever number of layers is written.
    if not kinds or not any(key in text.written for key in _PATTERNS):
        raise MissingSizeError("hybrid_override_pattern")
    norm = copied("norms", hidden)
    built = {kind: (*_nemotron_block(text, hidden, kind), norm) for kind in set(kinds)}
    layers = tuple(built[kind] for kind in kinds)
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=0, tied=False)
    # The last norm stands on every stage, as the embedding and the head do.
    embedding = (*model.embedding, copied("final_norm", hidden))
    return model._replace(embedding=embedding, embeddings_copied=True, heads_copied=True)


def _nemotron_block(text: Attributes, hidden: int, kind: str) -> list[Component]:
    if kind in ("mamba", "linear_attention"):
        return mamba2(
            hidden,
            need(text, "mamba_num_heads"),
            need(text, "mamba_head_dim"),
            need(text, "n_groups"),
            need(text, "ssm_state_size"),
            need(text, "conv_kernel"),
            flag(text, "use_bias"),
            flag(text, "use_conv_bias", True),
        )
    if kind in ("attention", "full_attention"):
        return attention(text, hidden, flag(text, "attention_bias"))
    if kind == "mlp":
        width, bias = need(text, "intermediate_size"), flag(text, "mlp_bias")
        return [*columns("up", hidden, width, bias), *rows("down", width, hidden, bias)]
    if kind == "moe":
        return _nemotron_experts(text, hidden)
    raise MissingSizeError("hybrid_override_pattern")


def _nemotron_experts(text: Attributes, hidden: int) -> list[Component]:
    experts, width = need(text, "n_routed_experts"), need(text, "moe_intermediate_size")
    latent = optional(text, "moe_latent_size")
    shared = optional(text, "n_shared_experts") * optional(text, "moe_shared_expert_intermediate_size")
    bias = flag(text, "mlp_bias")
    parts = [
        *experts_of("experts", experts, latent or hidden, width, matrices=2),
        copied("router", experts * hidden),
        copied("correction_bias", experts, WIDE),
    ]
    if latent:
        parts += replicated("latent_experts", hidden, latent, bias)
        parts += replicated("latent_experts", latent, hidden, bias)
    if shared:
        parts += columns("shared_experts", hidden, shared, bias)
        parts += rows("shared_experts", shared, hidden, bias)
    return parts


def granite_hybrid(text: Attributes, architecture: str) -> Components:
    """Return layers of Mamba-2 or attention, each with experts and an MLP (`granitemoehybrid.py`)."""
    hidden = need(text, "hidden_size")
    kinds = written_kinds(text, layer_count(text, "num_hidden_layers"))
    if not kinds:
        raise MissingSizeError("layer_types")
    mlp = [*_granite_mlp(text, hidden), copied("norms", hidden * 2)]
    built = {kind: (*_granite_mixer(text, hidden, kind), *mlp) for kind in set(kinds)}
    layers = tuple(built[kind] for kind in kinds)
    tied = flag(text, "tie_word_embeddings")
    model = model_of(need(text, "vocab_size"), hidden, layers, norm=hidden, tied=tied)
    return model._replace(embeddings_copied=True, heads_copied=True)


def _granite_mixer(text: Attributes, hidden: int, kind: str) -> list[Component]:
    if kind == "attention":
        return attention(text, hidden, flag(text, "attention_bias"))
    if kind not in ("mamba", "linear_attention"):
        raise MissingSizeError("layer_types")
    return mamba2(
        hidden,
        need(text, "mamba_n_heads"),
        # The class asserts that heads of this size make up the state.
        need(text, "mamba_expand", default=2) * hidden // need(text, "mamba_n_heads"),
        need(text, "mamba_n_groups"),
        need(text, "mamba_d_state"),
        need(text, "mamba_d_conv"),
        flag(text, "mamba_proj_bias"),
        flag(text, "mamba_conv_bias", True),
    )


def _granite_mlp(text: Attributes, hidden: int) -> list[Component]:
    experts, shared = optional(text, "num_local_experts"), optional(text, "shared_intermediate_size")
    parts: list[Component] = []
    if experts:
        parts += experts_of("experts", experts, hidden, need(text, "intermediate_size"))
        parts.append(copied("router", experts * hidden))
    if shared:
        parts += columns("up", hidden, shared * 2)
        parts += rows("down", shared, hidden)
    return parts
