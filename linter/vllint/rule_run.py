"""Running rules over what is known, and keeping what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vllint.facts import FactName, LaunchFacts
from vllint.settings import Settings, is_selected, severity_of
from vllint.suppress import idle_suppressions, misspelt_comments, read_suppressions, suppress
from vllint.triggers import triggers_of
from vllint_schemas import Finding, Kind, Severity, SourceProblem, Span

if TYPE_CHECKING:
    from vllint.rule_index import AnyRule

_SHOWN: frozenset[Kind] = frozenset({"markdown"})
"""Kinds of source that show a launch and make none."""


class Unchecked(NamedTuple):
    """A fact that is not known and kept a rule from judging a launch, or a file that nothing reads."""

    launch: str
    fact: FactName
    reason: str


class RuleError(ValueError):
    """A rule failed while it judged a launch; the message names both."""


class Said(NamedTuple):
    """What the rules say of a file, what they could not judge, and which of them did not judge it all."""

    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    silent: frozenset[str]


class _Step(NamedTuple):
    """A rule's turn with a launch: it judges where it is triggered, or lacks a fact for that."""

    rule: AnyRule
    lacks: FactName | None
    triggered: bool


class _Order:
    """The rules of a run, by their code and in the order in which they take their turns."""

    __slots__ = ("_judging", "_steps", "by_code", "of_files", "of_sources")

    def __init__(self, rules: tuple[AnyRule, ...]) -> None:
        self.by_code: Mapping[str, AnyRule] = {rule.code: rule for rule in rules}
        self.of_files = tuple(rule for rule in rules if "files" in rule.judges)
        self.of_sources = tuple(rule for rule in rules if "sources" in rule.judges)
        self._judging = tuple(
            rule
            for rule in _in_waiting_order(rules, self.by_code)
            if rule.needs or rule.waits_for or "launches" in rule.judges
        )
        self._steps: dict[tuple[frozenset[str], frozenset[FactName]], tuple[_Step, ...]] = {}

    def steps(self, triggers: frozenset[str], unknown: frozenset[FactName]) -> tuple[_Step, ...]:
        """Return the steps of all launches in which the same stands and the same is not known."""
        steps = self._steps.get((triggers, unknown))
        if steps is None:
            turns = (_step(rule, triggers, unknown) for rule in self._judging)
            steps = tuple(step for step in turns if step.triggered or step.lacks or step.rule.waits_for)
            self._steps[triggers, unknown] = steps
        return steps


def _step(rule: AnyRule, triggers: frozenset[str], unknown: frozenset[FactName]) -> _Step:
    lacks = next((need for need in rule.needs if need in unknown), None)
    return _Step(rule, lacks, _is_triggered(rule, triggers))


def _is_triggered(rule: AnyRule, triggers: frozenset[str]) -> bool:
    return not rule.triggers or not rule.triggers.isdisjoint(triggers)


@lru_cache(maxsize=1)
def _order(rules: tuple[AnyRule, ...]) -> _Order:
    return _Order(rules)


def run_rules(
    launches: Sequence[LaunchFacts],
    problems: Sequence[SourceProblem],
    rules: Sequence[AnyRule],
    settings: Settings,
) -> Said:
    """Run every rule whose needs are met; those that wait for others come after them."""
    order = _order(tuple(rules))
    findings = [
        found for problem in problems for rule in order.of_sources for found in rule.check_source(problem)
    ]
    unchecked: dict[Unchecked, None] = {}
    silent: set[str] = set()
    standing: set[str] = set()
    for facts in launches:
        triggers = triggers_of(facts, alone=len(launches) == 1)
        standing |= triggers
        unknown = facts.unknown()
        own: list[Finding] = []
        said: set[str] = set()
        noted: set[FactName] = set()
        for rule, lacks, triggered in order.steps(triggers, frozenset(unknown)):
            if said and not said.isdisjoint(rule.waits_for):
                silent.add(rule.code)
            elif lacks is not None:
                silent.add(rule.code)
                if lacks not in noted and is_selected(settings, rule.code, rule.name, rule.preview):
                    noted.add(lacks)
                    unchecked[Unchecked(facts.launch.id, lacks, unknown[lacks].reason)] = None
            elif triggered and (found := _judged(rule, facts, own)):
                own += found
                said.add(rule.code)
        findings += own
    if launches:
        asked = (rule for rule in order.of_files if _is_triggered(rule, frozenset(standing)))
        findings.extend(found for rule in asked for found in rule.check_file(launches))
    kept = _selected(findings, settings, order.by_code)
    return Said(kept, tuple(unchecked), frozenset(silent))


def _matters(finding: Finding, facts: LaunchFacts) -> bool:
    """Whether a finding is worth telling: advice on what a document only shows is not."""
    return finding.severity is not Severity.INFO or facts.launch.kind not in _SHOWN


def _judged(rule: AnyRule, facts: LaunchFacts, earlier: Sequence[Finding]) -> list[Finding]:
    try:
        findings = list(rule.check(facts))
    except Exception as error:
        raise RuleError(f"the rule {rule.code} fails on {facts.launch.id}: {error!r}") from error
    if not findings:
        return findings
    return _not_told([found for found in findings if _matters(found, facts)], rule, earlier)


def _not_told(findings: list[Finding], rule: AnyRule, earlier: Sequence[Finding]) -> list[Finding]:
    """Leave out the findings about words that a rule which knows better has spoken of."""
    places = {found.span for found in earlier if found.code in rule.yields_to} if rule.yields_to else ()
    return [found for found in findings if found.span not in places] if places else findings


def _in_waiting_order(rules: tuple[AnyRule, ...], by_code: Mapping[str, AnyRule]) -> Iterable[AnyRule]:
    """Put each rule behind those it waits for; rules that wait for each other would keep their order."""
    ordered: dict[str, AnyRule] = {}

    def add(rule: AnyRule, above: tuple[str, ...]) -> None:
        if rule.code in ordered:
            return
        for code in sorted(rule.waits_for | rule.yields_to):
            if code in by_code and code not in above:
                add(by_code[code], (*above, rule.code))
        ordered.setdefault(rule.code, rule)

    for rule in rules:
        add(rule, (rule.code,))
    return ordered.values()


def _selected(
    findings: Iterable[Finding], settings: Settings, rules: Mapping[str, AnyRule]
) -> tuple[Finding, ...]:
    """Keep what is selected, once, with the severity that settings give it, in the order of places."""
    kept: dict[tuple[str, Span, str], Finding] = {}
    for finding in findings:
        if not is_selected(settings, finding.code, finding.name, rules[finding.code].preview):
            continue
        severity = severity_of(settings, finding.code, finding.name, finding.severity)
        found = finding if severity is finding.severity else finding._replace(severity=severity)
        # Launches that share a text, as the rounds of a loop do, share what is wrong with it.
        kept.setdefault((found.code, found.span, found.message), found)
    return tuple(sorted(kept.values(), key=_place))


def _place(finding: Finding) -> tuple[Span, str]:
    return finding.span, finding.code


def heed_comments(
    said: Said,
    path: str,
    texts: Mapping[str, str],
    launches: Sequence[LaunchFacts],
    rules: Sequence[AnyRule],
    settings: Settings,
) -> tuple[Finding, ...]:
    """Take out what comments suppress, and add what is wrong with the comments of the file itself."""
    if not any("vllint:" in content for content in texts.values()):
        return said.findings
    comments = [one for place, content in texts.items() for one in read_suppressions(content, place)]
    extents = {facts.launch.id: (facts.launch.at, facts.launch.extent) for facts in launches}
    left, used = suppress(said.findings, comments, extents)
    own = [one for one in comments if one.comment.path == path]
    judging = [rule for rule in rules if rule.code not in said.silent]
    problems = [
        *idle_suppressions(own, used, rules, judging, settings, texts[path]),
        *misspelt_comments(texts[path], path),
    ]
    extra = _selected(_about(problems, rules), settings, _order(tuple(rules)).by_code)
    return tuple(sorted((*left, *extra), key=_place))


def _about(problems: Iterable[SourceProblem], rules: Sequence[AnyRule]) -> Iterator[Finding]:
    for problem in problems:
        for rule in rules:
            yield from rule.check_source(problem)
