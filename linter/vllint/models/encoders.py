"""Encoders and encoder-decoders: BERT and its kin, Whisper."""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.matrices import columns, copied, rows, table
from vllint.models.sizes import layer_count, need
from vllint_schemas.models import Component, Components

WIDE = 4


def bert(text: Attributes, architecture: str) -> Components:
    """Return embeddings of words, places and types, and layers with biases throughout (`bert.py`)."""
    hidden, width = need(text, "hidden_size"), need(text, "intermediate_size")
    layer = (
        *columns("q", hidden, hidden * 3, True),
        *rows("o", hidden, hidden, True),
        *columns("up", hidden, width, True),
        *rows("down", width, hidden, True),
        copied("norms", hidden * 4),
    )
    embedding = (
        table("embedding", need(text, "vocab_size"), hidden),
        table("positions", need(text, "max_position_embeddings"), hidden),
        table("types", need(text, "type_vocab_size", default=2), hidden),
        copied("norms", hidden * 2),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    return Components(embedding, layers, tuple(_pooler(text, architecture, hidden)), (), tied=False)


def _pooler(text: Attributes, architecture: str, hidden: int) -> list[Component]:
    """Return what stands above the layers: a classifier runs in 32 bits."""
    square = hidden * hidden + hidden
    if architecture.endswith("SequenceClassification"):
        labels = text.written.get("num_labels")
        names = text.written.get("id2label")
        count = labels if isinstance(labels, int) else len(names) if isinstance(names, dict) else 2
        dense = square if "Roberta" in architecture else 0
        pooler = [] if dense else [copied("pooler", square, WIDE)]
        return [copied("classifier", dense + (hidden + 1) * count, WIDE), *pooler]
    return []


def whisper(text: Attributes, architecture: str) -> Components:
    """Return an encoder of sound, a decoder with two attentions, one table of tokens (`whisper.py`)."""
    hidden = need(text, "d_model")
    encoder = _whisper_layer(hidden, need(text, "encoder_ffn_dim"), 1)
    decoder = _whisper_layer(hidden, need(text, "decoder_ffn_dim"), 2)
    mels = need(text, "num_mel_bins", default=80)
    first = (
        copied("convolutions", mels * hidden * 3 + hidden + hidden * hidden * 3 + hidden),
        copied("positions", need(text, "max_source_positions", default=1500) * hidden),
        *encoder * layer_count(text, "encoder_layers"),
        copied("norms", hidden * 2),
        copied("embedding", need(text, "vocab_size") * hidden),
        copied("positions", need(text, "max_target_positions", default=448) * hidden),
    )
    layers = (decoder,) * layer_count(text, "decoder_layers")
    return Components(first, layers, (copied("final_norm", hidden * 2),), (), tied=True)


def _whisper_layer(hidden: int, width: int, attentions: int) -> tuple[Component, ...]:
    attention = (
        *columns("q", hidden, hidden * 3),
        Component("q_bias", hidden * 3, "even"),
        *rows("o", hidden, hidden, True),
    )
    return (
        *attention * attentions,
        *columns("up", hidden, width, True),
        *rows("down", width, hidden, True),
        copied("norms", hidden * 2 * (attentions + 1)),
    )
