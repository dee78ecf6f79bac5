"""The vLLM releases that have a table of options."""

from __future__ import annotations

import json
from functools import cache

from vllint.tables import facts_folder, table_path

OPTIONS = "options.jsonl"
"""The table, written by `scripts/tables/options.py`; its first line lists the releases."""

TABLES = "tables.json"
"""When the tables were read from vLLM's sources, written by `scripts/tables/release.py`."""


@cache
def releases() -> tuple[str, ...]:
    """Return the releases that have a table, ascending."""
    with table_path(OPTIONS).open(encoding="utf-8") as table:
        return tuple(json.loads(table.readline()))


@cache
def tables_date() -> str | None:
    """Return the day of the tables, as `2026-11-21`; `None` where a named folder does not say it."""
    folder = facts_folder()
    if folder is not None and (folder / OPTIONS).is_file() and not (folder / TABLES).is_file():
        return None
    return str(json.loads(table_path(TABLES).read_text(encoding="utf-8"))["date"])


def as_of() -> str:
    """Return the day of the tables as words that follow a release."""
    day = tables_date()
    return f", as of {day}" if day else ""
