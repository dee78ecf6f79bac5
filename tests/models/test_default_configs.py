"""Configs that leave to their classes what they can: facts are what vLLM 0.33.0 resolves, or not known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vllint.models.config import facts_from_config
from vllint_schemas import ModelFacts, Unknown

RECORDS = Path(__file__).parent / "data" / "default_configs.jsonl"
HEADER, *LINES = RECORDS.read_text("utf-8").splitlines()
NAMES = json.loads(HEADER)["resolved"]
MOST_UNKNOWN = 0.05


def own(facts: ModelFacts) -> dict[str, Any]:
    rank, rope = facts.kv_lora_rank, facts.qk_rope_head_dim
    head = max(facts.head_dim or 0, facts.global_head_dim or 0) or None
    return {
        "heads": facts.num_attention_heads,
        "kv_heads": facts.num_key_value_heads,
        "layers": facts.num_hidden_layers,
        "head_size": rank + rope if rank and rope else head,
        "vocab": facts.vocab_size,
        "hidden": facts.hidden_size,
        "experts": facts.num_experts,
        "use_mla": None if rank is None else rank > 0,
        "multimodal": facts.multimodal,
        "hybrid": facts.linear_attention,
        "max_model_len": facts.default_max_model_len,
    }


def theirs(record: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(zip(NAMES, record["resolved"], strict=True))
    found["hybrid"] = found["hybrid"] or found.pop("attention_free")
    return found


@pytest.mark.parametrize("kind", ["silent", "changed"])
def test_facts_are_what_vllm_resolves_or_not_known(kind: str) -> None:
    known, asked = 0, 0
    for record in map(json.loads, LINES):
        if not record["id"].endswith(kind):
            continue
        facts = facts_from_config("m", record["config"], "local")
        asked += len(NAMES) - 1
        if isinstance(facts, Unknown):
            continue
        resolved = theirs(record)
        # Without heads there is nothing whose size could be meant.
        wrong = {
            name: (value, resolved[name])
            for name, value in own(facts).items()
            if value is not None
            and value != resolved[name]
            and not (name == "head_size" and not resolved["heads"])
        }
        assert not wrong, record["id"]
        known += sum(value is not None for value in own(facts).values())
    assert known / asked > 1 - MOST_UNKNOWN
