"""The facts of a catalogue row that depend on the architecture alone, for `models.py` beside this file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vllint.models.architectures import has_trait, registered, uses_latent_attention
from vllint.models.attributes import Attributes
from vllint.models.layers import (
    ALWAYS_SPARSE,
    FULL_KINDS,
    LINEAR_KINDS,
    ONE_SHARED_EXPERT,
    OTHER_KINDS,
    PATTERN_LETTERS,
    SLIDING_KINDS,
)

Row = Mapping[str, Any]

SHAPE_GROUPS: dict[str, list[str]] = {
    "core": [
        "architecture",
        "model_type",
        "text_model_type",
        "num_attention_heads",
        "num_key_value_heads",
        "num_hidden_layers",
        "hidden_size",
        "intermediate_size",
        "head_dim",
        "vocab_size",
        "num_experts",
        "kv_lora_rank",
        "sliding_window",
        "linear_attention",
        "encoder_only",
        "multimodal",
        "tie_word_embeddings",
        "num_full_attention_layers",
        "num_sliding_attention_layers",
        "num_linear_attention_layers",
    ],
    "experts": [
        "num_experts_per_tok",
        "moe_intermediate_size",
        "shared_expert_intermediate_size",
        "num_dense_layers",
    ],
    "latent": ["q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"],
    "index": ["index_topk", "index_n_heads", "index_head_dim"],
    "linear": [
        "linear_num_key_heads",
        "linear_num_value_heads",
        "linear_key_head_dim",
        "linear_value_head_dim",
        "linear_conv_kernel_dim",
        "mamba_num_heads",
        "mamba_head_dim",
        "mamba_n_groups",
        "mamba_d_state",
        "mamba_d_conv",
    ],
    "rare": ["num_kv_shared_layers", "num_nextn_predict_layers"],
    "vision": [
        "vision_num_attention_heads",
        "vision_hidden_size",
        "vision_num_hidden_layers",
        "vision_params",
    ],
}

CERTAIN_COUNTS = re.compile(
    r"own:exact|own:mtp|tpl:exact(\+(lmhead|mtp|buf))?$|tpl:mtp|sum:exact|mirror|twin"
)
"""`check` of rows whose dimensions give the checkpoint's own number of parameters."""


def is_whole_config(row: Row) -> bool:
    """Whether the row was read from the model's own config.json, so that what is null is not there."""
    check: str = row["check"]
    return check.startswith("own:")


def is_proven(row: Row) -> bool:
    """Whether nothing structural can be missing from the row."""
    return is_whole_config(row) or CERTAIN_COUNTS.match(row["check"]) is not None


def tied(row: Row) -> bool | None:
    """Return whether head and embedding are one; not known of embedding models whose config was not read.

    It was told from the number of parameters there, and their checkpoints hold no head anyway.
    """
    return None if row["task"] == "embed" and not is_whole_config(row) else row["tie_word_embeddings"]


def shape_facts(row: Row, text: Attributes) -> dict[str, Any]:
    """Return the facts that depend on the architecture alone."""
    hybrid = linear_attention(row)
    window = sliding_window(row, text)
    experts = num_experts(row, text)
    rank = kv_lora_rank(row, text)
    return {
        "architecture": row["architecture"],
        "model_type": row["model_type"],
        "text_model_type": text.model_type if text.known and text.model_type != row["model_type"] else None,
        "num_attention_heads": row["num_attention_heads"],
        "num_key_value_heads": num_key_value_heads(row, text),
        "num_hidden_layers": row["num_hidden_layers"],
        "hidden_size": row["hidden_size"],
        "intermediate_size": row["intermediate_size"],
        "head_dim": head_dim(row, text, rank),
        "vocab_size": row["vocab_size"],
        "num_experts": experts,
        "kv_lora_rank": rank,
        "sliding_window": window,
        "linear_attention": hybrid,
        "encoder_only": has_trait(row["architecture"], "encoder_only"),
        "multimodal": has_trait(row["architecture"], "multimodal"),
        "tie_word_embeddings": tied(row),
        **layer_counts(row, window, hybrid),
        **expert_facts(row, text, experts),
        **{key: row[key] for key in ("q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")},
        **state_facts(row),
        "num_nextn_predict_layers": row["mtp_layers"],
        **vision_facts(row),
    }


def number(row: Row, key: str) -> int | None:
    """Return a number of the row, `None` if it is not known."""
    value: int | None = row[key]
    return value


def has_any(text: Attributes, *names: str) -> bool:
    """Whether the class has one of the attributes, unless they stand for nothing (`None`) and stay so."""
    return any(text.has(name) for name in names)


def num_experts(row: Row, text: Attributes) -> int | None:
    """Return the experts; 0 where the class has no such attribute or the count leaves no room for them."""
    if row["num_experts"] is not None:
        return number(row, "num_experts")
    names = ("num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts")
    if text.known and not has_any(text, *names):
        return 0
    return 0 if is_proven(row) else None


def kv_lora_rank(row: Row, text: Attributes) -> int | None:
    """Return the rank where vLLM uses latent attention, 0 where the model type rules it out."""
    if uses_latent_attention(row["model_type"]) or uses_latent_attention(text.model_type):
        return number(row, "kv_lora_rank")
    if row["kv_lora_rank"] is not None and row["model_type"] != "minicpm3":
        return number(row, "kv_lora_rank")
    return 0 if text.known or is_proven(row) else None


def num_key_value_heads(row: Row, text: Attributes) -> int | None:
    """Return the KV heads; the attention heads where the class has no attribute for them."""
    if row["num_key_value_heads"] is not None or not text.known:
        return number(row, "num_key_value_heads")
    names = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "multi_query")
    return None if has_any(text, *names) else number(row, "num_attention_heads")


def head_dim(row: Row, text: Attributes, rank: int | None) -> int | None:
    """Return the head size; derived where the class derives it or has no attribute of its own."""
    if row["head_dim"] is not None or rank != 0:
        return number(row, "head_dim")
    if not (row["hidden_size"] and row["num_attention_heads"]) or not text.known:
        return None
    derives = not text.has("head_dim") or text.described.get("derived", {}).get("head_dim")
    return number(row, "hidden_size") // row["num_attention_heads"] if derives else None


def sliding_window(row: Row, text: Attributes) -> int | None:
    """Return the window; 0 where there is none for certain.

    Rows read from elsewhere took theirs from a model of the same shape. Shapes do not tell Mistral 0.1 from
    0.2, so that counts only for architectures that always interleave windows. A class whose own switch is
    off unless set (Qwen 2 and 3) has none: no config of the data turns it on.
    """
    if is_whole_config(row):
        return number(row, "sliding_window") or 0
    if text.known and (
        not text.has("sliding_window") or text.described.get("switch", {}).get("sliding_window")
    ):
        return 0
    if "sliding_attention" in text.described.get("pattern", ()):
        return number(row, "sliding_window")
    return None


def linear_attention(row: Row) -> bool | None:
    """Return whether vLLM plans for recurrent state: its class does, and not all layers are attention."""
    architecture = row["architecture"]
    if registered(architecture) is None:
        return None
    if has_trait(architecture, "attention_free"):
        return True
    if not has_trait(architecture, "hybrid"):
        return False
    if row["model_type"] == "granitemoehybrid":
        counts = (row["layer_pattern"] or {}).get("counts")
        return any(kind in LINEAR_KINDS for kind in counts) if counts else None
    return True


def layer_counts(row: Row, window: int | None, hybrid: bool | None) -> dict[str, Any]:
    """Return the layers by kind, where the pattern is known or can only be full attention."""
    pattern = row["layer_pattern"] or {}
    shared = {"num_kv_shared_layers": pattern.get("num_kv_shared_layers")}
    counts = pattern.get("counts")
    if counts:
        kinds = {PATTERN_LETTERS.get(kind, kind): number for kind, number in counts.items()}
        known = FULL_KINDS | SLIDING_KINDS | LINEAR_KINDS | OTHER_KINDS
        if set(kinds) <= known and sum(kinds.values()) == row["num_hidden_layers"]:
            full, sliding, linear = (
                sum(number for kind, number in kinds.items() if kind in group)
                for group in (FULL_KINDS, SLIDING_KINDS, LINEAR_KINDS)
            )
            if sliding and window == 0:
                full, sliding = full + sliding, 0
            return shared | layer_fields(full, sliding, linear)
        return shared
    if hybrid is False and window == 0 and row["num_hidden_layers"]:
        return shared | layer_fields(row["num_hidden_layers"], 0, 0)
    return shared


def layer_fields(full: int, sliding: int, linear: int) -> dict[str, int]:
    """Return the three counts under their names."""
    return {
        "num_full_attention_layers": full,
        "num_sliding_attention_layers": sliding,
        "num_linear_attention_layers": linear,
    }


def expert_facts(row: Row, text: Attributes, experts: int | None) -> dict[str, Any]:
    """Return what is known about the experts; a dense model's layers are all dense."""
    if not experts:
        return {"num_dense_layers": row["num_hidden_layers"] if experts == 0 else None}
    width = row["moe_intermediate_size"]
    shared = row["shared_expert_intermediate_size"]
    if shared is None and row["shared_experts"] is not None and width is not None:
        shared = row["shared_experts"] * width
    names = (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
        "n_shared_experts",
        "moe_num_shared_experts",
        "num_shared_experts",
    )
    if shared is None and text.known and not has_any(text, *names):
        shared = width if text.model_type in ONE_SHARED_EXPERT else 0
    dense = row["first_k_dense"]
    every = text.described.get("defaults", {}).get("decoder_sparse_step") == 1
    if dense is None and (text.model_type in ALWAYS_SPARSE or (every and is_proven(row))):
        dense = 0
    return {
        "num_experts_per_tok": row["experts_per_tok"],
        "moe_intermediate_size": width,
        "shared_expert_intermediate_size": shared,
        "num_dense_layers": dense,
    }


def state_facts(row: Row) -> dict[str, Any]:
    """Return the sizes of recurrent layers and of sparse attention's index."""
    written = row["linear_attention"] or {}
    named = {
        key: written.get(key)
        for key in (*SHAPE_GROUPS["index"], *SHAPE_GROUPS["linear"])
        if not key.startswith("mamba_")
    }
    return named | {
        "mamba_num_heads": written.get("mamba_num_heads"),
        "mamba_head_dim": written.get("mamba_head_dim"),
        "mamba_n_groups": written.get("n_groups"),
        "mamba_d_state": written.get("ssm_state_size", written.get("mamba_d_state")),
        "mamba_d_conv": written.get("conv_kernel", written.get("mamba_d_conv")),
    }


def vision_facts(row: Row) -> dict[str, Any]:
    """Return the vision tower's sizes."""
    tower = row["vision"] or {}
    return {
        "vision_num_attention_heads": tower.get("num_heads"),
        "vision_hidden_size": tower.get("hidden"),
        "vision_num_hidden_layers": tower.get("layers"),
        "vision_params": tower.get("params"),
    }
