"""Write cases for the real vLLM: configs of every architecture whose configuration class Transformers has.

    python scripts/tables/build_cases.py SHARED/data/models.jsonl REGISTRY.json > CASES.jsonl

Run it with an interpreter that has Transformers. REGISTRY.json is `schemas/vllint_schemas/data/
vllm_architectures.json`. For each architecture and model type there is a config of the class's defaults and
one with the sizes of the most popular model, each in several layouts; `scripts/tables/builds.py` takes the
answers.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from build_names import told_of

_found = importlib.util.find_spec


def _without_torchvision(name: str, *rest: Any) -> Any:
    """Hide torchvision: configurations do not need it, and builds for CPUs may not match."""
    return None if name.partition(".")[0] == "torchvision" else _found(name, *rest)


importlib.util.find_spec = _without_torchvision  # type: ignore[assignment]

from transformers.models.auto import modeling_auto  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: E402

SIZES = (
    "num_attention_heads",
    "num_key_value_heads",
    "num_hidden_layers",
    "hidden_size",
    "intermediate_size",
    "head_dim",
    "vocab_size",
    "moe_intermediate_size",
    "q_lora_rank",
    "kv_lora_rank",
    "qk_nope_head_dim",
    "qk_rope_head_dim",
    "v_head_dim",
    "max_position_embeddings",
    "sliding_window",
    "tie_word_embeddings",
)
"""What a published model's row and its configuration class call by the same name."""

LAYOUTS = (("-tp", "1"), ("-tp", "2"), ("-tp", "4"), ("-pp", "2"))
EXPERTS = ("-tp", "2", "--enable-expert-parallel")
SKIPPED = frozenset({"draft"})
CARD = {"gpus": 8, "gpu_name": "NVIDIA H100 80GB HBM3", "gpu_mem_gib": 5000}


def main(models: Path, registry: Path) -> None:
    """Print the cases, one to a line."""
    published: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in map(json.loads, models.read_text(encoding="utf-8").splitlines()):
        published[row["architecture"], row["model_type"]].append(row)
    kinds = json.loads(registry.read_text(encoding="utf-8"))["kinds"]
    for architecture in sorted(name for name, kind in kinds.items() if kind not in SKIPPED):
        for model_type in sorted(types_of(architecture)):
            known = sorted(published[architecture, model_type], key=lambda row: -(row["hf_downloads"] or 0))
            for name, sizes in [("default", {}), *((row["id"], row) for row in known[:1])]:
                config = config_of(architecture, model_type, sizes)
                if config is not None:
                    print(*cases(f"{architecture}|{model_type}|{name}", config), sep="\n")


def types_of(architecture: str) -> set[str]:
    """Return the model types whose automatic classes name the architecture."""
    found: set[str] = set()
    for name in dir(modeling_auto):
        table = getattr(modeling_auto, name)
        if name.endswith("MAPPING_NAMES") and hasattr(table, "items"):
            for model_type, classes in table.items():
                if architecture in ((classes,) if isinstance(classes, str) else classes):
                    found.add(model_type)
    return found


def config_of(architecture: str, model_type: str, sizes: dict[str, Any]) -> dict[str, Any] | None:
    """Return the `config.json` of the class with some sizes set; `None` where the class refuses them."""
    try:
        configuration = CONFIG_MAPPING[model_type]
        plain = configuration().to_dict()
        text = plain.get("text_config")
        target = text if isinstance(text, dict) else plain
        chosen = {key: sizes[key] for key in SIZES if sizes.get(key) is not None and key in target}
        if isinstance(text, dict) and chosen:
            chosen = {"text_config": {**chosen, "model_type": text.get("model_type")}}
        config = json.loads(json.dumps(configuration(**chosen).to_dict(), default=str))
    except (AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
        print(f"no config: {architecture} {model_type}: {error}", file=sys.stderr)
        return None
    told: dict[str, Any] = told_of(config)
    return {**told, "architectures": [architecture], "dtype": told.get("dtype") or "bfloat16"}


def cases(name: str, config: dict[str, Any]) -> Iterator[str]:
    """Yield a model's cases as lines of JSON."""
    layouts = (*LAYOUTS, EXPERTS) if "expert" in json.dumps(config) else LAYOUTS
    for words in layouts:
        argv = [name, *words, "--skip-tokenizer-init"]
        case = {"id": " ".join([name, *words]), "argv": argv, "config": config, "build": True, **CARD}
        yield json.dumps(case, separators=(",", ":"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
