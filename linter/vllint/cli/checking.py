"""`vllint check`: its work, and what it prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import click

from vllint import __version__
from vllint.checking import Checker, Report, Request
from vllint.cli.outputs import Output, write_outputs
from vllint.cli.progress import progress
from vllint.discover import Candidate, Unreadable
from vllint.report.document import RunReport
from vllint.report.formats import FORMATS, Detail
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


class Options(NamedTuple):
    """What `vllint check` was asked to do, beyond what to check with."""

    paths: tuple[str, ...]
    command: str | None
    stdin_filename: str | None
    mode: Mode
    unsafe_fixes: bool
    outputs: tuple[Output, ...]
    detail: Detail
    fail_on: Severity | None
    exit_zero: bool
    strict_plugins: bool
    settings_file: Path | None
    isolated: bool
    cache: bool
    env_files: tuple[Path, ...]
    baseline: Path | None
    new_baseline: Path | None


def run_check(options: Options, request: Request) -> int:
    """Check, report, and return the exit code; raises SystemExit where it could not do that."""
    with failures_told():
        return _run(options, _with_settings(options, request))


def _with_settings(options: Options, request: Request) -> Request:
    settings: Settings | None = None
    if options.isolated:
        settings = Settings()
    elif options.settings_file is not None:
        settings = SettingsSearch(__version__).read(options.settings_file)
    env_files = tuple(read_text(path) for path in options.env_files) or None
    return request._replace(settings=settings, env_files=env_files)


def read_text(path: Path) -> SourceText:
    """Return the text of a file that the user names; raises SettingsError if it is none."""
    try:
        return decode(str(path), path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UndecodableText as error:
        raise SettingsError(str(error)) from error


def _run(options: Options, request: Request) -> int:
    checker = Checker(request, progress())
    try:
        if options.strict_plugins and checker.registry.failures:
            return FAILED
        return _run_with(checker, options)
    finally:
        for failure in (*checker.failures, *checker.unread):
            complain(f"warning: {failure}")


def _run_with(checker: Checker, options: Options) -> int:
    if options.mode is Mode.LIST_FILES:
        if options.command is not None or "-" in options.paths:
            raise click.UsageError("--list-files goes with files and folders")
        return _list_files(checker, options.paths)
    if options.mode is Mode.FIX and (options.command is not None or "-" in options.paths):
        raise click.UsageError("--fix changes files; --diff shows what it would change here")
    report = _compared(_report(checker, options), options)
    for problem in report.problems:
        complain(problem)
    if options.mode is not Mode.DIFF:
        write_outputs(report, checker, options.outputs, options.fail_on, options.detail)
    return _exit_code(report, options)


def _report(checker: Checker, options: Options) -> RunReport:
    launches = any(FORMATS[output.format].needs_launches for output in options.outputs)
    if options.command is not None or "-" in options.paths:
        return _alone(checker, options).parts(launches)
    if options.mode is Mode.REPORT:
        return checker.run_report(options.paths, launches=launches, cache=options.cache)
    from vllint.cli.fixing import fix_files

    only_show = options.mode is Mode.DIFF
    return fix_files(checker, options.paths, options.unsafe_fixes, only_show).parts(launches)


def _compared(report: RunReport, options: Options) -> RunReport:
    """Take out the findings of the baseline, and say how many these are; a new one holds all of this run."""
    if options.baseline is None and options.new_baseline is None:
        return report
    from vllint.baseline import compare, entries_of, read_baseline, was_checked, write_baseline
    from vllint.report.closing import counted

    accepted = () if options.baseline is None else read_baseline(options.baseline)
    if options.new_baseline is not None:
        accepted = entries_of(report)
        write_baseline(options.new_baseline, accepted)
    compared = compare(report, accepted, was_checked(report, options.paths))
    if compared.known:
        complain(f"{counted(compared.known, 'finding')} of the baseline not reported")
    if compared.gone:
        occur = "occurs" if compared.gone == 1 else "occur"
        complain(f"{counted(compared.gone, 'entry', 'entries')} of the baseline no longer {occur}")
    return compared.report


def _alone(checker: Checker, options: Options) -> Report:
    """Check a command or standard input, and print what fixes would change if that is asked for."""
    report = _single(checker, options)
    if options.mode is Mode.DIFF:
        from vllint.cli.fixing import show_fixes

        show_fixes(checker, report, options.unsafe_fixes)
    return report


def _single(checker: Checker, options: Options) -> Report:
    """Check a command or standard input: alone, since neither lies among the files."""
    if options.command is not None and not options.paths:
        report = checker.check_command(options.command)
        if not report.launches and not report.findings:
            raise SettingsError("`--command`: nothing in it starts vLLM, as `vllm serve MODEL` does")
        return report
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
    from vllint.report.cells import visible
    from vllint.report.closing import counted

    failed = False
    for found in checker.discover(paths):
        path = visible(found.path)
        if isinstance(found, Candidate):
            judged = checker.judge_bytes(found.path, found.raw)
            kinds = ", ".join(judged.kinds) or "no known kind"
            reasons = [item.reason for item in judged.unchecked if item.fact == "format"]
            if not judged.launches and not judged.findings:
                reasons = reasons or ["nothing in it starts a server"]
            why = "".join(f": {reason}" for reason in reasons)
            number = counted(len(judged.launches), "launch", "launches")
            click.echo(f"{path}: {kinds}, {number}{why}")
        elif isinstance(found, Unreadable):
            failed = True
            complain(f"{path}: {found.reason}")
        else:
            click.echo(f"{path}: passed over: {found.reason}")
    return FAILED if failed else OK


@contextmanager
def failures_told() -> Iterator[None]:
    """Say on standard error what keeps a command from doing its work, and exit with 2."""
    try:
        yield
    except BrokenPipeError:
        # Nobody reads on; click ends the program quietly.
        raise
    except (SettingsError, StatementError, OSError, ValueError) as error:
        complain(_in_words(error))
        raise SystemExit(FAILED) from error


def _in_words(error: Exception) -> str:
    """Return what an error says; one of the operating system names the file first."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{os.fspath(error.filename)}: {error.strerror}"


def complain(text: str) -> None:
    """Say on standard error what went wrong, secrets masked."""
    from vllint.redact import redacted
    from vllint.report.cells import visible

    shown = "\n".join(visible(line) for line in redacted(text).split("\n"))
    click.echo(f"vllint: {shown}", err=True)
