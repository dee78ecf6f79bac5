"""From the model that the options name to its facts: the first source that knows it counts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from vllint.models.catalogue import find_model
from vllint_schemas import EngineArgs, Located, ModelFacts, Unknown

_HARMLESS_OVERRIDES = frozenset(
    {"rope_scaling", "rope_parameters", "rope_theta", "max_position_embeddings", "architectures"}
)
"""Keys of `--hf-overrides` that leave heads, layers and sizes as they are; the context length may change."""


class ModelSources(NamedTuple):
    """What is said about models from outside: by the caller for every model, by settings for some."""

    stated: ModelFacts | Unknown | None = None
    by_id: Mapping[str, ModelFacts | Unknown] = MappingProxyType({})


def resolve_model(args: EngineArgs, sources: ModelSources) -> ModelFacts | Unknown:
    """Return the facts of the model that `args` serve."""
    if isinstance(args.model, Unknown):
        return args.model if sources.stated is None else sources.stated
    facts = _look_up(_hub_id(args.model.value), sources)
    if isinstance(facts, Unknown):
        return facts
    changed = _overridden(args)
    if changed is not None:
        return changed
    return facts if args.given("hf_overrides") is None else _without_length(facts)


def _without_length(facts: ModelFacts) -> ModelFacts:
    return facts._replace(
        max_position_embeddings=None, derived_max_model_len=None, default_max_model_len=None
    )


def _hub_id(reference: str) -> str:
    return reference.removeprefix("hf://").rstrip("/")


def _look_up(model_id: str, sources: ModelSources) -> ModelFacts | Unknown:
    if sources.stated is not None:
        stated = sources.stated
        return stated if isinstance(stated, Unknown) else stated._replace(id=model_id)
    if model_id in sources.by_id:
        return sources.by_id[model_id]
    if _is_path(model_id):
        return Unknown(f"`{model_id}` is a path, and what lies there is not known")
    found = find_model(model_id)
    return found if found is not None else Unknown(f"`{model_id}` is not in the catalogue")


def _is_path(model_id: str) -> bool:
    return model_id.startswith(("/", ".", "~")) or model_id.count("/") > 1 or "://" in model_id


def _overridden(args: EngineArgs) -> Unknown | None:
    """Return why the facts may not hold when `--hf-overrides` changes the model's shape."""
    overrides = args.value("hf_overrides")
    if isinstance(overrides, Unknown):
        return overrides
    if not isinstance(overrides, Located) or not isinstance(overrides.value, dict):
        return None
    changed = [str(key) for key in overrides.value if key not in _HARMLESS_OVERRIDES]
    return Unknown(f"`--hf-overrides` changes `{changed[0]}`") if changed else None
