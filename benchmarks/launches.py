"""Compares the launches that vllint finds in real files with those that a list of the files names.

    python benchmarks/launches.py CORPUS/files --index CORPUS/index.jsonl [--list] [--format compose]

The list was made with regular expressions, and is itself wrong in places. Prints, by format, the commands
that are found, missed, and found beside the list, and of the found ones on how many the two agree about the
model, the parallel sizes and the number of GPUs, out of those that the list states. `--list` names each.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vllint import check_paths
from vllint_schemas.report import ReportedLaunch, ReportedModel

Command = Mapping[str, Any]

FACTS = ("model", "tp", "pp", "dp", "gpus")


class Listed(NamedTuple):
    """A file of the list that is there: its path, format, and commands."""

    path: Path
    format: str
    commands: tuple[Command, ...]


class Pair(NamedTuple):
    """A command of the list and the launch it is, where there are both."""

    listed: Command | None
    found: ReportedLaunch | None


def listed_files(index: Path, folder: Path) -> Iterator[Listed]:
    """Yield the files of the list that are in the folder."""
    for line in index.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = folder / row["repo"].replace("/", "__") / row["path"]
        if path.is_file():
            yield Listed(path, row["format"], tuple(row["commands"]))


def pairs(commands: Sequence[Command], launches: Sequence[ReportedLaunch]) -> Iterator[Pair]:
    """Yield each command with the launch that stands nearest to its line, each launch once."""
    left = list(launches)
    for command in commands:
        nearest = min(left, key=lambda one: _distance(command, one), default=None)
        if nearest is not None:
            left.remove(nearest)
        yield Pair(command, nearest)
    yield from (Pair(None, one) for one in left)


def _distance(command: Command, launch: ReportedLaunch) -> tuple[bool, int]:
    model = _facts(launch)["model"]
    return command["model"] is not None and command["model"] != model, abs(
        command["line"] - launch.start.line
    )


def _facts(launch: ReportedLaunch) -> dict[str, Any]:
    parallel = launch.parallel
    return {
        "model": launch.model.id,
        "tp": parallel.tensor,
        "pp": parallel.pipeline,
        "dp": parallel.data,
        "gpus": launch.hardware.count,
    }


def differences(pair: Pair) -> dict[str, tuple[Any, Any]]:
    """Return the facts that the list states and vllint does not, with both values."""
    if pair.listed is None or pair.found is None:
        return {}
    own = _facts(pair.found)
    return {
        fact: (pair.listed[fact], own[fact])
        for fact in FACTS
        if _states(pair.listed, fact) and str(own[fact]) != str(pair.listed[fact])
    }


def _states(command: Command, fact: str) -> bool:
    """Whether the list gives a value, not a variable or a placeholder."""
    value = command[fact]
    return value is not None and value != "all" and not any(sign in str(value) for sign in "${}<>@*")


def count(pair: Pair) -> Counter[str]:
    """Return what a pair adds to its format's row."""
    if pair.found is None:
        return Counter(missed=1)
    if pair.listed is None:
        return Counter(extra=1, known=isinstance(pair.found.model, ReportedModel))
    wrong = differences(pair)
    counted = Counter(found=1)
    for fact in FACTS:
        if _states(pair.listed, fact):
            counted[f"{fact} listed"] += 1
            counted[f"{fact} same"] += fact not in wrong
    return counted


def table(rows: Mapping[str, Counter[str]]) -> Iterator[str]:
    """Yield the table, one row a format and one for all."""
    total: Counter[str] = sum(rows.values(), Counter())
    names = "".join(f"{fact:>10}" for fact in FACTS)
    yield f"{'format':<18}{'found':>7}{'missed':>8}{'extra':>7}{names}"
    for name, counted in [*sorted(rows.items()), ("all", total)]:
        same = "".join(f"{counted[f'{fact} same']:>6}/{counted[f'{fact} listed']:<3}" for fact in FACTS)
        yield f"{name:<18}{counted['found']:>7}{counted['missed']:>8}{counted['extra']:>7}{same}"


def described(pair: Pair) -> str:
    """Return a pair in words; empty for one on which all agree."""
    if pair.found is None and pair.listed is not None:
        return f"missed line {pair.listed['line']}: {pair.listed['model']}"
    if pair.listed is None and pair.found is not None:
        return f"extra line {pair.found.start.line}: {' '.join(pair.found.argv)[:100]}"
    return "; ".join(f"{fact}: listed {a!r}, read {b!r}" for fact, (a, b) in differences(pair).items())


def main() -> None:
    """Print the table, and with `--list` every difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--format", help="only files of this format")
    parser.add_argument("--list", action="store_true", help="name every difference")
    options = parser.parse_args()
    by_file: dict[Path, list[ReportedLaunch]] = defaultdict(list)
    for launch in check_paths([str(options.folder)]).document().launches:
        by_file[Path(launch.path).resolve()].append(launch)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for file in listed_files(options.index, options.folder):
        if options.format not in (None, file.format):
            continue
        for pair in pairs(file.commands, by_file[file.path.resolve()]):
            rows[file.format] += count(pair)
            if options.list and (text := described(pair)):
                print(f"{file.format} {file.path.relative_to(options.folder)}: {text}")
    print(*table(rows), sep="\n")


if __name__ == "__main__":
    main()
