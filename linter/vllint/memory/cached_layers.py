"""Which of a model's layers cache what: everything, a window, a chunk, or one state a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from vllint.models.families import FAMILIES
from vllint_schemas import ModelFacts, Unknown
from vllint_schemas.models import Components

LayerCache = Literal["full", "sliding", "chunked", "state", "cross", "both", "crossing", "none"]
"""`both`: a state beside keys and values; `crossing`: an encoder's (`cross`) beside the layer's own."""

WINDOWED_THROUGHOUT = frozenset({"mistral", "mixtral", "phi3", "phimoe", "solar", "starcoder2"})
"""Model types whose layers all see the config's window.

vLLM 0.33.0 `model_executor/layers/attention/attention.py`: layers that get no window of their own take it.
"""

CROSS_ATTENDING = frozenset({"whisper"})
"""Model types whose decoders cache what they see of an encoder, too."""

CHUNKED = {"llama4_text": (4, 8192)}
"""Model types of which every so many layers attend to everything, the others to a chunk of so many tokens.

Transformers' `Llama4TextConfig`: `no_rope_layer_interval`, `attention_chunk_size`.
"""


def cached_layers(model: ModelFacts, stages: int) -> tuple[LayerCache, ...] | Unknown:
    """Return what each layer caches, in order; layers that share others' caches are left out.

    With several pipeline `stages` it matters where each layer is.
    """
    total = model.num_hidden_layers
    if not total:
        return Unknown("the number of layers is not known")
    if (model.num_full_attention_layers or 0) > total:
        return Unknown("how often each layer attends is not known")
    kinds = _kinds(model, total, stages)
    if isinstance(kinds, Unknown) or not model.num_kv_shared_layers or is_structured(model):
        return kinds
    return kinds[: total - model.num_kv_shared_layers]


def _kinds(model: ModelFacts, total: int, stages: int) -> tuple[LayerCache, ...] | Unknown:
    kind = model.text_model_type or model.model_type or ""
    if model.encoder_only and not (model.multimodal and kind in FAMILIES):
        return _all("none", total)
    if kind in CROSS_ATTENDING:
        return _all("crossing", total)
    if kind in CHUNKED:
        return _last_of_each(CHUNKED[kind][0], "chunked", total)
    if model.linear_attention is None:
        return Unknown("whether the model has recurrent layers is not known")
    if is_structured(model):
        return _by_structure(model.built)  # type: ignore[arg-type]
    if model.linear_attention:
        return _spread(model, "state", model.num_linear_attention_layers, total, stages)
    if model.sliding_window == 0 or model.kv_lora_rank:
        return _all("full", total)
    if model.sliding_window is None:
        return Unknown("whether the model has a sliding window is not known")
    if kind in WINDOWED_THROUGHOUT and model.num_full_attention_layers is None:
        return _all("sliding", total)
    return _spread(model, "sliding", model.num_sliding_attention_layers, total, stages)


_TELLING = frozenset({"state_in", "k", "k_window", "sparse_index"})
_MEANING: Mapping[frozenset[str], LayerCache] = {
    frozenset(): "none",
    frozenset({"k"}): "full",
    frozenset({"k_window"}): "sliding",
    frozenset({"state_in"}): "state",
    frozenset({"state_in", "k"}): "both",
}
"""What a layer caches by the matrices it is built of: a state, keys and values, or nothing."""


def is_structured(model: ModelFacts) -> bool:
    """Whether the model's layers tell by their matrices what they cache, and how much."""
    if model.built is None:
        return False
    return any(part.name in _TELLING for layer in set(model.built.layers) for part in layer)


def _by_structure(built: Components) -> tuple[LayerCache, ...] | Unknown:
    found = [_MEANING.get(_TELLING & {part.name for part in layer}) for layer in built.layers]
    if any(kind is None for kind in found):
        return Unknown("layers that cache states beside windows, or an index beside keys, are not modelled")
    return tuple(kind for kind in found if kind is not None)


def _spread(
    model: ModelFacts, other: LayerCache, others: int | None, total: int, stages: int
) -> tuple[LayerCache, ...] | Unknown:
    """Return the layers of two kinds, the full one last in each period, as all tabled families have them."""
    full = model.num_full_attention_layers
    if full is None or others is None or full + others != total:
        return Unknown("which layers cache what is not known")
    if not full:
        return _all(other, total)
    kinds = _last_of_each(total // full, other, total)
    if Counter(kinds)["full"] == full:
        return kinds
    if stages > 1:
        return Unknown("which layers of a stage cache what is not known")
    return _all(other, others) + _all("full", full)


def _all(kind: LayerCache, total: int) -> tuple[LayerCache, ...]:
    return (kind,) * total


def _last_of_each(period: int, other: LayerCache, total: int) -> tuple[LayerCache, ...]:
    return tuple(other if (place + 1) % period else "full" for place in range(total))
