"""Bytes of parameters and KV cache against what the real vLLM 0.33.0 builds of configs of many families.

`data/builds.jsonl` holds configs, most with the defaults of transformers' configuration classes, others after
published checkpoints, and for several layouts what stands on the first rank of each pipeline stage, as the
real model classes built it on torch's meta device where an H100 was claimed: the bytes of its parameters and
the GiB that one request of full length needs. `data/builds_residue.json` names what vllint does not know of
them, or has wrong, and why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from vllint.hardware.cards import find_card
from vllint.memory.estimate import estimate_memory
from vllint.models.config import facts_from_config
from vllint.vllm.engine_args import engine_args
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import GIB, EntryPoint, Gpu, ModelFacts, RankMemory, Unknown, Word
from vllint_schemas.parallel import Parallel

DATA = Path(__file__).parent / "data"
CARD = "NVIDIA-H100-80GB-HBM3@5000GiB"
UNQUANTIZED, QUANTIZED, KV_CACHE = 0.001, 0.01, 0.002
LAST_DIGIT = 0.00006
"""GiB that the recorded figures may be off by rounding."""

Standing = Literal["exact", "unknown", "wrong"]


def rows() -> list[Any]:
    lines = (DATA / "builds.jsonl").read_text("utf-8").splitlines()
    return [pytest.param(row, id=row["id"]) for row in map(json.loads, lines)]


def residue() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((DATA / "builds_residue.json").read_text("utf-8"))
    return found


def ranks_of(facts: ModelFacts, arguments: list[str]) -> dict[str, RankMemory]:
    words = tuple(Word.verbatim(word, "case", 0) for word in ["acme/model", *arguments])
    args = engine_args(words, EntryPoint.SERVE, "0.33.0")
    card, layout = find_card(CARD), parallel_sizes(args)
    assert isinstance(card, Gpu) and isinstance(layout, Parallel)
    memory = estimate_memory(facts, layout, args, card)
    return {} if isinstance(memory, Unknown) else {rank.name: rank for rank in memory.ranks}


def parameters(built: float, rank: RankMemory | None, tolerance: float) -> Standing:
    if rank is None:
        return "unknown"
    if isinstance(rank.parameters, Unknown):
        # What is not counted may only make a rank larger.
        return "unknown" if rank.weights.low <= built else "wrong"
    return "exact" if rank.parameters == pytest.approx(built, rel=tolerance) else "wrong"


def kv_cache(needed: float, rank: RankMemory | None) -> Standing:
    if rank is None or isinstance(rank.kv_needed, Unknown):
        return "unknown"
    near = rank.kv_needed / GIB == pytest.approx(needed, rel=KV_CACHE, abs=LAST_DIGIT)
    return "exact" if near else "wrong"


def standings(row: dict[str, Any]) -> Iterator[tuple[str, Standing]]:
    facts = facts_from_config("acme/model", row["config"], "local")
    for build in row["builds"]:
        ranks = {} if isinstance(facts, Unknown) else ranks_of(facts, build["arguments"])
        tolerance = QUANTIZED if build["quantized"] else UNQUANTIZED
        for name, built in build["bytes"].items():
            yield "parameters", parameters(built, ranks.get(name), tolerance)
        for name, needed in build.get("kv_gib", {}).items():
            yield "kv", kv_cache(needed, ranks.get(name))


@pytest.mark.parametrize("row", rows())
def test_each_stage_holds_the_bytes_that_vllm_builds(row: dict[str, Any]) -> None:
    found: dict[str, set[Standing]] = {"parameters": set(), "kv": set()}
    for figure, standing in standings(row):
        found[figure].add(standing)
    told = residue().get(row["id"], {})
    for figure, standings_ in found.items():
        worst = next((one for one in ("wrong", "unknown") if one in standings_), "exact")
        assert worst == told.get(figure, "exact").partition(":")[0], figure


def test_the_residue_names_models_that_were_built_and_says_why() -> None:
    built = {row.values[0]["id"] for row in rows()}
    assert set(residue()) <= built
    for told in residue().values():
        assert all(reason.partition(": ")[2] for reason in told.values())
