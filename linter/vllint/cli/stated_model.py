"""`--model-config`, by which users give the facts of models that vllint does not know."""

from __future__ import annotations

from pathlib import Path

import click

from vllint.models.config import facts_from_config, load_config
from vllint.models.resolve import ModelSources
from vllint.statements import StatementError
from vllint_schemas import Unknown

MODEL_CONFIG = click.option(
    "--model-config",
    metavar="PATH",
    help="The model's config.json or its folder, in place of what vllint knows of the model.",
)


def model_sources(path: Path) -> ModelSources:
    """Return the model of a config.json or its folder; raises StatementError if it is none."""
    loaded = load_config(path)
    if isinstance(loaded, Unknown):
        raise StatementError(f"--model-config: {loaded.reason}")
    return ModelSources(facts_from_config("model", loaded, "local"), config=loaded)
