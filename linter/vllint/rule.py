"""What a rule is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

from vllint.facts import FactName, LaunchFacts
from vllint.vllm.releases import releases
from vllint_schemas import BudgetLine, Evidence, Finding, Fix, Related, Severity, SourceProblem, Span, Stage

Judges = Literal["launches", "files", "sources"]
"""What a rule judges: single launches, those of a file together, or files that could not be read."""


_PARSER = "utils/argparse_utils.py"
_CALL = "engine/arg_utils.py:489"
"""Where vLLM refuses words of a command, and keywords of a call: the fields of its `EngineArgs`."""


class Example(NamedTuple):
    """A file that a rule's documentation shows and its tests check.

    `text` marks the expected span with a line of `~` below it, under a comment sign where the format needs
    one; `fixed` is the whole text after the fix, `None` when there is no fix to apply. `gpu` and
    `vllm_version` are stated as on the command line. `path` decides the format. With a `command`, the file
    is the one that the command's `--config` names. `beside` are files that stand beside it, by name.
    """

    text: str
    path: str = "deploy.sh"
    fixed: str | None = None
    gpu: str | None = None
    vllm_version: str | None = None
    title: str = ""
    command: str = ""
    beside: tuple[tuple[str, str], ...] = ()


class Rule:
    """One thing vllint looks for.

    A subclass sets the class variables, and its docstring is the user's page. It overrides `check` to
    judge launches, `check_file` to judge those of a file together, or `check_source` to speak of a file
    rather than what it launches. The engine calls `check` only
    when every fact in `needs` is known, and not at all when a rule whose code is in `waits_for` has spoken
    about the launch. `triggers` are what a launch must have one of for `check` to have anything to say, and
    one of a file's launches for `check_file`, as `vllint.triggers` names it; a rule without any looks at
    every launch. Of what it says, that is left out
    which is about words that a rule in `yields_to` has spoken of: it knows better what is wrong with them.
    `carries_over` says that its fixes write for a release what an older one does with the file as it is, so
    that moving there applies the unsafe ones, too.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    stage: ClassVar[Stage]
    source: ClassVar[str]
    since: ClassVar[str]
    needs: ClassVar[tuple[FactName, ...]] = ()
    waits_for: ClassVar[frozenset[str]] = frozenset()
    triggers: ClassVar[frozenset[str]] = frozenset()
    yields_to: ClassVar[frozenset[str]] = frozenset()
    preview: ClassVar[bool] = False
    carries_over: ClassVar[bool] = False
    url: ClassVar[str] = ""
    tags: ClassVar[tuple[str, ...]] = ()
    BAD: ClassVar[tuple[Example, ...]] = ()
    GOOD: ClassVar[tuple[Example, ...]] = ()

    @property
    def module(self) -> str:
        """The module that it stands in."""
        return type(self).__module__

    @property
    def judges(self) -> frozenset[Judges]:
        """What it judges: the methods that it overrides."""
        own = type(self)
        overridden: dict[Judges, bool] = {
            "launches": own.check is not Rule.check,
            "files": own.check_file is not Rule.check_file,
            "sources": own.check_source is not Rule.check_source,
        }
        return frozenset(subject for subject, is_overridden in overridden.items() if is_overridden)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield what is wrong with a launch."""
        yield from ()

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield what is wrong with a file's launches taken together."""
        yield from ()

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield what to say about a file that could not be read."""
        yield from ()

    def finding(
        self,
        facts: LaunchFacts,
        span: Span,
        message: str,
        help: str,
        *,
        severity: Severity | None = None,
        stage: Stage | None = None,
        source: str | None = None,
        related: Sequence[Related] = (),
        fix: Fix | None = None,
        subject: str = "",
        budget: tuple[BudgetLine, ...] = (),
    ) -> Finding:
        """Return a finding of this rule about a launch, in which options have the names of its file."""
        from vllint.option_names import as_written
        from vllint.vllm.written_words import is_call
        from vllint.word_edits import kept_texts

        checked_at = source or self.source
        if checked_at.startswith(_PARSER) and is_call(facts.launch):
            checked_at = _CALL
        noted = [one._replace(message=as_written(facts, one.message, setting=False)) for one in related]
        if fix is not None:
            title = as_written(facts, fix.title, setting=True)
            fix = fix._replace(title=title, edits=kept_texts(fix.edits, facts.launch.argv))
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity or self.severity,
            message=as_written(facts, message, setting=False),
            help=as_written(facts, help, setting=True),
            span=span,
            evidence=_evidence(facts.release.judged, checked_at, stage or self.stage),
            launch=facts.launch.id,
            related=tuple(noted),
            fix=fix,
            subject=subject,
            budget=budget,
        )

    def source_finding(self, problem: SourceProblem, help: str, fix: Fix | None = None) -> Finding:
        """Return a finding of this rule about a file rather than a launch."""
        return Finding(
            code=self.code,
            name=self.name,
            severity=self.severity,
            message=problem.message,
            help=help,
            span=problem.span,
            evidence=Evidence("", self.source, self.stage),
            fix=fix,
            subject=problem.message,
        )


def _evidence(judged: str, source: str, stage: Stage) -> Evidence:
    """Name the check's place as the newest release has it: others may have it elsewhere, on another line."""
    newest = releases()[-1]
    path = source.partition(":")[0]
    place = source if judged == newest or not path else f"{path} (as in {newest})"
    return Evidence(judged, place, stage)
