"""Runs vLLM's own `vllm serve` parser over command lines: one JSON list of words to a line.

    PYTHON_OF_VLLM benchmarks/vllm_parser.py LINES VERDICTS [--first MODULE]

Needs a Python in which vLLM is installed, and nothing of vllint. `--first` names a module to import before
vLLM, such as one that stands in for the GPU on a machine without one. Writes for each line `{"error": ...}`
with what the parser said, or `{"values": {...}}` with what it stored.
"""

import argparse
import contextlib
import dataclasses
import enum
import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """Return a parsed value as JSON can hold it; configuration objects as what their fields hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        return {"fields": {name: plain(content) for name, content in fields.items()}}
    if isinstance(value, enum.Enum):
        return {"enum": [value.name.lower(), plain(value.value)]}
    if isinstance(value, dict):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(content) for content in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def verdict(parser: argparse.ArgumentParser, words: list[str]) -> dict[str, Any]:
    """Return what the parser makes of the words after `vllm`."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = parser.parse_args(words)
    except SystemExit:
        lines = said.getvalue().strip().splitlines()
        return {"error": next((line for line in lines if ": error: " in line), " ".join(lines)[-300:])}
    except Exception as error:  # noqa: BLE001  whatever the parser dies of is its verdict
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"values": {name: plain(value) for name, value in vars(parsed).items()}}


def main() -> None:
    """Write the verdicts."""
    options = argparse.ArgumentParser()
    options.add_argument("lines", type=Path)
    options.add_argument("verdicts", type=Path)
    options.add_argument("--first")
    given = options.parse_args()
    sys.argv = ["vllm", "serve"]
    if given.first:
        importlib.import_module(given.first)
    from vllm.entrypoints.cli.serve import ServeSubcommand
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser(description="vLLM CLI", prog="vllm")
    commands = parser.add_subparsers(required=False, dest="subparser")
    ServeSubcommand().subparser_init(commands)
    with given.verdicts.open("w", encoding="utf-8") as output:
        for line in given.lines.read_text(encoding="utf-8").splitlines():
            sys.argv = ["vllm", *json.loads(line)]
            output.write(json.dumps(verdict(parser, json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
