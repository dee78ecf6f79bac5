"""`vllint estimate`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, FINDINGS, OK, complain, failures_told
from vllint.cli.stated_model import MODEL_CONFIG, model_sources
from vllint.cli.vllm_words import vllm_words
from vllint.engine import Judged
from vllint.launch_secrets import secrets_of
from vllint.plan.judging import CommandJudge
from vllint.plan.planning import why_unknown
from vllint.redact import redacted
from vllint.report.colours import palette, wants_colour
from vllint.report.file_report import file_report
from vllint.settings import Settings
from vllint.show.budget_table import budget_lines, capacity_lines
from vllint.show.launches import fact_lines, refusals, refused_lines
from vllint.show.memory_bars import ASCII, BLOCKS, Ink, legend
from vllint.statements import StatementError
from vllint_schemas import Located, Severity, Unknown
from vllint_schemas.report import to_dict


@click.command(
    "estimate",
    short_help="Work out the GPU memory of a command, line by line.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@vllm_words("COMMAND")
@click.option("--gpu", metavar="CARD:N", help="The machine, as `H100:8`, `L40S` or `name@48GiB:2`.")
@click.option("--vllm-version", metavar="VERSION", help="The release that runs, the newest if not given.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@MODEL_CONFIG
@click.option("--isolated", is_flag=True, help="Use no settings file.")
def command(**given: Any) -> None:
    """Work out what each rank of a server holds of its GPU, line by line, and how many tokens are left.

    COMMAND is a command's text, as "vllm serve MODEL -tp 2", or its words, or a model and options of vLLM.
    JSON is the `memory` of a launch in the report of `vllint check`.

    Exits with 0 if it fits or may fit, or if no card is given; with 1 if it does not fit or vLLM refuses it;
    with 2 if that cannot be told.
    """
    with failures_told():
        raise SystemExit(_estimate(given))


def _estimate(given: dict[str, Any]) -> int:
    request = Request(
        settings=Settings() if given["isolated"] else None,
        gpu=given["gpu"],
        vllm_version=given["vllm_version"],
    )
    config = given["model_config"]
    judge = CommandJudge(Checker(request), None if config is None else model_sources(Path(config)))
    judged = judge.judge(_text(given["words"]))
    if not judged.launches:
        raise StatementError("nothing in the command starts vLLM, as `vllm serve MODEL` does")
    facts = judged.launches[0]
    memory = facts.maybe_memory
    if isinstance(facts.maybe_model, Unknown):
        raise StatementError(why_unknown(facts, facts.maybe_model))
    refused = refusals(facts, judged.findings)
    if isinstance(memory, Unknown) and not refused:
        raise StatementError(memory.reason)
    if given["output_format"] == "json":
        [launch] = (file_report(judged, {}).launches or ())[:1]
        click.echo(json.dumps(to_dict(launch)["memory"], indent=2, ensure_ascii=False))
    else:
        ink = BLOCKS if "utf" in (sys.stdout.encoding or "").lower() else ASCII
        lines = "\n".join(_lines(judged, ink))
        click.echo(redacted(secrets_of((facts.launch,)).out_of_all(lines)), color=True)
    errors = [one for one in judged.findings if one.severity is Severity.ERROR]
    if given["output_format"] == "json":
        for one in errors:
            complain(secrets_of((facts.launch,)).out_of_all(f"{one.code} {one.message}"))
    if errors or isinstance(memory, Unknown) or memory.verdict == "does_not_fit":
        return FINDINGS
    has_card = isinstance(facts.hardware.gpu, Located)
    return FAILED if has_card and isinstance(memory.verdict, Unknown) else OK


def _text(words: Sequence[str]) -> str:
    """Return a command's text as given, or made of its words; without a program, vLLM serves them."""
    if any(character.isspace() for character in words[0]):
        return " ".join((words[0], *map(shlex.quote, words[1:])))
    if words[0] == "serve":
        return shlex.join(("vllm", *words))
    starts = words[0].startswith("-") or "/" in words[0] or words[0] not in _PROGRAMS
    return shlex.join(("vllm", "serve", *words) if starts else words)


_PROGRAMS = frozenset({"vllm", "python", "python3", "docker", "podman", "uv", "env", "torchrun"})


def _lines(judged: Judged, ink: Ink) -> Iterator[str]:
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    facts = judged.launches[0]
    yield from fact_lines(facts)
    refused = refusals(facts, judged.findings)
    memory = None if refused or isinstance(facts.maybe_memory, Unknown) else facts.maybe_memory
    if memory is None:
        yield from refused_lines(refused)
    else:
        yield from budget_lines(memory, ink)
        yield from capacity_lines(facts)
    errors = [one for one in judged.findings if one.severity is Severity.ERROR]
    if errors:
        yield ""
    for one in errors:
        first, *rest = one.message.split("\n")
        yield f"  {colours.severity(one.severity, f'{one.severity}[{one.code}]')} {first}"
        yield from (f"    {line}" for line in rest)
        if one.help:
            yield f"    help: {one.help}"
    if memory is not None and not isinstance(memory.ranks[0].budget, Unknown):
        yield ""
        yield legend(ink)
