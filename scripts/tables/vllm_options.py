"""The options of `vllm serve`, read from a source tree of vLLM.

`options_of(Source(folder))` walks the functions that build the parser, from `make_arg_parser` on, and
evaluates what they say as far as it does not need vLLM to run; what does is left out of a record, as if it
were computed at start. Records are those of `options.py`.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

from environment import variables
from vllm_source import COMPUTED, ClassReference, Hint, Hints, Module, Source
from vllm_values import SUPPRESS, Evaluator, Reference, Scope

Record = dict[str, Any]

SERVE = (
    ("vllm.entrypoints.common.cli_args", "make_arg_parser"),
    ("vllm.entrypoints.openai.cli_args", "make_arg_parser"),
)
"""Where releases have the function that adds the options of `vllm serve`, the newest first."""

DEPRECATED = re.compile(r"(?im)^\W*deprecated\W|(?:is|are|be|been) deprecated\b")
"""How help texts and docstrings say that an option is to go."""

CONVERTERS = {
    "int": "int",
    "float": "float",
    "str": "str",
    "human_readable_int": "human_readable_int",
    "human_readable_int_or_auto": "human_readable_int_or_auto",
    "union_dict_and_str": "json-or-str",
    "parse_reasoning_parser": "reasoning-parser",
    "nullable_kvs": "json-or-kv",
    "loads": "json",
    "bool": "str",
}
ACTIONS = {
    "store": "store",
    "append": "append",
    "store_true": "store_true",
    "LoRAParserAction": "lora_modules",
    "PromptAdapterParserAction": "prompt_adapters",
    "StoreBoolean": "store_boolean",
    "DeprecatedLogConfigFileAction": "store",
}
BOOLEAN = "BooleanOptionalAction"


class Converter(NamedTuple):
    """What an option's text is given to: its name in argparse's errors, and the kind it reads.

    `is_class` says that it makes an object of a configuration class.
    """

    name: str
    kind: str
    optional_none: bool = False
    is_class: bool = False


class Reader:
    """Keeps the records of the options that the functions add which build the parser."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.records: list[Record] = []
        self.notes: list[str] = []
        self.fields: dict[str, str] = {}
        self.listed: dict[str, list[str]] = {}
        self.classes: dict[str, tuple[ClassReference, bool]] = {}
        self.annotations: dict[str, tuple[Module, ast.expr]] = {}
        utils = source.module("vllm.utils.argparse_utils") or source.module("vllm.utils")
        self.pairs = utils is not None and "EnableDisableAction" in utils.names
        arguments = source.module("vllm.engine.arg_utils")
        self.readable = _human_readable(arguments) if arguments is not None else {}
        functions = {
            "add_argument": self._add,
            "add_argument_group": lambda *_: Reference("group"),
            "get_kwargs": self._arguments,
            "optional_type": self._optional,
            "parse_type": self._parsed,
        }
        self.evaluator = Evaluator(source, functions, dict(variables(source.folder)))

    def _arguments(self, module: Module, node: ast.Call, scope: Scope) -> Any:
        owner = self.evaluator.value(module, node.args[0], scope)
        return self.arguments_of(owner) if isinstance(owner, ClassReference) else COMPUTED

    def _optional(self, module: Module, node: ast.Call, scope: Scope) -> Converter:
        converter = self.converter(self.evaluator.value(module, node.args[0], scope))
        return converter._replace(name="_optional_type", optional_none=True)

    def _parsed(self, module: Module, node: ast.Call, scope: Scope) -> Converter:
        return self.converter(self.evaluator.value(module, node.args[0], scope))._replace(name="_parse_type")

    def arguments_of(self, owner: ClassReference) -> dict[str, Record]:
        """Return, by field, what `get_kwargs` gives to `add_argument`."""
        return {
            name: {
                "default": COMPUTED
                if field.default is None
                else self.evaluator.field_default(field.module, field.default),
                "help": field.text,
                "field": f"{owner.name}.{name}",
                "class": self.source.dataclass_in(field.module, field.annotation),
                "annotation": (field.module, field.annotation),
            }
            | self._typed(name, self.source.hints(field.module, field.annotation))
            for name, field in self.source.fields(owner).items()
        }

    def _typed(self, name: str, hints: Hints) -> Record:
        found = {hint.name: hint for hint in hints}
        optional = "none" in found
        made = self._by_types(name, found)
        if optional and "bool" not in found and "type" in made:
            made["type"] = self.converter(made["type"])._replace(name="_optional_type", optional_none=True)
            if made.get("choices"):
                made["choices"] = [*made["choices"], None]
        return made

    def _by_types(self, name: str, found: dict[str, Hint]) -> Record:
        """Return what the types alone say, in the order in which vLLM asks for them."""
        if "dataclass" in found:
            return {"type": Converter("parse_dataclass", "json", is_class=True)}
        if found.keys() == {"bool", "str", "none"}:
            return {"type": Reference("str"), "nargs": "?", "const": True}
        if "bool" in found:
            return {"action": Reference(BOOLEAN)}
        if "literal" in found:
            return _literal(found["literal"], "str" not in found)
        for collection in ("tuple", "list", "set"):
            if collection in found:
                return _collection(found[collection])
        if "int" in found:
            return {"type": Reference(self.readable.get(name, "int"))}
        if "float" in found:
            return {"type": Reference("float")}
        if "dict" in found or "mapping" in found:
            mixed = found.keys() & {"str", "other", "type"}
            return {"type": Reference("union_dict_and_str") if mixed else Converter("_parse_type", "json")}
        return {"type": Reference("str")}

    def converter(self, value: Any) -> Converter:
        """Return what is known of a function that reads an option's text."""
        if isinstance(value, Converter):
            return value
        name = value.name if isinstance(value, Reference | ClassReference) else ""
        if name and name != "<lambda>" and name not in CONVERTERS:
            self.notes.append(f"`{name}` reads a text in a way that is not known; taken as a text")
        return Converter(name, CONVERTERS.get(name, "str"))

    def _add(self, module: Module, node: ast.Call, scope: Scope) -> Reference:
        names: list[str] = []
        for part in node.args:
            if isinstance(part, ast.Starred):
                names += self.evaluator.value(module, part.value, scope)
            else:
                names.append(self.evaluator.value(module, part, scope))
        given: Record = {}
        for word in node.keywords:
            value = self.evaluator.value(module, word.value, scope)
            given |= value if word.arg is None else {word.arg: value}
        self.records.append(self._record(names, given))
        return Reference("action")

    def _record(self, names: list[str], given: Record) -> Record:
        flag = next((name for name in names if name.startswith("--")), names[0])
        action, negations = self._action(given.get("action"), names)
        converter = self.converter(given.get("type"))
        choices = given.get("choices")
        switch = action in {"store_true", "boolean_optional", "enable_disable"}
        kind = "flag" if switch else "boolean" if action == "store_boolean" else converter.kind
        if converter.name == "<lambda>":
            kind = "folded-str" if choices else "comma-list"
        self.fields[flag] = given.get("field", "")
        self.listed[flag] = given.get("listed", [])
        # What only the front end reads is never made a configuration class.
        owner = str(given.get("field", "")).partition(".")[0]
        if kind.startswith("json") and "annotation" in given and not owner.endswith("Args"):
            self.annotations[flag] = given["annotation"]
        if given.get("class") is not None:
            self.classes[flag] = given["class"], converter.is_class
        record: Record = {
            "flag": flag,
            "aliases": [name for name in names if name.startswith("-")],
            "negations": negations,
            "action": action,
            "choices": list(choices) if isinstance(choices, list | tuple) else None,
            "required": bool(given.get("required")),
            "deprecated": bool(given.get("deprecated"))
            or bool(DEPRECATED.search(str(given.get("help", "")))),
            "positional": not flag.startswith("-"),
            "kind": kind,
            "type": "" if switch else converter.name,
            "nargs": "0" if switch else _nargs(given.get("nargs")),
            "const": True if action in {"store_true", "store_boolean"} else given.get("const"),
            "optional_none": converter.optional_none and not switch,
        }
        default = given.get("default", False if action == "store_true" else None)
        return record | ({} if default is COMPUTED else {"default": None if default == SUPPRESS else default})

    def _action(self, value: Any, names: list[str]) -> tuple[str, list[str]]:
        name = value.name if isinstance(value, Reference | ClassReference) else value or "store"
        if name != BOOLEAN:
            if name not in ACTIONS:
                self.notes.append(f"the action `{name}` is not known; taken as `store`")
            return ACTIONS.get(name, "store"), []
        long = [name for name in names if name.startswith("--")]
        negations = [f"--no-{name[2:]}" for name in long]
        if not self.pairs:
            return "boolean_optional", negations
        other = {"--enable-": "--disable-", "--disable-": "--enable-"}
        inverses = [
            inverse + name.removeprefix(prefix)
            for name in long
            for prefix, inverse in other.items()
            if name.startswith(prefix)
        ]
        return "enable_disable", sorted([*negations, *inverses])


class Options(NamedTuple):
    """The options of `vllm serve` in the order in which they are added.

    `fields` has the configuration's field that an option fills, `listed` the names that its annotation has
    where the parser takes any text, `classes` the configuration class that its JSON is for, and whether the
    parser makes an object of it, `annotations` those of all options that take JSON, `notes` what is not
    understood.
    """

    records: list[Record]
    fields: dict[str, str]
    listed: dict[str, list[str]]
    classes: dict[str, tuple[ClassReference, bool]]
    annotations: dict[str, tuple[Module, ast.expr]]
    notes: list[str]


def options_of(source: Source) -> Options:
    """Return the options of `vllm serve`."""
    for module_name, function_name in SERVE:
        module = source.module(module_name)
        function = module.names.get(function_name) if module else None
        if module is not None and isinstance(function, ast.FunctionDef):
            reader = Reader(source)
            reader.evaluator.run(module, function, {"parser": Reference("parser")})
            records = [_help(), *reader.records]
            return Options(
                records, reader.fields, reader.listed, reader.classes, reader.annotations, reader.notes
            )
    raise SystemExit(f"no function that builds the parser of `vllm serve` in {source.folder}")


def _help() -> Record:
    flags: Record = {"flag": "--help", "aliases": ["-h", "--help"], "negations": [], "action": "help"}
    switches: Record = {"choices": None, "required": False, "deprecated": False, "positional": False}
    rest: Record = {"kind": "flag", "type": "", "nargs": "0", "const": None, "optional_none": False}
    return flags | switches | rest | {"default": None}


def _literal(hint: Hint, closed: bool) -> Record:
    name = type(hint.values[0]).__name__
    return {"type": Reference(name), "choices" if closed else "listed": sorted(hint.values)}


def _collection(hint: Hint) -> Record:
    element = {item.name: item for item in hint.items[0]} if hint.items else {}
    made: Record = {"nargs": hint.values[0] if hint.values else "+"}
    if "literal" in element:
        return made | _literal(element["literal"], closed=True)
    name = next(iter(element)) if len(element) == 1 else "str"
    return made | {"type": Reference(name if name in {"int", "float"} else "str")}


def _nargs(value: Any) -> str:
    return "none" if value is None else str(value)


def _human_readable(arguments: Module) -> dict[str, str]:
    """Return which fields take numbers as `32k`, as the function says that turns fields into options."""
    found: dict[str, str] = {}
    sets: dict[str, Any] = {}
    for function in arguments.names.values():
        for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set):
                sets[ast.unparse(node.targets[0])] = ast.literal_eval(node.value)
            converter = (
                re.search(r"human_readable_int(_or_auto)?$", ast.unparse(node.body[0]).partition("\n")[0])
                if isinstance(node, ast.If)
                else None
            )
            if converter is not None and isinstance(node, ast.If) and isinstance(node.test, ast.Compare):
                names = node.test.comparators[0]
                stated = sets.get(names.id, ()) if isinstance(names, ast.Name) else ast.literal_eval(names)
                found |= dict.fromkeys([stated] if isinstance(stated, str) else stated, converter[0])
    return found
