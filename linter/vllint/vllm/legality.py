"""Which layouts vLLM builds a model with, and why it refuses the others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from vllint.vllm.legality_experts import expert_obstacles
from vllint.vllm.legality_recurrent import recurrent_obstacles
from vllint.vllm.legality_towers import tower_obstacles
from vllint.vllm.obstacle import MEASURE, Obstacle, undivided
from vllint_schemas import EngineArgs, ModelFacts
from vllint_schemas.parallel import Parallel

__all__ = ["Obstacle", "resized", "tensor_parallel_obstacles", "valid_tensor_parallel_sizes"]

VOCABULARY_PADDING = 64
"""Embedding and head are padded to a multiple of this (vLLM `layers/vocab_parallel_embedding.py:36`)."""

LEARNED_POSITIONS = frozenset({"bert", "roberta", "xlm-roberta"})
"""Text model types whose tables of positions and token types are divided and padded like vocabularies
(vLLM `models/bert.py:57`, `models/roberta.py:56`)."""

KV_HEADS_NOT_COPIED = frozenset({"gpt_oss"})
"""Text model types whose attention does not copy KV heads to more ranks (vLLM `models/gpt_oss.py:156`)."""

_VOCABULARY_SOURCE = "model_executor/layers/vocab_parallel_embedding.py:95"
_MERGED_SOURCE = "model_executor/layers/linear.py:731"
_CANDIDATES = range(1, 17)


def tensor_parallel_obstacles(
    model: ModelFacts, parallel: Parallel, args: EngineArgs | None = None
) -> tuple[Obstacle, ...]:
    """Return every reason against dividing the model so; facts that are not known give none.

    `args` are the launch's options, of which some change how vLLM builds the model; without them the
    model is judged as vLLM builds it by default.
    """
    return (
        *(_tensor_obstacles(model, parallel.tensor) if parallel.tensor > 1 else ()),
        *expert_obstacles(model, parallel),
        *tower_obstacles(model, parallel.tensor, args),
        *(_quantized_obstacles(model, parallel, args) if model.quantization is not None else ()),
    )


def _quantized_obstacles(
    model: ModelFacts, parallel: Parallel, args: EngineArgs | None
) -> Iterator[Obstacle]:
    from vllint.vllm.legality_quantized import quantized_obstacles

    return quantized_obstacles(model, parallel, args)


def valid_tensor_parallel_sizes(
    model: ModelFacts, parallel: Parallel, args: EngineArgs | None = None
) -> tuple[int, ...]:
    """Return the sizes up to 16 without a known obstacle."""
    return tuple(
        size for size in _CANDIDATES if not tensor_parallel_obstacles(model, resized(parallel, size), args)
    )


def resized(parallel: Parallel, tensor: int, data: int | None = None) -> Parallel:
    """Return the layout with another tensor parallel size, and another number of local replicas."""
    layout = parallel._replace(tensor=tensor)
    return layout if data is None else layout._replace(data=data, data_local=data)


@lru_cache(maxsize=1024)
def _tensor_obstacles(model: ModelFacts, tensor: int) -> tuple[Obstacle, ...]:
    return tuple(_undivided_parts(model, tensor))


def _undivided_parts(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    yield from undivided(
        "attention heads", model.num_attention_heads, tensor, "config/model.py:1557", stage="config"
    )
    yield from _kv_heads(model, tensor)
    yield from recurrent_obstacles(model, tensor)
    yield from _tables(model, tensor)
    if model.num_experts == 0 or model.num_dense_layers:
        yield from undivided("MLP size", model.intermediate_size, tensor, _MERGED_SOURCE, words=MEASURE)


def _kv_heads(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    """Latent attention has no KV heads to divide; some models have others in their global layers."""
    if model.kv_lora_rank or model.kv_lora_rank is None:
        return
    if model.text_model_type in KV_HEADS_NOT_COPIED:
        source = "model_executor/models/gpt_oss.py:156"
        yield from undivided("KV heads", model.num_key_value_heads, tensor, source)
        return
    source = "model_executor/layers/linear.py:1059"
    yield from _shared_out("KV heads", model.num_key_value_heads, tensor, source)
    yield from _shared_out("KV heads of global layers", model.num_global_key_value_heads, tensor, source)


def _shared_out(subject: str, heads: int | None, tensor: int, source: str) -> Iterator[Obstacle]:
    """KV heads are divided while there are enough of them, and copied beyond."""
    if not heads:
        return
    if heads >= tensor:
        yield from undivided(subject, heads, tensor, source)
    elif tensor % heads:
        arithmetic = f"{tensor} ranks / {heads} {subject} = {tensor / heads:.4g} is not whole"
        yield Obstacle(subject, arithmetic, source, "build")


def _tables(model: ModelFacts, tensor: int) -> Iterator[Obstacle]:
    """Rows of the tables that are looked up: tokens, and in some models positions and token types."""
    yield from _rows("padded vocabulary", "vocabulary", model.vocab_size, tensor)
    if model.text_model_type in LEARNED_POSITIONS:
        yield from _rows("padded positions", "position", model.max_position_embeddings, tensor)
        yield from _rows("padded token types", "token type", 1, tensor)


def _rows(subject: str, kind: str, size: int | None, tensor: int) -> Iterator[Obstacle]:
    padded = -(-(size or 0) // VOCABULARY_PADDING) * VOCABULARY_PADDING
    words = f"{{size:,}} {kind} rows (padded to a multiple of {VOCABULARY_PADDING})"
    yield from undivided(subject, padded, tensor, _VOCABULARY_SOURCE, words=words)
