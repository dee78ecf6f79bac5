"""`vllint show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from vllint.checking import Checker, Report, Request
from vllint.cli.checking import FAILED, OK, complain, failures_told, read_text
from vllint.cli.progress import asking, progress
from vllint.redact import redacted
from vllint.report.cells import visible
from vllint.report.colours import palette, wants_colour
from vllint.settings import Settings
from vllint.show.launches import launch_lines, refusals
from vllint.show.memory_bars import ASCII, BLOCKS, Ink, legend
from vllint_schemas import MemoryEstimate, Unknown


@click.command("show", short_help="Show what is understood of each launch.")
@click.argument("paths", nargs=-1)
@click.option("-c", "--command", "text", metavar="TEXT", help="Show a command instead of files.")
@click.option("--gpu", metavar="CARD:N", help="The machine, as `H100:8`, `L40S` or `name@48GiB:2`.")
@click.option("--vllm-version", metavar="VERSION", help="The vLLM release of files that name none.")
@click.option("--env", "env_files", multiple=True, metavar="FILE", help="Variables for Compose files.")
@click.option("--online", is_flag=True, help="Ask the Hugging Face Hub for models that are not known.")
@click.option("--isolated", is_flag=True, help="Use no settings file.")
def command(**given: Any) -> None:
    """Show what is understood of each launch in files, folders or `-`, and where it came from.

    For each launch: its words with their places, release, model, cards, layout, and what its ranks hold of
    the cards' memory.
    """
    with failures_told():
        report = _report(given)
    passed_over = (
        f"warning: {one.path}: passed over: {one.reason}" for one in report.passed_over if one.explicit
    )
    for problem in (*report.problems, *passed_over):
        complain(problem)
    ink = BLOCKS if "utf" in (sys.stdout.encoding or "").lower() else ASCII
    click.echo(redacted("\n".join(_lines(report, ink))), color=True)
    raise SystemExit(FAILED if report.problems else OK)


def _report(given: dict[str, Any]) -> Report:
    if given["text"] is None and not given["paths"]:
        raise click.UsageError("name a file or a folder, or give a --command")
    if given["text"] is not None and given["paths"]:
        raise click.UsageError("`--command` cannot be shown together with paths")
    env_files = tuple(read_text(Path(name)) for name in given["env_files"])
    checker = Checker(
        Request(
            settings=Settings() if given["isolated"] else None,
            gpu=given["gpu"],
            vllm_version=given["vllm_version"],
            env_files=env_files or None,
            online=given["online"],
            locked=not given["isolated"],
            told=asking(),
        ),
        progress(),
    )
    if given["text"] is not None:
        return checker.check_command(given["text"])
    if given["paths"] == ("-",):
        return Report((checker.judge_bytes("<stdin>", sys.stdin.buffer.read()),), checker.registry)
    return checker.check(given["paths"])


def _lines(report: Report, ink: Ink) -> Iterator[str]:
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    for judged in report.judged:
        for facts in judged.launches:
            yield from launch_lines(facts, judged.findings, colours, ink)
            yield ""
        if not judged.launches:
            reasons = dict.fromkeys(item.reason for item in judged.unchecked)
            why = f": {'; '.join(reasons)}" if reasons else ""
            yield visible(f"{judged.path}: no vLLM launch found{why}")
    shown = (
        facts.maybe_memory
        for judged in report.judged
        for facts in judged.launches
        if not refusals(facts, judged.findings)
    )
    if any(map(_has_bars, shown)):
        yield legend(ink)
    if not report.judged:
        yield "no files that mention vLLM"


def _has_bars(memory: MemoryEstimate | Unknown) -> bool:
    return not isinstance(memory, Unknown) and not isinstance(memory.ranks[0].budget, Unknown)
