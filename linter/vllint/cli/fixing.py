"""`vllint check --fix` and `--diff`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import click

from vllint.checking import Checker, Report
from vllint.engine import Judged
from vllint.fix import fix_until_settled, unified_diff, write_atomically
from vllint.launch_secrets import Secrets, secrets_of
from vllint.redact import is_telling, redacted, without_values
from vllint.text.source import decode
from vllint_schemas import Applicability, Finding, Fix, Severity


def fix_files(checker: Checker, paths: Sequence[str], unsafe: bool, only_show: bool) -> Report:
    """Apply fixes file by file, or print them as a diff; return the report of what is left."""
    before = checker.check(paths)
    changed: dict[str, str] = {}
    secrets = secrets_of(facts.launch for facts in before.launches)
    for judged in before.judged:
        if _wanted(judged.findings, unsafe):
            changed.update(_fixed(checker, judged, unsafe, changed))
    for path, text in sorted(changed.items()):
        source = decode(path, Path(path).read_bytes())
        if only_show:
            show_change(path, source.text, text, secrets)
        else:
            write_atomically(Path(path), source.encode(text))
            click.echo(f"fixed {path}", err=True)
    return before if only_show or not changed else checker.check(paths)


def show_fixes(checker: Checker, report: Report, unsafe: bool) -> None:
    """Print as a diff what fixes would change in a command, or in what came from standard input."""
    secrets = secrets_of(facts.launch for facts in report.launches)
    for judged in report.judged:
        fixed = _fixed(checker, judged, unsafe, {}) if _wanted(judged.findings, unsafe) else {}
        for path, text in sorted(fixed.items()):
            show_change(path, judged.sources[path], text, secrets)


def show_change(path: str, old: str, new: str, secrets: Secrets) -> None:
    """Print a change as a diff in which secrets are masked, on the lines that go too."""
    hidden = redacted(old, (place for place in secrets.places if place.path == path))
    known = dict(zip(old.split("\n"), hidden.split("\n"), strict=True))
    values = (value for value in secrets.values if is_telling(value) or value not in hidden)
    masked = redacted(without_values(new, values))
    lines = zip(new.split("\n"), masked.split("\n"), strict=True)
    shown = unified_diff(path, hidden, "\n".join(known.get(line, other) for line, other in lines))
    click.echo(shown, nl=False)
    if shown != unified_diff(path, old, new):
        click.echo(f"vllint: {path}: the diff does not apply, since secrets in it are masked", err=True)


def _wanted(findings: Iterable[Finding], unsafe: bool) -> list[Fix]:
    levels = {Applicability.SAFE, Applicability.UNSAFE} if unsafe else {Applicability.SAFE}
    fixes = (finding.fix for finding in findings)
    return [fix for fix in fixes if fix is not None and fix.applicability in levels and fix.edits]


def _fixed(checker: Checker, judged: Judged, unsafe: bool, earlier: Mapping[str, str]) -> Mapping[str, str]:
    """Return the texts that change when the file's fixes are applied until none is left.

    A fix is kept only if the file reads as before. What vLLM's parser refuses is mended before its other
    refusals, and these before the rest, which depends on what the command says then.
    """
    originals = {path: earlier.get(path, text) for path, text in judged.sources.items()}
    texts: Mapping[str, str] = originals
    for is_due in (_is_refused_at_once, _is_error, _is_any):

        def judge(texts: Mapping[str, str], is_due: Callable[[Finding], bool] = is_due) -> Iterable[Fix]:
            again = checker.judge_again(judged, texts)
            return _wanted(filter(is_due, again.findings), unsafe)

        texts = fix_until_settled(texts, judge, checker.still_reads).texts
    return {path: text for path, text in texts.items() if text != originals[path]}


def _is_refused_at_once(finding: Finding) -> bool:
    return _is_error(finding) and finding.evidence.stage in {"parse", "validate"}


def _is_error(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR


def _is_any(finding: Finding) -> bool:
    return True
