"""Defaults that vLLM computes at start, from the cards and the model.

The table `vllint_schemas/data/computed_defaults.json` is written by `scripts/tables/computed_defaults.py`.
"""

import json
from functools import cache
from typing import Any, NamedTuple

from vllint.tables import table_path


class ComputedDefault(NamedTuple):
    """A value that an option gets when it is not given: for what, in which tabled releases, and the source.

    `until` is the last of these releases, `None` while the newest is one of them.
    """

    value: Any
    when: str
    since: str
    until: str | None
    source: str


@cache
def computed_defaults(dest: str) -> tuple[ComputedDefault, ...]:
    """Return what the option filling `dest` may get, the largest cards first; nothing where none is known."""
    table = json.loads(table_path("computed_defaults.json").read_text(encoding="utf-8"))
    return tuple(ComputedDefault(**row) for row in table.get(dest, ()))
