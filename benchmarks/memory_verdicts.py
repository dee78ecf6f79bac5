"""Compares the bytes that vllint counts with those of the real vLLM 0.33.0: recorded builds, one to a line.

    python benchmarks/memory_verdicts.py VERDICTS/b1.jsonl VERDICTS/b2.jsonl --configs VERDICTS/configs.jsonl

Each rank that was built is compared: its parameters, and the KV cache that one request of full length needs.
Prints how many are known and how many of these are within the goal (parameters: 0.1 % unquantized, 1 %
quantized; KV cache: 0.2 %), by kind of model, and with `--list` those that are not.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vllint import check_command
from vllint_schemas import GIB
from vllint_schemas.report import ReportedLaunch

UNQUANTIZED, QUANTIZED, KV_CACHE = 0.001, 0.01, 0.002

LAST_DIGIT = 0.00006
"""GiB that the recorded figures of the KV cache may be off by rounding."""


class Compared(NamedTuple):
    """One figure of one rank: vLLM's, and vllint's, which may be missing."""

    case: str
    family: str
    figure: str
    goal: float
    theirs: float
    ours: float | None
    why: str

    @property
    def error(self) -> float | None:
        """How far off vllint is, as a share; `None` where it does not say."""
        if self.ours is None:
            return None
        return abs(self.ours - self.theirs) / self.theirs if self.theirs else abs(self.ours)

    @property
    def within(self) -> bool:
        """Whether the figure is within the goal."""
        if self.ours is None or self.error is None:
            return False
        rounded = self.figure == "KV cache" and abs(self.ours - self.theirs) <= LAST_DIGIT
        return rounded or self.error <= self.goal


def launch_of(case: Mapping[str, Any], config: Mapping[str, Any]) -> ReportedLaunch | None:
    """Return the launch that vllint reads from a recorded command."""
    report = check_command(
        [str(word) for word in case["argv"]],
        gpu=str(case["gpu_name"]).replace(" ", "-") + f"@{case['gpu_mem_gib']}GiB",
        gpu_count=case["gpus"],
        vllm_version="0.33.0",
        model_config=config,
        env=case.get("env"),
    )
    launches = report.document().launches
    return launches[0] if launches else None


def compared(case: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Compared]:
    """Yield the figures of every rank that was built."""
    verdict = case["verdict"]
    launch = launch_of(case, config)
    if launch is None or case.get("suspect"):
        return
    ranks = {rank.name: rank for rank in launch.memory.ranks}
    why = str(getattr(launch.memory, "unknown", ""))
    goal = QUANTIZED if (verdict.get("resolved") or {}).get("quantization") else UNQUANTIZED
    for name, theirs in (verdict.get("ranks") or {}).items():
        own, family = ranks.get(name), str(case.get("family", ""))
        bytes_ = None if own is None else own.parameters_bytes
        yield Compared(case["id"], family, "parameters", goal, theirs["param_bytes"], bytes_, why)
        needed = theirs.get("kv_needed_for_max_len_gib")
        if needed is None:
            continue
        kv = None if own is None or own.kv_needed_gib is None else own.kv_needed_gib
        yield Compared(case["id"], family, "KV cache", KV_CACHE, needed, kv, why)


def rows(figures: list[Compared]) -> Iterator[str]:
    """Yield the table: one row a family and figure, and one for all of a figure."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in figures:
        for family in (one.family, "all"):
            counts[one.figure, family].update(ranks=1, known=one.ours is not None, within=one.within)
    yield f"{'figure':<12}{'family':<22}{'ranks':>7}{'known':>7}{'within':>8}"
    for (figure, family), counted in sorted(
        counts.items(), key=lambda item: (item[0][0], item[0][1] == "all", item[0][1])
    ):
        yield f"{figure:<12}{family:<22}{counted['ranks']:>7}{counted['known']:>7}{counted['within']:>8}"


def _difference(one: Compared) -> str:
    """Return what vLLM says against what we say, in GiB where the figures are bytes."""
    if one.ours is None:
        return str(one.why)
    unit = GIB if min(one.theirs, one.ours) > 1e6 else 1
    return f"{one.error:.2%} off: {one.theirs / unit:.3f} against {one.ours / unit:.3f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", type=Path, nargs="+")
    parser.add_argument("--configs", type=Path, required=True)
    parser.add_argument("--figure", choices=("parameters", "KV cache"))
    parser.add_argument("--family")
    parser.add_argument("--list", type=int, default=0, metavar="N", help="list N figures that are off")
    options = parser.parse_args()
    lines = options.configs.read_text(encoding="utf-8").splitlines()
    configs = {row["config_id"]: row["config"] for row in map(json.loads, lines)}
    figures: list[Compared] = []
    for path in options.cases:
        for case in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            if options.family in (None, case.get("family")) and case["verdict"].get("ranks"):
                config = case.get("config") or configs.get(case.get("config_id", ""), {})
                figures += compared(case, config)
    figures = [one for one in figures if options.figure in (None, one.figure)]
    off = [one for one in figures if not one.within]
    for one in off[: options.list]:
        print(f"{one.figure} {one.case}: {_difference(one)}")
    print(*rows(figures), sep="\n")


if __name__ == "__main__":
    main()
