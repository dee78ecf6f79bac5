"""`vllint diff`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, FINDINGS, OK, complain, failures_told
from vllint.difference.markdown import markdown
from vllint.difference.sides import Place, merge_base, places_of, see
from vllint.difference.summary import Comparison, compare, document, text_lines, unread
from vllint.redact import redacted
from vllint.report.colours import palette, wants_colour
from vllint.settings import Settings


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

    OLD and NEW are files, folders, git revisions (`main`), or files and folders in one (`main:deploy/`). A
    revision by itself is compared at the path that the other one names. With `--rev A..B`, PATHS (this folder
    by default) are compared in two revisions, with `A...B` from where B left A. Launches belong together by
    file and name, or where these have changed by their words or model. Markdown suits a comment on a pull
    request.

    Exits with 0, with 1 if a launch no longer fits, vLLM refuses what it did not refuse before, or a file can
    no longer be read, and with 2 if vllint cannot compare.
    """
    with failures_told():
        raise SystemExit(_diff(given))


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
    nothing = not comparison.changes and any(unread(comparison))
    if old.problems or new.problems or nothing:
        return FAILED
    return FINDINGS if comparison.is_worse else OK


def _places(paths: Sequence[str], revisions: str | None) -> tuple[Place, Place]:
    if revisions is None:
        if len(paths) != 2:
            raise click.UsageError("name what to compare, as `OLD NEW`, or give `--rev A..B`")
        return places_of(*paths)
    old, dots, new = revisions.partition("..")
    asked = tuple(paths) or (".",)
    if new.startswith("."):
        new = new.removeprefix(".") or "HEAD"
        return Place(merge_base(old or "HEAD", new), asked), Place(new, asked)
    return Place(old or "HEAD", asked), Place((new or "HEAD") if dots else None, asked)


def _text(comparison: Comparison, form: str) -> str:
    if form == "json":
        return json.dumps(document(comparison), indent=2, ensure_ascii=False) + "\n"
    if form == "markdown":
        return markdown(comparison)
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    return "\n".join(text_lines(comparison, colours)) + "\n"
