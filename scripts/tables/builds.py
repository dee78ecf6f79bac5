"""Write what the real vLLM builds of configs, from the oracle's cases and its answers to them.

    python scripts/tables/builds.py CASES.jsonl ANSWERS.jsonl ... > tests/models/data/builds.jsonl

A case is a line for the oracle (`id`, `argv` with the model's name first, `config`, `build`), an answer the
line it printed. Cases of one model are gathered; those that were not built are left out and named.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NOT_LAYOUT = "--skip-tokenizer-init"


def main(paths: list[str]) -> None:
    """Print the models in order, one to a line."""
    models: dict[str, dict[str, Any]] = {}
    for cases, answers in zip(paths[::2], paths[1::2], strict=True):
        asked = {case["id"]: case for case in read(cases)}
        for answer in read(answers):
            build = built(asked[answer["id"]], answer)
            if build is None:
                print(f"not built: {answer['id']}: {answer.get('error')}", file=sys.stderr)
                continue
            case = asked[answer["id"]]
            name = case["argv"][0]
            row = models.setdefault(name, {"id": name, "config": case["config"], "builds": []})
            row["builds"].append(build)
    for _, row in sorted(models.items()):
        print(json.dumps(row, separators=(",", ":")))


def read(path: str) -> list[dict[str, Any]]:
    """Return the objects of a file, one to a line."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def built(case: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the layout of a case with each rank's bytes and KV cache."""
    ranks = (answer.get("build") or {}).get("ranks")
    if not answer["ok"] or not ranks:
        return None
    cache = {name: rank.get("kv_needed_for_max_len_gib") for name, rank in ranks.items()}
    return {
        "arguments": [word for word in case["argv"][1:] if word != NOT_LAYOUT],
        "quantized": bool(answer["resolved"].get("quantization")),
        "bytes": {name: rank["param_bytes"] for name, rank in ranks.items()},
        "kv_gib": {name: gib for name, gib in cache.items() if gib},
    }


if __name__ == "__main__":
    main(sys.argv[1:])
