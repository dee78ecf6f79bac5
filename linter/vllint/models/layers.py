"""What kinds of layers a decoder stacks: attention spans, recurrent layers, experts."""

from __future__ import annotations

from typing import NamedTuple

from vllint.models.attributes import Attributes, count, mapping, size

FULL_KINDS = frozenset(
    [
        "full_attention",
        "attention",
        "global",
        "global_attention",
        "chunked_attention",
        "indexed_attention",
        "deepseek_sparse_attention",
        "qwen_sparse_attention",
        "full",
        "minimax_m3_sparse",
        "full_causal_attention",
    ]
)
"""Chunked attention is cached in full: vLLM's hybrid cache manager leaves it out unless asked."""

SLIDING_KINDS = frozenset(["sliding_attention", "sliding", "local", "local_attention", "swa"])
LINEAR_KINDS = frozenset(
    [
        "linear_attention",
        "mamba",
        "mamba2",
        "conv",
        "recurrent",
        "gdn",
        "kda",
        "gated_deltanet",
        "short_conv",
        "lightning_attention",
    ]
)
OTHER_KINDS = frozenset(["moe", "mlp", "ffn"])

PATTERN_LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
"""The letters of `hybrid_override_pattern` (Nemotron-H)."""

MOST_LAYERS = 1024

ALWAYS_SPARSE = frozenset(
    [
        "mixtral",
        "gpt_oss",
        "minimax_m2",
        "olmoe",
        "granitemoe",
        "granitemoeshared",
        "granitemoe_swa",
        "phimoe",
        "dbrx",
        "qwen3_vl_moe_text",
        "qwen3_5_moe_text",
        "flex_olmo",
        "jetmoe",
        "solar_open",
    ]
)
"""Model types of which every layer has experts."""

ONE_SHARED_EXPERT = frozenset(["llama4_text"])
"""Model types with a shared expert as wide as a routed one that no config mentions."""


class LayerKinds(NamedTuple):
    """How many layers attend to everything, to a window, or keep a state."""

    full: int
    sliding: int
    linear: int


def layer_kinds(text: Attributes, sliding_window: int | None, recurrent: bool | None) -> LayerKinds | None:
    """Count the layers by kind; `None` where the config does not say and its class does not either."""
    total = count(text.get("num_hidden_layers"), MOST_LAYERS)
    if total is None:
        return None
    written = written_kinds(text, total)
    if written is not None:
        return _counted(written, sliding_window)
    if recurrent is False and sliding_window == 0:
        return LayerKinds(total, 0, 0)
    return None


LAST_IS_FULL = frozenset({"gemma4_text", "gemma4_unified_text", "diffusion_gemma_text"})
"""Types whose classes make the last layer one of full attention."""


FROM_THE_LAST = frozenset({"muse_glimmer_text"})
"""Types whose classes repeat their pattern from the last layer on."""


def written_kinds(text: Attributes, total: int) -> list[str] | None:
    """Return the kind of each layer as the config, else its class, names it."""
    kinds = _named_kinds(text, total)
    if kinds and text.model_type in LAST_IS_FULL:
        return [*kinds[:-1], "full_attention"]
    return kinds


def _named_kinds(text: Attributes, total: int) -> list[str] | None:
    kinds = text.written.get("layer_types", text.written.get("layers_block_type"))
    if isinstance(kinds, (list, tuple)) and len(kinds) <= MOST_LAYERS:
        return [kind if isinstance(kind, str) else "" for kind in kinds]
    letters = text.written.get("hybrid_override_pattern")
    if isinstance(letters, str) and len(letters) <= MOST_LAYERS:
        return [PATTERN_LETTERS.get(letter, "") for letter in letters]
    interval = count(text.get("full_attention_interval"), MOST_LAYERS)
    if interval:
        return _every(interval, "full_attention", "linear_attention", total)
    pattern = count(text.written.get("sliding_window_pattern"), MOST_LAYERS)
    if pattern:
        return _every(pattern, "full_attention", "sliding_attention", total)
    default = text.described.get("pattern")
    if isinstance(default, list):
        behind = -total if text.model_type in FROM_THE_LAST else 0
        return [default[(place + behind) % len(default)] for place in range(total)]
    return None


def _every(interval: int, last: str, others: str, total: int) -> list[str]:
    return [others if (place + 1) % interval else last for place in range(total)]


def _counted(kinds: list[str], sliding_window: int | None) -> LayerKinds | None:
    if any(kind not in FULL_KINDS | SLIDING_KINDS | LINEAR_KINDS | OTHER_KINDS for kind in kinds):
        return None
    full = sum(kind in FULL_KINDS for kind in kinds)
    sliding = sum(kind in SLIDING_KINDS for kind in kinds)
    linear = sum(kind in LINEAR_KINDS for kind in kinds)
    if sliding and sliding_window == 0:
        return LayerKinds(full + sliding, 0, linear)
    return LayerKinds(full, sliding, linear)


def indexed_layers(text: Attributes) -> tuple[bool, ...] | None:
    """Return which layers have an indexer; `None` where all or none have.

    vLLM 0.33.0 `models/deepseek_v2.py:1145`: the others take what the last one chose.
    """
    total = count(text.get("num_hidden_layers"), MOST_LAYERS)
    if total is None or not text.get("index_topk"):
        return None
    pattern = text.written.get("index_topk_pattern")
    if isinstance(pattern, (str, list, tuple)):
        return tuple(place >= len(pattern) or pattern[place] != "S" for place in range(total))
    every = count(text.written.get("index_topk_freq"), MOST_LAYERS) or 1
    offset = size(text.written.get("index_skip_topk_offset"), MOST_LAYERS)
    first = 2 if offset is None else offset
    if every == 1:
        return None
    return tuple(max(place - first + 1, 0) % every == 0 for place in range(total))


def dense_layers(text: Attributes, num_experts: int | None) -> int | None:
    """Count the layers with a plain MLP: all of a dense model, some of a sparse one."""
    total = count(text.get("num_hidden_layers"), MOST_LAYERS)
    if total is None or num_experts is None:
        return None
    if num_experts == 0:
        return total
    sparse = sparse_layers(text, total)
    return None if sparse is None else total - len(sparse)


def sparse_layers(text: Attributes, total: int) -> frozenset[int] | None:
    """Return which layers have experts; `None` where neither the config nor its class tells."""
    kinds = text.written.get("mlp_layer_types")
    if isinstance(kinds, (list, tuple)) and len(kinds) == total:
        return frozenset(place for place, kind in enumerate(kinds) if kind == "sparse")
    listed = text.written.get("moe_layers")
    if isinstance(listed, (list, tuple)) and listed:
        return frozenset(place for place in listed if size(place) is not None and place < total)
    step = count(text.get("interleave_moe_layer_step"), MOST_LAYERS)
    if step:
        return frozenset(place for place in range(total) if (place + 1) % step == 0)
    frequency = text.written.get("moe_layer_freq")
    if isinstance(frequency, (list, tuple)) and len(frequency) == total:
        return frozenset(place for place, flag in enumerate(frequency) if flag)
    return _sparse_by_rule(text, total)


def _sparse_by_rule(text: Attributes, total: int) -> frozenset[int] | None:
    step = count(text.get("decoder_sparse_step"), MOST_LAYERS)
    if step:
        dense = text.written.get("mlp_only_layers")
        plain = (
            set(dense)
            if isinstance(dense, list) and all(size(place) is not None for place in dense)
            else set()
        )
        return frozenset(place for place in range(total) if place not in plain and (place + 1) % step == 0)
    for key in (
        "first_k_dense_replace",
        "num_dense_layers",
        "first_num_dense_layers",
        "moe_layer_start_index",
    ):
        first = size(text.get(key), MOST_LAYERS)
        if first is not None:
            every = count(text.get("moe_layer_freq")) or count(text.get("moe_layer_interval")) or 1
            return frozenset(place for place in range(first, total) if place % every == 0 or every == 1)
    if text.model_type in ALWAYS_SPARSE:
        return frozenset(range(total))
    return None


def shared_expert_width(text: Attributes, moe_intermediate_size: int | None) -> int | None:
    """Return the width of all shared experts of a layer together; 0 if the architecture has none."""
    if text.model_type in ONE_SHARED_EXPERT:
        return moe_intermediate_size
    for key in (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
    ):
        if text.has(key):
            return size(text.get(key) or 0)
    for key in ("n_shared_experts", "moe_num_shared_experts", "num_shared_experts"):
        if text.has(key):
            experts = size(text.get(key) or 0)
            if experts is None or moe_intermediate_size is None:
                return 0 if experts == 0 else None
            return experts * moe_intermediate_size
    return 0 if text.known else None


def expert_count(text: Attributes) -> int | None:
    """Return the number of routed experts as vLLM reads it; 0 for architectures without any."""
    keys = ("num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts")
    # What the file says counts before what a class says by another name.
    for key in sorted(keys, key=text.has_written, reverse=True):
        if not text.has(key):
            continue
        value = text.get(key)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        return size(value) if value is not None else 0
    ffn = mapping(text.get("ffn_config"))
    if "moe_num_experts" in ffn:
        return size(ffn["moe_num_experts"])
    return 0 if text.known else None
