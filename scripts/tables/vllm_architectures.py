"""Write the table of the architectures that vLLM can build, with the traits it plans by.

    python scripts/tables/vllm_architectures.py SITE_PACKAGES/vllm VERSION \
        schemas/vllint_schemas/data/vllm_architectures.json

Reads vLLM's sources, imports nothing: the registry's dictionaries, and the base classes and decorators
of the classes they name (what `_ModelInfo.from_model_cls` asks the classes themselves).
`kinds`: architecture -> first registry it stands in, of `KINDS`. A trait lists the architectures with it.
`latent_attention_model_types`: text model types whose `kv_lora_rank` makes vLLM use latent attention.
`removed`: architecture -> last release that had it. `plugins`: architecture -> where to get it.
`of_types`: model type -> the architecture of configs of the type that name none.
`in_transformers`: those of them for which Transformers, installed beside vLLM, has a class.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

KINDS = {
    "_TEXT_GENERATION_MODELS": "generate",
    "_MULTIMODAL_MODELS": "multimodal",
    "_EMBEDDING_MODELS": "embed",
    "_LATE_INTERACTION_MODELS": "embed",
    "_REWARD_MODELS": "reward",
    "_TOKEN_CLASSIFICATION_MODELS": "classify",
    "_SEQUENCE_CLASSIFICATION_MODELS": "classify",
    "_SPECULATIVE_DECODING_MODELS": "draft",
    "_TRANSFORMERS_SUPPORTED_MODELS": "transformers",
    "_TRANSFORMERS_BACKEND_MODELS": "transformers",
}
TRAITS = {
    "pipeline_parallel": "SupportsPP",
    "hybrid": "IsHybrid",
    "attention_free": "IsAttentionFree",
    "multimodal": "SupportsMultiModal",
    "lora": "SupportsLoRA",
    "replayssm": "SupportsReplaySSM",
}


ADAPTERS = frozenset({"as_embedding_model", "as_seq_cls_model"})
"""Functions that make a pooling class, a subclass of the one they are given."""


@dataclass(frozen=True)
class Module:
    """A source file: its classes, imported name -> (file, name there), and what is adapted -> its class."""

    classes: dict[str, ast.ClassDef]
    imported: dict[str, tuple[Path, str]]
    adapted: dict[str, str]


def main(package: str, version: str, target: str) -> None:
    """Write the table of the vLLM sources in `package` to `target`."""
    root = Path(package)
    models = root / "model_executor" / "models"
    dictionaries = registry(models / "registry.py")
    kinds: dict[str, str] = {}
    traits: dict[str, list[str]] = {trait: [] for trait in (*TRAITS, "encoder_only", "pooling")}
    for dictionary, kind in KINDS.items():
        for architecture, (module, class_name) in dictionaries[dictionary].items():
            if architecture in kinds:
                continue
            kinds[architecture] = kind
            source = locate(root, module if module.startswith("vllm.") else f".{module}", models)
            marks = ancestry(root, source, class_name) if source else frozenset()
            for trait, marker in TRAITS.items():
                if marker in marks:
                    traits[trait].append(architecture)
            if {"@encoder_only", "@CLS"} & marks:
                traits["encoder_only"].append(architecture)
            if {"@pooling", "VllmModelForPooling"} & marks:
                traits["pooling"].append(architecture)
    table = {
        "vllm": version,
        "kinds": dict(sorted(kinds.items())),
        "removed": dictionaries["_PREVIOUSLY_SUPPORTED_MODELS"],
        "plugins": dictionaries["_OOT_SUPPORTED_MODELS"],
        "in_transformers": in_transformers(
            root.parent / "transformers",
            {*dictionaries["_PREVIOUSLY_SUPPORTED_MODELS"], *dictionaries["_OOT_SUPPORTED_MODELS"]},
        ),
        "of_types": of_types(root.parent / "transformers", frozenset(kinds)),
        "latent_attention_model_types": latent_attention_model_types(root),
        **{trait: sorted(names) for trait, names in traits.items()},
    }
    Path(target).write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def in_transformers(package: Path, architectures: set[str]) -> list[str]:
    """Return those of the architectures that Transformers has a class for; vLLM falls back on it."""
    tables = (package / "models" / "auto" / "modeling_auto.py").read_text(encoding="utf-8")
    return sorted(name for name in architectures if f'"{name}"' in tables)


def of_types(package: Path, kinds: frozenset[str]) -> dict[str, str]:
    """Return the bare class of each model type that vLLM builds, by itself or by its generator."""
    tree = ast.parse((package / "models" / "auto" / "modeling_auto.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODEL_MAPPING_NAMES":
            assert isinstance(node.value, ast.Call)
            named = dict(ast.literal_eval(node.value.args[0]))
            built = kinds | {kind.removesuffix("ForCausalLM") + "Model" for kind in kinds}
            return {kind: name for kind, name in sorted(named.items()) if name in built}
    raise LookupError("no MODEL_MAPPING_NAMES in modeling_auto.py")


def registry(source: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """Return the registry's dictionaries by name; computed entries (aliases of one class) are dropped."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            found[ast.unparse(node.targets[0])] = {
                ast.literal_eval(key): ast.literal_eval(value)
                for key, value in zip(node.value.keys, node.value.values, strict=True)
                if key is not None
            }
    return found


def latent_attention_model_types(root: Path) -> list[str]:
    """Return the text model types that `is_deepseek_mla` compares with."""
    source = root / "transformers_utils" / "model_arch_config_convertor.py"
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "is_deepseek_mla":
            listed = [below for below in ast.walk(node) if isinstance(below, ast.Tuple)]
            return sorted(ast.literal_eval(max(listed, key=lambda found: len(found.elts))))
    raise LookupError(f"no is_deepseek_mla in {source}")


def ancestry(root: Path, source: Path, class_name: str) -> frozenset[str]:
    """Return the names of a class and all it inherits from, with `@` marks for decorators and flags."""
    return _ancestry(root, source, class_name, ())


def _ancestry(root: Path, source: Path, class_name: str, seen: tuple[str, ...]) -> frozenset[str]:
    module = read_module(root, source)
    if class_name in seen:
        return frozenset()
    if class_name in module.imported:
        return _ancestry(root, *module.imported[class_name], (*seen, class_name + "'"))
    if class_name in module.adapted:
        return _ancestry(root, source, module.adapted[class_name], (*seen, class_name)) | {"@pooling"}
    definition = module.classes.get(class_name)
    marks = {class_name}
    if definition is None:
        return frozenset(marks)
    for decorator in map(ast.unparse, definition.decorator_list):
        if decorator.startswith("attn_type(") and "encoder_only" in decorator:
            marks.add("@encoder_only")
        if decorator.startswith("default_pooling_type(") and "seq_pooling_type='CLS'" in decorator:
            marks.add("@CLS")
    if any(ast.unparse(line) == "is_pooling_model = True" for line in definition.body):
        marks.add("@pooling")
    for base in definition.bases:
        name = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
        marks |= _ancestry(root, source, name, (*seen, class_name))
    return frozenset(marks)


@cache
def read_module(root: Path, source: Path) -> Module:
    """Return the classes and the imports of a source file; of several alternatives the last counts."""
    classes: dict[str, ast.ClassDef] = {}
    imported: dict[str, tuple[Path, str]] = {}
    adapted: dict[str, str] = {}
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            classes[node.name] = node
        if isinstance(node, ast.Assign) and _is_adapted(node.value):
            adapted[ast.unparse(node.targets[0])] = ast.unparse(node.value.args[0])
        if isinstance(node, ast.ImportFrom):
            written = "." * node.level + (node.module or "")
            for alias in node.names:
                file = locate(root, written, source.parent) if written.startswith((".", "vllm")) else None
                if file is not None:
                    imported[alias.asname or alias.name] = (file, alias.name)
    outside = {name: where for name, where in imported.items() if name not in classes}
    return Module(classes, outside, adapted)


def _is_adapted(value: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ADAPTERS


def locate(root: Path, module: str, folder: Path) -> Path | None:
    """Return the file of a module written absolutely (`vllm.x`) or relative to `folder` (`.x`)."""
    if module.startswith("vllm."):
        base, parts = root, module.split(".")[1:]
    else:
        dots = len(module) - len(module.lstrip("."))
        base = folder
        for _ in range(dots - 1):
            base = base.parent
        parts = module.lstrip(".").split(".")
    path = base.joinpath(*parts)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
