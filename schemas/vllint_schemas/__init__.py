"""The vocabulary that vllint, its rules and its readers share.

Names are imported when first used, so that a run that finds nothing to judge stays short.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vllint_schemas.arguments import (
        Argument,
        ArgumentProblem,
        ConfigFile,
        ConfigProblem,
        EngineArgs,
        ProblemKind,
    )
    from vllint_schemas.findings import (
        Applicability,
        BudgetLine,
        Edit,
        Evidence,
        Finding,
        Fix,
        Related,
        Severity,
        Stage,
    )
    from vllint_schemas.hardware import GIB, Gpu, Hardware, Instance
    from vllint_schemas.known import Located, Origin, Unknown
    from vllint_schemas.launch import (
        Container,
        EntryPoint,
        HardwareClaim,
        Health,
        Launch,
        Mount,
        PortMapping,
        SourceProblem,
        Variable,
    )
    from vllint_schemas.memory import Band, MemoryEstimate, RankMemory
    from vllint_schemas.models import ModelFacts, Quantization
    from vllint_schemas.position import Position, Span
    from vllint_schemas.terms import Kind, ModelSource, Verdict
    from vllint_schemas.words import Hole, Run, Slot, SlotKind, Word

_NAMES = {
    "arguments": (
        "Argument",
        "ArgumentProblem",
        "ConfigFile",
        "ConfigProblem",
        "EngineArgs",
        "ProblemKind",
    ),
    "findings": (
        "Applicability",
        "BudgetLine",
        "Edit",
        "Evidence",
        "Finding",
        "Fix",
        "Related",
        "Severity",
        "Stage",
    ),
    "hardware": ("GIB", "Gpu", "Hardware", "Instance"),
    "known": ("Located", "Origin", "Unknown"),
    "launch": (
        "Container",
        "EntryPoint",
        "HardwareClaim",
        "Health",
        "Kind",
        "Launch",
        "Mount",
        "PortMapping",
        "SourceProblem",
        "Variable",
    ),
    "memory": ("Band", "MemoryEstimate", "RankMemory"),
    "models": ("ModelFacts", "Quantization"),
    "position": ("Position", "Span"),
    "terms": ("Kind", "ModelSource", "Verdict"),
    "words": ("Hole", "Run", "Slot", "SlotKind", "Word"),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "GIB",
    "Applicability",
    "Argument",
    "ArgumentProblem",
    "Band",
    "BudgetLine",
    "ConfigFile",
    "ConfigProblem",
    "Container",
    "Edit",
    "EngineArgs",
    "EntryPoint",
    "Evidence",
    "Finding",
    "Fix",
    "Gpu",
    "Hardware",
    "HardwareClaim",
    "Health",
    "Hole",
    "Instance",
    "Kind",
    "Launch",
    "Located",
    "MemoryEstimate",
    "ModelFacts",
    "ModelSource",
    "Mount",
    "Origin",
    "PortMapping",
    "Position",
    "ProblemKind",
    "Quantization",
    "RankMemory",
    "Related",
    "Run",
    "Severity",
    "Slot",
    "SlotKind",
    "SourceProblem",
    "Span",
    "Stage",
    "Unknown",
    "Variable",
    "Verdict",
    "Word",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'vllint_schemas' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"vllint_schemas.{home}"), name)
    return value
