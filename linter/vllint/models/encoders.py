"""Encoders and encoder-decoders: BERT and its kin, Whisper."""

from __future__ import annotations

from vllint.models.attributes import Attributes
from vllint.models.matrices import columns, copied, divided, rows, table
from vllint.models.sizes import MissingSizeError, flag, layer_count, need, optional
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
    above = _pooler(text, architecture, hidden)
    if architecture in ("BertForMaskedLM", "BertSpladeSparseEmbeddingModel"):
        # SPLADE's weights of words, whole on every rank.
        vocabulary = need(text, "vocab_size")
        above = [copied("word_weights", (hidden + 1) * vocabulary + hidden * hidden + hidden * 3)]
    if architecture == "BgeM3EmbeddingModel":
        # One weight for a word, and its vector, from those of the last layer (`roberta.py`).
        above = [copied("word_weights", (hidden + 1) * (hidden + 1), WIDE)]
    return Components(embedding, layers, tuple(above), (), tied=False)


def nomic_bert(text: Attributes, architecture: str) -> Components:
    """Return rotary embeddings, gated MLPs, biases where the config asks for them (`bert_with_rope.py`)."""
    hidden = need(text, "n_embd", "hidden_size")
    width, bias = need(text, "n_inner", "intermediate_size"), flag(text, "qkv_proj_bias", True)
    gated = 2 if text.get("activation_function") == "swiglu" else 1
    attention = (
        *columns("q", hidden, hidden * 3, bias),
        *rows("o", hidden, hidden, bias),
        copied("norms", hidden * 4),
    )
    dense = (*columns("up", hidden, width * gated, bias), *rows("down", width, hidden, bias))
    every, experts = optional(text, "moe_every_n_layers"), optional(text, "num_experts")
    sparse = (
        divided("experts", experts * hidden * width * 2),
        copied("router", experts * hidden),
        copied("expert_output_bias", hidden),
    )
    embedding = (
        table("embedding", need(text, "vocab_size"), hidden),
        table("types", need(text, "type_vocab_size", default=2), hidden),
        copied("norms", hidden * 2),
    )
    layers = tuple(
        (*attention, *(sparse if every and place % every == 1 else dense))
        for place in range(layer_count(text, "n_layer", "num_hidden_layers"))
    )
    return Components(embedding, layers, (), (), tied=False)


def modern_bert(text: Attributes, architecture: str) -> Components:
    """Return gated layers without biases unless asked for, the first without a norm (`modernbert.py`)."""
    hidden, width = need(text, "hidden_size"), need(text, "intermediate_size")
    bias, mlp_bias = flag(text, "attention_bias"), flag(text, "mlp_bias")
    norm = hidden * (2 if flag(text, "norm_bias") else 1)
    matrices = (
        *columns("q", hidden, hidden * 3, bias),
        *rows("o", hidden, hidden, bias),
        *columns("up", hidden, width * 2, mlp_bias),
        *rows("down", width, hidden, mlp_bias),
    )
    first, rest = (*matrices, copied("norms", norm)), (*matrices, copied("norms", norm * 2))
    layers = (first, *(rest,) * (layer_count(text, "num_hidden_layers") - 1))
    embedding = (table("embedding", need(text, "vocab_size"), hidden), copied("norms", norm))
    above = [copied("final_norm", norm), *_modern_head(text, architecture, hidden)]
    return Components(embedding, layers, tuple(above), (), tied=False)


def _modern_head(text: Attributes, architecture: str, hidden: int) -> list[Component]:
    """Return a dense layer with its norm, and a classifier of 32 bits (`modernbert.py`)."""
    if architecture == "ModernBertModel":
        return []
    norm = hidden * (2 if flag(text, "norm_bias") else 1)
    dense = hidden * (hidden + 1 if flag(text, "classifier_bias") else hidden) + norm
    if architecture == "ModernBertForSequenceClassification":
        return [copied("pooler", dense, WIDE), copied("classifier", (hidden + 1) * _labels(text), WIDE)]
    if architecture == "ModernBertForTokenClassification":
        return [copied("pooler", dense), copied("classifier", (hidden + 1) * _labels(text), WIDE)]
    raise MissingSizeError("classifier")


def gte(text: Attributes, architecture: str) -> Components:
    """Return rotary embeddings and gated MLPs without a bias on what goes in (`bert_with_rope.py`)."""
    hidden, width = need(text, "hidden_size"), need(text, "intermediate_size")
    layer = (
        *columns("q", hidden, hidden * 3, True),
        *rows("o", hidden, hidden, True),
        *columns("up", hidden, width * 2),
        *rows("down", width, hidden, True),
        copied("norms", hidden * 4),
    )
    types = optional(text, "type_vocab_size")
    embedding = (
        table("embedding", need(text, "vocab_size"), hidden),
        *([table("types", types, hidden)] if types else []),
        copied("norms", hidden * 2),
    )
    layers = (layer,) * layer_count(text, "num_hidden_layers")
    classifies = architecture.endswith("SequenceClassification")
    above = [copied("pooler", hidden * hidden + hidden, WIDE)] if classifies else []
    if classifies:
        above.append(copied("classifier", (hidden + 1) * _labels(text), WIDE))
    return Components(embedding, layers, tuple(above), (), tied=False)


def _pooler(text: Attributes, architecture: str, hidden: int) -> list[Component]:
    """Return what stands above the layers: a classifier runs in 32 bits."""
    square = hidden * hidden + hidden
    if architecture.endswith("SequenceClassification"):
        count = _labels(text)
        dense = square if "Roberta" in architecture else 0
        pooler = [] if dense else [copied("pooler", square, WIDE)]
        return [copied("classifier", dense + (hidden + 1) * count, WIDE), *pooler]
    return []


def _labels(text: Attributes) -> int:
    labels, names = text.written.get("num_labels"), text.written.get("id2label")
    return labels if isinstance(labels, int) else len(names) if isinstance(names, dict) else 2


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
