"""From the model that the options name to its facts: the first source that knows it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from vllint.models.catalogue import find_model
from vllint.neighbours import Neighbour
from vllint.text.source import SourceText
from vllint_schemas import EngineArgs, Located, ModelFacts, Unknown

if TYPE_CHECKING:
    from vllint.models.hub import Hub
    from vllint.models.local import Folder
    from vllint.models.lock import Lock

_SNAPSHOT = r"/models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})/?$"
"""A model in a Hugging Face cache, which names it."""


class ModelSources(NamedTuple):
    """What is said about models from outside: by the caller for every model, by settings for some.

    `lock` holds the facts frozen in the repository, `hub` asks the Hub for a model and a revision. `config`
    is what the stated facts were read from.
    """

    stated: ModelFacts | Unknown | None = None
    by_id: Mapping[str, ModelFacts | Unknown] = MappingProxyType({})
    lock: Lock | None = None
    hub: Hub | None = None
    config: Mapping[str, object] | None = None


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
    reference = reference_of(args, args.model.value)
    facts = look_up(reference, sources, around)
    if isinstance(facts, Unknown):
        return facts
    if sources.hub is not None and facts.configuration in ("remote", "missing"):
        from vllint.models.auto_config import completed

        config = known_config(reference, sources, around)
        facts = facts if config is None else completed(facts, config)
    if args.given("hf_overrides") is None:
        return facts
    overrides = args.value("hf_overrides")
    if isinstance(overrides, Unknown):
        return overrides
    if not isinstance(overrides, Located) or not isinstance(overrides.value, dict):
        return facts
    from vllint.models.overrides import overridden

    config = known_config(reference, sources, around)
    return overridden(facts, config, overrides.value, args.vllm_version)


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
        found = sources.hub.facts(name, revision)
    if found is not None:
        return found
    return Unknown(f"`{name}` is not in the catalogue{_by_its_name(name)}")


def known_config(
    reference: Reference, sources: ModelSources, around: Surroundings | None
) -> Mapping[str, object] | None:
    """Return the config that the facts of `look_up` were read from, where one is at hand."""
    if sources.stated is not None or reference.name in sources.by_id:
        return sources.config
    locked = None if sources.lock is None else sources.lock.config(reference.name, reference.revision)
    if locked is not None or around is None:
        return locked
    folder = local_folder(reference, around)
    if folder is None and find_model(reference.name) is not None:
        return None
    folder = folder or cached_folder(reference, around.neighbour)
    if folder is None:
        return None if sources.hub is None else sources.hub.config(reference.name, reference.revision)
    from vllint.models.local import model_config

    config = model_config(folder, reference.config_format)
    return None if isinstance(config, Unknown) else config


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
    folder = local_folder(reference, around)
    if folder is None:
        return None
    from vllint.models.local import folder_facts

    return folder_facts(reference.name, folder, "local", reference.config_format)


def local_folder(reference: Reference, around: Surroundings) -> Folder | None:
    """Return the model's folder in the repository; `None` where there is none."""
    place = around.host_path(reference.name)
    if place is None or "://" in place:
        return None
    listed = around.neighbour(f"{place.rstrip('/')}/")
    if listed is None:
        return None
    from vllint.models.local import MODEL_FILES, Folder

    names = frozenset(listed.text.splitlines())
    if not is_path(reference.name) and names.isdisjoint(MODEL_FILES):
        return None
    return Folder(
        listed.path.rstrip("/"), names, lambda file: around.neighbour(f"{place.rstrip('/')}/{file}")
    )


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
