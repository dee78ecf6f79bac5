"""Write which of vLLM's classes are counted as vLLM builds them, by the types of their configs.

    python scripts/tables/counted_architectures.py [BUILDS.jsonl]

Compares what vllint counts with `tests/models/data/builds.jsonl` and with the published checkpoints of the
catalogue whose number of parameters is exact. A class and type is listed where some build or checkpoint is
counted exactly and none wrongly; of others the count is not taken for what vLLM builds.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NAME = "counted_architectures.json"
TARGET = ROOT / "schemas/vllint_schemas/data" / NAME
BUILDS = ROOT / "tests/models/data/builds.jsonl"
CARD = "NVIDIA-H100-80GB-HBM3@5000GiB"
UNQUANTIZED, QUANTIZED = 0.001, 0.01

Pair = tuple[str, str]


def main(builds: Path) -> None:
    """Write the table."""
    rows = [json.loads(line) for line in builds.read_text(encoding="utf-8").splitlines()]
    TARGET.write_text(text(rows), encoding="utf-8")


def text(rows: list[dict[str, Any]]) -> str:
    """Return the table: architecture -> model types, in alphabetical order."""
    counts: dict[Pair, Counter[bool]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder:
        everything = {pair for row in rows for pair in pair_of(row["config"])} | set(catalogued())
        Path(folder, NAME).write_text(table(everything), encoding="utf-8")
        os.environ["VLLINT_FACTS"] = folder
        try:
            for pair, exact in [*of_builds(rows), *of_checkpoints()]:
                counts[pair][exact] += 1
        finally:
            del os.environ["VLLINT_FACTS"]
    return table({pair for pair, counted in counts.items() if counted[True] and not counted[False]})


def table(pairs: set[Pair]) -> str:
    """Return the pairs as JSON, an architecture to a line."""
    types: dict[str, list[str]] = defaultdict(list)
    for architecture, model_type in sorted(pairs):
        types[architecture].append(model_type)
    lines = (f" {json.dumps(name)}: {json.dumps(listed)}" for name, listed in sorted(types.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def pair_of(config: dict[str, Any]) -> list[Pair]:
    """Return the class as vLLM's registry has it, and the type; nothing where one is not given."""
    from vllint.models.architectures import registered

    architecture = registered(next(iter(config.get("architectures") or ()), None))
    model_type = config.get("model_type")
    return [(architecture, model_type)] if architecture and isinstance(model_type, str) else []


def of_builds(rows: list[dict[str, Any]]) -> Iterator[tuple[Pair, bool]]:
    """Yield whether each rank that vLLM built is counted exactly, where it is counted."""
    from vllint import estimate
    from vllint_schemas import Unknown

    for row in rows:
        for pair in pair_of(row["config"]):
            for build in row["builds"]:
                words = ["vllm", "serve", "acme/model", *build["arguments"]]
                memory = estimate(words, gpu=CARD, vllm_version="0.33.0", model_config=row["config"])
                ranks = () if isinstance(memory, Unknown) else memory.ranks
                goal = QUANTIZED if build["quantized"] else UNQUANTIZED
                for rank in ranks:
                    built = build["bytes"].get(rank.name)
                    if built and not isinstance(rank.parameters, Unknown):
                        yield pair, abs(rank.parameters - built) <= goal * built


def catalogued() -> Iterator[Pair]:
    """Yield the pairs of the catalogue."""
    from vllint.models.catalogue import find_model, model_ids

    for facts in map(find_model, model_ids()):
        if facts is not None:
            yield from pair_of({"architectures": [facts.architecture], "model_type": facts.model_type})


def of_checkpoints() -> Iterator[tuple[Pair, bool]]:
    """Yield the pairs of published text models whose exact number of parameters is counted."""
    from vllint.models.catalogue import find_model, model_ids
    from vllint.models.parameters import count_parameters
    from vllint_schemas import Unknown

    for facts in map(find_model, model_ids()):
        if facts is None or not facts.params_exact or not facts.params_total or facts.multimodal is not False:
            continue
        counted = count_parameters(facts._replace(params_total=None))
        if isinstance(counted, Unknown) or counted.partial:
            continue
        if abs(counted.total - facts.params_total) <= UNQUANTIZED * facts.params_total:
            for pair in pair_of({"architectures": [facts.architecture], "model_type": facts.model_type}):
                yield pair, True


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILDS)
