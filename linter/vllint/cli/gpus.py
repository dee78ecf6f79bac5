"""`vllint gpus`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from vllint.cli.checking import FAILED, complain
from vllint.explain.rows import gib
from vllint.hardware.cards import cards
from vllint_schemas import Gpu, Unknown


@click.command("gpus", short_help="Show cards that are known.")
@click.argument("query", required=False)
@click.option("--output-format", type=click.Choice(["table", "json"]), default="table", help="How.")
def command(query: str | None, output_format: str) -> None:
    """Show the cards that vllint knows whose names hold QUERY, with their memory as CUDA reports it.

    `vllint explain CARD` says more of one, and knows instances. Exits with 2 when there is none.
    """
    wanted = (query or "").lower().split()
    found = [card for card in cards() if all(word in f"{card.vendor} {card.name}".lower() for word in wanted)]
    if not found:
        complain(f"no card's name holds `{query}`; any card goes as `name@48GiB`")
        raise SystemExit(FAILED)
    if output_format == "json":
        click.echo(json.dumps([_plain(card) for card in found], indent=1, ensure_ascii=False))
        return
    for line in _table(found):
        click.echo(line)


def _table(found: Iterable[Gpu]) -> Iterator[str]:
    yield f"{'card':<34}{'vendor':<10}{'memory':>10}  {'capability':<12}NVLink"
    for card in found:
        memory = "-" if isinstance(card.memory_bytes, Unknown) else gib(card.memory_bytes)
        capability = "-" if card.compute_capability is None else "{}.{}".format(*card.compute_capability)
        nvlink = {True: "yes", False: "no", None: "-"}[card.nvlink]
        yield f"{card.name:<34}{card.vendor:<10}{memory:>10}  {capability:<12}{nvlink}"


def _plain(card: Gpu) -> dict[str, Any]:
    return {
        "name": card.name,
        "vendor": card.vendor,
        "memory_bytes": None if isinstance(card.memory_bytes, Unknown) else card.memory_bytes,
        "compute_capability": card.compute_capability,
        "nvlink": card.nvlink,
    }
