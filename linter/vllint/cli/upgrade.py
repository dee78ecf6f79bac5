"""`vllint upgrade`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, FINDINGS, OK, complain, failures_told, read_text
from vllint.cli.fixing import show_change
from vllint.cli.progress import progress
from vllint.fix import write_atomically
from vllint.launch_secrets import Secrets, secrets_of
from vllint.report.cells import visible
from vllint.settings import Settings
from vllint.text.source import decode
from vllint.upgrade.upgrading import FileUpgrade, LaunchUpgrade, upgrade_file
from vllint.vllm.options import nearest
from vllint.vllm.releases import as_of, releases
from vllint.vllm.version import stated_version
from vllint_schemas import Finding, Origin


@click.command("upgrade", short_help="Move files to another vLLM release.")
@click.argument("paths", nargs=-1)
@click.option("--to", "target", metavar="VERSION", required=True, help="The release to move to, as `0.33.0`.")
@click.option("--diff", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply fixes that change capacity, too.")
@click.option("--gpu", metavar="CARD:N", help="The machine, as `H100:8`, `L40S` or `name@48GiB:2`.")
@click.option("--vllm-version", metavar="VERSION", help="The present release of files that name none.")
@click.option("--env", "env_files", multiple=True, metavar="FILE", help="Variables for Compose files.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Paths to pass over, as in .gitignore.")
@click.option("--isolated", is_flag=True, help="Use no settings file.")
def command(**given: Any) -> None:
    """Rewrite files and folders (this one by default) for another vLLM release, newer or older.

    Image tags, pins, options and variables are rewritten where one text says what the other did; the rest
    is listed for a person to decide. Exits with 0 when nothing is left to decide, else with 1.
    """
    with failures_told():
        raise SystemExit(_upgrade(given))


def _upgrade(given: dict[str, Any]) -> int:
    target = _target(given["target"])
    request = _request(given)
    present = Checker(request, progress())
    future = Checker(request._replace(vllm_version=target))
    report = present.check(given["paths"] or (".",))
    for problem in report.problems:
        complain(problem)
    secrets = secrets_of(facts.launch for facts in report.launches)
    texts: dict[str, str] = {}
    undecided = False
    for judged in report.judged:
        if not judged.launches:
            continue
        upgrade = upgrade_file(present, future, judged, target, texts, given["unsafe_fixes"])
        texts.update({path: text for path, text in upgrade.after.items() if text != upgrade.before[path]})
        click.echo("\n".join(visible(line) for line in _lines(upgrade, target, secrets)))
        undecided = undecided or bool(upgrade.left)
    for path, text in sorted(texts.items()):
        source = decode(path, Path(path).read_bytes())
        if given["diff"]:
            show_change(path, source.text, text, secrets)
        else:
            write_atomically(Path(path), source.encode(text))
            click.echo(f"rewrote {path}", err=True)
    click.echo(f"options and variables are known up to vLLM {releases()[-1]}{as_of()}")
    if report.problems:
        return FAILED
    return FINDINGS if undecided else OK


def _target(text: str) -> str:
    """Return the release to move to; `0.33` means the one of that minor that is tabled."""
    version = stated_version(text, Origin.COMMAND_LINE, "--to").value
    return version if version.count(".") > 1 else nearest(version)[0]


def _request(given: dict[str, Any]) -> Request:
    env_files = tuple(read_text(Path(name)) for name in given["env_files"])
    return Request(
        settings=Settings() if given["isolated"] else None,
        gpu=given["gpu"],
        vllm_version=given["vllm_version"],
        exclude=given["exclude"],
        env_files=env_files or None,
    )


def _lines(upgrade: FileUpgrade, target: str, secrets: Secrets) -> Iterator[str]:
    for launch in upgrade.launches:
        yield f"{launch.id}: {_way(launch, target)}"
        for change in launch.changes:
            yield f"  changes   {change.what}: {change.old} -> {change.new} ({change.source})"
    for fix in upgrade.rewritten:
        yield f"  rewritten {secrets.out_of(fix.title, (edit.span for edit in fix.edits))}"
    for finding in upgrade.left:
        for line in _undecided(finding, upgrade.after[finding.span.path]):
            yield secrets.out_of(line, (finding.span,))


def _way(launch: LaunchUpgrade, target: str) -> str:
    if launch.obstacle:
        return f"not moved: {launch.obstacle}; judged as vLLM {target}"
    return f"vLLM {launch.origin} -> {target}"


def _undecided(finding: Finding, text: str) -> Iterator[str]:
    line = text.count("\n", 0, finding.span.start) + 1
    yield f"  to decide {finding.span.path}:{line} {finding.severity} {finding.code} {finding.message}"
    if finding.help:
        yield f"            {finding.help}"
