"""Write the table of names that options take where the parser does not list them, by release.

    python scripts/tables/value_names.py ../shared/data

Reads `names_by_version.json` (quantization methods, taken from vLLM's registry), the choices in
`flags/<release>.json`, and `flag_types_0.33.0.json`, and writes
`schemas/vllint_schemas/data/value_names.json`: destination -> the releases whose names are known, and
name -> [first, last, first, last, ...], the stretches of these releases that take it, by index.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/value_names.json"

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
    table = {
        "kv_cache_dtype": _stretches(_kv_cache_dtypes(data, releases, choices)),
        "quantization": _stretches(_quantizations(data, releases, choices)),
    }
    lines = [f" {json.dumps(dest)}: {json.dumps(names)}" for dest, names in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _choices(rows: list[dict[str, Any]]) -> NAMES:
    """Return, by flag, the choices that a release's own parser lists."""
    listed = {row["flag"]: [name for name in row.get("choices") or [] if name != "None"] for row in rows}
    return {flag: names for flag, names in listed.items() if names}


def _quantizations(data: Path, releases: list[str], choices: dict[str, NAMES]) -> NAMES:
    """Return the methods of each release: its registry's, else its parser's choices."""
    registries = _load(data / "names_by_version.json")
    known: NAMES = {}
    for release in releases:
        registry = registries.get(release) or registries.get(release.partition(".post")[0]) or {}
        names = registry.get("quant") or choices[release].get("--quantization")
        if names:
            known[release] = names
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
