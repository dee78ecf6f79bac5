"""Contradictions in the catalogue, and between it and facts from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from vllint.models.catalogue import find_model, model_ids
from vllint_schemas import ModelFacts

_COMPARED = (
    "num_attention_heads",
    "num_key_value_heads",
    "num_hidden_layers",
    "hidden_size",
    "vocab_size",
    "num_experts",
)
"""What independent facts are compared on."""

_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
_SCALES = 0.01


def contradictions(independent: Iterable[Mapping[str, Any]] = ()) -> Iterator[str]:
    """Yield what cannot be true of the models, and where they differ from `independent` facts by `id`."""
    for model_id in model_ids():
        facts = find_model(model_id)
        if facts is None:
            yield f"{model_id}: is listed and not found"
            continue
        for says, holds in _CHECKS:
            if not holds(facts):
                yield f"{model_id}: {says}"
    for row in independent:
        yield from differences(row)


def differences(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a model differs from the facts of `row`, which has its `id`."""
    facts = find_model(str(row.get("id")))
    if facts is None:
        return
    for field in _COMPARED:
        own, other = getattr(facts, field), row.get(field)
        # Dense models have no experts, whichever way that is written.
        if other is not None and own is not None and (own or 0) != (other or 0):
            yield f"{facts.id}: `{field}` is {own:,}, and {other:,} elsewhere"


def _heads_are_grouped(facts: ModelFacts) -> bool:
    heads, groups = facts.num_attention_heads, facts.num_key_value_heads
    return not heads or not groups or bool(facts.kv_lora_rank) or heads % groups == 0


def _layers_add_up(facts: ModelFacts) -> bool:
    kinds = (
        facts.num_full_attention_layers,
        facts.num_sliding_attention_layers,
        facts.num_linear_attention_layers,
    )
    if facts.num_hidden_layers is None or None in kinds:
        return True
    return sum(kind or 0 for kind in kinds) <= facts.num_hidden_layers


def _experts_are_enough(facts: ModelFacts) -> bool:
    return not facts.num_experts or (facts.num_experts_per_tok or 0) <= facts.num_experts


def _window_needs_layers(facts: ModelFacts) -> bool:
    return not facts.num_sliding_attention_layers or facts.sliding_window != 0


def _bytes_follow_count(facts: ModelFacts) -> bool:
    width = _BYTES.get(facts.dtype or "")
    exact = facts.params_exact and facts.quantized is False
    if not exact or width is None or not facts.params_total or not facts.weights_bytes:
        return True
    return facts.weights_bytes >= facts.params_total * width * (1 - _SCALES)


_CHECKS: tuple[tuple[str, Callable[[ModelFacts], bool]], ...] = (
    ("the attention heads are no multiple of the KV heads", _heads_are_grouped),
    ("there are more layers of some kinds than layers", _layers_add_up),
    ("a token uses more experts than there are", _experts_are_enough),
    ("there are layers with a window, and no window", _window_needs_layers),
    ("the weights are smaller than the exact count of parameters", _bytes_follow_count),
)
