"""The vLLM releases that have a table of options."""

from __future__ import annotations

import json
from functools import cache

from vllint.tables import table_path

OPTIONS = "options.jsonl"
"""The table, written by `scripts/tables/options.py`; its first line lists the releases."""


@cache
def releases() -> tuple[str, ...]:
    """Return the releases that have a table, ascending."""
    with table_path(OPTIONS).open(encoding="utf-8") as table:
        return tuple(json.loads(table.readline()))
