"""Bytes of parameters and KV cache against what the real vLLM 0.33.0 builds of configs of many families.

`data/builds.jsonl` holds configs, most with the defaults of transformers' configuration classes, others after
published checkpoints, and for several layouts what stands on the first rank of each pipeline stage, as the
real model classes built it on torch's meta device where an H100 was claimed: the bytes of its parameters and
the GiB that one request of full length needs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vllint import check_command
from vllint_schemas.report import ReportedRank

BUILDS = Path(__file__).parent / "data" / "builds.jsonl"
CARD = "NVIDIA-H100-80GB-HBM3@5000GiB"
UNQUANTIZED, QUANTIZED, KV_CACHE = 0.001, 0.01, 0.002
LAST_DIGIT = 0.00006
"""GiB that the recorded figures may be off by rounding."""


def rows() -> list[Any]:
    lines = BUILDS.read_text("utf-8").splitlines()
    return [pytest.param(row, id=row["id"]) for row in map(json.loads, lines)]


def ranks_of(config: dict[str, Any], arguments: list[str]) -> dict[str, ReportedRank]:
    report = check_command(
        ["vllm", "serve", "acme/model", *arguments],
        gpu=CARD,
        gpu_count=8,
        vllm_version="0.33.0",
        model_config=config,
    )
    return {rank.name: rank for rank in report.document().launches[0].memory.ranks}


@pytest.mark.parametrize("row", rows())
def test_each_stage_holds_the_bytes_that_vllm_builds(row: dict[str, Any]) -> None:
    for build in row["builds"]:
        ranks = ranks_of(row["config"], build["arguments"])
        tolerance = QUANTIZED if build["quantized"] else UNQUANTIZED
        for name, built in build["bytes"].items():
            assert ranks[name].parameters_bytes == pytest.approx(built, rel=tolerance), build["arguments"]
        for name, needed in build.get("kv_gib", {}).items():
            expected = pytest.approx(needed, rel=KV_CACHE, abs=LAST_DIGIT)
            assert ranks[name].kv_needed_gib == expected, build["arguments"]
