"""Writes commands for every architecture of vLLM's registry, for the real vLLM to judge, as lines of JSON.

    python benchmarks/default_configs.py schemas/vllint_schemas/data/vllm_architectures.json > cases.jsonl

Run it with an interpreter that has vLLM and its transformers. The configs are made from the configuration
classes: `silent` names only the architecture and the type, so that all defaults count; `full` writes all of
them out; `changed` gives the text model other sizes, also on two cards. `benchmarks/facts.py` compares what
vLLM resolves from them with vllint's facts.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SIZES = {
    "num_hidden_layers": 8,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "vocab_size": 50_000,
}
"""Of a changed text model."""

CARD = {"gpus": 16, "gpu_name": "NVIDIA H100 80GB HBM3", "gpu_mem_gib": 79.19, "capability": [9, 0]}


def types_of_transformers() -> dict[str, set[str]]:
    """Return architecture -> model types, as transformers' tables pair them."""
    from transformers.models.auto import modeling_auto

    types: dict[str, set[str]] = {}
    for name in dir(modeling_auto):
        if not name.endswith("_MAPPING_NAMES"):
            continue
        for model_type, classes in getattr(modeling_auto, name).items():
            for architecture in classes if isinstance(classes, (list, tuple)) else (classes,):
                types.setdefault(architecture, set()).add(model_type)
    return types


def types_of_vllm(architectures: set[str]) -> dict[str, set[str]]:
    """Return architecture -> model types of the configuration classes that its module names."""
    models = VLLM / "model_executor" / "models"
    registry = (models / "registry.py").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for architecture, module in re.findall(r'"(\w+)":\s*\(\s*"([\w.]+)"', registry):
        source = models / f"{module}.py"
        if architecture not in architectures or not source.is_file():
            continue
        named = set(re.findall(r"config: (\w+Config)\b", source.read_text(encoding="utf-8")))
        found[architecture] = {kind for name in named for kind in CLASSES.get(name, ())}
    return found


def config_classes() -> dict[str, Any]:
    """Return the configuration classes by model type: transformers', and above them vLLM's."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "tables"))
    table = importlib.import_module("transformers_configs")
    return dict(table.transformers_classes() | table.vllm_classes())


def configs(architecture: str, model_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and the contents of the configs."""
    head = {"architectures": [architecture], "model_type": model_type}
    yield "silent", head | {"dtype": "bfloat16"}
    try:
        instance = ALL[model_type]()
        full = json.loads(json.dumps(instance.to_dict(), default=str))
    except Exception as error:  # noqa: BLE001
        print(f"no defaults of {model_type}: {str(error)[:90]!r}", file=sys.stderr)
        return
    yield "full", full | head | {"dtype": "bfloat16"}
    changed = changed_sizes(instance)
    if changed is not None:
        yield "changed", changed | head | {"dtype": "bfloat16"}


def changed_sizes(instance: Any) -> dict[str, Any] | None:
    """Return what a config writes that has other sizes than its class; `None` where it has no such sizes."""
    try:
        text = instance.get_text_config()
    except Exception:  # noqa: BLE001
        return None
    names = getattr(type(text), "attribute_map", {})
    wanted = {names.get(name, name): size for name, size in SIZES.items() if has(text, names.get(name, name))}
    if text is instance:
        return wanted
    for key, value in vars(instance).items():
        if value is text:
            return {key: copy.copy(wanted)}
        if hasattr(value, "get_text_config"):
            inner = next((name for name, below in vars(value).items() if below is text), None)
            if inner is not None:
                return {key: {inner: copy.copy(wanted)}}
    return None


def has(config: Any, name: str) -> bool:
    """Whether a configuration has the attribute, and tells what it is."""
    try:
        return hasattr(config, name)
    except Exception:  # noqa: BLE001
        return False


def cases(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the commands."""
    architectures = set(table["kinds"])
    of_transformers, of_vllm = types_of_transformers(), types_of_vllm(architectures)
    for architecture in sorted(architectures):
        types = of_transformers.get(architecture) or of_vllm.get(architecture) or set()
        for model_type in sorted(kind for kind in types if kind in ALL):
            for kind, config in configs(architecture, model_type):
                for tensor in (1, 2) if kind == "changed" else (1,):
                    name = f"{architecture}|{model_type}|{kind}|tp{tensor}"
                    argv = ["vllm", "serve", f"{model_type}/{architecture}", "-tp", str(tensor)]
                    yield {"id": name, "argv": argv, "config": config, "build": True, "mem": {}, **CARD}


logging.disable(logging.WARNING)
for _heavy in ("torch", "torchvision", "torchaudio"):
    sys.modules[_heavy] = None  # type: ignore[assignment]
_spec = importlib.util.find_spec("vllm")
assert _spec is not None and _spec.origin is not None
VLLM = Path(_spec.origin).parent
ALL = config_classes()
CLASSES: dict[str, set[str]] = {}
for _kind, _class in ALL.items():
    CLASSES.setdefault(getattr(_class, "__name__", ""), set()).add(_kind)

if __name__ == "__main__":
    for case in cases(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))):
        print(json.dumps(case))
