"""Write the table of the configuration classes that options read as JSON.

    python scripts/tables/config_classes.py --vllm-source PATH/OF/vllm --release 0.33.0

Reads a release's source and never imports it. Writes `schemas/vllint_schemas/data/config_classes.json`:
for each release the class that each option is read as, whether by the parser or when the configuration is
built, the fields of these classes, and the checks that a class makes of its own values.

A field's `type` lists what it may be: `bool`, `int`, `float`, `str`, `none`, `any` (not judged),
`["literal", ...]`, `["enum", {name: value}, is whole number]`, `["list", types]`, `["tuple", types, ...]`,
`["dict", key types, value types]`, `["class", name]`. `fold` says how names are folded before they are looked
up, `upper` with a crash for those that are not there; `also` is what is taken beyond the type. Where a
validator changes the value in a way that is not understood, the type is `any`.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config_checks import CHECKS
from vllm_options import Options, options_of
from vllm_source import BUILTIN_HINTS, TRANSPARENT, ClassReference, FieldDefinition, Module, Source

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/config_classes.json"

BUILT = {"--speculative-config": ("vllm.config.speculative", "SpeculativeConfig")}
"""Options that the parser reads as any JSON, and the class that is then made of it."""

QUANT_KEYS, SHORTHANDS = "QUANT_KEY_NAMES", "_ONLINE_SHORTHANDS"
TYPED: dict[str, list[Any]] = {
    "--limit-mm-per-prompt": [["dict", ["str"], ["int", ["dict", ["str"], ["int"]]]]],
}
"""Options whose type is a class that makes its own checks, and what it takes (`config/multimodal.py`)."""

LOOKED_UP: dict[str, tuple[str, str]] = {
    "QuantSpec.weight": (QUANT_KEYS, ""),
    "QuantSpec.activation": (QUANT_KEYS, ""),
    "QuantizationConfigArgs.linear": (QUANT_KEYS, "linear"),
    "QuantizationConfigArgs.moe": (QUANT_KEYS, "moe"),
    "QuantizationConfigArgs.targets": (SHORTHANDS, ""),
}
"""Fields whose validators look texts up in a dictionary of their module, and the field a shorthand needs."""

BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length")
FOLDS = {
    "[value.upper()]": "upper",
    "[mode_name]": "upper-or-refused",
    "value.lower().replace('-', '_')": "dashes",
    "value.replace(' ', '').split(',')": "list",
    "return PassConfig(**value)": "",
}
"""What validators that run first do with a text, by what stands in them."""

NOT_JSON = {"Callable", "SupportsHash"}
"""Types that no JSON makes."""

NAMES = {"Any": "any", "Path": "str", "object": "any"}
Record = dict[str, Any]


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the table of configuration classes.")
    parser.add_argument("--vllm-source", type=Path, required=True, help="the package's folder of a release")
    parser.add_argument("--release", required=True, help="which release that is")
    given = parser.parse_args()
    source = Source(given.vllm_source)
    TARGET.write_text(with_release(source, given.release, options_of(source)), encoding="utf-8")


def with_release(source: Source, release: str, options: Options) -> str:
    """Return the committed table with a release's classes; `options` are those that its parser has."""
    table = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else {}
    table[release] = _of_release(source, options)
    order = sorted(table, key=lambda name: tuple(int(number) for number in re.findall(r"\d+", name)))
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {_lines(table[name])}" for name in order) + "\n}\n"


def _lines(record: Record) -> str:
    classes = ",\n".join(
        f"   {json.dumps(name)}: {{\n"
        + ",\n".join(f"    {json.dumps(field)}: {json.dumps(made)}" for field, made in fields.items())
        + "\n   }"
        for name, fields in record["classes"].items()
    )
    checks = ",\n".join(f"   {json.dumps(check)}" for check in record["checks"])
    options, types = json.dumps(record["options"]), json.dumps(record["types"])
    return (
        f'{{\n  "options": {options},\n  "types": {types},\n  "classes": {{\n{classes}\n  }},\n'
        f'  "checks": [\n{checks}\n  ]\n }}'
    )


def _of_release(source: Source, read: Options) -> Record:
    named = read.classes
    options = {
        flag: [found.name, "parse" if is_parsed else "config"] for flag, (found, is_parsed) in named.items()
    }
    pending = [found for found, _ in named.values()]
    for flag, (module_name, name) in BUILT.items():
        module = source.module(module_name)
        node = module.names.get(name) if module else None
        if module is not None and isinstance(node, ast.ClassDef):
            options[flag] = [name, "config"]
            pending.append(ClassReference(module, node))
    classes: dict[str, Record] = {}
    while pending:
        found = pending.pop()
        if found.name not in classes:
            reader = _Reader(source)
            classes[found.name] = reader.fields_of(found)
            pending += reader.nested + _looked_up_classes(found)
    checks = [check for check in CHECKS if check["class"] in classes and _is_made(source, check)]
    types = TYPED | {
        flag: _Reader(source).types(*annotation)
        for flag, annotation in sorted(read.annotations.items())
        if flag not in options and flag not in TYPED
    }
    return {
        "options": dict(sorted(options.items())),
        "types": types,
        "classes": dict(sorted(classes.items())),
        "checks": checks,
    }


def _looked_up_classes(found: ClassReference) -> list[ClassReference]:
    node = found.module.names.get("QuantSpec") if found.name == "QuantizationConfigArgs" else None
    return [ClassReference(found.module, node)] if isinstance(node, ast.ClassDef) else []


def _is_made(source: Source, check: Record) -> bool:
    """Whether the release's source still says what the check says."""
    path = source.folder / check["source"].partition(":")[0]
    return path.is_file() and check["said"] in path.read_text(encoding="utf-8")


class _Reader:
    """Reads the fields of one class, and notes which other classes they hold."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nested: list[ClassReference] = []
        self.refuses_names = False

    def fields_of(self, found: ClassReference) -> Record:
        validators = list(_validators(self.source, found))
        return {
            name: made | self._looked_up(found, name)
            for name, field in self.source.fields(found).items()
            if (made := self._field(name, field, validators)) is not None
        }

    def _connectors(self) -> list[str]:
        """Return the KV connectors that are registered by name."""
        path = self.source.folder / "distributed/kv_transfer/kv_connector/factory.py"
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        return [
            str(_constant(node.args[0]))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(".register_connector")
            and node.args
        ]

    def _looked_up(self, found: ClassReference, name: str) -> Record:
        """Return the type of a field whose texts are looked up, if it is one."""
        if f"{found.name}.{name}" == "KVTransferConfig.kv_connector":
            return {"registered": self._connectors()}
        if f"{found.name}.{name}" == "AttentionConfig.backend_per_kind":
            return {"type": [["dict", [["literal", *self._cache_kinds()]], ["str"]]]}
        where, needed = LOOKED_UP.get(f"{found.name}.{name}", ("", ""))
        listed = found.module.names.get(where)
        shorthands = found.module.names.get(SHORTHANDS)
        if not isinstance(listed, ast.Assign | ast.AnnAssign) or not isinstance(shorthands, ast.AnnAssign):
            return {}
        names = _keys(listed.value)
        if where == SHORTHANDS:
            return {"type": [["dict", ["str"], [["literal", *names]]], "none"]}
        if not needed:
            return {"type": [["literal", *names], "none"]}
        whole = _keys(shorthands.value, needed)
        without = set(_keys(shorthands.value)) - set(whole)
        spelled = [one for one in dict.fromkeys([*names, *whole]) if one not in without]
        return {"type": [["class", "QuantSpec"], ["literal", *spelled], "none"]}

    def _cache_kinds(self) -> list[str]:
        """Return the kinds of layers that the KV cache tells apart."""
        module = self.source.module("vllm.v1.kv_cache_interface")
        node = module.names.get("KVCacheSpecKind") if module else None
        if module is None or not isinstance(node, ast.ClassDef):
            return []
        kinds = self._class(ClassReference(module, node))[0]
        return [str(value) for value in kinds[1].values()] if isinstance(kinds, list) else []

    def _field(self, name: str, field: FieldDefinition, validators: list[ast.FunctionDef]) -> Record | None:
        """Return what is known of a field; nothing for one that cannot be given."""
        keywords = _keywords(field.default)
        if _constant(keywords.get("init")) is False:
            return None
        self.refuses_names = False
        record: Record = {"type": self.types(field.module, field.annotation)}
        default = keywords.get("default", field.default if not keywords else None)
        if default is None and "default_factory" not in keywords:
            record["required"] = True
        elif isinstance(default, ast.Constant):
            record["default"] = default.value
        record |= {key: _number(node) for key, node in keywords.items() if key in BOUNDS}
        for validator in validators:
            if name in _validated(validator) or "*" in _validated(validator):
                _heed(record, validator)
        if record.get("fold") == "upper" and self.refuses_names:
            record["fold"] = "upper-or-refused"
        return _without_values(record) if str(record.get("fold")).startswith("upper") else record

    def types(self, module: Module, node: ast.expr) -> list[Any]:
        """Return the alternatives of an annotation."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return ["none"]
            return self.types(module, ast.parse(str(node.value), mode="eval").body)
        if isinstance(node, ast.BinOp):
            return [*self.types(module, node.left), *self.types(module, node.right)]
        if isinstance(node, ast.Subscript):
            return self._subscripted(module, node)
        name = ast.unparse(node).rpartition(".")[2]
        if name in NOT_JSON:
            return []
        if name in NAMES:
            return [NAMES[name]]
        if name in BUILTIN_HINTS and name not in module.names:
            return [_bare(BUILTIN_HINTS[name])]
        return self._named(module, node)

    def _subscripted(self, module: Module, node: ast.Subscript) -> list[Any]:
        outer = ast.unparse(node.value).rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "Literal":
            hints = self.source.hints(module, node)
            return [["literal", *value.values] for value in hints]
        if outer == "Optional":
            return [*self.types(module, inner[0]), "none"]
        if outer == "Union":
            return [kind for part in inner for kind in self.types(module, part)]
        if outer in TRANSPARENT:
            plain = outer != "SkipValidation" and "GetPydanticSchema" not in ast.unparse(node)
            return self.types(module, inner[0]) if plain else ["any"]
        if outer in NOT_JSON:
            return []
        name = BUILTIN_HINTS.get(outer, "other")
        if name in {"list", "set"}:
            return [["list", self.types(module, inner[0])]]
        if name == "tuple":
            return (
                ["any"]
                if len(inner) == 2 and _constant(inner[1]) is ...
                else [["tuple", *(self.types(module, part) for part in inner)]]
            )
        if name == "dict" and len(inner) == 2:
            return [["dict", self.types(module, inner[0]), self.types(module, inner[1])]]
        return ["any"]

    def _named(self, module: Module, node: ast.expr) -> list[Any]:
        found = self.source.object_named(module, node)
        if found is None or isinstance(found, Module):
            return ["any"]
        home, definition = found
        if isinstance(definition, ast.ClassDef):
            return self._class(ClassReference(home, definition))
        value = getattr(definition, "value", None)
        return self.types(home, value) if isinstance(value, ast.expr) else ["any"]

    def _class(self, found: ClassReference) -> list[Any]:
        if self.source.class_kind(found) == "dataclass":
            self.nested.append(found)
            return [["class", found.name]]
        bases = {ast.unparse(base).rpartition(".")[2] for base in found.node.bases}
        if not bases & {"Enum", "IntEnum", "StrEnum"}:
            return ["any"]
        self.refuses_names |= any(word.arg == "metaclass" for word in found.node.keywords)
        members: Record = {}
        for statement in found.node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                value = statement.value
                members[statement.targets[0].id] = value.value if isinstance(value, ast.Constant) else None
        return [["enum", members, bool(bases & {"int", "IntEnum"})]]


def _keys(node: ast.expr | None, keyword: str = "") -> list[str]:
    """Return a dictionary's keys; with `keyword`, those whose value is a call that has it."""
    if not isinstance(node, ast.Dict):
        return []
    return [
        str(_constant(key))
        for key, value in zip(node.keys, node.values, strict=True)
        if not keyword or (isinstance(value, ast.Call) and keyword in {word.arg for word in value.keywords})
    ]


def _without_values(record: Record) -> Record:
    """Leave the texts out that an enumeration stands for, where texts are taken for its names."""
    types = [
        [
            kind[0],
            {name: None if isinstance(value, str) else value for name, value in kind[1].items()},
            kind[2],
        ]
        if isinstance(kind, list) and kind[0] == "enum"
        else kind
        for kind in record["type"]
    ]
    return record | {"type": types}


def _bare(name: str) -> Any:
    return {"dict": ["dict", ["any"], ["any"]], "list": ["list", ["any"]], "set": ["list", ["any"]]}.get(
        name, name if name in {"none", "bool", "int", "float", "str"} else "any"
    )


def _constant(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _number(node: ast.expr) -> Any:
    return ast.literal_eval(node)


def _keywords(node: ast.expr | None) -> dict[str, ast.expr]:
    """Return what a default says that is a call of `Field` or `field`."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] not in {"Field", "field"}:
        return {}
    named = {word.arg: word.value for word in node.keywords if word.arg is not None}
    return {"default": node.args[0], **named} if node.args else named


def _validators(source: Source, found: ClassReference) -> Iterator[ast.FunctionDef]:
    for base in source.bases(found):
        yield from _validators(source, base)
    for node in found.node.body:
        if isinstance(node, ast.FunctionDef) and _validated(node):
            yield node


def _validated(node: ast.FunctionDef) -> list[Any]:
    """Return the fields that a method validates."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "field_validator":
            return [_constant(name) for name in decorator.args]
    return []


def _heed(record: Record, validator: ast.FunctionDef) -> None:
    """Note in a field's record what a validator of the field takes beyond its type."""
    body = ast.unparse(validator)
    if "mode='wrap'" in body and "if value is None:\n        return value" in body:
        record["type"] = [*record["type"], "none"]
    elif "mode='before'" in body or "mode='wrap'" in body:
        fold = next((how for text, how in FOLDS.items() if text in body), None)
        if "if not isinstance(value, dict):\n        return value" in body:
            record["type"] = [["dict", ["str"], ["any"]]]
        elif fold is None:
            record["type"] = ["any"]
        elif fold:
            record["fold"] = fold
        if "value.lower() == 'auto'" in body:
            record["also"] = ["auto"]


if __name__ == "__main__":
    main()
