"""How layers that keep a state are divided: unlike KV heads, nothing of theirs is copied to more ranks."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.vllm.obstacle import Obstacle, undivided
from vllint_schemas import ModelFacts

_DELTA_NET = "model_executor/layers/mamba/gdn/qwen_gdn_linear_attn.py"
_MAMBA = "model_executor/layers/mamba/mamba_mixer2.py"


def recurrent_obstacles(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    """Yield what is wrong with dividing a hybrid model's recurrent layers over `tensor` ranks."""
    if not model.linear_attention or model.num_linear_attention_layers == 0:
        return
    yield from undivided(
        "linear attention key heads", model.linear_num_key_heads, tensor, f"{_DELTA_NET}:888"
    )
    yield from undivided(
        "linear attention value heads", model.linear_num_value_heads, tensor, f"{_DELTA_NET}:651"
    )
    yield from undivided("Mamba heads", model.mamba_num_heads, tensor, f"{_MAMBA}:316")
    # A single group is copied to every rank.
    if model.mamba_n_groups != 1:
        yield from undivided("Mamba groups", model.mamba_n_groups, tensor, f"{_MAMBA}:320")
