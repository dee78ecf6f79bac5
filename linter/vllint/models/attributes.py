"""Attributes of a `config.json` as its configuration class would answer for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from vllint.tables import table_path

TEXT_PATHS = (
    "text_config",
    "llm_config",
    "language_config",
    "thinker_config.text_config",
    "thinker_config",
    "decoder",
    "generator",
    "text_encoder",
)
"""Where composite models of unknown classes keep the text model."""

KNOWN_TEXT_PATHS = TEXT_PATHS[:2]
"""Where vLLM looks for it whatever the class says."""

SIZE_MARKS = ("num_attention_heads", "hidden_size", "num_hidden_layers")
TEXT_MARKS = (*SIZE_MARKS, "n_embd", "model_type")


class Attributes(NamedTuple):
    """A `config.json`, or a part of one, with what its class adds: other names and defaults.

    `known` says whether the class is known, so that an attribute neither has is known to be absent.
    """

    written: Mapping[str, Any]
    described: Mapping[str, Any]
    known: bool
    model_type: str | None

    def has(self, name: str) -> bool:
        """Whether the configuration object has the attribute at all."""
        own = self._own(name)
        added = (self._part("defaults"), self._part("derived"))
        return own in self.written or any(own in part for part in added) or self._written(own) is not None

    def has_written(self, name: str) -> bool:
        """Whether the file itself sets the attribute, under any of its names."""
        return self._written(self._own(name)) is not None

    def get(self, name: str) -> Any:
        """Return the attribute: as written, else the class's default, else `None`."""
        own = self._own(name)
        value = self._written(own)
        if value is None and own not in self.written:
            value = self._part("defaults").get(own)
        if value is None and own in self._part("derived"):
            value = self._derive(self._part("derived")[own])
        switch = self._part("switch").get(own)
        if switch is not None and not self.get(switch):
            return None
        return value

    def first(self, *names: str) -> Any:
        """Return the first of several attributes that is set."""
        for name in names:
            value = self.get(name)
            if value is not None:
                return value
        return None

    def _own(self, name: str) -> str:
        own = self._part("names").get(name, name)
        return own if isinstance(own, str) else name

    def _written(self, own: str) -> Any:
        if own in self.written:
            return self.written[own]
        for other, target in self._part("names").items():
            if target == own and other in self.written:
                return self.written[other]
        return None

    def _derive(self, rule: str) -> Any:
        over, _, under = rule.partition("//")
        whole, _, times = over.partition("*")
        base = size(self.get(whole))
        if base is None:
            return None
        if under:
            divisor = size(self.get(under))
            return base // divisor if divisor else None
        return base * int(times or 1)

    def _part(self, key: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.described.get(key, {})
        return found


def size(value: object, limit: int = 2**31) -> int | None:
    """Return `value` if it is a whole number from 0 to `limit`, else `None`."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= limit else None


def count(value: object, limit: int = 2**31) -> int | None:
    """Return `value` if it is a whole number from 1 to `limit`, else `None`."""
    return size(value, limit) or None


def are_sizes(value: object) -> bool:
    """Whether `value` is a list of whole numbers, not an empty one."""
    return isinstance(value, (list, tuple)) and bool(value) and all(size(item) is not None for item in value)


def switch(value: object) -> bool | None:
    """Return `value` if it is a truth value, else `None`."""
    return value if isinstance(value, bool) else None


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def whole_attributes(config: Mapping[str, Any]) -> Attributes:
    """Return the attributes of a whole `config.json`."""
    return _attributes(config, config.get("model_type"))


def text_attributes(whole: Attributes) -> Attributes:
    """Return the attributes of the part that vLLM takes for the text model; of all when there is none."""
    described = whole.described.get("text")
    flat = whole.known and any(whole.has_written(mark) for mark in SIZE_MARKS)
    for path in (*([described] if described else []), *(KNOWN_TEXT_PATHS if flat else TEXT_PATHS)):
        found = _part_at(whole, path)
        if found is not None and path == described and whole.described.get("text_merged"):
            return _made_up(found, mapping(whole.described.get("text_defaults")))
        if found is not None:
            return found
    if described and "." not in described:
        kind, _ = _part_kind(whole, described)
        text = _attributes(whole.written, kind)
        return text if flat else _made_up(text, mapping(whole.described.get("text_defaults")))
    return whole


def _made_up(text: Attributes, defaults: Mapping[str, Any]) -> Attributes:
    """Return a text part with what the whole's class says in place of the part's own class."""
    derived = {
        name: rule for name, rule in mapping(text.described.get("derived")).items() if name not in defaults
    }
    stated = {**mapping(text.described.get("defaults")), **defaults}
    return text._replace(described={**text.described, "defaults": stated, "derived": derived})


def part_attributes(whole: Attributes, *keys: str) -> Attributes | None:
    """Return the attributes of the first part of that name, looking one level down as well."""
    for key in keys:
        for path in (key, f"thinker_config.{key}"):
            found = _part_at(whole, path, marks=())
            if found is not None:
                return found
    return None


def _part_at(whole: Attributes, path: str, marks: tuple[str, ...] = TEXT_MARKS) -> Attributes | None:
    current = whole
    for key in path.split("."):
        below = current.written.get(key)
        if not isinstance(below, Mapping):
            return None
        kind, fixed = _part_kind(current, key)
        written = below.get("model_type")
        current = _attributes(below, kind if fixed or not isinstance(written, str) else written)
    if marks and not any(mark in current.written for mark in marks):
        return None
    return current


def _part_kind(whole: Attributes, key: str) -> tuple[str | None, bool]:
    kind = mapping(whole.described.get("parts")).get(key)
    for attribute, kinds in mapping(kind).items():
        kind = kinds.get(str(whole.written.get(attribute)))
    if not isinstance(kind, str):
        return None, False
    return kind.rstrip("?") or None, not kind.endswith("?")


def _attributes(written: Mapping[str, Any], model_type: object) -> Attributes:
    kind = model_type if isinstance(model_type, str) else None
    described: Mapping[str, Any] = {}
    if kind is not None:
        described = {**_model_types().get(kind, {}), **_remote_types().get(kind, {})}
    known = kind in _model_types() or kind in _remote_types()
    return Attributes(written, described, known, kind)


def has_one_part(model_type: str | None) -> bool | None:
    """Whether the class of that type holds no other configuration; `None` where the class is not known."""
    described = _model_types().get(model_type) if model_type is not None else None
    return None if described is None else not described.get("text") and not described.get("parts")


def comes_with_checkpoints(model_type: str | None) -> bool:
    """Whether the class of that type is no part of vLLM or transformers, and known all the same."""
    return model_type not in _model_types() and model_type in _remote_types()


@cache
def _model_types() -> Mapping[str, Mapping[str, Any]]:
    path = table_path("transformers_configs.json")
    table: Mapping[str, Mapping[str, Any]] = json.loads(path.read_bytes())["model_types"]
    return table


@cache
def _remote_types() -> Mapping[str, Mapping[str, Any]]:
    """Return what the generated table lacks, in its shape: above all classes that come with checkpoints.

    Written by hand from what the published configurations leave out and vLLM's model classes read.
    """
    table: Mapping[str, Mapping[str, Any]] = json.loads(table_path("remote_configs.json").read_bytes())
    return table
