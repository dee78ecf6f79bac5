"""`vllint explain`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from vllint.registry import load_rules
from vllint.report.colours import palette, wants_colour


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer rules, and options without their dashes: what starts with a dash, shells ask vllint's own for."""
    from vllint.vllm.options import option_table
    from vllint.vllm.releases import releases

    rules = [name for rule in load_rules().rules for name in (rule.code, rule.name)]
    options = [option.flag.lstrip("-") for option in option_table(releases()[-1]).options]
    return [CompletionItem(name) for name in (*rules, *options) if name.startswith(incomplete)]


@click.command(
    "explain",
    short_help="Explain a rule, an option, a model or a card.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("names", nargs=-1, required=True, type=click.UNPROCESSED, shell_complete=_complete)
@click.option("--plugin", "plugins", multiple=True, metavar="FOLDER", help="A folder of further rules.")
def command(names: tuple[str, ...], plugins: tuple[str, ...]) -> None:
    """Explain a rule, an option or an environment variable of vLLM, a model, a card or an instance.

    NAMES are as PAR001, gpus-idle, --max-model-len, VLLM_USE_V1, Qwen/Qwen3-8B, H100 or p5.48xlarge.
    Exits with 2 when one of them is not known.
    """
    if names == ("-h",):
        click.echo(click.get_current_context().get_help())
        return
    from vllint.explain.topics import explain, suggestions

    rules = load_rules([Path(folder) for folder in plugins]).rules
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    unknown = False
    for number, name in enumerate(names):
        lines = explain(name, rules, colours)
        if lines is None:
            unknown = True
            close = suggestions(name, rules)
            hint = f"; did you mean {' or '.join(f'`{found}`' for found in close)}?" if close else ""
            known = "no rule, option, variable, model or card that vllint knows"
            click.echo(f"vllint: `{name}` is {known}{hint}", err=True)
            continue
        click.echo("\n".join([*([""] if number else []), *lines]), color=True)
    raise SystemExit(2 if unknown else 0)
