"""Counts what vllint finds in a folder of real files, and which of the known mistakes are among it.

    python benchmarks/corpus.py CORPUS/files --mistakes CORPUS/mistakes.jsonl

Prints how many launches there are and what is known of them, the findings of each rule, and for every
mistake that was verified by hand (and whose file is there) the findings nearest to its line.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from vllint import check_paths
from vllint_schemas.report import ReportDocument, ReportedFinding, ReportedModel

NEAR = 3
"""How many lines a finding may be away: the list points at a key, a finding at its value."""


def launches(report: ReportDocument) -> Iterator[str]:
    """Yield what is known of the launches."""
    found = report.launches
    known = {
        "model": sum(isinstance(one.model, ReportedModel) for one in found),
        "card": sum(bool(one.hardware.gpu) for one in found),
        "number of cards": sum(one.hardware.count is not None for one in found),
    }
    summary = report.summary
    yield f"{summary.files} files, {summary.files_with_launches} of them with {summary.launches} launches"
    yield from (f"  {what} known: {number}" for what, number in known.items())


def rules(findings: Sequence[ReportedFinding]) -> Iterator[str]:
    """Yield the number of findings by severity and rule."""
    counted = Counter((str(one.severity), one.code) for one in findings)
    yield from (
        f"  {severity:<8} {code}  {number:>4}" for (severity, code), number in sorted(counted.items())
    )


def mistakes(path: Path, folder: Path, findings: Sequence[ReportedFinding]) -> Iterator[str]:
    """Yield the verified mistakes, each with the findings near its line."""
    by_file: dict[str, list[ReportedFinding]] = defaultdict(list)
    for finding in findings:
        by_file[Path(finding.path).resolve().relative_to(folder.resolve()).as_posix()].append(finding)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["confidence"] != "verified" or not (folder / row["file"]).is_file():
            continue
        close = sorted(by_file[row["file"]], key=lambda one: abs(one.start.line - row["line"]))
        near = [f"{one.code}:{one.start.line}" for one in close if abs(one.start.line - row["line"]) <= NEAR]
        yield f"  {'found ' if near else '------'} {row['cls']} {row['file']}:{row['line']} {' '.join(near)}"


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mistakes", type=Path)
    options = parser.parse_args()
    report = check_paths([str(options.folder)]).document()
    print(*launches(report), sep="\n")
    print(*rules(report.findings), sep="\n")
    if options.mistakes is not None:
        print(*mistakes(options.mistakes, options.folder, report.findings), sep="\n")


if __name__ == "__main__":
    main()
