"""`vllint check`: its work, and what it prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import click

from vllint import __version__
from vllint.checking import Checker, Report, Request
from vllint.discover import Candidate, Unreadable
from vllint.report.document import RunReport
from vllint.report.formats import FORMATS, RenderOptions, renderer
from vllint.settings import Settings, SettingsError
from vllint.settings_search import SettingsSearch
from vllint.statements import StatementError
from vllint.text.source import SourceText, UndecodableText, decode
from vllint_schemas import Severity

OK, FINDINGS, FAILED = 0, 1, 2


class Mode(Enum):
    """What to do with what is found."""

    REPORT = auto()
    FIX = auto()
    DIFF = auto()
    LIST_FILES = auto()


class Output(NamedTuple):
    """One output: a format, and the file it goes to (`None`: standard output)."""

    format: str
    file: Path | None


class Options(NamedTuple):
    """What `vllint check` was asked to do, beyond what to check with."""

    paths: tuple[str, ...]
    command: str | None
    stdin_filename: str | None
    mode: Mode
    unsafe_fixes: bool
    outputs: tuple[Output, ...]
    fail_on: Severity | None
    exit_zero: bool
    strict_plugins: bool
    settings_file: Path | None
    isolated: bool
    cache: bool
    env_files: tuple[Path, ...]


def run_check(options: Options, request: Request) -> int:
    """Check, report, and return the exit code."""
    try:
        return _run(options, _with_settings(options, request))
    except (SettingsError, StatementError, OSError, ValueError) as error:
        _complain(str(error))
        return FAILED


def _with_settings(options: Options, request: Request) -> Request:
    settings: Settings | None = None
    if options.isolated:
        settings = Settings()
    elif options.settings_file is not None:
        settings = SettingsSearch(__version__).read(options.settings_file)
    env_files = tuple(_text_of(path) for path in options.env_files) or None
    return request._replace(settings=settings, env_files=env_files)


def _text_of(path: Path) -> SourceText:
    try:
        return decode(str(path), path.read_bytes())
    except UndecodableText as error:
        raise SettingsError(str(error)) from error


def _run(options: Options, request: Request) -> int:
    checker = Checker(request)
    try:
        if options.strict_plugins and checker.registry.failures:
            return FAILED
        return _run_with(checker, options)
    finally:
        for failure in checker.failures:
            _complain(f"warning: {failure}")


def _run_with(checker: Checker, options: Options) -> int:
    if options.mode is Mode.LIST_FILES:
        return _list_files(checker, options.paths)
    report = _report(checker, options)
    for problem in report.problems:
        _complain(problem)
    if options.mode is not Mode.DIFF:
        _write_outputs(report, checker, options.outputs)
    return _exit_code(report, options)


def _report(checker: Checker, options: Options) -> RunReport:
    launches = any(FORMATS[output.format].needs_launches for output in options.outputs)
    if options.command is not None or "-" in options.paths:
        return _single(checker, options).parts(launches)
    if options.mode is Mode.REPORT:
        return checker.run_report(options.paths, launches=launches, cache=options.cache)
    from vllint.cli.fixing import fix_files

    only_show = options.mode is Mode.DIFF
    return fix_files(checker, options.paths, options.unsafe_fixes, only_show).parts(launches)


def _single(checker: Checker, options: Options) -> Report:
    """Check a command or standard input: alone, since neither lies among the files."""
    if options.command is not None and not options.paths:
        return checker.check_command(options.command)
    if options.command is not None or options.paths != ("-",):
        raise click.UsageError("`-` and `--command` cannot be checked together with other paths")
    name = options.stdin_filename or "<stdin>"
    judged = checker.judge_bytes(name, sys.stdin.buffer.read())
    return Report((judged,), checker.registry, (), (), {name: checker.settings(name).fail_on})


def _exit_code(report: RunReport, options: Options) -> int:
    if report.problems:
        return FAILED
    if options.exit_zero:
        return OK
    return FINDINGS if report.fails(options.fail_on) else OK


def _list_files(checker: Checker, paths: Sequence[str]) -> int:
    """Print each file with the kinds of source found in it, or with why it is passed over."""
    failed = False
    for found in checker.discover(paths):
        if isinstance(found, Candidate):
            judged = checker.judge_bytes(found.path, found.raw)
            launches = len(judged.launches)
            kinds = ", ".join(judged.kinds) or "no known kind"
            count = "1 launch" if launches == 1 else f"{launches} launches"
            click.echo(f"{found.path}: {kinds}, {count}")
        elif isinstance(found, Unreadable):
            failed = True
            _complain(f"{found.path}: {found.reason}")
        else:
            click.echo(f"{found.path}: passed over: {found.reason}")
    return FAILED if failed else OK


def _write_outputs(report: RunReport, checker: Checker, outputs: Sequence[Output]) -> None:
    document = report.document(__version__)
    sources = _redacted(report.sources)
    for output in outputs:
        text = renderer(output.format)(document, sources, _render_options(checker, output))
        if output.file is None:
            click.echo(text, nl=False, color=True)
        else:
            output.file.write_text(text, encoding="utf-8")


def _redacted(texts: Mapping[str, str]) -> Mapping[str, str]:
    if not texts:
        return {}
    from vllint.redact import redacted

    return {path: redacted(text) for path, text in texts.items()}


def _render_options(checker: Checker, output: Output) -> RenderOptions:
    colour = output.file is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if not FORMATS[output.format].needs_rules:
        return RenderOptions(colour=colour)
    from vllint.report.rule_infos import rule_infos

    return RenderOptions(rules=rule_infos(checker.registry.rules), folder=_folder_in_repository())


def _folder_in_repository() -> str:
    """Return the working directory relative to its repository's root: what SARIF's readers start from."""
    from vllint.discover import repository_root

    here = Path.cwd().resolve()
    root = repository_root(str(here))
    return "" if root is None else here.relative_to(Path(root).resolve()).as_posix().removeprefix(".")


def _complain(text: str) -> None:
    from vllint.redact import redacted

    click.echo(f"vllint: {redacted(text)}", err=True)
