"""Sizes of a part of a config that a count can't do without."""

from __future__ import annotations

from vllint.models.attributes import Attributes

_LARGEST = 2**26
MOST_LAYERS = 2**10


class MissingSizeError(Exception):
    """A size that neither the config nor its class has."""


def need(part: Attributes, *keys: str, default: int | None = None) -> int:
    """Return the first of several sizes that is set, of a list its first. Raises `MissingSizeError`."""
    for key in keys:
        value = part.get(key)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST:
            return value
    if default is None:
        raise MissingSizeError(keys[0])
    return default


def layer_count(part: Attributes, *keys: str, default: int | None = None) -> int:
    """Return a number of layers; more than any model has raise `MissingSizeError` as well."""
    layers = need(part, *keys, default=default)
    if layers > MOST_LAYERS:
        raise MissingSizeError(keys[0])
    return layers


def optional(part: Attributes, *keys: str) -> int:
    """Return the first of several sizes that is set, or 0."""
    return need(part, *keys, default=0)


def flag(part: Attributes, key: str, default: bool = False) -> bool:
    """Return a truth value of the config, or the default."""
    value = part.get(key)
    return value if isinstance(value, bool) else default


def per_layer(part: Attributes, key: str, layers: int) -> list[object]:
    """Return a list with a value for each layer. Raises `MissingSizeError`."""
    value = part.written.get(key)
    if not isinstance(value, (list, tuple)) or len(value) < layers:
        raise MissingSizeError(key)
    return list(value[:layers])
