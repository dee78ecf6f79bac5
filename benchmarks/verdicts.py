"""Compares vllint with what the real vLLM 0.33.0 said: recorded verdicts, one JSON object per line.

    python benchmarks/verdicts.py VERDICTS/b1.jsonl --configs VERDICTS/configs.jsonl

Prints how many accepted commands got an error (none should), and how many refusals of each cause were found.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vllint import check_command
from vllint_schemas import Severity

CAUSES = (
    ("heads", r"attention heads \(\d+\) must be divisible"),
    ("world size", r"World size \(\d+\) is larger"),
    ("world size", r"out of bounds"),
    ("weights", r"\[emulated\] weights"),
    ("KV cache", r"KV cache"),
    ("Mamba blocks", r"Mamba cache blocks"),
    ("division", r"is not divisible by"),
    ("MLP or experts", r"^$|AssertionError"),
    ("AWQ group", r"not aligned with the quantized weight"),
    ("FP8 block", r"weight quantization block"),
    ("pipeline", r"Pipeline parallelism is not supported"),
)


class Case(NamedTuple):
    """One recorded verdict, and what vllint says of the same command."""

    id: str
    ok: bool
    suspect: bool
    cause: str
    error: str
    derived: bool
    dense: bool
    found: tuple[tuple[str, str, str], ...]


def cause_of(verdict: Mapping[str, Any]) -> str:
    """Name the kind of a refusal."""
    text = str(verdict.get("error", ""))
    return next((name for name, pattern in CAUSES if re.search(pattern, text)), "other")


def judge(case: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> Case:
    """Run vllint on one recorded command."""
    record = configs.get(case.get("config_id", ""), {})
    config = case.get("config") or record.get("config")
    card = str(case["gpu_name"]).replace(" ", "-") + f"@{case['gpu_mem_gib']}GiB"
    report = check_command(
        [str(word) for word in case["argv"]],
        gpu=card,
        gpu_count=case["gpus"],
        vllm_version="0.33.0",
        model_config=config,
        env=case.get("env"),
    )
    verdict = case["verdict"]
    resolved = verdict.get("resolved") or {}
    return Case(
        case["id"],
        bool(verdict["ok"]),
        bool(case.get("suspect")),
        "" if verdict["ok"] else cause_of(verdict),
        str(verdict.get("error", "")),
        bool(record.get("derived")),
        not resolved.get("is_moe") and not (config or {}).get("quantization_config"),
        tuple((f.code, f.severity.value, f.message) for f in report.findings),
    )


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def judge_all(cases: Path, configs: Path) -> list[Case]:
    """Run vllint on every recorded command."""
    by_id = {record["config_id"]: record for record in read(configs)}
    return [judge(case, by_id) for case in read(cases)]


def errors_of(case: Case) -> list[str]:
    """Return the codes of a case's error findings."""
    return [code for code, severity, _ in case.found if severity == Severity.ERROR.value]


def table(cases: Sequence[Case]) -> str:
    """Return the comparison as text."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        row = "suspect" if case.suspect else (case.cause or "accepted")
        counted[row][",".join(sorted(set(errors_of(case)))) or "no error"] += 1
    lines = [f"{'vLLM said':<16}{'cases':>6}  vllint said"]
    for row, codes in sorted(counted.items(), key=lambda item: -sum(item[1].values())):
        said = ", ".join(f"{code} {number}" for code, number in codes.most_common())
        lines.append(f"{row:<16}{sum(codes.values()):>6}  {said}")
    return "\n".join(lines)


def main() -> None:
    """Print the table and the cases that disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--configs", type=Path, required=True)
    parser.add_argument("--show", type=int, default=10, help="how many disagreements to list of a kind")
    options = parser.parse_args()
    cases = judge_all(options.cases, options.configs)
    print(table(cases))
    false = [case for case in cases if case.ok and not case.suspect and errors_of(case)]
    print(f"\nerrors on accepted commands: {len(false)}")
    for case in false[: options.show]:
        print(f"  {case.id}: {case.found}")
    missed = [case for case in cases if not case.ok and not case.suspect and not errors_of(case)]
    print(f"refused commands without an error: {len(missed)}")
    for case in missed[: options.show]:
        print(f"  {case.id} [{case.cause}] {case.error[:110]}")


if __name__ == "__main__":
    main()
