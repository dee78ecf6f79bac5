"""Write what the real vLLM builds of configs, from the oracle's cases and its answers to them.

    python scripts/tables/builds.py [--keep BUILDS.jsonl] [--configs CONFIGS.jsonl ...] \
        CASES.jsonl ANSWERS.jsonl ... > tests/models/data/builds.jsonl

A case is a line for the oracle (`id`, `argv` with the model's name first, `config` or `config_id`, `build`;
`scripts/tables/build_cases.py` makes them), an answer the line it printed. Cases of one model are gathered;
those that were not built are left out and named. All that were built are kept, whether vllint agrees or not:
where it does not, `tests/models/data/builds_residue.json` says why. `--keep` takes over the models of an
earlier table that are not asked anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from build_names import told_of

NOT_LAYOUT = "--skip-tokenizer-init"


def main() -> None:
    """Print the models in order, one to a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="*", help="cases and their answers, in turn")
    parser.add_argument("--configs", nargs="*", default=[])
    parser.add_argument("--keep")
    options = parser.parse_args()
    configs = {row["config_id"]: row["config"] for path in options.configs for row in read(path)}
    models = asked_anew(options.files, configs)
    kept = read(options.keep) if options.keep else []
    for row in [*kept, *models.values()]:
        models.setdefault(row["id"], row)
    for _, row in sorted(models.items()):
        print(json.dumps(row, separators=(",", ":")))


def asked_anew(files: list[str], configs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the models that were built, by name."""
    models: dict[str, dict[str, Any]] = {}
    for cases, answers in zip(files[::2], files[1::2], strict=True):
        asked = {case["id"]: case for case in read(cases)}
        for answer in read(answers):
            case = asked[answer["id"]]
            build = built(case, answer)
            if build is None:
                print(f"not built: {answer['id']}: {str(answer.get('error'))[:200]}", file=sys.stderr)
                continue
            name = case.get("config_id") or case["argv"][0]
            config = told_of(case.get("config") or configs[name])
            models.setdefault(name, {"id": name, "config": config, "builds": []})["builds"].append(build)
    return models


def read(path: str) -> Iterable[dict[str, Any]]:
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
    main()
