"""The vocabulary that vllint, its rules and its readers share."""

from vllint_schemas.arguments import Argument, ArgumentProblem, EngineArgs, ProblemKind
from vllint_schemas.findings import (
    Applicability,
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
    EntryPoint,
    HardwareClaim,
    Kind,
    Launch,
    SourceProblem,
    Variable,
)
from vllint_schemas.memory import Band, MemoryEstimate, RankMemory, Verdict
from vllint_schemas.models import ModelFacts, ModelSource, Quantization
from vllint_schemas.position import Position, Span
from vllint_schemas.words import Hole, Run, Slot, SlotKind, Word

__all__ = [
    "GIB",
    "Applicability",
    "Argument",
    "ArgumentProblem",
    "Band",
    "Edit",
    "EngineArgs",
    "EntryPoint",
    "Evidence",
    "Finding",
    "Fix",
    "Gpu",
    "Hardware",
    "HardwareClaim",
    "Hole",
    "Instance",
    "Kind",
    "Launch",
    "Located",
    "MemoryEstimate",
    "ModelFacts",
    "ModelSource",
    "Origin",
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
