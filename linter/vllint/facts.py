"""Everything that is known about one launch, as rules see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from vllint.vllm.mistakes import Mistake
from vllint_schemas import (
    EngineArgs,
    Gpu,
    Hardware,
    Launch,
    Located,
    MemoryEstimate,
    ModelFacts,
    Severity,
    Span,
    Unknown,
)
from vllint_schemas.parallel import Parallel

if TYPE_CHECKING:
    from vllint.models.adapters import Adapter

FactName = Literal["model", "gpu", "gpu_count", "arguments", "memory", "format"]
"""What rules may need; `arguments` are the sizes of parallelism that the launch's words give,
`format` stands for files that nothing reads."""

T = TypeVar("T")


class Release(NamedTuple):
    """The tabled vLLM release that judges a launch, and where it came from.

    `stated` is the release the file or the user names, `Unknown` when nobody does. `doubt` says why the
    table may not hold what runs: a release without a table, a fork's image; empty when there is none.
    """

    judged: str
    stated: Located[str] | Unknown
    source: str
    doubt: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the release that runs is known to be the one judged."""
        return not self.doubt and not isinstance(self.stated, Unknown)

    def severity(self, elsewhere: bool) -> Severity:
        """Return how bad a refusal is that comes from the release's own tables.

        It is an error, unless the table may not hold what runs, or no release is stated and others take it
        (`elsewhere`): then it waits for an upgrade. Where both may be, the launch may well work as it is.
        """
        upgrade_only = elsewhere and isinstance(self.stated, Unknown)
        if self.doubt and upgrade_only:
            return Severity.INFO
        return Severity.WARNING if self.doubt or upgrade_only else Severity.ERROR

    def caveat(self, elsewhere: bool) -> str:
        """Return why such a refusal is but a warning, in brackets after a blank; empty for an error."""
        if self.doubt:
            return f" ({self.doubt})"
        if elsewhere and isinstance(self.stated, Unknown):
            return f" (the newest release, since {self.stated.reason})"
        return ""


class LaunchFacts(NamedTuple):
    """A launch with what vLLM would understand from it, its model, its hardware and its memory.

    The `maybe_` fields may be `Unknown`. A rule that declares a fact among its `needs` reads it through
    the property of that name, which the engine has made sure is known. `sources` are the texts of the
    files involved, for writing fixes. `machine_mates` are the GPUs that the file's other launches take
    from the same machine, `gpu_mates` the names of those that take some of its own. `mistakes` are what is
    wrong with the launch's words, `adapters` the LoRA adapters that it loads and whose rank is known.
    """

    launch: Launch
    args: EngineArgs
    release: Release
    hardware: Hardware
    maybe_model: ModelFacts | Unknown
    maybe_parallel: Parallel | Unknown
    maybe_memory: MemoryEstimate | Unknown
    sources: Mapping[str, str]
    machine_mates: int | Unknown = 0
    gpu_mates: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    adapters: tuple[Adapter, ...] = ()

    @property
    def model(self) -> ModelFacts:
        """The model's facts."""
        return _known(self.maybe_model)

    @property
    def model_span(self) -> Span | None:
        """Where the model is named; `None` where no word names it."""
        named = self.args.model
        return named.span if isinstance(named, Located) else None

    @property
    def parallel(self) -> Parallel:
        """The layout."""
        return _known(self.maybe_parallel)

    @property
    def memory(self) -> MemoryEstimate:
        """The memory estimate."""
        return _known(self.maybe_memory)

    @property
    def gpu(self) -> Located[Gpu]:
        """The card."""
        return _known(self.hardware.gpu)

    @property
    def gpu_count(self) -> Located[int]:
        """How many GPUs the launch may use."""
        return _known(self.hardware.gpu_count)

    def unknown(self) -> dict[FactName, Unknown]:
        """Return the facts that are not known, and why."""
        known: tuple[tuple[FactName, object], ...] = (
            ("model", self.maybe_model),
            ("gpu", self.hardware.gpu),
            ("gpu_count", self.hardware.gpu_count),
            ("arguments", self.maybe_parallel),
            ("memory", self.maybe_memory),
        )
        return {fact: found for fact, found in known if isinstance(found, Unknown)}


def _known(fact: T | Unknown) -> T:
    if isinstance(fact, Unknown):
        raise LookupError(f"a rule reads a fact that it does not declare: {fact.reason}")
    return fact
