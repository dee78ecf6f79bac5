"""Tables of cosines and sines that rotary embeddings keep on the card.

vLLM 0.33.0 `model_executor/layers/rotary_embedding/__init__.py:32`.
"""

from __future__ import annotations

from collections.abc import Mapping

from vllint.release_order import version_key
from vllint_schemas import EngineArgs, ModelFacts

_NONE = frozenset({"bert", "bloom", "gpt2", "gpt_bigcode", "mpt", "opt", "roberta", "whisper", "xlm-roberta"})
"""Model types without rotary embeddings."""

_PARTIAL: Mapping[str, float] = {
    "chatglm": 0.5,
    "glm": 0.5,
    "glm4": 0.5,
    "glm4_moe": 0.5,
    "gpt_neox": 0.25,
    "minimax_m2": 0.5,
    "nemotron": 0.5,
    "phi": 0.5,
    "qwen3_5_moe_text": 0.25,
    "qwen3_5_text": 0.25,
    "qwen3_next": 0.25,
    "stablelm": 0.25,
}
"""Shares of a head that are rotated, by model type, where the config's own share is not known."""

_TWO_TABLES = frozenset({"gemma3", "gemma3_text"})
"""Model types whose window layers have a table of their own, of the unscaled length."""

_FOURFOLD = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen2_5_omni"})
_FOURFOLD_ONCE = frozenset({"qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"})
_FOURFOLD_UNTIL = (0, 33)
"""Model types whose tables are four times as long, for long videos (`mrope.py:351`); some of them once were.

In which release that changed is not tabled: 0.21 logs the longer ones, 0.33 builds the shorter.
"""

_SCALED = frozenset({"linear", "dynamic"})
_FROM_ORIGINAL = frozenset({"yarn", "deepseek_yarn"})


def rotary_elements(model: ModelFacts, args: EngineArgs) -> int:
    """Return the numbers in the tables of the text model; 0 where there are none or they are not known."""
    kind = model.text_model_type or model.model_type or ""
    length, size = model.max_position_embeddings, _rotated(model, kind)
    if kind in _NONE or not length or not size:
        return 0
    rows = _rows(model, length) * _longer(model, args)
    return size * (rows + (length if kind in _TWO_TABLES else 0))


def _rotated(model: ModelFacts, kind: str) -> int:
    """Return how many numbers of a head are rotated."""
    if model.kv_lora_rank:
        return model.qk_rope_head_dim or 0
    share = model.partial_rotary_factor or _PARTIAL.get(kind, 1.0)
    return int((model.head_dim or 0) * share)


def _rows(model: ModelFacts, length: int) -> int:
    factor, original = model.rope_factor or 1.0, model.original_max_position_embeddings
    if model.rope_type in _SCALED:
        return int(length * factor)
    if model.rope_type in _FROM_ORIGINAL and original:
        return int(original * factor)
    if model.rope_type in {"longrope", "su"}:
        return length + (original or 0)
    return length


def _longer(model: ModelFacts, args: EngineArgs) -> int:
    once = version_key(args.vllm_version) < _FOURFOLD_UNTIL and model.model_type in _FOURFOLD_ONCE
    return 4 if once or model.model_type in _FOURFOLD else 1
