"""What is known of the adapters that a launch loads."""

from __future__ import annotations

import json

import pytest

from vllint.models.adapters import adapters_of
from vllint.models.resolve import Surroundings
from vllint.text.source import SourceText
from vllint.vllm.engine_args import engine_args
from vllint_schemas import EntryPoint, Word


def ranks(config: str, module: str = "sql=./sql") -> list[int]:
    """Return the ranks of an adapter with this `adapter_config.json`."""
    name = "./sql/adapter_config.json"
    files = {name: SourceText(name, config)}
    words = tuple(
        Word.atomic(text, Word.verbatim(text, "a.sh", 0).site) for text in ("m", "--lora-modules", module)
    )
    args = engine_args(words, EntryPoint.SERVE, "0.33.0")
    return [adapter.rank for adapter in adapters_of(args, Surroundings(files.get, lambda path: path))]


def test_the_largest_rank_of_a_layer_counts() -> None:
    assert ranks('{"r": 16, "rank_pattern": {"q_proj": 64}}') == [64]


def test_an_adapter_may_be_given_as_json() -> None:
    assert ranks('{"r": 32}', json.dumps({"name": "sql", "path": "./sql"})) == [32]


@pytest.mark.parametrize("config", ["{}", "[]", "{", '{"r": true}', '{"r": 16, "rank_pattern": {"q": "x"}}'])
def test_a_config_without_a_rank_says_nothing(config: str) -> None:
    assert ranks(config) == []
