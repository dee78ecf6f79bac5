"""What a configuration class sets that a config leaves out, for parts that are counted matrix by matrix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from vllint.models.attributes import Attributes, mapping, part_attributes
from vllint.models.sizes import MissingSizeError
from vllint.tables import table_path


def with_class_defaults(part: Attributes) -> Attributes:
    """Return the part with every default of its class, those that follow from other sizes apart."""
    of_class = _table()["types"].get(part.model_type or "")
    if of_class is None:
        return part
    derived = mapping(part.described.get("derived"))
    added = {name: value for name, value in of_class.items() if name not in derived}
    stated = {**added, **mapping(part.described.get("defaults"))}
    return part._replace(described={**part.described, "defaults": stated})


def part_or_made_up(whole: Attributes, key: str) -> Attributes | None:
    """Return a part as it is written, else as the class of the whole makes one of nothing."""
    found = part_attributes(whole, key)
    if found is not None:
        return with_class_defaults(found)
    made_up = _table()["made_up"].get(whole.model_type or "", {}).get(key)
    if made_up is None or key in whole.written:
        return None
    return Attributes(made_up, {}, True, made_up["model_type"])


def part_of(whole: Attributes, *keys: str) -> Attributes:
    """Return the first part that there is, as written or made up. Raises `MissingSizeError`."""
    for key in keys:
        found = part_or_made_up(whole, key)
        if found is not None:
            return found
    raise MissingSizeError(keys[0])


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(table_path("class_defaults.json").read_bytes())
    return table
