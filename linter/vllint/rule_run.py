"""Running rules over what is known, and keeping what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from vllint.facts import FactName, LaunchFacts
from vllint.rule import Rule
from vllint.settings import Settings, is_selected, severity_of
from vllint.suppress import idle_suppressions, misspelt_comments, read_suppressions, suppress
from vllint_schemas import Finding, Kind, Severity, SourceProblem, Span, Unknown

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


def run_rules(
    launches: Sequence[LaunchFacts],
    problems: Sequence[SourceProblem],
    rules: Sequence[Rule],
    settings: Settings,
) -> Said:
    """Run every rule whose needs are met; those that wait for others come after them."""
    findings = [found for problem in problems for rule in rules for found in rule.check_source(problem)]
    unchecked: dict[Unchecked, None] = {}
    silent: set[str] = set()
    ordered = _judging_launches(tuple(rules))
    for facts in launches:
        own: list[Finding] = []
        unknown: dict[FactName, Unknown | None] = {}
        for rule in ordered:
            if own and rule.waits_for and any(found.code in rule.waits_for for found in own):
                silent.add(rule.code)
                continue
            missing = _missing(facts, rule, unknown) if rule.needs else None
            if missing is None:
                own += _judged(rule, facts)
                continue
            silent.add(rule.code)
            if is_selected(settings, rule.code, rule.name, rule.preview):
                unchecked[missing] = None
        findings += own
    if launches:
        findings.extend(
            found for rule in _rules_of_files(tuple(rules)) for found in rule.check_file(launches)
        )
    kept = _selected(findings, settings, _by_code(tuple(rules)))
    return Said(kept, tuple(unchecked), frozenset(silent))


def _matters(finding: Finding, facts: LaunchFacts) -> bool:
    """Whether a finding is worth telling: advice on what a document only shows is not."""
    return finding.severity is not Severity.INFO or facts.launch.kind not in _SHOWN


def _judged(rule: Rule, facts: LaunchFacts) -> list[Finding]:
    try:
        return [found for found in rule.check(facts) if _matters(found, facts)]
    except Exception as error:
        raise RuleError(f"the rule {rule.code} fails on {facts.launch.id}: {error!r}") from error


@cache
def _by_code(rules: tuple[Rule, ...]) -> Mapping[str, Rule]:
    return {rule.code: rule for rule in rules}


@cache
def _in_waiting_order(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Put each rule behind those it waits for; rules that wait for each other would keep their order."""
    by_code = _by_code(rules)
    ordered: dict[str, Rule] = {}

    def add(rule: Rule, above: tuple[str, ...]) -> None:
        for code in sorted(rule.waits_for):
            if code in by_code and code not in above:
                add(by_code[code], (*above, rule.code))
        ordered.setdefault(rule.code, rule)

    for rule in rules:
        add(rule, (rule.code,))
    return tuple(ordered.values())


@cache
def _judging_launches(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the rules that look at single launches, or may not for lack of facts, in waiting order."""
    ordered = _in_waiting_order(rules)
    return tuple(
        rule for rule in ordered if rule.needs or rule.waits_for or type(rule).check is not Rule.check
    )


@cache
def _rules_of_files(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the rules that look at all launches of a file together: few do."""
    return tuple(rule for rule in rules if type(rule).check_file is not Rule.check_file)


def _missing(facts: LaunchFacts, rule: Rule, unknown: dict[FactName, Unknown | None]) -> Unchecked | None:
    """Return the first fact that a rule needs and that is not known; `unknown` has what was asked before."""
    for need in rule.needs:
        if need not in unknown:
            unknown[need] = facts.why_unknown(need)
        why = unknown[need]
        if why is not None:
            return Unchecked(facts.launch.id, need, why.reason)
    return None


def _selected(
    findings: Iterable[Finding], settings: Settings, rules: Mapping[str, Rule]
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
    rules: Sequence[Rule],
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
    extra = _selected(_about(problems, rules), settings, _by_code(tuple(rules)))
    return tuple(sorted((*left, *extra), key=_place))


def _about(problems: Iterable[SourceProblem], rules: Sequence[Rule]) -> Iterator[Finding]:
    for problem in problems:
        for rule in rules:
            yield from rule.check_source(problem)
