"""`vllint plan`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, cast

import click

from vllint.checking import Checker, Request
from vllint.cli.checking import FAILED, FINDINGS, OK, failures_told
from vllint.cli.stated_model import MODEL_CONFIG, model_sources
from vllint.cli.vllm_words import vllm_words
from vllint.plan.document import plan_document
from vllint.plan.judging import CommandJudge
from vllint.plan.machines import stated_machines
from vllint.plan.planning import Plan, plan
from vllint.plan.ranking import Goal
from vllint.plan.table import plan_lines
from vllint.plan.words import HEAD
from vllint.plan.writing import FORMATS, written
from vllint.redact import redacted
from vllint.report.colours import palette, wants_colour
from vllint.settings import Settings


@click.command(
    "plan",
    short_help="Find the best layout of a model on given GPUs.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@vllm_words("MODEL [VLLM OPTIONS]")
@click.option("--gpu", "gpus", multiple=True, metavar="CARD:N", required=True, help="The cards of a machine.")
@click.option("--nodes", type=click.IntRange(1, 64), default=1, metavar="N", help="How many such machines.")
@click.option("--gpu-used", metavar="SIZE", help="Memory of each card that is taken already, as `20GiB`.")
@click.option("--goal", type=click.Choice(["throughput", "latency", "context"]), default="throughput")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Print only the best layout, as this.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@click.option("--vllm-version", metavar="VERSION", help="The release to plan for, the newest if not given.")
@MODEL_CONFIG
@click.option("--isolated", is_flag=True, help="Use no settings file.")
def command(**given: Any) -> None:
    """Find the layouts of MODEL on GPUs, what fits of them, and the best for a goal.

    Every way to spread the model by tensor, pipeline, data and expert parallelism is judged as `vllint
    check` judges it. Options of vLLM go with it, as `--max-model-len 8192 --kv-cache-dtype fp8`; sizes of
    parallelism among them are kept. The best layout is printed as a command, a Compose service or the
    payload of an endpoint. Give `--gpu` again for further cards of the machine, as `--gpu A100-80GB:2
    --gpu L40S:2`.

    Exits with 0 if a layout fits or may fit, 1 if none does, 2 if vllint cannot tell.
    """
    with failures_told():
        raise SystemExit(_plan(given))


def _plan(given: dict[str, Any]) -> int:
    machines = stated_machines(given["gpus"], given["nodes"], given["gpu_used"])
    request = Request(
        settings=Settings() if given["isolated"] else None,
        vllm_version=given["vllm_version"],
    )
    config = given["model_config"]
    judge = CommandJudge(Checker(request), None if config is None else model_sources(Path(config)))
    found = plan(judge, given["words"], machines, cast("Goal", given["goal"]))
    if given["output_format"] == "json":
        click.echo(json.dumps(plan_document(found), indent=2, ensure_ascii=False))
    elif given["form"] is None or not found.choices:
        _tell(found, given["form"])
    if found.choices and given["form"] is not None and given["output_format"] == "text":
        click.echo(written(found, found.choices[0], given["form"]), nl=False)
    if found.choices and found.choices[0].judgement.verdict == "unknown":
        return FAILED
    return OK if found.choices else FINDINGS


def _tell(found: Plan, form: str | None) -> None:
    """Print the table and the best layout's commands; where only these are asked for, why there are none."""
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    columns = get_terminal_size().columns if sys.stdout.isatty() else None
    text = "\n".join(plan_lines(found, colours, columns)).rstrip()
    click.echo(redacted(text), err=form is not None, color=True)
    if found.choices:
        machines = found.choices[0].judgement.placement.nodes
        click.echo(f"\n# one for each machine; {HEAD} is the address of the first" if machines > 1 else "")
        click.echo(written(found, found.choices[0], "command"), nl=False)
