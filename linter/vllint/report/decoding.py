"""Parts of a report back from JSON's own types, as `to_dict` gives them."""

from __future__ import annotations

from typing import Any

from vllint_schemas import Applicability, Severity, report


def finding_of(plain: dict[str, Any]) -> report.ReportedFinding:
    """Return the finding that `to_dict` gave as `plain`."""
    fix = plain["fix"]
    return report.ReportedFinding(
        **{
            **plain,
            **_extent(plain),
            "severity": Severity(plain["severity"]),
            "related": tuple(
                report.ReportedRelated(**{**item, **_extent(item)}) for item in plain["related"]
            ),
            "evidence": report.ReportedEvidence(**plain["evidence"]),
            "fix": None if fix is None else _fix(fix),
            "budget": tuple(
                report.ReportedBudgetLine(**{**line, "gib": _band(line["gib"])}) for line in plain["budget"]
            ),
        }
    )


def launch_of(plain: dict[str, Any]) -> report.ReportedLaunch:
    """Return the launch that `to_dict` gave as `plain`."""
    model, hardware, memory = plain["model"], plain["hardware"], plain["memory"]
    return report.ReportedLaunch(
        **{
            **plain,
            **_extent(plain),
            "argv": tuple(plain["argv"]),
            "model": _model(model),
            "vllm_version": report.ReportedVersion(**plain["vllm_version"]),
            "hardware": (report.UnknownHardware if "unknown" in hardware else report.ReportedHardware)(
                **hardware
            ),
            "parallel": report.ReportedParallel(**plain["parallel"]),
            "memory": _memory(memory),
        }
    )


def _model(plain: dict[str, Any]) -> report.ReportedModel | report.NamedModel | report.UnknownModel:
    if "parameters_estimate" in plain:
        return report.NamedModel(**plain)
    return (report.UnknownModel if "unknown" in plain else report.ReportedModel)(**plain)


def _extent(plain: dict[str, Any]) -> dict[str, report.Place]:
    return {"start": report.Place(**plain["start"]), "end": report.Place(**plain["end"])}


def _fix(plain: dict[str, Any]) -> report.ReportedFix:
    edits = tuple(report.ReportedEdit(**edit) for edit in plain["edits"])
    return report.ReportedFix(plain["title"], Applicability(plain["applicability"]), edits)


def _memory(plain: dict[str, Any]) -> report.ReportedMemory | report.UnknownMemory:
    kind = report.UnknownMemory if "unknown" in plain else report.ReportedMemory
    return kind(
        **{
            **plain,
            "ranks": tuple(_rank(rank) for rank in plain["ranks"]),
            "max_concurrency": _band(plain["max_concurrency"]),
        }
    )


def _rank(plain: dict[str, Any]) -> report.ReportedRank:
    fields: dict[str, Any] = {
        name: _band(value) if isinstance(value, dict) else value for name, value in plain.items()
    }
    return report.ReportedRank(**fields)


def _band(plain: dict[str, Any]) -> report.ReportedBand | report.UnknownFact:
    return report.UnknownFact(**plain) if "unknown" in plain else report.ReportedBand(**plain)
