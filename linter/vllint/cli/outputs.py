"""Writing a run's report in the formats asked for, to the places asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from vllint import __version__
from vllint.checking import Checker
from vllint.report.colours import wants_colour
from vllint.report.document import RunReport
from vllint.report.formats import FORMATS, Detail, RenderOptions, renderer
from vllint_schemas import Severity


class Output(NamedTuple):
    """One output: a format, and the file it goes to (`None`: standard output)."""

    format: str
    file: Path | None


def write_outputs(
    report: RunReport, checker: Checker, outputs: Sequence[Output], fail_on: Severity | None, detail: Detail
) -> None:
    """Write the report to each output, with `detail` where people read it.

    Raises OSError for a file that cannot be written.
    """
    document = report.document(__version__)
    sources = report.shown_sources if report.sources else {}
    shared = RenderOptions(
        folder=_folder_in_repository(),
        files=tuple([one.path for one in report.files]),
        problems=report.problems,
        failing=frozenset(report.failing(fail_on)),
        detail=detail,
    )
    for output in outputs:
        options = _options(output, shared, checker, report)
        text = renderer(output.format)(document, sources, options)
        if output.file is None:
            click.echo(text, nl=False, color=True)
        else:
            output.file.write_bytes(text.encode("utf-8", "backslashreplace"))


def _options(output: Output, shared: RenderOptions, checker: Checker, report: RunReport) -> RenderOptions:
    colour = output.file is None and wants_colour(sys.stdout.isatty(), os.environ)
    options = shared._replace(colour=colour)
    if FORMATS[output.format].needs_rules:
        from vllint.registry import load_rules
        from vllint.report.rule_infos import rule_infos

        options = options._replace(rules=rule_infos(load_rules(checker.request.plugins).rules))
    if FORMATS[output.format].needs_line_hashes:
        options = options._replace(line_hashes=_line_hashes(report))
    return options


def _line_hashes(report: RunReport) -> Mapping[str, Mapping[int, str]]:
    """Return GitHub's names for the lines of findings, read off the files as GitHub does.

    What is not a file, such as standard input, has none.
    """
    from vllint.redact import redacted
    from vllint.report.line_hashes import line_hashes

    lines: dict[str, set[int]] = {}
    for finding in (finding for one in report.files for finding in one.findings):
        lines.setdefault(finding.path, set()).add(finding.start.line)
    hidden = report.hidden
    names: dict[str, Mapping[int, str]] = {}
    for path, numbers in lines.items():
        if Path(path).is_file():
            text = Path(path).read_bytes().decode("utf-8", "replace")
            # Places count from behind a byte order mark.
            mark, own = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
            shown = mark + redacted(own, hidden.get(path, ()))
            names[path] = line_hashes(text, shown, numbers)
    return names


def _folder_in_repository() -> str:
    """Return the working directory relative to its repository's root: what reports' readers start from."""
    from vllint.discover import repository_root

    here = Path.cwd().resolve()
    root = repository_root(str(here))
    return "" if root is None else here.relative_to(Path(root).resolve()).as_posix().removeprefix(".")
