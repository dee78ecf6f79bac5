"""`vllint rules`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from vllint.explain.rules import fixes_in_words
from vllint.registry import load_rules
from vllint.report.colours import Palette, palette, wants_colour
from vllint.rule import Rule
from vllint.testing import fix_levels


@click.command("rules", short_help="List all rules.")
@click.option(
    "--output-format", "output_format", type=click.Choice(("table", "json")), default="table", help="How."
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FOLDER",
    help="A folder of further rules.",
)
def command(output_format: str, plugins: tuple[str, ...]) -> None:
    """List all rules: what they say, what they need to know, and whether they can fix it."""
    registry = load_rules([Path(folder) for folder in plugins])
    for failure in registry.failures:
        click.echo(f"vllint: warning: {failure}", err=True)
    if output_format == "json":
        click.echo(json.dumps([_entry(rule) for rule in registry.rules], indent=1))
        return
    colours = palette(wants_colour(sys.stdout.isatty(), os.environ))
    click.echo("\n".join(_table(registry.rules, colours)), color=True)


def _entry(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "summary": _summary(rule),
        "severity": rule.severity.value,
        "preview": rule.preview,
        "needs": list(rule.needs),
        "fixes": [level.value for level in fix_levels(rule)],
        "tags": list(rule.tags),
        "since": rule.since,
        "source": rule.source,
        "url": rule.url,
    }


def _table(rules: Sequence[Rule], colours: Palette) -> Iterator[str]:
    """Yield a line for each rule, in columns."""
    head = ("code", "name", "severity", "fix", "needs", "tags")
    rows = [_cells(rule) for rule in rules]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()

    yield colours.paint(colours.strong, line(head))
    yield from map(line, rows)
    preview = sum(rule.preview for rule in rules)
    more = f", {preview} of them in preview (marked with *; `--preview` runs them)" if preview else ""
    yield f"{len(rules)} rules{more}; `vllint explain CODE` tells more"


def _cells(rule: Rule) -> tuple[str, ...]:
    severity = f"{rule.severity}{'*' if rule.preview else ''}"
    needs = ", ".join(need.replace("_", " ") for need in rule.needs)
    return (rule.code, rule.name, severity, fixes_in_words(rule), needs or "-", ", ".join(rule.tags))


def _summary(rule: Rule) -> str:
    return cleandoc(rule.__doc__ or "").partition("\n")[0]
