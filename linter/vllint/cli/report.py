"""`vllint report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vllint import __version__
from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, OK, complain, failures_told, read_text
from vllint.cli.progress import progress
from vllint.redact import redacted
from vllint.report.formats import RenderOptions
from vllint.report.html import render
from vllint.settings import Settings


@click.command("report", short_help="Write a page with memory bars, capacity and findings.")
@click.argument("paths", nargs=-1)
@click.option(
    "-o", "--output", metavar="FILE", required=True, help="The page's file; `-` is standard output."
)
@click.option("--gpu", metavar="CARD:N", help="The machine, as `H100:8`, `L40S` or `name@48GiB:2`.")
@click.option("--vllm-version", metavar="VERSION", help="The vLLM release of files that name none.")
@click.option("--env", "env_files", multiple=True, metavar="FILE", help="Variables for Compose files.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Paths to pass over, as in .gitignore.")
@click.option("--isolated", is_flag=True, help="Use no settings file.")
def command(**given: Any) -> None:
    """Write one HTML page on all launches in files and folders (this one by default).

    It shows what each rank holds of its card, a table of capacity, and all findings in their context. The
    page is complete in itself: it loads nothing and runs no script.

    Exits with 0 whatever is found, 2 if something could not be read or written.
    """
    with failures_told():
        raise SystemExit(_report(given))


def _report(given: dict[str, Any]) -> int:
    env_files = tuple(read_text(Path(name)) for name in given["env_files"])
    request = Request(
        settings=Settings() if given["isolated"] else None,
        gpu=given["gpu"],
        vllm_version=given["vllm_version"],
        exclude=given["exclude"],
        env_files=env_files or None,
    )
    report = Checker(request, progress()).run_report(given["paths"] or (".",), launches=True)
    for problem in report.problems:
        complain(problem)
    problems = tuple(redacted(problem) for problem in report.problems)
    page = render(report.document(__version__), report.shown_sources, RenderOptions(problems=problems))
    if given["output"] == "-":
        click.echo(page, nl=False)
    else:
        Path(given["output"]).write_bytes(page.encode("utf-8", "backslashreplace"))
    return FAILED if report.problems else OK
