"""What rules say."""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

from enum import StrEnum
from typing import Literal, NamedTuple

from vllint_schemas.known import Unknown
from vllint_schemas.memory import Band
from vllint_schemas.position import Span

Stage = Literal["parse", "validate", "config", "build", "run", "container", "advice"]


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """vLLM refuses to start or dies, on facts that are known."""
    WARNING = "warning"
    """A likely failure, silent misbehaviour or waste."""
    INFO = "info"
    """Advice."""

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class Applicability(StrEnum):
    """How far a fix can be trusted."""

    SAFE = "safe"
    """Keeps the intent and cannot make a working configuration worse."""
    UNSAFE = "unsafe"
    """Changes capacity or behaviour: needs consent."""
    DISPLAY = "display"
    """Advice only, never applied: it would change the model, its precision or the bill."""


class Edit(NamedTuple):
    """Replace the text at `span` by `text`."""

    span: Span
    text: str


class Fix(NamedTuple):
    """Edits that belong together: all are applied or none. `display` fixes may have no edits."""

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...] = ()


class Evidence(NamedTuple):
    """Which vLLM release was judged, where in it the check lives, and the stage that would fail."""

    vllm: str
    source: str
    stage: Stage


class Related(NamedTuple):
    """Another place that has to do with a finding."""

    span: Span
    message: str


class BudgetLine(NamedTuple):
    """A line of the sum of memory that a finding rests on, `size` in bytes.

    `sign` says what the line does in the sum: `-` is taken off, `=` is what is left, and the others are
    what there is and what is compared.
    """

    sign: Literal["", "-", "="]
    name: str
    size: Band | Unknown


class Finding(NamedTuple):
    """One thing that is wrong, with what to do about it.

    `message` says what is wrong, with numbers; `help` what to do. `subject` names what the finding is
    about, without positions, so that the fingerprint survives edits elsewhere in the file. `budget` is the
    memory of the GPU that has too little, line by line.
    """

    code: str
    name: str
    severity: Severity
    message: str
    help: str
    span: Span
    evidence: Evidence
    launch: str | None = None
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    subject: str = ""
    budget: tuple[BudgetLine, ...] = ()
