from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from vllint_schemas.findings import Applicability, Severity
from vllint_schemas.report import (
    Fixable,
    Place,
    ReportDocument,
    ReportedBand,
    ReportedEdit,
    ReportedEvidence,
    ReportedFinding,
    ReportedFix,
    ReportedHardware,
    ReportedLaunch,
    ReportedModel,
    ReportedParallel,
    ReportedRank,
    ReportedRelated,
    ReportedTool,
    ReportedVersion,
    ReportSummary,
    Unchecked,
    UnknownFact,
    UnknownHardware,
    UnknownMemory,
    UnknownModel,
)

FindingOf = Callable[..., ReportedFinding]
DocumentOf = Callable[..., ReportDocument]


def place(text: str, offset: int) -> Place:
    start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - start + 1, offset)


def span(text: str, needle: str) -> tuple[Place, Place]:
    start = text.index(needle)
    return place(text, start), place(text, start + len(needle))


@pytest.fixture(scope="session")
def sarif_schema() -> Any:
    """The schema of SARIF 2.1.0."""
    return json.loads((Path(__file__).parent / "data/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def finding_of() -> FindingOf:
    """A finding about `needle` in `text`; `related` holds (path, text, needle, message)."""

    def build(text: str, needle: str, **details: Any) -> ReportedFinding:
        path = details.get("path", "deploy/compose.yaml")
        start, end = span(text, needle)
        fix = None
        if "replacement" in details:
            edits = (ReportedEdit(path, start.offset, end.offset, details["replacement"]),)
            fix = ReportedFix(
                f"write {details['replacement']}", Applicability(details["applicability"]), edits
            )
        related = tuple(
            ReportedRelated(path, *span(text, needle), message)
            for path, text, needle, message in details.get("related", ())
        )
        return ReportedFinding(
            code=details.get("code", "PAR001"),
            name=details.get("name", "tp-divides-heads"),
            severity=Severity(details.get("severity", "error")),
            message=details.get("message", "28 heads do not divide by 8"),
            help=details.get("help", "valid sizes are 1, 2 and 4"),
            url=details.get("url", "https://vllint.example/PAR001"),
            launch=details.get("launch", f"{path}#vllm"),
            path=path,
            start=start,
            end=end,
            related=related,
            evidence=ReportedEvidence("0.33.0", "config/model.py:1560", "config"),
            fingerprint="0f" * 16,
            fix=fix,
            budget=details.get("budget", ()),
        )

    return build


@pytest.fixture(scope="session")
def document_of() -> DocumentOf:
    def build(*findings: ReportedFinding, **details: Any) -> ReportDocument:
        severities = [finding.severity.value for finding in findings]
        levels = [finding.fix.applicability.value for finding in findings if finding.fix]
        summary = ReportSummary(
            files=details.get("files", 14),
            files_with_launches=details.get("files_with_launches", 2),
            launches=details.get("launches", 3),
            errors=severities.count("error"),
            warnings=severities.count("warning"),
            infos=severities.count("info"),
            fixable=Fixable(levels.count("safe"), levels.count("unsafe")),
            unchecked=tuple(Unchecked(*entry) for entry in details.get("unchecked", ())),
        )
        tool = ReportedTool("vllint", "0.1.0", "0.33.0", None)
        return ReportDocument(1, tool, summary, details.get("reported", ()), findings)

    return build


@pytest.fixture(scope="session")
def launches() -> Mapping[str, ReportedLaunch]:
    """A launch of which much is known and one of which nothing is."""
    band = ReportedBand(1.0, 2.5, 4.0)
    rank = ReportedRank("pp0", 71.2, 7_615_616_512.0, band, band, band, band, band, 0.4375, band)
    dark = UnknownFact("the card is not known")
    known = ReportedLaunch(
        id="a.yaml#vllm",
        path="a.yaml",
        kind="compose",
        name="vllm",
        start=Place(1, 1, 0),
        end=Place(9, 4, 90),
        argv=("--model", "Qwen/Qwen2.5-7B-Instruct"),
        model=ReportedModel("Qwen/Qwen2.5-7B-Instruct", "catalogue"),
        vllm_version=ReportedVersion("0.22.1", "image tag"),
        hardware=ReportedHardware("H100-80GB", 8, 79.19, "device_ids"),
        parallel=ReportedParallel(4, 1, 2, False, 8),
        memory=UnknownMemory("unknown", (rank,), 8192, dark, None, None, "the card is not known"),
    )
    unknown = ReportedLaunch(
        id="b.sh#1",
        path="b.sh",
        kind="shell",
        name="1",
        start=Place(1, 1, 0),
        end=Place(1, 12, 11),
        argv=("$MODEL",),
        model=UnknownModel(None, "`$MODEL` is not set"),
        vllm_version=ReportedVersion("0.33.0", "the newest release that is tabled"),
        hardware=UnknownHardware(None, None, None, None, "the file names no card"),
        parallel=ReportedParallel(None, None, None, None, None),
        memory=UnknownMemory("unknown", (), None, dark, None, None, "the model is not known"),
    )
    return {"known": known, "unknown": unknown}
