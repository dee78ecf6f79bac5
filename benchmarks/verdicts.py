"""Compares vllint with what the real vLLM 0.33.0 said: recorded verdicts, one JSON object per line.

    python benchmarks/verdicts.py VERDICTS/b1.jsonl --configs VERDICTS/configs.jsonl

Prints how many accepted commands got an error (none should), and how many refusals of each cause were found.
With `--cause`, tells the refusals before a model is built apart by what vLLM said.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
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

SAID = (
    ("unknown option", r"unrecognized arguments: (--?[A-Za-z]|--+)"),
    (
        "true or false on a switch",
        r"unrecognized arguments: (?i:true|false|none|1|0)$|ignored explicit argument",
    ),
    ("unexpected word", r"unrecognized arguments"),
    ("ambiguous option", r"ambiguous option"),
    ("missing value", r"expected (one|at least one) argument|list index out of range"),
    ("choice", r"invalid choice"),
    ("number", r"invalid (int|float|human_readable\w*) value|<class '|<function human|Decimals are not"),
    ("JSON", r"loads|validation error for|valid dictionary|Invalid JSON"),
    ("model's place", r"`model` should be provided|No model specified"),
    ("model's quantization", r"Cannot find the config file|QuantizationConfig|CompressedTensors|deprecated"),
    ("config file", r"[Cc]onfig file (must|spec)|while parsing|has no attribute 'items'|c\.yaml|nope\.yaml"),
    ("bounds", r"Input should be (greater|less)|positive integer"),
    ("name", r"Unknown|Invalid kv_cache_dtype|not found\. Available|Unsupported|Input should be "),
    ("context length", r"max_model_len"),
    ("layout", r"divisible|World size|out of bounds|data.parallel|pipeline parallel|experts"),
)
"""What vLLM says before it builds a model, by what is wrong."""

EARLY_STAGES = frozenset({"argparse", "validate", "config"})

CONFIG_STAGES = ("parse", "validate", "config")
"""What ran of every command; some were built as well."""


class Case(NamedTuple):
    """One recorded verdict, and what vllint says of the same command."""

    id: str
    ok: bool
    suspect: bool
    cause: str
    error: str
    derived: bool
    dense: bool
    found: tuple[tuple[str, str, str, str], ...]
    built: bool
    stage: str


def cause_of(verdict: Mapping[str, Any]) -> str:
    """Name the kind of a refusal."""
    text = str(verdict.get("error", ""))
    return next((name for name, pattern in CAUSES if re.search(pattern, text)), "other")


def said(case: Case) -> str:
    """Name what vLLM said of a command it refused before it built a model."""
    return next((name for name, pattern in SAID if re.search(pattern, case.error)), "other")


@contextmanager
def beside(files: Mapping[str, str] | None) -> Iterator[None]:
    """Work in a folder that holds a case's files."""
    if not files:
        yield
        return
    with TemporaryDirectory() as folder, chdir(folder):
        for name, text in files.items():
            Path(name).write_text(text, encoding="utf-8")
        yield


def judge(case: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> Case:
    """Run vllint on one recorded command."""
    record = configs.get(case.get("config_id", ""), {})
    config = case.get("config") or record.get("config")
    card = str(case["gpu_name"]).replace(" ", "-") + f"@{case['gpu_mem_gib']}GiB"
    with beside(case.get("files")):
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
        tuple((f.code, f.severity.value, f.message, f.evidence.stage) for f in report.findings),
        bool(case.get("build")),
        str(verdict["stage"]),
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
    return [code for code, severity, *_ in case.found if severity == Severity.ERROR.value]


def contradicted(case: Case) -> list[str]:
    """Return the codes of error findings on a command that vLLM accepted, as far as it was run."""
    if not case.ok or case.suspect:
        return []
    return [
        code
        for code, severity, _, stage in case.found
        if severity == Severity.ERROR.value and (case.built or stage in CONFIG_STAGES)
    ]


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


def causes(cases: Sequence[Case]) -> str:
    """Return, for refusals before a model is built, how many of each kind get an error, as text."""
    refused = [case for case in cases if not case.ok and not case.suspect and case.stage in EARLY_STAGES]
    kinds: dict[str, list[Case]] = defaultdict(list)
    for case in refused:
        kinds[said(case)].append(case)
    lines = [f"{'vLLM complains of':<28}{'cases':>6}{'error':>7}{'share':>7}  codes"]
    for kind, rows in [*sorted(kinds.items(), key=lambda item: -len(item[1])), ("all", refused)]:
        found = [case for case in rows if errors_of(case)]
        codes = Counter(code for case in found for code in set(errors_of(case)))
        shown = ", ".join(f"{code} {number}" for code, number in codes.most_common(6))
        share = len(found) / len(rows) if rows else 1
        lines.append(
            f"{kind:<28}{len(rows):>6}{len(found):>7}{share:>7.0%}  {shown if kind != 'all' else ''}"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table and the cases that disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--configs", type=Path, required=True)
    parser.add_argument("--show", type=int, default=10, help="how many disagreements to list of a kind")
    parser.add_argument("--cause", action="store_true", help="tell early refusals apart by what vLLM said")
    options = parser.parse_args()
    cases = judge_all(options.cases, options.configs)
    print(causes(cases) if options.cause else table(cases))
    false = [case for case in cases if contradicted(case)]
    print(f"\nerrors on accepted commands: {len(false)}")
    for case in false[: options.show]:
        print(f"  {case.id}: {case.found}")
    missed = [case for case in cases if not case.ok and not case.suspect and not errors_of(case)]
    print(f"refused commands without an error: {len(missed)}")
    for case in missed[: options.show]:
        print(f"  {case.id} [{case.cause}] {case.error[:110]}")


if __name__ == "__main__":
    main()
