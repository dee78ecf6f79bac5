"""Write the JSON Schema of the settings files: `python scripts/tables/settings_schema.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vllint.settings_file import SettingsTable

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/settings.schema.json"
_TABLES = ("properties", "$defs")


def schema() -> dict[str, Any]:
    """Return the JSON Schema, draft 2020-12, of `vllint.toml` and of `[tool.vllint]`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_plain(SettingsTable.model_json_schema()),
        "title": "vllint settings",
    }


def text() -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    """Drop what says nothing to the writer of a TOML file: null, which TOML lacks, and names of classes."""
    kept = {key: value for key, value in node.items() if key != "title" and value is not None}
    for branch in kept.pop("anyOf", ()):
        kept.update(branch if branch != {"type": "null"} else {})
    for table in _TABLES:
        if table in kept:
            kept[table] = {name: _plain(inner) for name, inner in kept[table].items()}
    return kept


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
