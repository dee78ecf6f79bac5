"""`vllint models`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, FINDINGS, OK, complain, failures_told
from vllint.cli.progress import asking
from vllint.models.lock import Lock, lock_text, read_lock
from vllint.models.locking import Use, relock, stale
from vllint.models.resolve import Surroundings, reference_of
from vllint.neighbours import neighbour_of
from vllint.report.colours import palette, wants_colour
from vllint.settings_search import LOCK_NAME, LockSearch
from vllint.statements import StatementError
from vllint_schemas import Located, Unknown


@click.command("models", short_help="Show models that are known, or lock their facts.")
@click.argument("words", nargs=-1, metavar="[QUERY] | lock [PATHS]...")
@click.option(
    "--check", is_flag=True, help="Check the catalogue; after `lock`, whether the lock file is stale."
)
@click.option(
    "--against",
    metavar="FILE",
    help="With --check: lines of JSON to compare: facts by `id`, or recorded verdicts of vLLM.",
)
@click.option("--online", is_flag=True, help="Ask the Hugging Face Hub for models that are not known.")
def command(words: tuple[str, ...], check: bool, against: str | None, online: bool) -> None:
    """Show the models that vllint knows whose ids hold QUERY, all facts if it is one model.

    `vllint models lock [PATHS]` writes the facts of the models that files and folders (this one by
    default) use to vllint.lock.json, so that other runs know them offline; with --check it writes nothing
    and exits with 1 if the file is stale. `vllint models --check` looks for contradictions in the
    catalogue.
    """
    with failures_told():
        raise SystemExit(_run(words, check, against, online))


def _run(words: tuple[str, ...], check: bool, against: str | None, online: bool) -> int:
    if against is not None and (words or not check):
        raise click.UsageError("--against goes with --check")
    if words[:1] == ("lock",):
        return _lock(words[1:] or (".",), check, online)
    if len(words) > 1:
        raise click.UsageError("give one QUERY, or `lock` with paths")
    if check:
        if words or online:
            raise click.UsageError("--check stands alone, or after `lock`")
        return _check_catalogue(against)
    return _show(words[0] if words else "", online)


def _check_catalogue(against: str | None) -> int:
    from vllint.models.catalogue_check import contradictions
    from vllint.recorded_builds import built_otherwise
    from vllint.report.closing import counted

    lines = [] if against is None else Path(against).read_text(encoding="utf-8").splitlines()
    try:
        rows = [row for line in lines if line.strip() and isinstance(row := json.loads(line), dict)]
    except ValueError as error:
        raise StatementError(f"{against}: {error}") from error
    found = list(contradictions([row for row in rows if "verdict" not in row]))
    found += dict.fromkeys(line for row in rows if "verdict" in row for line in built_otherwise(row))
    for line in found:
        click.echo(line)
    complain(f"{counted(len(found), 'contradiction')} in the catalogue")
    return FINDINGS if found else OK


def _show(query: str, online: bool) -> int:
    from vllint.explain.models import known_model, model_lines, summary_line
    from vllint.models.catalogue import find_model, model_ids

    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    matches = [model for model in model_ids() if query.lower() in model.lower()]
    exact = known_model(query, Checker(Request(online=online, told=asking()))) if query else None
    if exact is None and len(matches) == 1:
        exact = find_model(matches[0])
    if exact is not None and not isinstance(exact, Unknown):
        click.echo("\n".join(model_lines(exact, colours)), color=True)
        return OK
    longest = max(map(len, matches), default=0)
    for model in matches:
        facts = find_model(model)
        if facts is not None:
            click.echo(summary_line(facts, longest))
    if not matches:
        complain(_why_none(query, exact))
    return OK if matches else FAILED


def _why_none(query: str, found: Unknown | None) -> str:
    """Say why nothing is shown: a path that leads nowhere is a slip of another kind than an unknown id."""
    is_path = query.startswith((".", "/", "~"))
    if is_path and not Path(query).exists():
        return f"{query}: No such file or directory"
    return found.reason if found is not None else f"no model's id holds `{query}`"


def _lock(paths: Sequence[str], check: bool, online: bool) -> int:
    from vllint.report.closing import counted

    place = _place()
    old = read_lock(place) if place.is_file() else Lock({})
    checker = Checker(Request(locked=False, online=online, told=asking()))
    report = checker.check(paths)
    for problem in report.problems:
        complain(problem)
    if report.problems:
        return FAILED
    uses = list(_uses(checker, report.launches))
    hub = checker.hub if online else None
    whole = any(place.parent.resolve().is_relative_to(Path(path).resolve()) for path in paths)
    shown = os.path.relpath(place)
    if check:
        reasons = list(stale(uses, old, hub, whole=whole))
        if uses and not place.is_file():
            reasons = [f"there is none, and {counted(len({use.name for use in uses}), 'model')} in use"]
        for reason in reasons:
            complain(f"{shown}: {reason}")
        return FINDINGS if reasons else OK
    made = relock(uses, old, hub, whole=whole, today=_today())
    for name, reason in sorted(made.reasons.items()):
        complain(f"`{name}` is not locked: {reason}")
    _write(place, lock_text(made.lock))
    locked = counted(len(made.lock.models), "model")
    click.echo(f"{shown}: {locked} locked, {len(made.lock.unresolved)} not known")
    return OK


def _uses(checker: Checker, launches: Sequence[object]) -> Iterator[Use]:
    """Yield the models that launches use and no settings describe."""
    from vllint.facts import LaunchFacts

    for facts in launches:
        if not isinstance(facts, LaunchFacts) or not isinstance(facts.args.model, Located):
            continue
        reference = reference_of(facts.args, facts.args.model.value)
        if reference.name in checker.settings(facts.launch.path).models:
            continue
        around = Surroundings(neighbour_of(facts.launch.path, {}), facts.launch.host_path)
        yield Use(reference, around)


def _place() -> Path:
    """Return the lock file that holds here; where there is none, its place at the repository's root."""
    from vllint.discover import repository_root

    here = str(Path.cwd())
    return LockSearch().of_folder(here) or Path(repository_root(here) or here) / LOCK_NAME


def _today() -> str:
    stated = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(stated), UTC) if stated.isdecimal() else datetime.now(UTC)
    return now.date().isoformat()


def _write(place: Path, text: str) -> None:
    """Replace the file at once, if it says something else."""
    content = text.encode("utf-8")
    if place.is_file() and place.read_bytes() == content:
        return
    beside = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
