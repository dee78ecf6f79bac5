"""Writes schemas/vllint_schemas/data/class_defaults.json: the sizes of parts that configs leave to classes.

    PYTHON_WITH_VLLM scripts/tables/class_defaults.py

Of every composite type of `vllint.models.towers`: `made_up` holds the towers that its class makes where the
config has none. `types` holds the defaults of the towers' classes, and of those text models that
`vllint.models.structures` counts, by model type; what follows from other sizes is left out. Configs that
Transformers saves leave out what is as its class has it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "schemas/vllint_schemas/data/class_defaults.json"
PARTS = ("vision_config", "audio_config")
FOREIGN = frozenset(
    [
        "chunk_size_feed_forward",
        "is_encoder_decoder",
        "output_attentions",
        "output_hidden_states",
        "return_dict",
    ]
)
"""What every class has, and no size follows from."""

FOLLOWED = ("hidden_size", "num_attention_heads", "num_hidden_layers", "d_model", "embed_dim", "vocab_size")
"""Sizes that others may follow from."""


def main() -> None:
    """Write the table."""
    sys.path[:0] = [str(ROOT / "linter"), str(ROOT / "schemas")]
    logging.disable(logging.WARNING)
    for heavy in ("torch", "torchvision", "torchaudio"):
        sys.modules[heavy] = None  # type: ignore[assignment]
    from transformers_configs import transformers_classes, vllm_classes

    from vllint.models.structures import BUILT_TYPES
    from vllint.models.towers import TOWER_TYPES

    classes = dict(transformers_classes() | vllm_classes())
    made_up = {kind: dict(parts_of(classes[kind])) for kind in sorted(TOWER_TYPES) if kind in classes}
    named = {str(part["model_type"]) for parts in made_up.values() for part in parts.values()}
    types = {kind: own_sizes(classes[kind]) for kind in sorted(named | BUILT_TYPES) if kind in classes}
    TARGET.write_text(text({"made_up": made_up, "types": types}), encoding="utf-8")


def text(tables: Mapping[str, Mapping[str, object]]) -> str:
    """Return the tables as JSON, a type to a line."""
    parts = []
    for name, table in tables.items():
        lines = (f'  "{kind}": {json.dumps(found)}' for kind, found in table.items() if found)
        parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def parts_of(config_class: Any) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the towers of a composite that is told nothing, with their types."""
    try:
        instance = config_class()
    except Exception as error:  # noqa: BLE001
        print(f"no defaults of {config_class.__name__}: {error}", file=sys.stderr)
        return
    for key in PARTS:
        part: Any = getattr(instance, key, None)
        if getattr(part, "model_type", None):
            yield key, {"model_type": part.model_type, **sizes(part)}


def own_sizes(config_class: Any) -> dict[str, object]:
    """Return the defaults of a class that stay when other sizes change."""
    kept = sizes(config_class())
    for name in FOLLOWED:
        value = kept.get(name)
        if not isinstance(value, int):
            continue
        try:
            changed = sizes(config_class(**{name: value * 2}))
        except Exception:  # noqa: BLE001, S112
            continue
        kept = {key: size for key, size in kept.items() if key == name or changed.get(key) == size}
    return kept


def sizes(instance: Any) -> dict[str, object]:
    """Return the whole numbers, switches and lists of numbers of a configuration."""

    def is_size(value: object) -> bool:
        if isinstance(value, (list, tuple)):
            return bool(value) and all(isinstance(item, int) for item in value)
        return isinstance(value, (bool, int))

    found = {key: value for key, value in instance.to_dict().items() if is_size(value) and key not in FOREIGN}
    return {key: value for key, value in sorted(found.items()) if not key.endswith("_token_id")}


if __name__ == "__main__":
    main()
