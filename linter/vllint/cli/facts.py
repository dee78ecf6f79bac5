"""`--facts`, which the commands share."""

from __future__ import annotations

import os
from pathlib import Path

import click

from vllint.tables import FACTS


def _use(ctx: click.Context, parameter: click.Parameter, folder: str | None) -> None:
    """Have all tables of this run opened in the folder first."""
    if folder is None:
        return
    from vllint.tables_check import TableError, check_tables

    try:
        check_tables(Path(folder))
    except TableError as error:
        raise click.UsageError(f"--facts: {error}", ctx) from error
    os.environ[FACTS] = str(Path(folder).absolute())


FACTS_OPTION = click.Option(
    ["--facts"],
    metavar="DIR",
    envvar=FACTS,
    expose_value=False,
    is_eager=True,
    callback=_use,
    help="A folder of fact tables, which replace those of the same names.",
)
