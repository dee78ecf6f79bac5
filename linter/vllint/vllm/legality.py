"""Which tensor parallel sizes vLLM builds a model with, and why it refuses the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint_schemas import ModelFacts, Stage
from vllint_schemas.parallel import Parallel

VOCABULARY_PADDING = 64
"""Embedding and head are padded to a multiple of this (vLLM `layers/vocab_parallel_embedding.py:36`)."""

_CANDIDATES = range(1, 17)


class Obstacle(NamedTuple):
    """One reason for a refusal: what does not divide, with numbers; where vLLM checks it, and when."""

    subject: str
    arithmetic: str
    source: str
    stage: Stage


def tensor_parallel_obstacles(model: ModelFacts, parallel: Parallel) -> tuple[Obstacle, ...]:
    """Return every reason against the tensor parallel size; facts that are not known give none."""
    if parallel.tensor == 1:
        return ()
    return (
        *_heads(model, parallel.tensor),
        *_kv_heads(model, parallel.tensor),
        *_vocabulary(model, parallel.tensor),
        *_mlp(model, parallel.tensor),
    )


def valid_tensor_parallel_sizes(model: ModelFacts, parallel: Parallel) -> tuple[int, ...]:
    """Return the sizes up to 16 without a known obstacle."""
    return tuple(
        size for size in _CANDIDATES if not tensor_parallel_obstacles(model, resized(parallel, tensor=size))
    )


def resized(parallel: Parallel, tensor: int, data: int | None = None) -> Parallel:
    """Return the layout with another tensor parallel size, and another number of local replicas."""
    replicas = parallel.data if data is None else data
    local = parallel.data_local if data is None else data
    return Parallel(
        tensor,
        parallel.pipeline,
        replicas,
        local,
        parallel.prefill_context,
        parallel.expert,
        parallel.nodes,
    )


def _heads(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    heads = model.num_attention_heads
    if heads and heads % tensor:
        yield Obstacle(
            "attention heads",
            f"{heads} attention heads / {tensor} = {heads / tensor:.4g} is not whole",
            "config/model.py:1557",
            "config",
        )


def _kv_heads(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    """KV heads are split while there are enough of them, and replicated beyond; latent attention has none."""
    kv_heads = model.num_key_value_heads
    if not kv_heads or model.kv_lora_rank or model.kv_lora_rank is None:
        return
    if kv_heads >= tensor and kv_heads % tensor:
        arithmetic = f"{kv_heads} KV heads / {tensor} = {kv_heads / tensor:.4g} is not whole"
    elif kv_heads < tensor and tensor % kv_heads:
        arithmetic = f"{tensor} ranks / {kv_heads} KV heads = {tensor / kv_heads:.4g} is not whole"
    else:
        return
    yield Obstacle("KV heads", arithmetic, "model_executor/layers/linear.py:1059", "build")


def _vocabulary(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    if not model.vocab_size:
        return
    padded = -(-model.vocab_size // VOCABULARY_PADDING) * VOCABULARY_PADDING
    if padded % tensor:
        yield Obstacle(
            "padded vocabulary",
            f"{padded:,} vocabulary rows (padded to a multiple of {VOCABULARY_PADDING}) / {tensor}"
            f" = {padded / tensor:,.1f} is not whole",
            "model_executor/layers/vocab_parallel_embedding.py:95",
            "build",
        )


def _mlp(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    """Only dense models: experts are sharded by other rules."""
    size = model.intermediate_size
    if not size or model.num_experts != 0 or size % tensor == 0:
        return
    yield Obstacle(
        "MLP size",
        f"MLP size {size:,} / {tensor} = {size / tensor:,.1f} is not whole",
        "model_executor/layers/linear.py:731",
        "build",
    )
