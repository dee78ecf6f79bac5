"""Judges randomly changed copies of real files: none may crash, take 2 s of CPU or 500 MB.

    python benchmarks/mutations.py CORPUS/files [MORE_FOLDERS] --count 10000 --seed 1

Each copy gets one to four changes of bytes, lines or indents. Prints the crashes, the slowest files and the
largest memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from heapq import nlargest
from pathlib import Path
from random import Random
from typing import NamedTuple

from vllint.checking import Checker, Request
from vllint.settings import Settings

LARGEST = 60_000
"""Bytes of the largest file that is changed."""

PIECES = (
    *(bytes([code]) for code in b"\n\r\t :-[]{}'\"|>&*!#%@`\\$=,()<;?~"),
    *(
        b"\x00",
        b"\xff",
        "é".encode(),
        b"${",
        b"}}",
        b"{{",
        b"{%",
        b"<<: *x",
        b"\\\n",
        b"$((",
        b"<<EOF\n",
        b"$(",
        b"done\n",
    ),
)

Change = Callable[[bytes, Random], bytes]


class Judged(NamedTuple):
    """One changed copy: how long it took, and what went wrong."""

    seconds: float
    name: str
    number: int
    crash: str


def _byte(raw: bytes, random: Random) -> bytes:
    place = random.randrange(len(raw) + 1)
    return raw[:place] + random.choice(PIECES) + raw[place + random.randint(0, 2) :]


def _lines(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    how = random.randrange(4)
    if how == 0:
        del lines[one]
    elif how == 1:
        lines.insert(one, lines[other])
    elif how == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines = lines[: one + 1]
    return b"".join(lines)


def _indent(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    place = random.randrange(len(lines))
    line = lines[place]
    lines[place] = random.choice([b"  " + line, b"\t" + line, line.lstrip(b" "), line.replace(b" ", b"", 1)])
    return b"".join(lines)


CHANGES: Sequence[Change] = (_byte, _byte, _lines, _indent)


def copies(files: Sequence[Path], count: int, seed: int) -> Iterator[tuple[Path, bytes]]:
    """Yield changed files."""
    random = Random(seed)
    for _ in range(count):
        path = random.choice(files)
        raw = path.read_bytes()
        for _ in range(random.randint(1, 4)):
            raw = random.choice(CHANGES)(raw, random)
        yield path, raw


def judge(checker: Checker, number: int, path: Path, raw: bytes) -> Judged:
    """Judge one changed file, with the files beside it as they are."""
    start, crash = time.process_time(), ""
    try:
        checker.judge_bytes(str(path), raw)
    except Exception:  # noqa: BLE001 - what it fails with is what is looked for
        crash = traceback.format_exc(limit=-3)
    return Judged(time.process_time() - start, path.name, number, crash)


def main() -> None:
    """Print what went wrong, and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = (path for folder in options.folders for path in sorted(folder.rglob("*")))
    files = [path for path in found if path.is_file() and path.stat().st_size < LARGEST]
    checker = Checker(Request(settings=Settings(), gpu="H100-80GB:8"))
    judged = [
        judge(checker, number, path, raw)
        for number, (path, raw) in enumerate(copies(files, options.count, options.seed))
    ]
    for one in judged:
        if one.crash:
            print(f"crash of copy {one.number}, {one.name}:\n{one.crash}")
    print(f"{len(judged)} copies of {len(files)} files, {sum(bool(one.crash) for one in judged)} crashes")
    print("slowest:", *(f"{one.seconds:.2f} s {one.name} ({one.number})" for one in nlargest(3, judged)))
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
