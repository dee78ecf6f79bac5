"""Write the table of names that options take where the parser does not list them, by release.

    python scripts/tables/value_names.py ../shared/data

Reads `names_by_version.json` (quantization methods and parsers, taken from vLLM's registries), the choices in
`flags/<release>.json`, `flag_types_0.33.0.json`, and `value_names_read.json` (what `release.py --correct` has
read in sources), and writes `schemas/vllint_schemas/data/value_names.json`: destination -> the releases whose
names are known, and name -> [first, last, first, last, ...], the stretches of these releases that take it,
by index.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vllm_source import Module, Source

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/value_names.json"

READ = Path(__file__).with_name("value_names_read.json")

OPTIONS = {
    "kv_cache_dtype": "--kv-cache-dtype",
    "quantization": "--quantization",
    "tool_call_parser": "--tool-call-parser",
    "reasoning_parser": "--reasoning-parser",
    "attention_backend": "--attention-backend",
    "load_format": "--load-format",
    "tokenizer_mode": "--tokenizer-mode",
    "model_impl": "--model-impl",
    "distributed_executor_backend": "--distributed-executor-backend",
}
REGISTRIES = {
    "quantization": [("vllm.model_executor.layers.quantization", "QuantizationMethods")],
    "tool_call_parser": [("vllm.tool_parsers", "_TOOL_PARSERS_TO_REGISTER")],
    "reasoning_parser": [("vllm.reasoning", "_REASONING_PARSERS_TO_REGISTER")],
    "attention_backend": [
        ("vllm.v1.attention.backends.registry", "AttentionBackendEnum"),
        ("vllm.attention.backends.registry", "AttentionBackendEnum"),
    ],
    "load_format": [("vllm.model_executor.model_loader", "LoadFormats")],
}
"""Where a source tree lists the names that an option takes."""

NAMES = dict[str, list[str]]


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the table of names that options take.")
    parser.add_argument("data", type=Path, help="folder that holds names_by_version.json and flags/")
    TARGET.write_text(text(parser.parse_args().data), encoding="utf-8")


def text(data: Path) -> str:
    """Return the table as it stands in the file."""
    flags = {path.stem: _load(path)["flags"] for path in data.glob("flags/*.json")}
    releases = sorted(flags, key=lambda name: tuple(int(number) for number in re.findall(r"\d+", name)))
    choices = {release: _choices(flags[release]) for release in releases}
    known: dict[str, NAMES] = {dest: {} for dest in OPTIONS}
    known["kv_cache_dtype"] = _kv_cache_dtypes(data, releases, choices)
    for dest, flag in OPTIONS.items():
        known[dest] |= _registered(data, releases, dest)
        for release in releases:
            if flag in choices[release]:
                known[dest].setdefault(release, choices[release][flag])
    for release, names in _load(READ).items():
        for dest, found in names.items():
            known[dest][release] = found
    return _written({dest: _in_order(names, releases) for dest, names in known.items()})


def with_release(source: Source, release: str, listed: NAMES) -> str:
    """Return the committed table with the names that a release's source has."""
    table = _load(TARGET)
    found = names_of(source, listed)
    known = {
        dest: _listed(record) | {release: found[dest]} for dest, record in table.items() if dest in found
    }
    order = sorted({name for names in known.values() for name in names}, key=_numbers)
    kept = {dest: _listed(record) for dest, record in table.items() if dest not in found}
    return _written({dest: _in_order((kept | known)[dest], order) for dest in table})


def names_of(source: Source, listed: NAMES) -> NAMES:
    """Return the names in a source tree: its registries', else those of the options' annotations."""
    found = {dest: listed[flag] for dest, flag in OPTIONS.items() if listed.get(flag)}
    for dest, places in REGISTRIES.items():
        for module_name, name in places:
            module = source.module(module_name)
            node = module.names.get(name) if module else None
            if node is not None and module is not None:
                found[dest] = sorted(_names_in(source, module, node))
                break
    return found


def _names_in(source: Source, module: Module, node: ast.AST) -> Iterator[str]:
    """Yield a registry's names: an enumeration's members, a literal's values, or a mapping's keys."""
    if isinstance(node, ast.ClassDef):
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                yield statement.targets[0].id
        return
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Dict):
        yield from (str(key.value) for key in value.keys if isinstance(key, ast.Constant))
    elif value is not None:
        for hint in source.hints(module, value):
            yield from hint.values


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _choices(rows: list[dict[str, Any]]) -> NAMES:
    """Return, by flag, the choices that a release's own parser lists."""
    listed = {row["flag"]: [name for name in row.get("choices") or [] if name != "None"] for row in rows}
    return {flag: names for flag, names in listed.items() if names}


def _registered(data: Path, releases: list[str], dest: str) -> NAMES:
    """Return the names that the releases' registries have."""
    kind = {"quantization": "quant", "tool_call_parser": "tool", "reasoning_parser": "reasoning"}.get(dest)
    registries = _load(data / "names_by_version.json")
    known: NAMES = {}
    for release in releases:
        registry = registries.get(release) or registries.get(release.partition(".post")[0]) or {}
        if kind in registry:
            known[release] = registry[kind]
    return known


def _kv_cache_dtypes(data: Path, releases: list[str], choices: dict[str, NAMES]) -> NAMES:
    """Return the types of each release: its parser's choices; the newest has them in an annotation."""
    known = {release: choices[release].get("--kv-cache-dtype", []) for release in releases}
    annotation = _load(data / "flag_types_0.33.0.json")["--kv-cache-dtype"]["expanded"]
    literal = re.match(r"Literal(\[.*\]) \| str$", annotation)
    if literal is None:
        raise ValueError(f"the annotation of --kv-cache-dtype is not understood: {annotation}")
    known["0.33.0"] = ast.literal_eval(literal[1])
    return {release: names for release, names in known.items() if names}


def _in_order(known: NAMES, releases: list[str]) -> NAMES:
    return {release: known[release] for release in releases if known.get(release)}


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release))


def _listed(record: dict[str, Any]) -> NAMES:
    """Return the names of each release that a record of the table has."""
    listed: NAMES = {release: [] for release in record["releases"]}
    for name, stretches in record["names"].items():
        for first, last in zip(stretches[::2], stretches[1::2], strict=True):
            for release in record["releases"][first : last + 1]:
                listed[release].append(name)
    return listed


def _written(table: dict[str, NAMES]) -> str:
    lines = [f" {json.dumps(dest)}: {json.dumps(_stretches(names))}" for dest, names in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _stretches(known: NAMES) -> dict[str, Any]:
    stretches: dict[str, list[int]] = {}
    for index, names in enumerate(known.values()):
        for name in names:
            stretch = stretches.setdefault(name, [])
            if stretch and stretch[-1] == index - 1:
                stretch[-1] = index
            else:
                stretch += [index, index]
    return {"releases": list(known), "names": dict(sorted(stretches.items()))}


if __name__ == "__main__":
    main()
