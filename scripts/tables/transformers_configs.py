"""Write the table of attribute names and defaults of every architecture's configuration class.

    python scripts/tables/transformers_configs.py schemas/vllint_schemas/data/transformers_configs.json

Run it with an interpreter that has transformers. Where vLLM is installed beside it, the configuration
classes that vLLM brings itself are read too (and win, as they do in vLLM); vLLM is not started.
Model code is never imported, torch only by configuration
classes that ask for it. A class may fail in any way; it is left out and named.

Each model type has, where not empty:
`names`     other names of an attribute -> its own name (`attribute_map`)
`defaults`  attribute -> value when config.json is silent
`derived`   attribute -> attribute it equals, or `a//b`, when config.json is silent
`switch`    attribute -> switch that must be true for it to count (`sliding_window`)
`pattern`   default `layer_types`, one period of it
`parts`     sub-configuration -> model type of its class (`?` after it: config.json's own one comes first)
`text`      path of the sub-configuration that holds the text model
`text_defaults` attribute of the text model -> value when config.json has no such part at all, where that is
                not what the part's class says
`text_merged`   true where they count for a part that is there and silent on them, too
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import logging
import sys
import types
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from configuration_attributes import ALSO_DERIVED, ATTRIBUTES, DERIVED_FROM


def main(target: str) -> None:
    """Write the table to `target`."""
    for heavy in ("torch", "torchvision", "torchaudio", "tensorflow", "jax"):
        sys.modules[heavy] = None  # type: ignore[assignment]
    logging.disable(logging.WARNING)
    classes = transformers_classes() | vllm_classes()
    table: dict[str, Any] = {}
    pending = dict(classes)
    while pending:
        model_type, config_class = pending.popitem()
        table[model_type] = describe(config_class)
        also = ALSO_DERIVED.get(model_type)
        if also:
            table[model_type]["derived"] = table[model_type].get("derived", {}) | also
            for name in also:
                table[model_type]["defaults"].pop(name, None)
        for kind, part_class in classes_below(config_class):
            if kind not in table and kind not in pending:
                pending[kind] = part_class
    import transformers

    text = json.dumps(
        {"transformers": transformers.__version__, "model_types": dict(sorted(table.items()))},
        separators=(",", ":"),
        sort_keys=True,
    )
    Path(target).write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")


def transformers_classes() -> dict[str, type]:
    """Return the classes behind `AutoConfig` by model type."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    return {model_type: CONFIG_MAPPING[model_type] for model_type in CONFIG_MAPPING_NAMES}


def vllm_classes() -> dict[str, type]:
    """Return the classes of vLLM's own registry by model type, without importing vLLM itself."""
    found = importlib.util.find_spec("vllm")
    if found is None or found.origin is None:
        return {}
    root = Path(found.origin).parent
    for package in ("vllm", "vllm.transformers_utils", "vllm.models"):
        stand_in = types.ModuleType(package)
        stand_in.__path__ = [str(root.parent.joinpath(*package.split(".")))]
        sys.modules[package] = stand_in
    sys.modules["vllm.logger"] = types.ModuleType("vllm.logger")
    sys.modules["vllm.logger"].init_logger = logging.getLogger  # type: ignore[attr-defined]
    configs = importlib.import_module("vllm.transformers_utils.configs")
    classes: dict[str, type] = {}
    for model_type, name in registry(root / "transformers_utils" / "config.py").items():
        module = configs._CLASS_TO_MODULE.get(name)
        try:
            classes[model_type] = getattr(imported(module), name)
            classes[model_type]()
        except Exception as error:  # noqa: BLE001
            classes.pop(model_type, None)
            print(f"left out: vLLM's {name} for {model_type}: {str(error)[:90]}", file=sys.stderr)
    return classes


def imported(module: str) -> types.ModuleType:
    """Import a module of vLLM's configurations, for the few that ask for it with torch."""
    try:
        return importlib.import_module(module)
    except ImportError:
        for heavy in [name for name, found in sys.modules.items() if found is None]:
            del sys.modules[heavy]
        return importlib.import_module(module)


def registry(source: Path) -> dict[str, str]:
    """Return model type -> class name as written in vLLM's `_CONFIG_REGISTRY`."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_CONFIG_REGISTRY":
            assert isinstance(node.value, ast.Call)
            written: dict[str, str] = {}
            for keyword in node.value.keywords:
                value = ast.literal_eval(keyword.value)
                written.update({keyword.arg: value} if keyword.arg else value)
            return written
    raise LookupError(f"no _CONFIG_REGISTRY in {source}")


def describe(config_class: type) -> dict[str, Any]:
    """Return what the table holds about one configuration class."""
    names = dict(getattr(config_class, "attribute_map", {}))
    parts = parts_of(config_class)
    entry: dict[str, Any] = {
        "names": {other: own for other, own in names.items() if {other, own} & set(ATTRIBUTES)},
        "parts": {key: kind + ("" if fixed is not None else "?") for key, (kind, fixed) in parts.items()},
    }
    try:
        instance = config_class()
    except Exception as error:  # noqa: BLE001
        print(f"no defaults: {config_class.__name__}: {str(error)[:90]!r}", file=sys.stderr)
        return {key: value for key, value in entry.items() if value}
    entry |= defaults_of(config_class, instance, names)
    path = text_path(instance)
    entry["text"] = path
    entry["parts"] = part_of_text(config_class, instance, path) | entry["parts"]
    entry |= text_made_up(config_class, instance, path) if path else {}
    entry["pattern"] = layer_pattern(instance)
    return {key: value for key, value in entry.items() if value}


def defaults_of(config_class: type, instance: Any, names: dict[str, str]) -> dict[str, Any]:
    """Return `defaults`, `derived` and `switch` of a class that has an instance without arguments."""
    raw = raw_defaults(config_class)
    defaults: dict[str, Any] = {}
    derived: dict[str, str] = {}
    switch: dict[str, str] = {}
    for name in sorted({names.get(name, name) for name in ATTRIBUTES}):
        value = read(instance, name)
        if name == "rope_parameters":
            defaults |= {name: None} if hasattr(instance, name) else {}
        elif raw.get(name) is not None and value is None and raw.get(f"use_{name}") is False:
            switch[name] = f"use_{name}"
            defaults[name] = raw[name]
        elif raw.get(name) is None and (rule := derivation(config_class, instance, name)) is not None:
            derived[name] = rule
        elif isinstance(value, (bool, int)) or (value is None and name in raw):
            defaults[name] = value
    defaults |= global_layers(instance)
    if not defaults.get("is_encoder_decoder"):
        defaults.pop("is_encoder_decoder", None)
    return {"defaults": defaults, "derived": derived, "switch": switch}


def global_layers(instance: Any) -> dict[str, Any]:
    """Return the heads of full attention layers where the class gives other layers other ones."""
    if not getattr(instance, "is_heterogeneous", False):
        return {}
    layers, kinds = read(instance, "per_layer_config"), read(instance, "layer_types")
    if not layers or not kinds:
        return {}
    full = [layer for layer, kind in zip(layers, kinds, strict=False) if kind == "full_attention"]
    found: dict[str, Any] = {}
    for name, of_layer in (
        ("global_head_dim", "head_dim"),
        ("num_global_key_value_heads", "num_key_value_heads"),
    ):
        value = read(full[0], of_layer) if full else None
        if isinstance(value, int) and value != read(instance, of_layer):
            found[name] = value
    return found


def part_of_text(config_class: type, instance: Any, path: str) -> dict[str, str]:
    """Return the text model's part and its type, for classes that take their parts undeclared."""
    if path not in inspect.signature(config_class).parameters:
        return {}
    kind = getattr(read(instance, path), "model_type", "")
    return {path: f"{kind}?"} if kind else {}


def text_defaults(instance: Any) -> dict[str, Any]:
    """Return where the text model that a class makes up differs from the text model's own class."""
    text = instance.get_text_config()
    try:
        own = type(text)()
    except Exception:  # noqa: BLE001
        return {}
    names = getattr(type(text), "attribute_map", {})
    found: dict[str, Any] = {}
    for name in sorted({names.get(name, name) for name in ATTRIBUTES}):
        value = read(text, name)
        follows = derivation(type(text), own, name) is not None
        if isinstance(value, (bool, int)) and (follows or value != read(own, name)):
            found[name] = value
    # What merely follows the text class's own sizes says nothing.
    return found if any(found[name] != read(own, name) for name in found) else {}


def text_made_up(config_class: type, instance: Any, path: str) -> dict[str, Any]:
    """Return `text_defaults` and `text_merged`; what merely follows from sizes is not merged."""
    made_up = text_defaults(instance)
    text = instance.get_text_config()
    part = {"model_type": getattr(text, "model_type", ""), "max_window_layers": 3}
    wide = {"hidden_size": (read(text, "hidden_size") or 0) * 8}
    try:
        given = config_class(**{path: dict(part)}).get_text_config()
        wider = config_class(**{path: part | wide}).get_text_config()
    except Exception:  # noqa: BLE001
        return {"text_defaults": made_up}
    if not made_up or any(read(given, name) != value for name, value in made_up.items()):
        return {"text_defaults": made_up}
    fixed = {name: value for name, value in made_up.items() if name in wide or read(wider, name) == value}
    return {"text_defaults": fixed, "text_merged": True}


def raw_defaults(config_class: type) -> dict[str, Any]:
    """Return the defaults as written, before the class fills in anything."""
    if not is_dataclass(config_class):
        return {}
    return {f.name: f.default for f in fields(config_class) if f.default is not MISSING}


def derivation(config_class: type, instance: Any, name: str) -> str | None:
    """Return the attribute, or quotient of two, that `name` follows when both change."""
    value = read(instance, name)
    if not isinstance(value, int) or isinstance(value, bool) or not value:
        return None
    base = {other: read(instance, other) for other in DERIVED_FROM}
    if not all(isinstance(number, int) and number for number in base.values()):
        return None
    try:
        changed = config_class(
            num_attention_heads=base["num_attention_heads"] * 2,
            hidden_size=base["hidden_size"] * 8,
            num_hidden_layers=base["num_hidden_layers"],
        )
    except Exception:  # noqa: BLE001
        return None
    after = read(changed, name)
    if name in DERIVED_FROM:
        return None
    if value == base["num_attention_heads"] and after == value * 2:
        return "num_attention_heads"
    if value == base["hidden_size"] // base["num_attention_heads"] and after == value * 4:
        return "hidden_size//num_attention_heads"
    if value == base["hidden_size"] and after == value * 8:
        return "hidden_size"
    if value == base["hidden_size"] * 4 and after == value * 8:
        return "hidden_size*4"
    return None


def read(instance: Any, name: str) -> Any:
    """Return an attribute, `None` if the class refuses to answer."""
    try:
        if getattr(instance, "is_heterogeneous", False):
            instance.allow_global_per_layer_attribute_access = True
        return getattr(instance, name, None)
    except Exception:  # noqa: BLE001
        return None


def parts_of(config_class: type) -> dict[str, tuple[str, type | None]]:
    """Return sub-configuration -> (model type, class; `None` for the class of its own model type)."""
    parts: dict[str, tuple[str, type | None]] = {}
    for key, specification in getattr(config_class, "sub_configs_defaults", {}).items():
        part_class = specification.config_class
        fixed = hasattr(part_class, "attribute_map")
        kind = part_class.model_type if fixed else specification.model_type
        parts[key] = (kind or "", part_class if fixed else None)
    for key, part_class in (getattr(config_class, "sub_configs", None) or {}).items():
        if key not in parts and hasattr(part_class, "attribute_map"):
            parts[key] = (part_class.model_type, part_class)
    return parts


def classes_below(config_class: type) -> Iterator[tuple[str, type]]:
    """Yield the model types and the classes of a class's parts, its text model's among them."""
    for kind, part_class in parts_of(config_class).values():
        if kind and part_class is not None:
            yield kind, part_class
    try:
        text = type(config_class().get_text_config())
    except Exception:  # noqa: BLE001
        return
    kind = getattr(text, "model_type", "")
    if kind and text is not config_class:
        yield kind, text


def text_path(instance: Any) -> str:
    """Return where the text configuration is kept; empty when it is the whole."""
    try:
        text = instance.get_text_config()
    except Exception:  # noqa: BLE001
        return ""
    if text is instance:
        return ""
    for key, value in vars(instance).items():
        if value is text:
            return str(key)
        for inner, below in vars(value).items() if hasattr(value, "get_text_config") else ():
            if below is text:
                return f"{key}.{inner}"
    return ""


def layer_pattern(instance: Any) -> list[str]:
    """Return the shortest period of the default `layer_types`; empty when there is none."""
    kinds = read(instance, "layer_types")
    if not isinstance(kinds, (list, tuple)) or not kinds:
        return []
    for period in range(1, len(kinds) // 2 + 1):
        if all(kind == kinds[place % period] for place, kind in enumerate(kinds)):
            return list(kinds[:period])
    return list(kinds)


if __name__ == "__main__":
    main(sys.argv[1])
