"""What a model is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModelSource = Literal["catalogue", "lock", "local", "cache", "hub", "name", "settings"]


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a checkpoint is quantized: `method` as vLLM names it, `bits` per weight, `group_size`.

    `block` is the shape of FP8 scale blocks. `None` fields are not known.
    """

    method: str
    bits: int | None = None
    group_size: int | None = None
    block: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model's shape, in the names of its `config.json`.

    `None` means not known; 0 means known to be absent (`num_experts` 0: dense, `kv_lora_rank` 0: no
    latent attention, `sliding_window` 0: none). Sizes come from the text part of composite models.
    `params_total` counts parameters as built, `weights_bytes` is the checkpoint's size.
    """

    id: str
    source: ModelSource
    architecture: str | None = None
    model_type: str | None = None
    num_attention_heads: int | None = None
    num_key_value_heads: int | None = None
    num_hidden_layers: int | None = None
    hidden_size: int | None = None
    intermediate_size: int | None = None
    head_dim: int | None = None
    vocab_size: int | None = None
    max_position_embeddings: int | None = None
    num_experts: int | None = None
    num_experts_per_tok: int | None = None
    moe_intermediate_size: int | None = None
    kv_lora_rank: int | None = None
    qk_rope_head_dim: int | None = None
    sliding_window: int | None = None
    linear_attention: bool | None = None
    encoder_only: bool | None = None
    multimodal: bool | None = None
    tie_word_embeddings: bool | None = None
    dtype: str | None = None
    quantization: Quantization | None = None
    quantized: bool | None = None
    params_total: int | None = None
    weights_bytes: int | None = None
    gated: bool | None = None
