"""What the text of a scalar means: YAML 1.1 as PyYAML's SafeLoader reads it, and JSON."""

from __future__ import annotations

from typing import Final, TypeAlias

from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

Resolved: TypeAlias = bool | int | float | str | None

TAG: Final = "tag:yaml.org,2002:"
_TYPED: Final = frozenset(TAG + name for name in ("null", "bool", "int", "float"))
_CONSTRUCTOR: Final = SafeConstructor()
_TYPED_WORDS: Final = frozenset({"yes", "no", "true", "false", "on", "off", "null"})
"""What the patterns of YAML 1.1 make of letters: nothing else that begins with one has a type."""
_NAMES: dict[str, Resolved] = {"true": True, "false": False, "null": None}


def resolve(value: str, tag: str | None) -> Resolved:
    """Return the value of a plain scalar, or of one with a tag.

    What is neither null, bool, int nor float, or does not read as its tag says, stays text.
    """
    if tag is None:
        if value[:1].isalpha() and value.lower() not in _TYPED_WORDS:
            return value
        tag = _implicit_tag(value)
    if tag not in _TYPED:
        return value
    construct = SafeConstructor.yaml_constructors[tag]
    try:
        typed: Resolved = construct(_CONSTRUCTOR, ScalarNode(tag, value))
    except (ValueError, KeyError, IndexError):
        return value
    return typed


def json_literal(text: str) -> Resolved:
    """Return the value of a JSON number or name, `NaN` and `Infinity` included as Python reads them.

    An integer of more digits than Python converts stays text.
    """
    if text in _NAMES:
        return _NAMES[text]
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


def _implicit_tag(value: str) -> str | None:
    for tag, pattern in Resolver.yaml_implicit_resolvers.get(value[:1], ()):
        if pattern.match(value):
            return str(tag)
    return None
