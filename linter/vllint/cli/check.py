"""`vllint check`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vllint.checking import Request
from vllint.cli.checking import Mode, Options, run_check
from vllint.cli.outputs import Output
from vllint.cli.progress import asking
from vllint.report.formats import FORMATS, Detail
from vllint_schemas import Severity

_SEVERITIES = [severity.value for severity in Severity]


def _comma_lists(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


@click.command("check", short_help="Check files for mistakes, and fix them.")
@click.argument("paths", nargs=-1)
@click.option("-c", "--command", "text", metavar="TEXT", help="Check a command instead of files.")
@click.option("--stdin-filename", metavar="PATH", help="The name of what is read from `-`.")
@click.option("--fix", is_flag=True, help="Apply safe fixes.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: fixes that change capacity, too.")
@click.option("--diff", is_flag=True, help="Show what fixes would change, and change nothing.")
@click.option("--list-files", is_flag=True, help="Show what each file is read as, or why it is not.")
@click.option("--gpu", metavar="CARD:N", help="The machine, as `H100:8`, `L40S` or `name@48GiB:2`.")
@click.option("--vllm-version", metavar="VERSION", help="The vLLM release of files that name none.")
@click.option("--env", "env_files", multiple=True, metavar="FILE", help="Variables for Compose files.")
@click.option("--select", multiple=True, callback=_comma_lists, help="Rules to run: codes or names.")
@click.option("--ignore", multiple=True, callback=_comma_lists, help="Rules to leave out.")
@click.option("--preview", is_flag=True, help="Run rules in preview, too.")
@click.option("--online", is_flag=True, help="Ask the Hugging Face Hub for models that are not known.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Paths to pass over, as in .gitignore.")
@click.option("--force-exclude", is_flag=True, help="Pass excluded files over even when they are named.")
@click.option("--no-ignores", is_flag=True, help="Report what comments in the files silence, too.")
@click.option("--config", metavar="FILE", help="The settings file to use.")
@click.option("--isolated", is_flag=True, help="Use no settings file.")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FOLDER",
    help="A folder of further rules.",
)
@click.option("--strict-plugins", is_flag=True, help="Fail if a package of rules does not load.")
@click.option(
    "--output-format", "formats", multiple=True, type=click.Choice(tuple(FORMATS)), help="How to report."
)
@click.option("--output-file", "files", multiple=True, metavar="FILE", help="Where to, format by format.")
@click.option("-v", "--verbose", is_flag=True, help="Show advice and what was not checked in full.")
@click.option("-q", "--quiet", is_flag=True, help="Show errors, warnings and numbers only.")
@click.option("--baseline", metavar="FILE", help="Do not report the findings in this file.")
@click.option("--write-baseline", metavar="FILE", help="Write all findings to this file, and accept them.")
@click.option("--fail-on", type=click.Choice(_SEVERITIES), help="The least severity that exits with 1.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option("--no-cache", is_flag=True, help="Judge every file anew.")
def command(**given: Any) -> None:
    """Check files, folders (this one by default), or `-` for standard input.

    Exits with 0 when there is nothing to say at or above --fail-on, with 1 when there is, and with 2 when
    vllint could not do its work.
    """
    raise SystemExit(run_check(_options(given), _request(given)))


def _options(given: dict[str, Any]) -> Options:
    modes = (
        (given["list_files"], Mode.LIST_FILES),
        (given["diff"], Mode.DIFF),
        (given["fix"], Mode.FIX),
    )
    return Options(
        paths=given["paths"] or (() if given["text"] is not None else (".",)),
        command=given["text"],
        stdin_filename=given["stdin_filename"],
        mode=next((mode for wanted, mode in modes if wanted), Mode.REPORT),
        unsafe_fixes=given["unsafe_fixes"],
        outputs=_outputs(given["formats"], given["files"]),
        detail=_detail(given["quiet"], given["verbose"]),
        fail_on=None if given["fail_on"] is None else Severity(given["fail_on"]),
        exit_zero=given["exit_zero"],
        strict_plugins=given["strict_plugins"],
        settings_file=None if given["config"] is None else Path(given["config"]),
        isolated=given["isolated"],
        cache=not given["no_cache"],
        env_files=tuple(Path(name) for name in given["env_files"]),
        baseline=None if given["baseline"] is None else Path(given["baseline"]),
        new_baseline=None if given["write_baseline"] is None else Path(given["write_baseline"]),
    )


def _detail(quiet: bool, verbose: bool) -> Detail:
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    if quiet:
        return "quiet"
    return "verbose" if verbose else "normal"


def _request(given: dict[str, Any]) -> Request:
    return Request(
        gpu=given["gpu"],
        vllm_version=given["vllm_version"],
        select=given["select"] or None,
        ignore=given["ignore"],
        exclude=given["exclude"],
        preview=given["preview"],
        force_exclude=given["force_exclude"],
        plugins=tuple(Path(name) for name in given["plugins"]),
        online=given["online"],
        told=asking(),
        locked=not given["isolated"],
        heeds_comments=not given["no_ignores"],
    )


_FORMATS_OF_SUFFIX = {
    ".json": frozenset({"json", "sarif", "gitlab"}),
    ".sarif": frozenset({"sarif"}),
    ".xml": frozenset({"junit"}),
    ".txt": frozenset({"full", "concise", "github"}),
}
"""What the names of files promise."""


def _outputs(formats: tuple[str, ...], files: tuple[str, ...]) -> tuple[Output, ...]:
    """Pair the formats with the files: the first file belongs to the first format, and so on."""
    if not formats:
        formats = ("full",)
    if len(files) > len(formats):
        raise click.UsageError("there are more --output-file than --output-format")
    if len(formats) - len(files) > 1:
        raise click.UsageError("all formats but one need an --output-file")
    for file, format_ in zip(files, formats, strict=False):
        expected = _FORMATS_OF_SUFFIX.get(Path(file).suffix)
        if expected is not None and format_ not in expected:
            raise click.UsageError(
                f"--output-file {file} goes with --output-format {format_}: files go to the formats in their"
                " order, and the format for the screen stands last"
            )
    paths = [None if name == "-" else Path(name) for name in files]
    return tuple(
        Output(name, paths[position] if position < len(paths) else None)
        for position, name in enumerate(formats)
    )
