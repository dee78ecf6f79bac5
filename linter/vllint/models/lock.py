"""Facts frozen in the repository: `vllint.lock.json`, which `vllint models lock` writes.

A model whose config was read stands there with that `config` and the sizes of its `weights`, so that a newer
vllint reads more of it; a model of the catalogue with its `facts`. `unresolved` lists the models of which
nothing was known. Everything is sorted, and a date changes only together with what it dates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vllint.models.attributes import mapping
from vllint.models.json_object import json_object
from vllint.models.local import facts_with_weights
from vllint.statements import StatementError
from vllint.text.source import SourceText, UndecodableText, decode
from vllint_schemas import ModelFacts, Quantization, Unknown
from vllint_schemas.models import Scheme

LARGEST_LOCK = 32 * 2**20
_FILE = "vllint.lock.json"
VERSION = 1

_NOT_IN_LOCK = ("id", "source", "tower", "built")
_IRRELEVANT = frozenset(
    {"id2label", "label2id", "task_specific_params", "transformers_version", "_name_or_path"}
)
"""Parts of configs that can be long and say nothing of shapes."""


class Lock(NamedTuple):
    """The content of a lock file: entries by model (`owner/name` or `owner/name@revision`)."""

    models: Mapping[str, Mapping[str, Any]]
    unresolved: tuple[str, ...] = ()

    def find(self, model_id: str, revision: str | None) -> ModelFacts | Unknown | None:
        """Return the facts of a model; `None` where the lock does not have it."""
        entry = self.models.get(locked_name(model_id, revision))
        return None if entry is None else _facts(model_id, entry)

    def config(self, model_id: str, revision: str | None) -> Mapping[str, object] | None:
        """Return the config of a model, `None` where the lock has facts alone, or nothing."""
        config = mapping(self.models.get(locked_name(model_id, revision))).get("config")
        return config if isinstance(config, dict) else None


def locked_name(model_id: str, revision: str | None) -> str:
    """Return the name that a lock file has for a revision of a model."""
    return model_id if revision is None else f"{model_id}@{revision}"


def read_lock(path: Path) -> Lock:
    """Read a lock file; raises StatementError for one that cannot be used."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_LOCK + 1)
        source = decode(str(path), content)
    except OSError as error:
        raise StatementError(f"{path}: {error.strerror or error}") from error
    except UndecodableText as error:
        raise StatementError(str(error)) from error
    if len(content) > LARGEST_LOCK:
        raise StatementError(f"{path} is larger than {LARGEST_LOCK // 2**20} MB")
    return lock_of(source)


def lock_of(source: SourceText) -> Lock:
    """Return the lock that a text holds; raises StatementError for one that cannot be used."""
    found = json_object(source)
    if isinstance(found, Unknown):
        raise StatementError(found.reason)
    models, unresolved = found.get("models"), found.get("unresolved", [])
    if found.get("version") != VERSION:
        raise StatementError(f"{source.path}: its version is not {VERSION}: write it anew, or upgrade vllint")
    if not isinstance(models, dict) or not all(isinstance(entry, dict) for entry in models.values()):
        raise StatementError(f"{source.path}: `models` is no table of models")
    if not isinstance(unresolved, list) or not all(isinstance(name, str) for name in unresolved):
        raise StatementError(f"{source.path}: `unresolved` is no list of names")
    return Lock(models, tuple(unresolved))


def lock_text(lock: Lock) -> str:
    """Return a lock as its file holds it."""
    content = {
        "version": VERSION,
        "models": {name: lock.models[name] for name in sorted(lock.models)},
        "unresolved": sorted(lock.unresolved),
    }
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def catalogue_entry(facts: ModelFacts) -> dict[str, Any]:
    """Return the entry of a model whose facts no config gave."""
    plain = facts._asdict()
    known = {name: value for name, value in plain.items() if value is not None and name not in _NOT_IN_LOCK}
    if facts.quantization is not None:
        known["quantization"] = {
            **facts.quantization._asdict(),
            "schemes": [scheme._asdict() for scheme in facts.quantization.schemes],
        }
    return {"source": facts.source, "facts": json.loads(json.dumps(known))}


def config_entry(
    source: str, sha: str | None, config: Mapping[str, object], weights: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the entry of a model whose config was read."""
    written = json.dumps({name: value for name, value in config.items() if name not in _IRRELEVANT})
    entry: dict[str, Any] = {
        "source": source,
        "config": json.loads(written, parse_constant=lambda constant: None),
    }
    if sha is not None:
        entry["sha"] = sha
    if weights is not None:
        entry["weights"] = {name: value for name, value in weights.items() if name != "header"}
    return entry


def dated(entry: Mapping[str, Any], known: Mapping[str, Any] | None, today: str) -> dict[str, Any]:
    """Return the entry with the date of the `known` one if that says the same, else with today's."""
    if known is not None and undated(entry) == undated(known) and isinstance(known.get("date"), str):
        return {**entry, "date": known["date"]}
    return {**entry, "date": today}


def undated(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry says, as JSON's own types."""
    plain: dict[str, Any] = json.loads(json.dumps({name: entry[name] for name in entry if name != "date"}))
    return plain


def _facts(model_id: str, entry: Mapping[str, Any]) -> ModelFacts | Unknown:
    config = entry.get("config")
    if isinstance(config, dict):
        weights = entry.get("weights")
        found = facts_with_weights(model_id, config, weights if isinstance(weights, dict) else None, "lock")
        if isinstance(found, Unknown):
            return Unknown(f"{_FILE}: `{model_id}`: {found.reason}")
        gated = entry.get("gated")
        return found._replace(gated=gated) if isinstance(gated, bool) else found
    return _stated_facts(model_id, mapping(entry.get("facts")))


def _stated_facts(model_id: str, stated: Mapping[str, Any]) -> ModelFacts | Unknown:
    """Return the facts that an entry states; those of wrong types make all unknown."""
    fields: dict[str, Any] = {}
    for name, value in stated.items():
        if name in _NOT_IN_LOCK or name not in ModelFacts._fields:
            continue
        if name == "quantization":
            value = _quantization(value)
        elif not _suits(name, value):
            value = None
        if value is None:
            return Unknown(f"{_FILE}: `{model_id}`: its `{name}` is no such fact")
        fields[name] = value
    if not fields:
        return Unknown(f"{_FILE}: `{model_id}` has neither a `config` nor `facts`")
    return ModelFacts(id=model_id, source="lock", **fields)


def _suits(name: str, value: object) -> bool:
    kind = str(ModelFacts.__annotations__[name])
    if isinstance(value, bool):
        return "bool" in kind
    if isinstance(value, int):
        return ("int" in kind or "float" in kind) and 0 <= value < 2**62
    return isinstance(value, str | float) and type(value).__name__ in kind


def _quantization(written: object) -> Quantization | None:
    if not isinstance(written, dict) or not isinstance(written.get("method"), str):
        return None
    known = {name: value for name, value in written.items() if name in Quantization._fields}
    for name in ("block", "ignored", "missing"):
        if isinstance(known.get(name), list):
            known[name] = tuple(known[name])
    if not all(isinstance(known.get(name), int | None) for name in ("bits", "group_size")):
        return None
    schemes = written.get("schemes")
    found = [_scheme(scheme) for scheme in schemes] if isinstance(schemes, list) else []
    if None in found:
        return None
    known["schemes"] = tuple(found)
    return Quantization(**known)


def _scheme(written: object) -> Scheme | None:
    fields = mapping(written)
    targets, bits = fields.get("targets"), fields.get("bits")
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        return None
    return Scheme(tuple(targets), bits, fields.get("group_size")) if isinstance(bits, int) else None
