"""Write the table of bounds that vLLM's configuration sets on the numbers of its options.

    python scripts/tables/option_bounds.py ../shared/data PATH/OF/vllm

Reads which field of the configuration an option fills from `flag_types_0.33.0.json`, and the fields' bounds,
as in `tensor_parallel_size: int = Field(default=1, ge=1)`, from the source of vLLM 0.33.0. Writes
`schemas/vllint_schemas/data/option_bounds.json`: the release, and for each destination its bounds by
pydantic's names and the line that sets them. The fields of configurations that only some launches have,
such as adapters' and images', are left out.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/option_bounds.json"
RELEASE = "0.33.0"
CONDITIONAL = frozenset({"LoRAConfig", "MultiModalConfig"})
"""Configurations that are made only when something else is asked for, or for some models."""

FILLED = {
    "max_num_seqs": "SchedulerConfig.max_num_seqs",
    "max_num_batched_tokens": "SchedulerConfig.max_num_batched_tokens",
    "data_parallel_size_local": "ParallelConfig.data_parallel_size_local",
}
"""Options whose field the types do not name, since their defaults are computed."""

BEYOND_FIELDS: dict[str, dict[str, Any]] = {
    "optimization_level": {"ge": 0, "le": 3, "source": "config/vllm.py:435"},
}
"""Bounds that an enumeration sets."""

BOUNDS = ("ge", "gt", "le", "lt")


def main() -> None:
    """Write the table from the folders named on the command line."""
    parser = argparse.ArgumentParser(description="Write the bounds of options' numbers.")
    parser.add_argument("data", type=Path, help="folder that holds flag_types_0.33.0.json")
    parser.add_argument("vllm", type=Path, help="the package's folder of vLLM 0.33.0")
    options = parser.parse_args()
    TARGET.write_text(text(options.data, options.vllm), encoding="utf-8")


def text(data: Path, vllm: Path) -> str:
    """Return the table as it stands in the file."""
    flags = json.loads((data / f"flag_types_{RELEASE}.json").read_text(encoding="utf-8"))
    fields = dict(_fields(vllm))
    filled = {flag.removeprefix("--").replace("-", "_"): row.get("config") for flag, row in flags.items()}
    bounds = {dest: fields[field] for dest, field in (filled | FILLED).items() if field in fields}
    bounds = dict(sorted((bounds | BEYOND_FIELDS).items()))
    lines = [f"  {json.dumps(dest)}: {json.dumps(found)}" for dest, found in bounds.items()]
    return f'{{\n "release": "{RELEASE}",\n "bounds": {{\n' + ",\n".join(lines) + "\n }\n}\n"


def _fields(vllm: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `Class.field` and its bounds with their place."""
    for path in sorted((vllm / "config").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name not in CONDITIONAL:
                for field in node.body:
                    bounds = _bounds(field)
                    if bounds and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        place = f"config/{path.name}:{field.lineno}"
                        yield f"{node.name}.{field.target.id}", {**bounds, "source": place}


def _bounds(field: ast.stmt) -> dict[str, float]:
    call = field.value if isinstance(field, ast.AnnAssign) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "Field":
        return {}
    return {
        keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg in BOUNDS
    }


if __name__ == "__main__":
    main()
