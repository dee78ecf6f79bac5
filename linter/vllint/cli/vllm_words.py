"""Words of vLLM's own command line on vllint's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def vllm_words(metavar: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the argument `words`, which takes options of vLLM, too; `-h` among them asks for help.

    It is no option of the command: click would find it in `-dph` as well.
    """
    return click.argument(
        "words",
        nargs=-1,
        required=True,
        type=click.UNPROCESSED,
        metavar=metavar,
        is_eager=True,
        callback=_help_or_words,
    )


def _help_or_words(ctx: click.Context, parameter: click.Parameter, words: Any) -> Any:
    if "-h" in words and not ctx.resilient_parsing:
        click.echo(ctx.get_help())
        ctx.exit()
    return words
