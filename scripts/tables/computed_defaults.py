"""Write the table of defaults that vLLM computes at start, from the cards and the model.

    python scripts/tables/computed_defaults.py

Writes `schemas/vllint_schemas/data/computed_defaults.json`: destination -> the values it may get, each with
the tabled releases in which it gets them (`since`, and `until` if that is over), when that is, and where it
was read. The facts are below: they stand in code, between which no reader could tell them apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/computed_defaults.json"

Fact = dict[str, Any]

OLD = "engine/arg_utils.py:1629 of 0.9.2, :2316 of 0.23.0"
NEW = "engine/arg_utils.py:2972 of 0.33.0"
LARGE = "a card of 70 GiB or more that is no A100"
LARGEST = "a card of 160 GiB or more"
LARGE_NEW = "a card of 70 to 160 GiB that is no A100 and no GB10"
OTHER = "any other card, A100-80GB included"
GENERATES = "models that generate text"


def fact(value: Any, when: str, source: str, since: str, until: str | None = None) -> Fact:
    """Return a value, when the option gets it, and where vLLM says so."""
    return {"value": value, "when": when, "since": since, "until": until, "source": source}


FACTS: dict[str, list[Fact]] = {
    "max_num_batched_tokens": [
        fact(16384, LARGEST, NEW, "0.28.0"),
        fact(8192, LARGE_NEW, NEW, "0.28.0"),
        fact(8192, LARGE, OLD, "0.9.2", "0.27.1"),
        fact(2048, OTHER, NEW, "0.9.2"),
    ],
    "max_num_seqs": [
        fact(1024, LARGEST, NEW, "0.28.0"),
        fact(1024, LARGE_NEW, NEW, "0.28.0"),
        fact(1024, LARGE, OLD, "0.9.2", "0.27.1"),
        fact(256, OTHER, NEW, "0.9.2"),
    ],
    "enable_chunked_prefill": [
        fact(True, GENERATES, "engine/arg_utils.py:1579 of 0.9.2, :3048 of 0.33.0", "0.9.2"),
    ],
    "enable_prefix_caching": [
        fact(True, GENERATES, "engine/arg_utils.py:1581 of 0.9.2, :3076 of 0.33.0", "0.9.2"),
    ],
    "async_scheduling": [
        fact(True, "executors and models that allow it", "config/vllm.py:588 of 0.14.1", "0.14.1"),
    ],
}


def text() -> str:
    """Return the table as it stands in the file."""
    blocks = []
    for dest, facts in FACTS.items():
        rows = ",\n".join(f"  {json.dumps(row)}" for row in facts)
        blocks.append(f' "{dest}": [\n{rows}\n ]')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
