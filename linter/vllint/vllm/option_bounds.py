"""Bounds that vLLM's configuration sets on the numbers of its options.

The table `vllint_schemas/data/option_bounds.json` is written by `scripts/tables/option_bounds.py`.
"""

import json
import operator
from functools import cache
from typing import Any, NamedTuple

from vllint.tables import table_path
from vllint_schemas import Stage

_HOLDS = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt, "ne": operator.ne}
_WORDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "ne": "other than"}


class BrokenBound(NamedTuple):
    """A bound that a number breaks, in words, where vLLM sets it, and at which stage it stumbles.

    `when` is the term, as requirements have it, under which vLLM looks at the number; empty for always.
    """

    text: str
    source: str
    stage: Stage = "config"
    when: str = ""


@cache
def _table() -> dict[str, Any]:
    path = table_path("option_bounds.json")
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def bounds_in_words(dest: str, release: str) -> str:
    """Return the bounds of the option filling `dest`, as `at least 1 and at most 3`; empty without any."""
    table = _table()
    bounds = table["bounds"].get(dest, {}) if release == table["release"] else {}
    return " and ".join(f"{_WORDS[name]} {bounds[name]:g}" for name in _HOLDS if name in bounds)


def broken_bound(dest: str, number: float, release: str) -> BrokenBound | None:
    """Return the bound of the option filling `dest` that a number breaks; of one release they are known."""
    table = _table()
    bounds = table["bounds"].get(dest, {}) if release == table["release"] else {}
    for name, holds in _HOLDS.items():
        if name in bounds and not holds(number, bounds[name]):
            return BrokenBound(
                f"{_WORDS[name]} {bounds[name]:g}",
                bounds["source"],
                bounds.get("stage", "config"),
                bounds.get("when", ""),
            )
    return None
