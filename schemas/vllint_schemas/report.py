"""The JSON report, version 1: what `--output-format json` prints and `Report.to_dict()` returns.

Lines and columns count from 1 and offsets from 0, all in code points of the decoded text. Memory is in
GiB where a name ends in `_gib`. Every key is always present. A fact that is not known is null; an object
that is not or not wholly known has a key `unknown` that says why. Numbers are not rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, dataclass_transform

from vllint_schemas.findings import Applicability, Severity, Stage
from vllint_schemas.terms import Kind, ModelSource, Verdict

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def part(cls: type[T]) -> type[T]:
    """Make a class a part of the report: a slotted dataclass that type checkers hold to be frozen.

    Freezing it at run time, `==`, a repr and an `__init__` of its own would make its import take six times
    as long, and every run imports it; `to_dict` gives the first two.
    """
    cls.__init__ = _filled  # type: ignore[method-assign]
    return dataclass(slots=True, init=False, eq=False, repr=False)(cls)


def _filled(self: Any, *values: Any, **named: Any) -> None:
    """Set the fields in their order, then by name; type checkers see to it that none is missing."""
    for name, value in zip(self.__slots__, values, strict=False):
        setattr(self, name, value)
    for name, value in named.items():
        setattr(self, name, value)


@part
class Place:
    """A place in a file: `line` and `column` from 1, `offset` from 0, in code points."""

    line: int
    column: int
    offset: int


@part
class UnknownFact:
    """What stands in the place of a fact that is not known: why it is not."""

    unknown: str


@part
class ReportedTool:
    """The program that made the report, the newest vLLM release it has tables for, and their day."""

    name: str
    version: str
    newest_vllm: str
    tables_date: str | None


@part
class Fixable:
    """How many findings `--fix` repairs, and how many more `--unsafe-fixes` does."""

    safe: int
    unsafe: int


@part
class Unchecked:
    """A fact (`model`, `gpu`, `gpu_count`, ...) that could not be known for a launch, and why."""

    launch: str
    fact: str
    reason: str


@part
class ReportSummary:
    """The report in numbers: `files` were read, `files_with_launches` of them start vLLM."""

    files: int
    files_with_launches: int
    launches: int
    errors: int
    warnings: int
    infos: int
    fixable: Fixable
    unchecked: tuple[Unchecked, ...]


@part
class ReportedModel:
    """A model whose facts are known, and where they came from."""

    id: str
    source: ModelSource


@part
class UnknownModel:
    """A model whose facts are not known; `id` is null when not even its name is."""

    id: str | None
    unknown: str


@part
class NamedModel:
    """A model of which no more than a size is known, which its name says and nothing is judged by."""

    id: str
    source: Literal["name"]
    parameters_estimate: int
    unknown: str


@part
class ReportedVersion:
    """The vLLM release a launch was judged by, and where that came from."""

    value: str
    source: str


@part
class ReportedHardware:
    """The cards a launch runs on; `memory_gib` is one card's, as CUDA reports it."""

    gpu: str
    count: int
    memory_gib: float
    source: str


@part
class UnknownHardware:
    """Cards of which something is not known: that is null, and `unknown` says why."""

    gpu: str | None
    count: int | None
    memory_gib: float | None
    source: str | None
    unknown: str


@part
class ReportedParallel:
    """How a launch spreads its model; null where that is not known."""

    tensor: int | None
    pipeline: int | None
    data: int | None
    expert: bool | None
    gpus_needed: int | None


@part
class ReportedBand:
    """An estimate: `low` is the optimistic bound, of free memory the least; `mid` is the likely value."""

    low: float
    mid: float
    high: float


@part
class ReportedRank:
    """What one pipeline stage's rank holds.

    `parameters_bytes` is what vLLM builds, null where not every part of the model can be counted, as only
    its total or its text model is known; `weights_gib` is what stays resident after loading. These and
    `kv_needed_gib`, which one request of full length takes, are given without hardware too.
    """

    name: str
    budget_gib: float | None
    parameters_bytes: float | None
    weights_gib: ReportedBand
    activations_gib: ReportedBand | UnknownFact
    non_torch_gib: ReportedBand | UnknownFact
    cuda_graphs_gib: ReportedBand | UnknownFact
    kv_gib: ReportedBand | UnknownFact
    kv_needed_gib: float | None
    kv_tokens: ReportedBand | UnknownFact


@part
class ReportedMemory:
    """Whether a launch fits its cards; `max_concurrency` counts requests of full length.

    `fitting_model_len` is the longest context with which it fits, null if none does; `pinned_host_gib` what
    its ranks surely pin of the machine's own memory.
    """

    verdict: Verdict
    ranks: tuple[ReportedRank, ...]
    max_model_len: int | None
    max_concurrency: ReportedBand | UnknownFact
    fitting_model_len: int | None
    pinned_host_gib: float | None


@part
class UnknownMemory:
    """Memory of which the verdict is not known, with what is; `ranks` is empty without a model."""

    verdict: Literal["unknown"]
    ranks: tuple[ReportedRank, ...]
    max_model_len: int | None
    max_concurrency: ReportedBand | UnknownFact
    fitting_model_len: int | None
    pinned_host_gib: float | None
    unknown: str


@part
class ReportedLaunch:
    """One vLLM server start, with what vllint knows of it."""

    id: str
    path: str
    kind: Kind
    name: str
    start: Place
    end: Place
    argv: tuple[str, ...]
    model: ReportedModel | NamedModel | UnknownModel
    vllm_version: ReportedVersion
    hardware: ReportedHardware | UnknownHardware
    parallel: ReportedParallel
    memory: ReportedMemory | UnknownMemory


@part
class ReportedRelated:
    """Another place that has to do with a finding, and what it has to do with it."""

    path: str
    start: Place
    end: Place
    message: str


@part
class ReportedEvidence:
    """The vLLM release that was judged, where in it the check lives, and the stage that would fail."""

    vllm: str
    source: str
    stage: Stage


@part
class ReportedEdit:
    """Replace the code points `[start, end)` of a file's decoded text by `text`."""

    path: str
    start: int
    end: int
    text: str


@part
class ReportedFix:
    """Edits that belong together; `display` fixes are advice and are never applied."""

    title: str
    applicability: Applicability
    edits: tuple[ReportedEdit, ...]


@part
class ReportedBudgetLine:
    """A line of a GPU's memory: `-` is taken off, `=` is left, others are had or compared."""

    sign: Literal["", "-", "="]
    name: str
    gib: ReportedBand | UnknownFact


@part
class ReportedFinding:
    """One thing that is wrong.

    `fingerprint` stays the same while the finding does, wherever it moves in its file. `launch` is a
    launch's id, null for findings about a whole file. `budget` is the sum of memory that a finding about it
    rests on, empty for others.
    """

    code: str
    name: str
    severity: Severity
    message: str
    help: str
    url: str
    launch: str | None
    path: str
    start: Place
    end: Place
    related: tuple[ReportedRelated, ...]
    evidence: ReportedEvidence
    fingerprint: str
    fix: ReportedFix | None
    budget: tuple[ReportedBudgetLine, ...]


@part
class ReportDocument:
    """A whole report."""

    version: Literal[1]
    tool: ReportedTool
    summary: ReportSummary
    launches: tuple[ReportedLaunch, ...]
    findings: tuple[ReportedFinding, ...]


def to_dict(document: ReportDocument | ReportedLaunch | ReportedFinding) -> dict[str, Any]:
    """Return a report or a part as JSON's own types: dicts, lists, strings, numbers, booleans and None."""
    plain = _plain(document)
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    if value is None or type(value) in _SCALARS:
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return {name: _plain(getattr(value, name)) for name in value.__slots__}


_SCALARS = frozenset({str, int, float, bool})
