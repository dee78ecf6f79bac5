"""Read a release of vLLM into the tables.

    pip download --no-deps --no-binary vllm vllm==0.34.0      # and unpack it, or take an installed package
    python scripts/tables/release.py --vllm-source vllm-0.34.0/vllm --release 0.34.0

Reads the source tree and never imports it. Writes what `vllm serve` of that release understands into
`options.jsonl`, `environment.json`, `value_names.json`, `option_bounds.json` and `config_classes.json`: as a
new release, or in place of what they have of it. The day goes into `tables.json`. `--compare` writes nothing
and prints where the source and the tables differ; it exits with 1 if they do. `--correct` writes the options
that differ into `options_read.json`, which `options.py` takes instead of what it makes of a release's text,
and the names of its registries into `value_names_read.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import config_classes
import environment
import option_bounds
import options
import value_names
from vllm_options import Options, options_of
from vllm_source import Source

Record = dict[str, Any]

DATE = options.TARGET.with_name("tables.json")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Read a release of vLLM into the tables.")
    parser.add_argument("--vllm-source", type=Path, required=True, help="the package's folder, `.../vllm`")
    parser.add_argument("--release", required=True, help="which release that is, as 0.34.0")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--compare", action="store_true", help="print differences, write nothing")
    mode.add_argument("--correct", action="store_true", help="write differences to options_read.json")
    given = parser.parse_args()
    source = Source(given.vllm_source)
    read = options_of(source)
    for note in dict.fromkeys(read.notes):
        print(f"note: {note}")
    known = tables()
    differing = dict(differences(known.get(given.release, []), read.records))
    if given.compare:
        for flag, words in differing.items():
            print(f"{flag}: {words}")
        print(f"{given.release}: {len(read.records)} options read, {len(differing)} differ from the table")
        raise SystemExit(1 if differing else 0)
    if given.correct:
        correct(given.release, read, differing)
        correct_names(given.release, value_names.names_of(source, read.listed))
        return
    write(source, given.release, read, known)


def tables() -> dict[str, list[Record]]:
    """Return the short records of each release, as the committed table has them."""
    lines = options.TARGET.read_text(encoding="utf-8").splitlines()
    names = json.loads(lines[0])
    records = [json.loads(line) for line in lines[2 + len(names) :]]
    return {
        name: [records[index] for index in json.loads(listing)]
        for name, listing in zip(names, lines[2:], strict=False)
    }


def differences(known: list[Record], read: list[Record]) -> Iterator[tuple[str, str]]:
    """Yield the options of which the table and the source say different things, and what that is."""
    before = {record["flag"]: record for record in known}
    after = {record["flag"]: options.shortened(record) for record in read}
    for flag in dict.fromkeys([*before, *after]):
        if flag not in after or flag not in before:
            yield flag, "not in the source" if flag in before else "not in the table"
        elif before[flag] != after[flag]:
            old, new = before[flag], after[flag]
            keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            yield flag, "; ".join(f"{key}: table {old.get(key)!r}, source {new.get(key)!r}" for key in keys)


def correct(release: str, read: Options, differing: dict[str, str]) -> None:
    """Write the records of the options that differ as the source has them."""
    found = {record["flag"]: record for record in read.records if record["flag"] in differing}
    corrections = json.loads(options.READ.read_text(encoding="utf-8"))
    if found:
        corrections[release] = corrections.get(release, {}) | found
    blocks = []
    for name in sorted(corrections, key=options.release_key):
        rows = [f"  {json.dumps(flag)}: {json.dumps(row)}" for flag, row in corrections[name].items()]
        blocks.append(f' "{name}": {{\n' + ",\n".join(rows) + "\n }")
    options.READ.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def correct_names(release: str, found: dict[str, list[str]]) -> None:
    """Write the names that a release's source has."""
    corrections = json.loads(value_names.READ.read_text(encoding="utf-8")) | {release: found}
    rows = [
        f' "{name}": {json.dumps(corrections[name])}' for name in sorted(corrections, key=options.release_key)
    ]
    value_names.READ.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def write(source: Source, release: str, read: Options, known: dict[str, list[Record]]) -> None:
    """Write the release into the tables."""
    merged = known | {release: read.records}
    ordered = {name: merged[name] for name in sorted(merged, key=options.release_key)}
    options.TARGET.write_text(options.written(ordered), encoding="utf-8")
    DATE.write_text(json.dumps({"date": date.today().isoformat()}) + "\n", encoding="utf-8")
    config_classes.TARGET.write_text(config_classes.with_release(source, release, read), encoding="utf-8")
    value_names.TARGET.write_text(value_names.with_release(source, release, read.listed), encoding="utf-8")
    if release != [*ordered][-1]:
        print(f"{release} is not the newest release: its environment variables and bounds are not read")
        return
    environment.TARGET.write_text(environment.text(None, source.folder, release), encoding="utf-8")
    option_bounds.TARGET.write_text(option_bounds.text(source.folder, release, read.fields), encoding="utf-8")


if __name__ == "__main__":
    main()
