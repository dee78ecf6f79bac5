"""A model's facts from the header of a GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from vllint.models.attributes import count, mapping, size
from vllint.models.config import facts_from_config
from vllint_schemas import ModelFacts, ModelSource, Quantization, Unknown

ARCHITECTURES = {
    "llama": ("llama", "LlamaForCausalLM"),
    "qwen2": ("qwen2", "Qwen2ForCausalLM"),
    "qwen2moe": ("qwen2_moe", "Qwen2MoeForCausalLM"),
    "qwen3": ("qwen3", "Qwen3ForCausalLM"),
    "qwen3moe": ("qwen3_moe", "Qwen3MoeForCausalLM"),
    "phi3": ("phi3", "Phi3ForCausalLM"),
    "gemma2": ("gemma2", "Gemma2ForCausalLM"),
    "gemma3": ("gemma3_text", "Gemma3ForCausalLM"),
    "starcoder2": ("starcoder2", "Starcoder2ForCausalLM"),
    "stablelm": ("stablelm", "StableLmForCausalLM"),
    "gpt2": ("gpt2", "GPT2LMHeadModel"),
    "bloom": ("bloom", "BloomForCausalLM"),
    "falcon": ("falcon", "FalconForCausalLM"),
    "nemotron": ("nemotron", "NemotronForCausalLM"),
    "deci": ("nemotron-nas", "DeciLMForCausalLM"),
    "lfm2": ("lfm2", "Lfm2ForCausalLM"),
}
"""GGUF's `general.architecture` -> transformers' model type and class.

transformers 5.23 `integrations/ggml.py`, GGUF_CONFIG_MAPPING and `modeling_gguf_pytorch_utils.py`.
"""

_KEYS = {
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "context_length": "max_position_embeddings",
    "expert_count": "num_experts",
    "expert_used_count": "num_experts_per_tok",
    "expert_feed_forward_length": "moe_intermediate_size",
    "vocab_size": "vocab_size",
}


def facts_from_gguf(model_id: str, summary: Mapping[str, Any], source: ModelSource) -> ModelFacts | Unknown:
    """Return the facts of a GGUF file whose header `summary` describes."""
    metadata = mapping(summary.get("metadata"))
    name = metadata.get("general.architecture")
    if not isinstance(name, str):
        return Unknown(f"`{model_id}` does not say which architecture it holds")
    known = ARCHITECTURES.get(name)
    if known is None:
        return Unknown(f"`{model_id}` holds the architecture `{name[:40]}`, whose facts are not known")
    config = _config(metadata, name)
    model_type, architecture = known
    if config.get("num_experts") and name == "llama":
        model_type, architecture = "mixtral", "MixtralForCausalLM"
        config["num_local_experts"] = config["num_experts"]
    has_head = summary.get("has_head")
    if isinstance(has_head, bool):
        config["tie_word_embeddings"] = not has_head
    facts = facts_from_config(
        model_id, {**config, "model_type": model_type, "architectures": [architecture]}, source
    )
    if isinstance(facts, Unknown):
        return facts
    return facts._replace(
        quantized=True,
        quantization=Quantization("gguf"),
        weights_bytes=count(summary.get("bytes"), 2**62),
        params_total=count(summary.get("elements"), 2**62),
    )


def _config(metadata: Mapping[str, Any], name: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for key, attribute in _KEYS.items():
        written = metadata.get(f"{name}.{key}")
        value = size(max(written)) if _numbers(written) else size(written)
        if value is not None:
            config[attribute] = value
    if "vocab_size" not in config:
        tokens = mapping(metadata.get("tokenizer.ggml.tokens"))
        if (length := count(tokens.get("length"))) is not None:
            config["vocab_size"] = length
    return config


def _numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and bool(value) and all(size(item) is not None for item in value)
