"""`vllint diff`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, FINDINGS, OK, complain
from vllint.difference.markdown import markdown
from vllint.difference.sides import Place, place_of, see
from vllint.difference.summary import Comparison, compare, document, text_lines
from vllint.redact import redacted
from vllint.report.colours import palette, wants_colour
from vllint.settings import Settings, SettingsError
from vllint.statements import StatementError


@click.command("diff", short_help="Show what a change of files does to capacity.")
@click.argument("paths", nargs=-1, metavar="OLD NEW")
@click.option(
    "--rev", metavar="A..B", help="Compare PATHS in two revisions; without `..B` with those on disk."
)
@click.option("--gpu", metavar="CARD:N", help="The machine, as `H100:8`, `L40S` or `name@48GiB:2`.")
@click.option("--vllm-version", metavar="VERSION", help="The vLLM release of files that name none.")
@click.option("--output-format", type=click.Choice(["text", "markdown", "json"]), default="text")
@click.option("--isolated", is_flag=True, help="Use no settings file.")
def command(**given: Any) -> None:
    """Show which launches changed from OLD to NEW, and what that does to memory, tokens, GPUs and price.

    OLD and NEW are files, folders, or `REV:PATH` in a git revision. With `--rev A..B`, PATHS (this folder by
    default) are compared in two revisions. Launches belong together by file and name. Markdown suits a
    comment on a pull request.

    Exits with 0, with 1 if a launch no longer fits or vLLM refuses what it did not refuse before, and with 2
    if vllint cannot compare.
    """
    try:
        raise SystemExit(_diff(given))
    except (SettingsError, StatementError, OSError, ValueError) as error:
        complain(str(error))
        raise SystemExit(FAILED) from error


def _diff(given: dict[str, Any]) -> int:
    old_place, new_place = _places(given["paths"], given["rev"])
    request = Request(
        settings=Settings() if given["isolated"] else None,
        gpu=given["gpu"],
        vllm_version=given["vllm_version"],
    )
    old, new = see(old_place, Checker(request)), see(new_place, Checker(request))
    for side in (old, new):
        for problem in side.problems:
            complain(f"{side.title}: {problem}")
    comparison = compare(old, new)
    click.echo(redacted(_text(comparison, given["output_format"])), nl=False, color=True)
    if old.problems or new.problems:
        return FAILED
    return FINDINGS if comparison.is_worse else OK


def _places(paths: Sequence[str], revisions: str | None) -> tuple[Place, Place]:
    if revisions is None:
        if len(paths) != 2:
            raise click.UsageError("name what to compare, as `OLD NEW`, or give `--rev A..B`")
        return place_of(paths[0]), place_of(paths[1])
    old, dots, new = revisions.partition("..")
    new = new.removeprefix(".")
    asked = tuple(paths) or (".",)
    return Place(old or "HEAD", asked), Place((new or "HEAD") if dots else None, asked)


def _text(comparison: Comparison, form: str) -> str:
    if form == "json":
        return json.dumps(document(comparison), indent=2, ensure_ascii=False) + "\n"
    if form == "markdown":
        return markdown(comparison)
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    return "\n".join(text_lines(comparison, colours)) + "\n"
