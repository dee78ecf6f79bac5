"""What `--hf-overrides` makes of a model, as vLLM 0.33 applies it (`config/model.py:624`, `:685`).

It sets attributes of the configuration that its class has already filled in: what the class derived from
other attributes, such as a head's size from the hidden size, stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from vllint.models.architectures import has_trait, registered
from vllint.models.attributes import Attributes, mapping, part_attributes, whole_attributes
from vllint.models.lengths import LENGTH_KEYS, overridden_lengths
from vllint_schemas import EngineArgs, ModelFacts, Unknown

LENGTHS = frozenset({"rope_scaling", "rope_parameters", "rope_theta", *LENGTH_KEYS})
"""Keys that change the context length, and nothing else that is known here."""

HARMLESS = frozenset(
    {
        "bos_token_id",
        "classifier_from_token",
        "dtype",
        "eos_token_id",
        "id2label",
        "is_matryoshka",
        "is_original_qwen3_reranker",
        "label2id",
        "matryoshka_dimensions",
        "method",
        "num_labels",
        "pad_token_id",
        "problem_type",
        "torch_dtype",
        "use_cache",
    }
)
"""Keys that leave sizes as they are; vLLM reads the type of weights before it applies them."""

SIZES = frozenset(
    {
        "head_dim",
        "hidden_size",
        "intermediate_size",
        "moe_intermediate_size",
        "n_routed_experts",
        "num_attention_heads",
        "num_experts",
        "num_experts_per_tok",
        "num_hidden_layers",
        "num_key_value_heads",
        "num_local_experts",
        "quantization_config",
        "tie_word_embeddings",
        "vocab_size",
    }
)
"""Keys that were tried on vLLM 0.33.0: the model is built as if its config said so."""


def overridden(
    facts: ModelFacts, config: Mapping[str, object] | None, overrides: Mapping[str, Any], release: str
) -> ModelFacts | Unknown:
    """Return the facts that `overrides` make of a model; `config` is its own, where it is at hand."""
    unclear = _unclear(overrides)
    if unclear is not None:
        return Unknown(f"`--hf-overrides` changes `{unclear}`")
    sizes = _kept(overrides, SIZES)
    if sizes:
        changed = None if config is None else _changed(facts, config, sizes)
        if changed is None:
            return Unknown(f"`--hf-overrides` changes `{_first(sizes)}`")
        if isinstance(changed, Unknown):
            return changed
        facts = changed
    named = _architecture(overrides.get("architectures"))
    if named is not None and _stem(named) != _stem(facts.architecture or ""):
        return Unknown(f"`--hf-overrides` has `{named}` build a model of another class")
    facts = facts if named is None else _of_architecture(facts, named)
    return overridden_lengths(facts, overrides, release) if _kept(overrides, LENGTHS) else facts


def given_otherwise(args: EngineArgs, dests: Iterable[str]) -> bool:
    """Whether one of the options makes another model than its config says, or may.

    A value of `_AS_IT_IS` makes none, and `hf_overrides` none where it changes the context's length alone.
    """
    return any(args.given(dest) is not None and not _leaves_model(args, dest) for dest in dests)


_AS_IT_IS = {
    "convert": frozenset({"auto", "none"}),
    "model_impl": frozenset({"auto", "vllm"}),
    "runner": frozenset({"auto", "generate"}),
    "task": frozenset({"auto", "generate"}),
}


def _leaves_model(args: EngineArgs, dest: str) -> bool:
    if dest == "hf_overrides":
        return _changes_length_alone(args)
    found = args.value(dest)
    return not isinstance(found, Unknown) and found.value in _AS_IT_IS.get(dest, ())


def _changes_length_alone(args: EngineArgs) -> bool:
    found = args.value("hf_overrides")
    if isinstance(found, Unknown) or not isinstance(found.value, Mapping):
        return False
    below = found.value.get("text_config", {})
    keys = [key for key in found.value if key != "text_config"]
    return isinstance(below, Mapping) and LENGTHS.issuperset([*keys, *below])


def _unclear(overrides: Mapping[str, Any]) -> str | None:
    """Return the first key whose effect is not known."""
    for key, value in overrides.items():
        if key == "text_config" and isinstance(value, Mapping):
            below = next((str(name) for name in value if name not in LENGTHS | SIZES | HARMLESS), None)
            if below is not None:
                return below
        elif key not in LENGTHS | SIZES | HARMLESS | {"architectures"}:
            return str(key)
    return None


def _kept(overrides: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """Return the overrides of some keys, those of the text part below it."""
    kept = {key: value for key, value in overrides.items() if key in keys}
    below = {key: value for key, value in mapping(overrides.get("text_config")).items() if key in keys}
    return {**kept, "text_config": below} if below else kept


def _first(overrides: Mapping[str, Any]) -> str:
    return next(iter(mapping(overrides.get("text_config")) or overrides))


def _changed(
    facts: ModelFacts, config: Mapping[str, object], overrides: Mapping[str, Any]
) -> ModelFacts | Unknown | None:
    """Return the facts of the changed config, without the sizes of the checkpoint, which is another."""
    # Most launches change nothing, and what reads configs is many modules.
    from vllint.models.config import facts_from_config

    whole = whole_attributes(config)
    if not whole.known:
        return None
    written = dict(config)
    below = mapping(overrides.get("text_config"))
    if below:
        part = part_attributes(whole, "text_config")
        if part is None:
            return None
        written["text_config"] = _set(part, below)
    written = _set(
        whole._replace(written=written), {k: v for k, v in overrides.items() if k != "text_config"}
    )
    changed = facts_from_config(facts.id, written, facts.source)
    return changed if isinstance(changed, Unknown) else changed._replace(gated=facts.gated)


def _set(attributes: Attributes, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written with the overrides, and with what the class had derived without them."""
    names = mapping(attributes.described.get("names"))
    own = {names.get(key, key): value for key, value in overrides.items()}
    derived = {
        name: value
        for name in mapping(attributes.described.get("derived"))
        if (value := attributes.get(name)) is not None
    }
    kept = {key: value for key, value in attributes.written.items() if names.get(key, key) not in own}
    return {**kept, **derived, **own}


def _architecture(named: object) -> str | None:
    first = named[0] if isinstance(named, list) and named else None
    return first if isinstance(first, str) else None


def _stem(architecture: str) -> str:
    """Return what models that generate, embed or classify have in common in their names."""
    return re.sub(r"(For[A-Z]\w*|LMHeadModel|Model)$", "", architecture)


def _of_architecture(facts: ModelFacts, architecture: str) -> ModelFacts:
    """Return the facts with another class, and with what this class is."""
    hybrid = has_trait(architecture, "hybrid") if registered(architecture) else None
    return facts._replace(
        architecture=architecture,
        multimodal=has_trait(architecture, "multimodal"),
        encoder_only=has_trait(architecture, "encoder_only"),
        linear_attention=facts.linear_attention if hybrid else hybrid,
    )
