"""A JSON object from a text that nobody vouches for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from vllint.models.config import DEEPEST_CONFIG
from vllint.text.source import SourceText
from vllint_schemas import Unknown


def json_object(source: SourceText) -> Mapping[str, object] | Unknown:
    """Return the object that a file holds; an `Unknown` says what is wrong with the file."""
    try:
        found = json.loads(source.text.removeprefix("\ufeff"))
    except RecursionError:
        return Unknown(f"{source.path} is nested too deeply")
    except ValueError as error:
        return Unknown(f"{source.path} is not valid JSON: {error}")
    if not isinstance(found, dict):
        return Unknown(f"{source.path} is not a JSON object")
    if _is_deeper(found, DEEPEST_CONFIG):
        return Unknown(f"{source.path} is nested more than {DEEPEST_CONFIG} levels deep")
    return found


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    below = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in below)
