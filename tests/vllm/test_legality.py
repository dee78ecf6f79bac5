"""Legal tensor parallel sizes, against what vLLM built and what it refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from vllint.models.config import facts_from_config
from vllint.vllm.legality import resized, tensor_parallel_obstacles, valid_tensor_parallel_sizes
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import EngineArgs, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

Understand = Callable[..., EngineArgs]

DENSE = ModelFacts(
    "dense",
    "settings",
    num_attention_heads=28,
    num_key_value_heads=4,
    intermediate_size=18944,
    vocab_size=152064,
    num_experts=0,
    kv_lora_rank=0,
)


def subjects(model: ModelFacts, tensor: int) -> list[str]:
    return [obstacle.subject for obstacle in tensor_parallel_obstacles(model, Parallel(tensor=tensor))]


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (1, []),
        (2, []),
        (4, []),
        (7, ["KV heads", "padded vocabulary", "MLP size"]),
        (8, ["attention heads"]),
        (3, ["attention heads", "KV heads", "MLP size"]),
        (5, ["attention heads", "KV heads", "padded vocabulary", "MLP size"]),
    ],
)
def test_each_reason_is_named(tensor: int, expected: list[str]) -> None:
    assert subjects(DENSE, tensor) == expected


def test_valid_sizes_are_those_without_an_obstacle() -> None:
    assert valid_tensor_parallel_sizes(DENSE, Parallel(tensor=8)) == (1, 2, 4)


def test_the_arithmetic_is_shown() -> None:
    [obstacle] = tensor_parallel_obstacles(DENSE, Parallel(tensor=8))
    assert obstacle.arithmetic == "28 attention heads / 8 = 3.5 is not whole"


@pytest.mark.parametrize(
    ("heads", "tensor", "legal"),
    [(8, 4, True), (8, 8, True), (8, 16, True), (4, 16, True), (2, 8, True), (1, 8, True)],
)
def test_kv_heads_are_copied_when_there_are_fewer_than_ranks(heads: int, tensor: int, legal: bool) -> None:
    model = ModelFacts("m", "settings", num_attention_heads=64, num_key_value_heads=heads, kv_lora_rank=0)
    assert (subjects(model, tensor) == []) is legal


def test_facts_that_are_not_known_are_no_obstacle() -> None:
    assert subjects(ModelFacts("m", "settings"), 7) == []


def test_a_vocabulary_counts_with_its_padding() -> None:
    odd = ModelFacts("m", "settings", vocab_size=32001)
    assert subjects(odd, 2) == []
    assert subjects(odd, 16) == []
    assert subjects(odd, 7) == ["padded vocabulary"]


def test_a_resized_layout_keeps_everything_else() -> None:
    layout = Parallel(2, 3, 4, 4, 1, True, 1)
    assert resized(layout, 8) == Parallel(8, 3, 4, 4, 1, True, 1)
    assert resized(layout, 8, 1) == Parallel(8, 3, 1, 1, 1, True, 1)


@cache
def cases(folder: Path) -> list[tuple[dict[str, Any], ModelFacts]]:
    """Return the recorded verdicts on models whose facts we read from the same config."""
    lines = (folder / "oracle/verdicts/configs.jsonl").read_text().splitlines()
    configs = {entry["config_id"]: entry["config"] for entry in map(json.loads, lines)}
    found = []
    for line in (folder / "oracle/verdicts/b1.jsonl").read_text().splitlines():
        case = json.loads(line)
        facts = facts_from_config(case["config_id"], configs[case["config_id"]], "local")
        if not case["suspect"] and not isinstance(facts, Unknown):
            found.append((case, facts))
    return found


def obstacles(serve: Understand, case: dict[str, Any], facts: ModelFacts) -> list[str]:
    args = serve([word for word in case["argv"] if word not in {"vllm", "serve"}])
    layout = parallel_sizes(args)
    assert isinstance(layout, Parallel)
    return [obstacle.subject for obstacle in tensor_parallel_obstacles(facts, layout, args)]


def test_nothing_that_vllm_builds_has_an_obstacle(serve: Understand, shared: Path) -> None:
    built = [(case, facts) for case, facts in cases(shared) if case["verdict"].get("ranks")]
    assert len(built) > 1000
    wrong = [(case["id"], found) for case, facts in built if (found := obstacles(serve, case, facts))]
    assert wrong == []


@pytest.mark.parametrize(
    ("said", "subject", "least"),
    [
        ("Total number of attention heads", "attention heads", 300),
        ("assert self.total_num_kv_heads % tp_size == 0", "KV heads", 1),
        ("151936 is not divisible by", "padded vocabulary", 1),
    ],
)
def test_what_vllm_refuses_for_a_size_has_that_obstacle(
    serve: Understand, shared: Path, said: str, subject: str, least: int
) -> None:
    refused = [(case, facts) for case, facts in cases(shared) if said in (case["verdict"].get("error") or "")]
    named = [case["id"] for case, facts in refused if subject in obstacles(serve, case, facts)]
    missed = [case["id"] for case, _ in refused if case["id"] not in named]
    assert len(named) >= least
    # gpt-oss has no KV head copies of its own; that is another rule's.
    assert all("gpt-oss" in name for name in missed), missed
