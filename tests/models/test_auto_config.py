"""Model types that the table lacks: the installed Transformers fills in what a config leaves out."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import pytest

from vllint.models import attributes, auto_config
from vllint.models.config import facts_from_config
from vllint_schemas import ModelFacts

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers is not installed (the extra `hub`)"
)
SILENT: dict[str, Any] = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 2048}


def silent_facts() -> ModelFacts:
    facts = facts_from_config("acme/x", SILENT, "local")
    assert isinstance(facts, ModelFacts)
    return facts


@pytest.fixture
def tableless(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {kind: entry for kind, entry in attributes._model_types().items() if kind != "qwen3"}
    monkeypatch.setattr(attributes, "_model_types", lambda: table)


@needs_transformers
def test_what_the_config_leaves_out_comes_from_the_class(tableless: None) -> None:
    facts = silent_facts()
    assert (facts.num_hidden_layers, facts.configuration) == (None, "missing")
    found = auto_config.completed(facts._replace(weights_bytes=7), SILENT)
    assert (found.num_hidden_layers, found.hidden_size, found.head_dim) == (32, 2048, 128)
    assert (found.weights_bytes, found.configuration) == (7, None)


@needs_transformers
@pytest.mark.parametrize("written", [{"num_hidden_layers": "many"}, {"rope_parameters": 3}, {"dtype": []}])
def test_a_config_that_the_class_refuses_adds_nothing(tableless: None, written: dict[str, Any]) -> None:
    facts = silent_facts()
    assert auto_config.completed(facts, {**SILENT, **written}).num_hidden_layers in (None, 32)


def test_the_table_counts_where_it_has_the_type() -> None:
    assert auto_config.filled_config(SILENT) is None


def test_no_code_of_a_repository_runs() -> None:
    config = {**SILENT, "model_type": "acme", "auto_map": {"AutoConfig": "configuration_acme.AcmeConfig"}}
    assert auto_config.filled_config(config) is None
    assert not any("acme" in name for name in sys.modules)
