"""The vLLM releases that have a table of options."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import vllint_schemas

OPTIONS = Path(vllint_schemas.__file__).with_name("data") / "options.jsonl"
"""The table, written by `scripts/tables/options.py`; its first line lists the releases."""


@cache
def releases() -> tuple[str, ...]:
    """Return the releases that have a table, ascending."""
    with OPTIONS.open(encoding="utf-8") as table:
        return tuple(json.loads(table.readline()))
