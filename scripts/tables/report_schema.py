"""Write the JSON Schema of the JSON report: `python scripts/tables/report_schema.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from vllint_schemas.report import ReportDocument

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/report.schema.json"


def schema() -> dict[str, Any]:
    """Return the report's JSON Schema, draft 2020-12, as its dataclasses define it."""
    body = TypeAdapter(ReportDocument).json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": "vllint report, version 1",
    }


def text() -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
