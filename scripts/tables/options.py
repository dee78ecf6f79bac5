"""Write the table of vLLM's options by release.

    python scripts/tables/options.py ../shared/data

Reads `flags/<release>.json` (the options of `vllm serve`, taken from really built parsers or, for some
releases, from vLLM's source text) and writes `schemas/vllint_schemas/data/options.jsonl`:

line 1      the releases, ascending
line 2      spelling -> [first, last, first, last, ...], the stretches of releases that have it, by index
then        one line per release: the indices of its options among the records
then        the records, each distinct one once; what is left out is as `vllint.vllm.options` says

A release that was read from source text lacks what its parser would do with an option; that is taken
from the built releases before and after it, as far as they agree with the text. Where the text was read
wrongly, `options_read.json` has the records that `release.py --correct` has read anew from the sources.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/options.jsonl"
READ = Path(__file__).with_name("options_read.json")

Record = dict[str, Any]
Release = dict[str, Record]

ACTIONS = {
    "_StoreAction": "store",
    "_AppendAction": "append",
    "append": "append",
    "_StoreTrueAction": "store_true",
    "store_true": "store_true",
    "BooleanOptionalAction": "boolean_optional",
    "EnableDisableAction": "enable_disable",
    "StoreBoolean": "store_boolean",
    "LoRAParserAction": "lora_modules",
    "PromptAdapterParserAction": "prompt_adapters",
    "DeprecatedLogConfigFileAction": "store",
    "_HelpAction": "help",
}
SWITCHES = {"store_true", "boolean_optional", "enable_disable", "help"}

KINDS = {
    "nullable_str": "str",
    "parse_reasoning_parser": "reasoning-parser",
    "PoolerConfig.from_json": "json",
}

BEHAVIOUR = ("kind", "type", "action", "nargs", "const", "optional_none")

# Which built release an option read from source text behaves as, where the text does not tell.
# `--max-model-len auto` came with 0.14; key=value pairs for JSON options and a bare level for the
# compilation config went after 0.9.
BEHAVES_AS = {
    ("0.11.2", "--max-model-len"): "before",
    ("0.12.0", "--max-model-len"): "before",
    ("0.13.0", "--max-model-len"): "before",
    ("0.9.2", "--limit-mm-per-prompt"): "before",
    ("0.9.2", "--model-loader-extra-config"): "before",
    ("0.9.2", "--compilation-config"): "before",
}

# Options whose help names something deprecated, and that are not deprecated themselves.
STAYING = {"--allow-deprecated-quantization", "--show-hidden-metrics-for-version"}

USUAL: Record = {
    "kind": "str",
    "action": "store",
    "nargs": "none",
    "negations": [],
    "choices": None,
    "const": None,
    "default": None,
    "optional_none": False,
    "required": False,
    "deprecated": False,
    "positional": False,
}
USUAL_SWITCH: Record = USUAL | {"action": None, "nargs": "0", "default": False, "type": ""}

EXPRESSION = re.compile(
    r"(not )?(Async)?EngineArgs\.|lambda:|envs\.|cast\(|int\(|model_kwargs\[|OptimizationLevel\."
    r"|[A-Z][A-Za-z]+\.[A-Z_]+(\.value)?$|[A-Z0-9_]+_DEFAULT$|.* if envs\."
)
KNOWN_EXPRESSIONS: dict[str, Any] = {
    "dict": {},
    "set": [],
    "set()": [],
    "UNSET": None,
    "'UNSET'": None,
    "model_kwargs['hf_token']['default']": None,
    "int(ssl.CERT_NONE)": 0,
    "OptimizationLevel.O2": 2,
    "LogprobsMode.RAW_LOGPROBS": "raw_logprobs",
    "MambaBackendEnum.TRITON": "triton",
    "EngineArgs.quantization": None,
    "envs.VLLM_LOGGING_CONFIG_PATH": None,
    "argparse.SUPPRESS": None,
    "==SUPPRESS==": None,
}


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the table of vLLM's options by release.")
    parser.add_argument("data", type=Path, help="folder that holds flags/<release>.json")
    TARGET.write_text(text(parser.parse_args().data), encoding="utf-8")


def text(data: Path) -> str:
    """Return the table as it stands in the file."""
    sources = {path.stem: json.loads(path.read_text()) for path in data.glob("flags/*.json")}
    names = sorted(sources, key=release_key)
    tables = _tables({name: sources[name]["flags"] for name in names})
    read = json.loads(READ.read_text(encoding="utf-8"))
    return written({name: [*(tables[name] | read.get(name, {})).values()] for name in names})


def written(tables: dict[str, list[Record]]) -> str:
    """Return the table of these releases, ascending, as it stands in the file; records may be short."""
    listed = {name: [_dump(shortened(record)) for record in records] for name, records in tables.items()}
    lines = list(dict.fromkeys(line for records in listed.values() for line in records))
    number = {line: index for index, line in enumerate(lines)}
    listings = [[number[line] for line in records] for records in listed.values()]
    head = [_dump([*tables]), _dump(_history([*tables.values()])), *map(_dump, listings)]
    return "\n".join([*head, *lines]) + "\n"


def release_key(name: str) -> tuple[int, ...]:
    """Return what orders releases: `0.8.5.post1` comes after `0.8.5`."""
    return tuple(int(number) for number in re.findall(r"\d+", name))


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _tables(sources: dict[str, list[Record]]) -> dict[str, Release]:
    """Return, per release, flag -> record; those read from text are filled in from built neighbours."""
    names = list(sources)
    built = {
        name: {row["flag"]: _built(row) for row in sources[name] if "value_type" in row} for name in names
    }
    tables: dict[str, Release] = {}
    for place, name in enumerate(names):
        before, after = built_around(built, names, place)
        table: Release = {}
        for row in sources[name]:
            flag = row["flag"]
            neighbours = before.get(flag), after.get(flag)
            table[flag] = built[name].get(flag) or _read_from_text(name, row, *neighbours)
        tables[name] = _unlisted(table, before, after) | table
    return tables


def built_around(built: dict[str, Release], names: list[str], place: int) -> tuple[Release, Release]:
    """Return, for each flag, its record in the nearest built release before and after."""
    before: Release = {}
    for name in names[:place]:
        before |= built[name]
    after: Release = {}
    for name in reversed(names[place:]):
        after |= built[name]
    return before, after


def _unlisted(table: Release, before: Release, after: Release) -> Release:
    """Return the positional and help, which source text does not list.

    The first releases have no `vllm serve`, hence no positional, but they are built and list help.
    """
    if "--help" in table or not before:
        return {}
    return {flag: after[flag] for flag in ("model_tag", "--help")}


def _built(row: Record) -> Record:
    """Return the record of an option whose facts come from a built parser."""
    action = ACTIONS[row["action"]]
    record = _common(row, action)
    record |= {
        "kind": _kind(row, action),
        "type": (row["type"] or "").rsplit(".", 1)[-1],
        "nargs": "none" if row["nargs"] is None else str(row["nargs"]),
        "const": True if action == "store_boolean" else row["const"],
        "optional_none": row["optional_none"],
        "default": _built_default(row),
    }
    return record


def _common(row: Record, action: str) -> Record:
    choices = row.get("choices")
    return {
        "flag": row["flag"],
        "aliases": row["aliases"],
        "negations": row["negations"],
        "action": action,
        "choices": _choices(choices),
        "required": bool(row.get("required")),
        "deprecated": bool(row.get("deprecated")) and row["flag"] not in STAYING,
        "positional": not row["flag"].startswith("-"),
    }


def _choices(choices: list[Any] | None) -> list[Any] | None:
    """Return an option's choices; `None` alone is what is left of a list that the release computes."""
    if choices is None:
        return None
    known = [None if item == "None" else item for item in choices]
    return known if any(item is not None for item in known) else None


def _kind(row: Record, action: str) -> str:
    if action in SWITCHES:
        return "flag"
    if action == "store_boolean":
        return "boolean"
    if row["type"] == "CompilationConfig.from_cli":
        return "json-or-int"
    if "<lambda>" in row["value_type"]:
        return "folded-str" if row["choices"] else "comma-list"
    return KINDS.get(row["value_type"], str(row["value_type"]))


def _built_default(row: Record) -> Any:
    default = row["default"]
    if not isinstance(default, str):
        return default
    if default in KNOWN_EXPRESSIONS:
        return KNOWN_EXPRESSIONS[default]
    member = re.fullmatch(r"<\w+\.\w+: (.+)>", default)
    if member:
        return ast.literal_eval(member[1])
    return {} if row["value_type"] == "json" else default


def _read_from_text(name: str, row: Record, before: Record | None, after: Record | None) -> Record:
    """Return the record of an option of which only the source text is known."""
    behaviour = _behaviour(name, row, before, after)
    record = _common(row, behaviour["action"]) | behaviour
    if behaviour["optional_none"] and record["choices"] and None not in record["choices"]:
        record["choices"] = [*record["choices"], None]
    known, default = _text_default(row, before, after)
    if known:
        record["default"] = default
    for key in ("required", "positional"):
        record[key] = bool((after or before or record)[key])
    return record


def _behaviour(name: str, row: Record, before: Record | None, after: Record | None) -> Record:
    """Return what the parser does with the option: what the text states, else as its neighbours do."""
    action = ACTIONS.get(row.get("action") or "")
    if action in SWITCHES:
        const = True if action == "store_true" else None
        return dict(zip(BEHAVIOUR, ("flag", "", action, "0", const, False), strict=True))
    if action == "store_boolean":
        return dict(zip(BEHAVIOUR, ("boolean", "", action, "?", True, False), strict=True))
    choice = BEHAVES_AS.get((name, row["flag"]))
    order = {"before": [before], None: [after, before]}[choice]
    candidates = [record for record in order if record is not None and record["nargs"] != "0"]
    if not candidates:
        raise ValueError(f"{name}: no built release tells what {row['flag']} takes")
    optional = _is_optional(row)
    fitting = [record for record in candidates if record["optional_none"] == optional]
    found = {key: (fitting or candidates)[0][key] for key in BEHAVIOUR}
    structured = found["kind"].startswith("json") or found["action"] in {"append", "lora_modules"}
    if choice or "type" not in row or structured:
        return found
    if found["nargs"] != "?":
        found["nargs"] = row.get("nargs") or "none"
    if found["optional_none"] != optional:
        found |= {"optional_none": optional, "type": "_optional_type" if optional else found["kind"]}
    return found


def _is_optional(row: Record) -> bool:
    """Tell whether the option takes `None` for no value, from its annotation or its converter."""
    annotation = row.get("type") or ""
    return bool(re.search(r"\bOptional\[|\| None|^nullable_|^optional_type\(", annotation))


def _text_default(row: Record, before: Record | None, after: Record | None) -> tuple[bool, Any]:
    """Return whether the default is known, and the default."""
    if "default" not in row:
        return True, False if row.get("action") == "store_true" else None
    default = row["default"]
    if not isinstance(default, str):
        return True, default
    if default in KNOWN_EXPRESSIONS:
        return True, KNOWN_EXPRESSIONS[default]
    if default.startswith("lambda: "):
        return True, ast.literal_eval(default.removeprefix("lambda: "))
    if default == row.get("type"):
        return True, {}
    if not EXPRESSION.match(default):
        return True, default
    defaults = [record["default"] for record in (before, after) if record is not None]
    return bool(defaults) and defaults[0] == defaults[-1], defaults[0] if defaults else None


def shortened(record: Record) -> Record:
    """Leave out what the loader fills in; say so where the default is not known."""
    if not record.keys() >= {"choices", "required", "deprecated"}:
        return record
    usual = USUAL_SWITCH if record["nargs"] == "0" else USUAL | {"type": record["kind"]}
    usual |= {"aliases": [record["flag"]], "kind": None if record["nargs"] == "0" else "str"}
    kept = {key: record[key] for key in usual if key in record and record[key] != usual[key]}
    unknown = {} if "default" in record else {"unknown": True}
    return {"flag": record["flag"]} | kept | unknown


def _history(tables: list[list[Record]]) -> dict[str, list[int]]:
    """Return, for each spelling, the first and last index of each stretch of releases that have it."""
    stretches: dict[str, list[int]] = {}
    for index, table in enumerate(tables):
        for record in table:
            for spelling in (*record.get("aliases", [record["flag"]]), *record.get("negations", [])):
                stretch = stretches.setdefault(spelling, [])
                if stretch and stretch[-1] == index - 1:
                    stretch[-1] = index
                elif not stretch or stretch[-1] != index:
                    stretch += [index, index]
    return dict(sorted(stretches.items()))


if __name__ == "__main__":
    main()
