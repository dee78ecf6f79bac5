"""How long a context a model allows, as vLLM 0.33 derives it (`_get_and_verify_max_len`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vllint.models.attributes import Attributes, count, mapping
from vllint.release_order import version_key
from vllint_schemas import ModelFacts

LENGTH_KEYS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
"""vllm/transformers_utils/model_arch_config_convertor.py, derive_max_model_len_and_key."""

UNSCALED_ROPE_TYPES = frozenset(
    {"su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling"}
)
"""Types whose factor is already in the length. vllm/config/model.py."""

_GENERATORS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")

_OWN_FORMAT = ("istral", "ixtral", "oxtral", "devstral")
"""Mistral's repositories hold `params.json` as well, whose length is another (`config.py:893`)."""

LENGTH_WHEN_SILENT = 2048
LONGEST = 2**40


class Lengths(NamedTuple):
    """`written` is the config's own length, `derived` vLLM's limit, `default` what it takes unasked.

    A config without a length sets no limit.
    """

    written: int | None
    derived: int | None
    default: int | None
    rope_type: str | None
    rope_factor: float | None
    original: int | None


def lengths(text: Attributes) -> Lengths:
    """Return the text model's lengths, each `None` where the config is silent and its class is not known."""
    rope = _rope(text)
    own = count(text.get("original_max_position_embeddings"))
    original = own or count(rope.get("original_max_position_embeddings"))
    written = _written(text)
    kind, factor = _type(rope), _factor(rope.get("factor"))
    if written is None:
        silent = LENGTH_WHEN_SILENT if text.known and not any(map(text.has, LENGTH_KEYS)) else None
        return Lengths(None, None, silent, kind, factor, original)
    derived = _scaled(written, text)
    default = own or derived if derived is not None and kind == "longrope" else derived
    return Lengths(written, derived, default, kind, factor, original)


def partial_rotary_factor(text: Attributes) -> float | None:
    """Return the share of a head that is rotated; `None` where neither the config nor its class says."""
    written = written_rope(text.written)
    shares = (written.get("partial_rotary_factor"), *map(text.get, ("partial_rotary_factor", "rotary_pct")))
    share = next((_factor(value) for value in shares if value is not None), None)
    return share if share is not None and share <= 1 else None


def written_rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a config writes of its rope; of both keys the older one counts.

    transformers/modeling_rope_utils.py, `convert_rope_params_to_dict`.
    """
    return mapping(config.get("rope_scaling") or config.get("rope_parameters"))


def overridden_lengths(facts: ModelFacts, overrides: Mapping[str, Any], release: str) -> ModelFacts:
    """Return the facts with the lengths that `--hf-overrides` makes, unknown where that is not certain.

    A composite model's length and rope stand in its text config. Releases before 0.30 apply YaRN's factor.
    """
    text = overrides.get("text_config", {} if facts.multimodal is not False else overrides)
    rope = mapping(text.get("rope_parameters", text.get("rope_scaling")))
    none = facts._replace(
        max_position_embeddings=None, derived_max_model_len=None, default_max_model_len=None
    )
    positions = count(text.get("max_position_embeddings", facts.max_position_embeddings), LONGEST)
    kind = _type(rope)
    if positions is None or kind is None or version_key(release) < (0, 30):
        return none
    if kind == "longrope" or any(isinstance(value, Mapping) for value in rope.values()):
        return none
    factor = 1.0 if kind in UNSCALED_ROPE_TYPES or rope.get("factor") is None else _factor(rope["factor"])
    if factor is None:
        return none
    derived = int(positions * factor)
    return facts._replace(
        max_position_embeddings=positions,
        derived_max_model_len=derived,
        default_max_model_len=derived,
        rope_type=kind,
        rope_factor=_factor(rope.get("factor")),
        original_max_position_embeddings=count(rope.get("original_max_position_embeddings")),
    )


def context_limit(model: ModelFacts) -> int | None:
    """Return the longest context of a model that generates text, `None` where it is not known for sure."""
    architecture, derived = model.architecture or "", model.derived_max_model_len
    if derived is None or model.encoder_only is not False or not architecture.endswith(_GENERATORS):
        return None
    own_format = any(name in f"{model.id} {architecture}".lower() for name in _OWN_FORMAT)
    return None if own_format else derived


def _written(text: Attributes) -> int | None:
    values = [text.get(key) for key in LENGTH_KEYS]
    given = [value for value in values if value is not None]
    checked = [count(value, LONGEST) for value in given]
    if not checked or None in checked:
        return None
    own = count(text.get("model_max_length"), LONGEST)
    return own or min(length for length in checked if length is not None)


def _scaled(written: int, text: Attributes) -> int | None:
    if "gemma3" in (text.model_type or ""):
        return written
    scale: float | None = 1.0
    for rope in _rope_layers(text):
        if _type(rope) not in UNSCALED_ROPE_TYPES and rope.get("factor") is not None:
            scale = _factor(rope["factor"])
    return int(written * scale) if scale is not None else None


def _rope(attributes: Attributes) -> Mapping[str, Any]:
    layers = _rope_layers(attributes)
    return layers[0] if layers else {}


def _rope_layers(attributes: Attributes) -> list[Mapping[str, Any]]:
    """Return the rope parameters, one mapping per kind of layer where the config tells them apart."""
    written = written_rope(attributes.written)
    nested = [value for value in written.values() if isinstance(value, Mapping)]
    return nested or ([written] if written else [])


def _type(rope: Mapping[str, Any]) -> str | None:
    kind = rope.get("rope_type", rope.get("type"))
    return kind if isinstance(kind, str) and len(kind) < 100 else None


def _factor(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 < value <= 1e6 else None
