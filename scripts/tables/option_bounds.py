"""Write the table of bounds that vLLM's configuration sets on the numbers of its options.

    python scripts/tables/option_bounds.py --vllm-source PATH/OF/vllm --release 0.33.0

Reads which field of the configuration an option fills, and the fields' bounds, as in
`tensor_parallel_size: int = Field(default=1, ge=1)`, from a release's source. Writes
`schemas/vllint_schemas/data/option_bounds.json`: the release, and for each destination its bounds by
pydantic's names and the line that sets them. `when` is the term, as in `option_requirements.json`, under
which the configuration is made that sets the bounds, where only some launches have it.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vllm_options import options_of
from vllm_source import Source

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/option_bounds.json"
CONDITIONAL = {"LoRAConfig": "enable_lora", "MultiModalConfig": "model:multimodal"}
"""Configurations that are made only when something else is asked for, or for some models."""

FILLED = {
    "data_parallel_rpc_port": "ParallelConfig.data_parallel_rpc_port",
    "data_parallel_size_local": "ParallelConfig.data_parallel_size_local",
}
"""Options that do not take what they are from the field they fill."""

BEYOND_FIELDS: dict[str, dict[str, Any]] = {
    "optimization_level": {"ge": 0, "le": 3, "source": "config/vllm.py:435"},
    "max_model_len": {"ge": -1, "ne": 0, "source": "config/model.py:249"},
    "sse_keep_alive_interval": {
        "ge": 0,
        "stage": "validate",
        "source": "entrypoints/common/cli_args.py:559",
    },
    "port": {"ge": 0, "le": 65535, "stage": "run", "source": "entrypoints/launchers/launcher.py"},
}
"""Bounds that an enumeration, a check or the operating system sets."""

BOUNDS = ("ge", "gt", "le", "lt")


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the bounds of options' numbers.")
    parser.add_argument("--vllm-source", type=Path, required=True, help="the package's folder of a release")
    parser.add_argument("--release", required=True, help="which release that is")
    given = parser.parse_args()
    filled = options_of(Source(given.vllm_source)).fields
    TARGET.write_text(text(given.vllm_source, given.release, filled), encoding="utf-8")


def text(vllm: Path, release: str, filled: dict[str, str]) -> str:
    """Return the table as it stands in the file; `filled` is the field that each option fills."""
    fields = dict(_fields(vllm))
    named = {flag.removeprefix("--").replace("-", "_"): field for flag, field in filled.items()}
    bounds = {dest: fields[field] for dest, field in (named | FILLED).items() if field in fields}
    bounds = dict(sorted((bounds | BEYOND_FIELDS).items()))
    lines = [f"  {json.dumps(dest)}: {json.dumps(found)}" for dest, found in bounds.items()]
    return f'{{\n "release": "{release}",\n "bounds": {{\n' + ",\n".join(lines) + "\n }\n}\n"


def _fields(vllm: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `Class.field` and its bounds with their place."""
    for path in sorted((vllm / "config").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                when = {"when": CONDITIONAL[node.name]} if node.name in CONDITIONAL else {}
                for field in node.body:
                    bounds = _bounds(field)
                    if bounds and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        place = f"config/{path.name}:{field.lineno}"
                        yield f"{node.name}.{field.target.id}", {**bounds, **when, "source": place}


def _bounds(field: ast.stmt) -> dict[str, float]:
    call = field.value if isinstance(field, ast.AnnAssign) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "Field":
        return {}
    return {
        keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg in BOUNDS
    }


if __name__ == "__main__":
    main()
