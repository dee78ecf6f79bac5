import json
import os
from pathlib import Path
from typing import Any

import pytest

from vllint.models.catalogue import find_model, model_ids
from vllint.models.config import facts_from_config
from vllint.models.parameters import count_parameters
from vllint_schemas import ModelFacts, Unknown
from vllint_schemas.models import Component, Components

SHARED = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[2].parent / "shared"))
VERDICTS = SHARED / "oracle" / "verdicts"

EXACT = frozenset(
    [
        "apertus",
        "cohere",
        "deepseek_v2",
        "deepseek_v3",
        "deepseek_v32",
        "gemma",
        "gemma2",
        "gemma3_text",
        "gpt_oss",
        "granite",
        "hunyuan_v1_dense",
        "llama",
        "minimax_m2",
        "mistral",
        "mixtral",
        "olmo2",
        "olmo3",
        "phi3",
        "qwen2",
        "qwen2_moe",
        "qwen3",
        "qwen3_moe",
        "qwen3_next",
        "seed_oss",
    ]
)
"""Text model types whose published checkpoints are counted to the last element."""


def parameters(facts: ModelFacts) -> Components:
    counted = count_parameters(facts)
    assert isinstance(counted, Components), counted
    return counted


def catalogued(model_id: str) -> ModelFacts:
    facts = find_model(model_id)
    assert facts is not None
    return facts


def on_rank(parts: Components, tensor: int, kv_heads: int) -> float:
    """Return the elements on one of `tensor` ranks, as vLLM divides the layers."""

    def divided(part: Component) -> float:
        if part.sharding == "none":
            return part.elements
        if part.sharding == "key_value":
            return part.elements * max(1, kv_heads // tensor) / kv_heads
        return part.elements / tensor

    whole = [parts.embedding, *parts.layers, parts.final, () if parts.tied else parts.head]
    return sum(divided(part) for group in whole for part in group)


@pytest.mark.parametrize(
    ("model_id", "elements"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
        ("mistralai/Mistral-7B-Instruct-v0.3", 7_248_023_552),
    ],
)
def test_the_count_is_the_published_one(model_id: str, elements: int) -> None:
    assert parameters(catalogued(model_id)).total == elements


def test_families_counted_exactly_agree_with_every_exact_checkpoint() -> None:
    checked = 0
    for model_id in model_ids():
        facts = catalogued(model_id)
        if facts.text_model_type not in EXACT or facts.multimodal is not False or not facts.params_exact:
            continue
        counted = count_parameters(facts)
        if isinstance(counted, Unknown):
            continue
        padding = -(facts.vocab_size or 0) % 64 * (facts.hidden_size or 0) * (1 if counted.tied else 2)
        assert counted.total - padding == facts.params_total, model_id
        checked += 1
    assert checked > 800


def test_an_architecture_that_is_not_tabled_is_unknown() -> None:
    facts = catalogued("meta-llama/Llama-3.1-8B-Instruct")._replace(text_model_type="brand_new")
    assert isinstance(count_parameters(facts), Unknown)


def test_a_count_far_from_the_checkpoint_is_unknown() -> None:
    facts = catalogued("meta-llama/Llama-3.1-8B-Instruct")._replace(params_total=9_000_000_000)
    assert isinstance(count_parameters(facts), Unknown)


def test_a_missing_size_is_unknown() -> None:
    for field in ("num_hidden_layers", "num_key_value_heads", "intermediate_size", "multimodal"):
        facts = catalogued("meta-llama/Llama-3.1-8B-Instruct")._replace(**{field: None})  # type: ignore[arg-type]
        assert isinstance(count_parameters(facts), Unknown)


def test_dense_layers_come_first_and_hold_no_experts() -> None:
    layers = parameters(catalogued("deepseek-ai/DeepSeek-V3")).layers
    dense = ["experts" not in {part.name for part in layer} for layer in layers]
    assert dense == [True] * 3 + [False] * 58


def test_towers_are_the_rest_of_a_composite_model() -> None:
    facts = catalogued("Qwen/Qwen2.5-VL-7B-Instruct")
    assert parameters(facts).total == facts.params_total


def unquantized_builds() -> list[tuple[str, ModelFacts, dict[str, Any], int]]:
    """Return single-stage builds of unquantized configs: name, facts, resolved values, text bytes."""
    lines = (VERDICTS / "configs.jsonl").read_text("utf-8").splitlines()
    configs = {case["config_id"]: case["config"] for case in map(json.loads, lines)}
    builds = []
    for line in (VERDICTS / "b1.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        resolved, ranks = case["verdict"].get("resolved") or {}, case["verdict"].get("ranks") or {}
        first = ranks.get("pp0") or {}
        plain = resolved and not resolved["quantization"] and resolved["pp"] == resolved["dp"] == 1
        if not plain or resolved["ep"] or resolved["spec"] or "param_bytes" not in first:
            continue
        facts = facts_from_config(case["config_id"], configs[case["config_id"]], "local")
        assert isinstance(facts, ModelFacts)
        tower = first.get("tower_bytes", 0)
        if tower:
            facts = facts._replace(multimodal=False)
        builds.append((case["id"], facts, resolved, first["param_bytes"] - tower))
    return builds


@pytest.mark.skipif(not VERDICTS.is_dir(), reason=f"recorded verdicts are not at {VERDICTS}")
def test_a_rank_holds_what_the_real_vllm_builds_on_it() -> None:
    counted = 0
    for name, facts, resolved, built in unquantized_builds():
        parts = count_parameters(facts)
        if isinstance(parts, Unknown):
            continue
        kv_heads = facts.num_key_value_heads or 1
        element = 4 if resolved["dtype"] == "float32" else 2
        ours = on_rank(parts, resolved["tp"], kv_heads) * element
        # Built bytes hold the projector of composite models, 12 MB in Gemma 3 and 79 MB in Llama 4.
        allowed = 0.006 if resolved["multimodal"] else 0.0001
        assert abs(ours - built) <= built * allowed, name
        counted += 1
    assert counted > 250
