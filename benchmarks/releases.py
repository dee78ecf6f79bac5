"""Compares vllint with what the parsers of several vLLM releases said: recorded verdicts, one to a line.

    python benchmarks/releases.py VERDICTS/b4.jsonl

Prints for each release how many accepted commands got an error of parsing (none should), and how many
refusals were found.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from vllint import check_command
from vllint_schemas import Severity

PARSING = ("parse", "validate")
"""The stages that the recorded parsers ran."""


def is_refused(argv: list[str], release: str) -> bool:
    """Whether vllint says that the release's parser refuses the command."""
    found = check_command(argv, vllm_version=release).findings
    return any(one.severity is Severity.ERROR and one.evidence.stage in PARSING for one in found)


def main() -> None:
    """Print the table and the commands that disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--show", type=int, default=20, help="how many disagreements to list")
    options = parser.parse_args()
    counts: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    differing: list[str] = []
    for line in options.cases.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        for release, verdict in case["verdicts"].items():
            accepted, refused = bool(verdict["ok"]), is_refused(case["argv"], release)
            counts[release][accepted, refused] += 1
            if accepted == refused:
                said = "accepted" if accepted else verdict["error"][:90]
                differing.append(f"  {release} {case['id']}: vLLM: {said}")
    print(f"{'release':<14}{'accepted':>9}{'of these an error':>19}{'refused':>9}{'of these found':>16}")
    total: Counter[tuple[bool, bool]] = Counter()
    for release, count in [*counts.items(), ("all", total)]:
        total.update(count if count is not total else {})
        taken = count[True, False] + count[True, True]
        not_taken = count[False, False] + count[False, True]
        print(f"{release:<14}{taken:>9}{count[True, True]:>19}{not_taken:>9}{count[False, True]:>16}")
    print(*differing[: options.show], sep="\n")


if __name__ == "__main__":
    main()
