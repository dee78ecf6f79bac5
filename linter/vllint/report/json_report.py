"""The report as JSON: the document itself, one launch, finding or other part to a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vllint.report.formats import DEFAULTS, RenderOptions
from vllint_schemas.report import ReportDocument, to_dict


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return the document as JSON in ASCII; ValueError if a number in it is not finite."""
    parts = (f"{json.dumps(key)}: {_part(value)}" for key, value in to_dict(document).items())
    return "{" + ",\n ".join(parts) + "}\n"


def _part(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, allow_nan=False)
    return "[\n  " + ",\n  ".join(json.dumps(item, allow_nan=False) for item in value) + "]"
