"""JSON objects that nobody vouches for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from vllint.text.source import SourceText
from vllint_schemas import Unknown

_DEEPEST = 64


def json_object(source: SourceText) -> Mapping[str, object] | Unknown:
    """Return the object that a file holds; an `Unknown` says what is wrong with the file."""
    return object_in(source.text.removeprefix("\ufeff"), source.path)


def object_in(content: str | bytes, name: str) -> Mapping[str, object] | Unknown:
    """Return the object that the content of the file `name` is."""
    try:
        found = json.loads(content)
    except RecursionError:
        return Unknown(f"{name} is nested too deeply")
    except ValueError as error:
        return Unknown(f"{name} is not valid JSON: {error}")
    if not isinstance(found, dict):
        return Unknown(f"{name} is not a JSON object")
    if _is_deeper(found, _DEEPEST):
        return Unknown(f"{name} is nested more than {_DEEPEST} levels deep")
    return found


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    below = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in below)
