"""From the model that the options name to its facts: the first source that knows it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from vllint.models.catalogue import find_model
from vllint.models.lengths import overridden_lengths
from vllint.neighbours import Neighbour
from vllint.text.source import SourceText
from vllint_schemas import EngineArgs, Located, ModelFacts, Unknown

if TYPE_CHECKING:
    from vllint.models.local import Folder
    from vllint.models.lock import Lock

AskHub = Callable[[str, str | None], ModelFacts | Unknown]
"""Asks the Hub for a model and a revision."""

_SNAPSHOT = r"/models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})/?$"
"""A model in a Hugging Face cache, which names it."""

_HARMLESS_OVERRIDES = frozenset(
    {"rope_scaling", "rope_parameters", "rope_theta", "max_position_embeddings", "architectures"}
)
"""Keys of `--hf-overrides` that leave heads, layers and sizes as they are; the context length may change."""


class ModelSources(NamedTuple):
    """What is said about models from outside: by the caller for every model, by settings for some.

    `lock` holds the facts frozen in the repository, `hub` asks the Hub for a model and a revision.
    """

    stated: ModelFacts | Unknown | None = None
    by_id: Mapping[str, ModelFacts | Unknown] = MappingProxyType({})
    lock: Lock | None = None
    hub: AskHub | None = None


class Surroundings(NamedTuple):
    """Where the launch's model may lie: `host_path` turns a path of the process into one beside the file."""

    neighbour: Neighbour
    host_path: Callable[[str], str | None]


class Reference(NamedTuple):
    """A model as the options name it. `config_format` is vLLM's option of that name."""

    name: str
    revision: str | None = None
    config_format: str = "auto"


def resolve_model(
    args: EngineArgs, sources: ModelSources, around: Surroundings | None = None
) -> ModelFacts | Unknown:
    """Return the facts of the model that `args` serve; `around` is where its files may be."""
    if isinstance(args.model, Unknown):
        return args.model if sources.stated is None else sources.stated
    facts = look_up(reference_of(args, args.model.value), sources, around)
    if isinstance(facts, Unknown):
        return facts
    if args.given("hf_overrides") is None:
        return facts
    changed = _overridden(args)
    if changed is not None:
        return changed
    overrides = args.value("hf_overrides")
    written = overrides.value if isinstance(overrides, Located) else None
    return overridden_lengths(facts, written if isinstance(written, dict) else {}, args.vllm_version)


def reference_of(args: EngineArgs, model: str) -> Reference:
    """Return the model, the revision and the format that the options ask for."""
    return Reference(
        model.removeprefix("hf://").rstrip("/") or model,
        _text(args, "revision"),
        _text(args, "config_format") or "auto",
    )


def _text(args: EngineArgs, dest: str) -> str | None:
    found = args.value(dest)
    return found.value if isinstance(found, Located) and isinstance(found.value, str) else None


def look_up(reference: Reference, sources: ModelSources, around: Surroundings | None) -> ModelFacts | Unknown:
    """Return the facts of a model from the first source that knows it."""
    name, revision = reference.name, reference.revision
    if sources.stated is not None:
        stated = sources.stated
        return stated if isinstance(stated, Unknown) else stated._replace(id=name)
    if name in sources.by_id:
        return sources.by_id[name]
    found = None if sources.lock is None else sources.lock.find(name, revision)
    if found is None and around is not None:
        found = local_model(reference, around)
    if found is not None:
        return found
    snapshot = re.search(_SNAPSHOT, name, re.ASCII) if "/models--" in name else None
    if snapshot is not None:
        name, revision = f"{snapshot[1]}/{snapshot[2]}", snapshot[3]
        return look_up(reference._replace(name=name, revision=revision), sources, around)
    if is_path(name):
        return Unknown(f"`{name}` is a path, and what lies there is not known{_by_its_name(name)}")
    known = find_model(name)
    if known is not None:
        return known
    found = None if around is None else _cached(reference, around.neighbour)
    if found is None and sources.hub is not None:
        found = sources.hub(name, revision)
    if found is not None:
        return found
    return Unknown(f"`{name}` is not in the catalogue{_by_its_name(name)}")


def _by_its_name(name: str) -> str:
    from vllint.models.names import by_its_name

    return by_its_name(name)


def local_model(reference: Reference, around: Surroundings) -> ModelFacts | Unknown | None:
    """Return the facts of a folder or a file in the repository; `None` where there is no model."""
    place = around.host_path(reference.name)
    if place is None or "://" in place:
        return None
    if place.endswith(".gguf"):
        return _gguf_file(reference.name, around.neighbour(place))
    listed = around.neighbour(f"{place.rstrip('/')}/")
    if listed is None:
        return None
    from vllint.models.local import MODEL_FILES, Folder, folder_facts

    names = frozenset(listed.text.splitlines())
    if not is_path(reference.name) and names.isdisjoint(MODEL_FILES):
        return None
    folder = Folder(
        listed.path.rstrip("/"), names, lambda file: around.neighbour(f"{place.rstrip('/')}/{file}")
    )
    return folder_facts(reference.name, folder, "local", reference.config_format)


def _gguf_file(name: str, source: SourceText | None) -> ModelFacts | Unknown | None:
    if source is None:
        return None
    from vllint.models.gguf_facts import facts_from_gguf

    summary = json.loads(source.text)
    if "metadata" not in summary:
        return Unknown(f"{source.path} {summary.get('problem', 'is a pointer to a file elsewhere')}")
    return facts_from_gguf(name, summary, "local")


def _cached(reference: Reference, neighbour: Neighbour) -> ModelFacts | Unknown | None:
    """Return the facts of a model that this machine has downloaded; `None` if it has not."""
    folder = cached_folder(reference, neighbour)
    if folder is None:
        return None
    from vllint.models.local import folder_facts

    return folder_facts(reference.name, folder, "cache", reference.config_format)


def cached_folder(reference: Reference, neighbour: Neighbour) -> Folder | None:
    """Return what this machine has downloaded of a model; `None` where no config is among it."""
    from vllint.hub_cache import cache_name

    name, revision = reference.name, reference.revision
    listed = neighbour(cache_name(name, revision, ""))
    if listed is None:
        return None
    from vllint.models.local import MODEL_FILES, Folder

    names = frozenset(listed.text.splitlines())
    if names.isdisjoint(MODEL_FILES):
        return None
    return Folder(listed.path, names, lambda file: neighbour(cache_name(name, revision, file)))


def is_path(model_id: str) -> bool:
    """Whether a model is named by a place rather than by its id on the Hub."""
    return model_id.startswith(("/", ".", "~")) or model_id.count("/") > 1 or "://" in model_id


def _overridden(args: EngineArgs) -> Unknown | None:
    """Return why the facts may not hold when `--hf-overrides` changes the model's shape."""
    overrides = args.value("hf_overrides")
    if isinstance(overrides, Unknown):
        return overrides
    if not isinstance(overrides, Located) or not isinstance(overrides.value, dict):
        return None
    nested = overrides.value.get("text_config")
    inner = nested if isinstance(nested, dict) else {}
    keys = [*inner, *(key for key, value in overrides.value.items() if value is not inner)]
    changed = [str(key) for key in keys if key not in _HARMLESS_OVERRIDES]
    return Unknown(f"`--hf-overrides` changes `{changed[0]}`") if changed else None
