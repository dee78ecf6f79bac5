"""What vLLM's model registry says about an architecture."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from vllint.tables import table_path

Trait = Literal[
    "pipeline_parallel",
    "hybrid",
    "attention_free",
    "multimodal",
    "lora",
    "replayssm",
    "encoder_only",
    "pooling",
]

POOLING_SUFFIXES = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForRewardModel",
    "RewardModel",
    "ForTextEncoding",
    "EmbeddingModel",
    "Model",
)
"""Endings that vLLM replaces by `ForCausalLM` to find a class. vllm/config/model.py, _SUFFIX_TO_DEFAULTS."""

_TARGETED = r"^P?[Ee]agle|Eagle3$|^DFlash|AssistantModel$"
"""Drafts whose classes assert that there is a speculative configuration. Tried on vLLM 0.33.0."""

FLOAT16_REFUSED = frozenset({"gemma2", "gemma3", "gemma3_text", "glm4"})
"""Model types whose activations overflow. vllm/config/model.py, `_FLOAT16_NOT_SUPPORTED_MODELS`."""


def has_trait(architecture: str | None, trait: Trait) -> bool | None:
    """Return whether vLLM's class for `architecture` has the trait; `None` when it has no class for it."""
    found = registered(architecture)
    return None if found is None else found in _table()[trait]


def registered(architecture: str | None) -> str | None:
    """Return the name under which vLLM's registry has the architecture, as itself or as its generator."""
    if architecture is None:
        return None
    if architecture in _table()["kinds"]:
        return architecture
    for suffix in POOLING_SUFFIXES:
        if architecture.endswith(suffix):
            generator = architecture.removesuffix(suffix) + "ForCausalLM"
            return generator if generator in _table()["kinds"] else None
    return None


def architecture_of_type(model_type: str | None) -> str | None:
    """Return the architecture that vLLM gives a config that names none: its type's class without a head.

    vLLM 0.33.0 `transformers_utils/config.py:940`.
    """
    found = _table()["of_types"].get(model_type)
    return None if found is None else str(found)


GENERATORS_OF_EMBEDDINGS = frozenset(
    ["DeepseekV3BidirectionalModel", "Gemma2Model", "LlamaModel", "MistralModel", "Qwen2Model"]
)
"""Embedding architectures whose class generates text, which vLLM runs unless asked for embeddings.

vLLM 0.33.0 `model_executor/models/registry.py`, `_EMBEDDING_MODELS`.
"""


def pooling_kind(architecture: str) -> bool | None:
    """Whether vLLM's own class of that name embeds or classifies; `None` where it has none of that name."""
    kind = _table()["kinds"].get(architecture)
    if kind is None:
        return None
    return kind in {"embed", "classify", "reward"} and architecture not in GENERATORS_OF_EMBEDDINGS


def has_no_pooler(architecture: str | None) -> bool | None:
    """Whether vLLM's class of that name generates text, and pools only where it is converted."""
    kind = _table()["kinds"].get(architecture)
    return (
        None
        if kind is None
        else kind in {"generate", "multimodal"} and architecture not in _table()["pooling"]
    )


def is_converted(architecture: str | None) -> bool:
    """Whether vLLM makes a pooling model of the class that generates text, without its head."""
    return registered(architecture) not in (None, architecture)


def is_compared(architecture: str | None, model_type: str | None) -> bool:
    """Whether what is counted for the class and type was compared with what vLLM builds, and was the same.

    Without an architecture the type alone chooses the class.
    """
    if architecture is None:
        return True
    return model_type in _compared().get(registered(architecture) or "", ())


class Dropped(NamedTuple):
    """An architecture that vLLM has no more: the last release that had it, and where a plug-in is."""

    release: str | None
    plugin: str | None


def dropped(architecture: str) -> Dropped | None:
    """Return what became of an architecture that neither vLLM nor Transformers can build any more."""
    table = _table()
    if architecture in table["in_transformers"]:
        return None
    release, plugin = table["removed"].get(architecture), table["plugins"].get(architecture)
    return Dropped(release, plugin) if release or plugin else None


def needs_target(architecture: str) -> bool:
    """Whether the architecture only drafts tokens for another model, without which it cannot be built."""
    return _table()["kinds"].get(architecture) == "draft" and re.search(_TARGETED, architecture) is not None


def is_draft(architecture: str | None) -> bool:
    """Whether the architecture builds but the part of a checkpoint that drafts tokens."""
    return architecture is not None and _table()["kinds"].get(architecture) == "draft"


def uses_latent_attention(text_model_type: str | None) -> bool:
    """Whether vLLM reads `kv_lora_rank` of models of this type as latent attention."""
    return text_model_type in _table()["latent_attention_model_types"]


@cache
def _compared() -> Mapping[str, list[str]]:
    table: Mapping[str, list[str]] = json.loads(table_path("counted_architectures.json").read_bytes())
    return table


@cache
def _table() -> Mapping[str, Any]:
    path = table_path("vllm_architectures.json")
    table: Mapping[str, Any] = json.loads(path.read_bytes())
    return table
