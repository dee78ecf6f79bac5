"""Sizes of a part of a config that a count can't do without."""

from __future__ import annotations

from vllint.models.attributes import Attributes, are_sizes

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


def layers_used(part: Attributes, key: str, default: int, layers: int, first: int) -> int:
    """Return how many layers are built where the features of one count: `first` is the number of the first.

    Below 0 it is counted from the last. Raises `MissingSizeError` for a layer that no model has.
    """
    place = part.written.get(key, default)
    if not isinstance(place, int) or isinstance(place, bool) or abs(place) > MOST_LAYERS:
        raise MissingSizeError(key)
    return layers + place + 1 if place < 0 else place + 1 - first


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


def numbers(part: Attributes, key: str) -> frozenset[int]:
    """Return a list of whole numbers, or such numbers with commas between. Raises `MissingSizeError`."""
    value = part.get(key)
    if isinstance(value, str) and all(piece.strip().isdecimal() for piece in value.split(",")):
        value = [int(piece) for piece in value[: MOST_LAYERS * 8].split(",")]
    if not are_sizes(value) or len(value) > MOST_LAYERS:
        raise MissingSizeError(key)
    return frozenset(value)
