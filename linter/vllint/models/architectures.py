"""What vLLM's model registry says about an architecture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from vllint.tables import table_path

Trait = Literal["pipeline_parallel", "hybrid", "attention_free", "multimodal", "lora", "encoder_only"]

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


def removed_since(architecture: str) -> str | None:
    """Return the last release that could build an architecture which vLLM has dropped."""
    release: str | None = _table()["removed"].get(architecture)
    return release


def uses_latent_attention(text_model_type: str | None) -> bool:
    """Whether vLLM reads `kv_lora_rank` of models of this type as latent attention."""
    return text_model_type in _table()["latent_attention_model_types"]


@cache
def _table() -> Mapping[str, Any]:
    path = table_path("vllm_architectures.json")
    table: Mapping[str, Any] = json.loads(path.read_bytes())
    return table
