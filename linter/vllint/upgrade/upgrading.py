"""One file on its way to another vLLM release: what is rewritten, what breaks, what changes its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vllint.checking import Checker
from vllint.engine import Judged
from vllint.facts import LaunchFacts
from vllint.fix import apply_fixes, fix_until_settled
from vllint.text.source import SourceText
from vllint.upgrade.changes import Change, changes
from vllint.upgrade.release_edits import Restated, restated
from vllint_schemas import Applicability, Finding, Fix, Located, Severity


class LaunchUpgrade(NamedTuple):
    """One launch: the release it states, why it goes on stating that, and what changes its meaning."""

    id: str
    origin: str | None
    obstacle: str
    changes: tuple[Change, ...]


class FileUpgrade(NamedTuple):
    """One file: the texts before and after by their paths, and what a person must decide.

    `rewritten` are the fixes made besides the release itself; `left` are findings that the new release
    brings and no fix has removed.
    """

    path: str
    launches: tuple[LaunchUpgrade, ...]
    before: Mapping[str, str]
    after: Mapping[str, str]
    rewritten: tuple[Fix, ...]
    left: tuple[Finding, ...]


def upgrade_file(
    present: Checker, future: Checker, judged: Judged, target: str, texts: Mapping[str, str], unsafe: bool
) -> FileUpgrade:
    """Return what it takes for a file to run the release `target`.

    `present` judges files as they are, `future` those that state no release by `target`. `texts` are files
    that are changed already.
    """
    before = {path: texts.get(path, text) for path, text in judged.sources.items()}
    known = _keys(judged.findings)
    stated = {facts.launch.id: restated(facts, target, before) for facts in judged.launches}
    wanted = {edit for one in stated.values() for edit in one.edits}
    fixes = (Fix(f"state vLLM {target}", Applicability.SAFE, (edit,)) for edit in wanted)
    moved = apply_fixes(before, fixes).texts

    def brought(after: Mapping[str, str]) -> list[Finding]:
        findings = future.judge(SourceText(judged.path, after[judged.path]), after).findings
        return [one for one in findings if _is_brought(one, known, stated)]

    carrying = {rule.code for rule in future.registry.rules if rule.carries_over}

    def judge(after: Mapping[str, str]) -> Iterable[Fix]:
        found = [(one, unsafe or one.code in carrying) for one in brought(after)]
        return [fix for one, level in found if (fix := _applicable(one, level)) is not None]

    outcome = fix_until_settled(moved, judge, future.still_reads)
    launches = tuple(_launch(facts, target, stated[facts.launch.id]) for facts in judged.launches)
    left = tuple(brought(outcome.texts))
    return FileUpgrade(judged.path, launches, before, outcome.texts, outcome.applied, left)


def _launch(facts: LaunchFacts, target: str, stated: Restated) -> LaunchUpgrade:
    release = facts.release.stated
    origin = release.value if isinstance(release, Located) else None
    moved = () if origin is None else tuple(changes(facts, origin, target))
    return LaunchUpgrade(facts.launch.id, origin, stated.obstacle, moved)


def _is_brought(
    finding: Finding, known: frozenset[tuple[object, ...]], stated: Mapping[str, Restated]
) -> bool:
    """Whether a finding stands in the way of the new release: what its parser refuses always does."""
    if finding.severity is Severity.INFO:
        return False
    if finding.evidence.stage in {"parse", "validate"}:
        return True
    launch = stated.get(finding.launch or "")
    return not (launch is not None and launch.obstacle) and _key(finding) not in known


def _keys(findings: Iterable[Finding]) -> frozenset[tuple[object, ...]]:
    return frozenset(_key(finding) for finding in findings)


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.launch, finding.code, finding.severity, finding.subject


def _applicable(finding: Finding, unsafe: bool) -> Fix | None:
    levels = {Applicability.SAFE, Applicability.UNSAFE} if unsafe else {Applicability.SAFE}
    return finding.fix if finding.fix is not None and finding.fix.applicability in levels else None
