"""Compares vllint's reading of random command lines with that of vLLM's own parser.

    python benchmarks/command_lines.py generate LINES --seed 1 --count 5000
    PYTHON_OF_VLLM benchmarks/vllm_parser.py LINES VERDICTS
    python benchmarks/command_lines.py compare LINES VERDICTS

`generate LINES --fields` writes every field of the configuration classes instead, with values of all kinds.

The lines are valid and broken ones: options by every spelling, abbreviations and typing errors, values of
the right and of the wrong kind, missing ones, words where none belong; JSON with the keys of configuration
classes and others, dotted keys, levels of optimization, options joined with their values and given twice.
Compared are whether the line is accepted, the first cause of a refusal, and every value that is stored.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from vllint.vllm.config_classes import class_of_option, fields_of
from vllint.vllm.engine_args import engine_args
from vllint.vllm.options import Option, option_table
from vllint_schemas import EngineArgs, EntryPoint, Located, Unknown, Word

RELEASE = "0.33.0"
MODELS = ("Qwen/Qwen3-8B", "/models/llama", "gpt2", "true", "8")
STRAY = ("true", "false", "extra", "--", "-", "4", "-1", "--tp", "-tp", "--verbose", "--task=generate", "")
TEXTS = ("auto", "None", "none", "", "fp16", "half", "a b", "x,y", "{}", "-1", "0.5", "8", "cuda", "hello")
NUMBERS = ("1", "2", "8", "0", "-1", "+3", " 4 ", "1_000", "32k", "32K", "1.5k", "1.5K", "0x10", "abc", "4.0")
FLOATS = ("0.9", ".5", "1e-3", "-0.1", "nan", "inf", "90%", "0,9", "1")
_ARGUMENT = re.compile(r"(?:argument|ambiguous option:|Invalid JSON format for) (\S+?):? ")
_RAISED = re.compile(r"^\w+(Error|Exception): ")
_KINDS = ("expected", "ignored explicit", "invalid choice", "could match")
MEMBERS = ("true", "3", "-1", "2.5", '"x"', '"8"', '"true"', "null", "[]", "[1]", "{}", '{"a": 1}', "2k", "0")
OF_KIND = {
    "none": ("null",),
    "bool": ("true", "false", "1", "0", '"yes"', '"off"', '"True"'),
    "int": ("1", "8", "0", "4.0", '"2"', "true", "16k", "-1"),
    "float": ("0.5", "1", '"0.1"', "2", "NaN", "1e400"),
    "str": ('"x"', '""', '"a b"', '"torch"', '"/tmp/x"'),
}
ADAPTERS = ("sql=/lora", "a=b=c", '{"name": "a", "path": "b"}', '{"name": "a"}', '[{"name": "a"}]', "a=b,c=d")
BOUNDS = ("ge", "gt", "le", "lt")
JSON = ("{}", "[]", "null", "{", "{'a': 1}", "3", '"x"', "none")


def lines(seed: int, count: int) -> Iterator[list[str]]:
    """Yield the words after `vllm` of random command lines."""
    random = Random(seed)
    options = [option for option in option_table(RELEASE).options if option.action != "help"]
    for _ in range(count):
        words = ["serve"]
        if random.random() < 0.85:
            words.append(random.choice(MODELS))
        for _ in range(random.randint(0, 5)):
            more = _more_words(random, random.choice(options))
            words += more * (2 if random.random() < 0.05 else 1)
            if random.random() < 0.06:
                words.append(random.choice(STRAY))
        yield words


def _more_words(random: Random, option: Option) -> list[str]:
    """Return an option with its values, in one of the ways to write it."""
    chance = random.random()
    if chance < 0.03:
        level = random.choice(("0", "2", "3", "4", "fast", ""))
        return random.choice((["-O", level], [f"-O{level}"], [f"-O={level}"], [f"-O.{level}", "1"]))
    if chance < 0.06 and option.aliases:
        return [random.choice(option.aliases) + random.choice(("=", "2", "=2", "fp8"))]
    if chance < 0.11 and any(name.startswith("--") for name in option.aliases):
        return _dotted(random, option)
    return _option_words(random, option)


def _dotted(random: Random, option: Option) -> list[str]:
    """Return one key of an option's JSON, written behind its name."""
    found = class_of_option(option.flag, RELEASE)
    fields = fields_of(found.name, RELEASE) if found is not None else {}
    key = random.choice((*fields, "a", "a.b", ""))
    text = random.choice((_member(random, fields.get(key, {})), *TEXTS, *NUMBERS))
    name = f"{random.choice(option.aliases)}.{key}{random.choice(('', '', '', '+'))}"
    return [f"{name}={text}"] if random.random() < 0.4 else [name, text]


def _json_object(random: Random, name: str) -> str:
    """Return an object of a configuration class, mostly with its keys and values of their types."""
    fields = fields_of(name, RELEASE)
    keys = random.sample(list(fields), min(len(fields), random.randint(0, 4)))
    keys += ["a"] if random.random() < 0.08 else []
    return "{" + ", ".join(f"{json.dumps(key)}: {_member(random, fields.get(key, {}))}" for key in keys) + "}"


def field_lines() -> Iterator[list[str]]:
    """Yield lines that set each field of each class that options are read as, to values of all kinds."""
    for option in option_table(RELEASE).options:
        found = class_of_option(option.flag, RELEASE)
        for path, field in _all_fields(found.name, ()) if found is not None else ():
            own = [json.dumps(name) for kind in field["type"] for name in _names(kind)]
            numbers = [str(field[bound] + step) for bound in BOUNDS if bound in field for step in (-1, 0, 1)]
            for member in dict.fromkeys([*MEMBERS, *sum(OF_KIND.values(), ()), *own, *numbers]):
                text = member
                for key in reversed(path):
                    text = f"{{{json.dumps(key)}: {text}}}"
                yield ["serve", MODELS[0], f"{option.flag}={text}"]


def _all_fields(name: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for key, field in fields_of(name, RELEASE).items():
        yield (*path, key), field
        for kind in field["type"]:
            if kind[0] == "class":
                yield from _all_fields(kind[1], (*path, key))


def _names(kind: Any) -> list[Any]:
    """Return the names that a type lists, and how else they may be written."""
    names = kind[1:] if kind[0] == "literal" else list(kind[1]) if kind[0] == "enum" else []
    return [
        form
        for name in names
        for form in ((name, name.upper(), name.lower()) if name == str(name) else (name,))
    ]


def _member(random: Random, field: dict[str, Any]) -> str:
    kinds = [kind for kind in field.get("type", ["any"]) if kind != "any"]
    if not kinds or random.random() < 0.15:
        return random.choice(MEMBERS)
    return _of_kind(random, random.choice(kinds))


def _of_kind(random: Random, kind: Any) -> str:
    if isinstance(kind, str):
        return random.choice(OF_KIND[kind])
    name, *rest = kind
    if name == "class":
        return _json_object(random, rest[0])
    if name == "literal":
        return json.dumps(random.choice(rest))
    if name == "enum":
        return json.dumps(random.choice([*rest[0], *(value for value in rest[0].values() if value)]))
    items = [_member(random, {"type": rest[-1]}) for _ in range(random.randint(0, 3))]
    if name == "dict":
        return "{" + ", ".join(f'"k{index}": {item}' for index, item in enumerate(items)) + "}"
    return f"[{', '.join(items)}]"


def _option_words(random: Random, option: Option) -> list[str]:
    spelling = random.choice((*option.aliases, *option.negations) or (option.flag,))
    spelling = _disturbed(random, spelling)
    values = _values(random, option)
    if not values:
        return [spelling]
    if random.random() < 0.3:
        return [f"{spelling}={values[0]}", *values[1:]]
    return [spelling, *values]


def _disturbed(random: Random, spelling: str) -> str:
    """Return a spelling as people write it: underscores, cut short, mistyped; most often as it is."""
    chance = random.random()
    if not spelling.startswith("--") or chance > 0.35:
        return spelling
    if chance < 0.15:
        return "--" + spelling[2:].replace("-", "_")
    if chance < 0.28:
        return spelling[: random.randint(4, len(spelling))] if len(spelling) > 4 else spelling
    place = random.randrange(2, len(spelling))
    return spelling[:place] + random.choice("aeiou-_") + spelling[place + 1 :]


def _values(random: Random, option: Option) -> list[str]:
    chance = random.random()
    if option.nargs == "0":
        return ["true"] if chance < 0.08 else []
    if chance < 0.05:
        return []
    count = random.randint(1, 3) if option.nargs == "+" or chance > 0.97 else 1
    return [_value(random, option) for _ in range(count)]


def _value(random: Random, option: Option) -> str:
    if option.choices and random.random() < 0.75:
        return str(random.choice(option.choices))
    found = class_of_option(option.flag, RELEASE)
    if found is not None and random.random() < 0.7:
        return _json_object(random, found.name)
    if option.action == "lora_modules" and random.random() < 0.7:
        return random.choice(ADAPTERS)
    pools = {
        "int": NUMBERS,
        "human_readable_int": NUMBERS,
        "human_readable_int_or_auto": (*NUMBERS, "auto", "AUTO"),
        "float": FLOATS,
        "json": JSON,
        "json-or-str": JSON,
        "json-or-int": JSON,
    }
    return random.choice(pools.get(option.kind, TEXTS))


def understood(words: Sequence[str]) -> EngineArgs:
    """Return what vllint understands from the words after `vllm`."""
    argv = tuple(Word.verbatim(word, "line", 0) for word in words[1:])
    return engine_args(argv, EntryPoint.SERVE, RELEASE)


def differing(own: EngineArgs, values: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each stored value on which the two do not agree: its name, vLLM's value, vllint's."""
    for dest, theirs in values.items():
        if dest in {"subparser", "model_tag", "config"} or dest.startswith("_"):
            continue
        found = own.value(dest)
        if isinstance(found, Located) and not _same(found.value, theirs):
            yield dest, theirs, found.value
    positional = own.positional.text if own.positional is not None else None
    if positional != values.get("model_tag"):
        yield "model_tag", values.get("model_tag"), positional


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two values are one; of a configuration object only the keys that were given count."""
    if isinstance(theirs, dict) and "fields" in theirs:
        return not ours or isinstance(ours, str) or _holds(theirs["fields"], ours)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return _holds(theirs, ours)
    if isinstance(theirs, dict) and "enum" in theirs:
        return (ours.lower() if isinstance(ours, str) else ours) in theirs["enum"] or ours in theirs["enum"]
    if isinstance(ours, float) and isinstance(theirs, float) and ours != ours:
        return theirs != theirs
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return bool(ours == theirs) or (isinstance(ours, Unknown))


def _holds(fields: dict[str, Any], given: Any) -> bool:
    """Whether an object holds what was given.

    What was given as null or nothing it fills in by itself, and fusions it turns off by the platform.
    """
    return isinstance(given, dict) and all(
        value in (None, "") or key.startswith("fuse_") or _same(value, fields.get(key))
        for key, value in given.items()
    )


def _cause(error: str) -> str:
    """Return what is wrong with what: the option named, or the words."""
    error = error.partition("error: ")[2] or _RAISED.sub("", error)
    named = _ARGUMENT.match(error)
    if named is None:
        return error.partition(":")[0][:40]
    return f"{named[1]} {next((word for word in _KINDS if word in error), 'value')}"


def compare(lines_path: Path, verdicts_path: Path, show: int) -> None:
    """Print how many lines the two agree on, and those on which they do not."""
    counts: Counter[str] = Counter()
    residue: list[str] = []
    verdicts = verdicts_path.read_text(encoding="utf-8").splitlines()
    for line, verdict in zip(lines_path.read_text(encoding="utf-8").splitlines(), verdicts, strict=True):
        words, theirs = json.loads(line), json.loads(verdict)
        own = understood(words)
        refused, refuses = "error" in theirs, bool(own.problems)
        counts["refused by vLLM" if refused else "accepted by vLLM"] += 1
        if refused != refuses:
            counts["verdicts that differ"] += 1
            said = theirs.get("error") or "accepted"
            ours = own.problems[0].message if own.problems else "accepted"
            residue.append(f"{line}\n    vLLM: {said[:200]}\n    vllint: {ours[:200]}")
        elif not refused:
            wrong = list(differing(own, theirs["values"]))
            counts["accepted lines with a value that differs"] += bool(wrong)
            residue += [f"{line}\n    {dest}: vLLM {a!r}, vllint {b!r}" for dest, a, b in wrong[:3]]
        else:
            same = _cause(own.problems[0].message) == _cause(theirs["error"])
            counts["refusals of which the first cause is the same"] += same
            if not same:
                residue.append(
                    f"{line}\n    vLLM: {theirs['error'][:200]}\n    vllint: {own.problems[0].message}"
                )
    print(*(f"{name}: {number}" for name, number in counts.items()), sep="\n")
    print(*residue[:show], sep="\n")


def main() -> None:
    """Write lines, or compare what was made of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("generate")
    writing.add_argument("lines", type=Path)
    writing.add_argument("--seed", type=int, default=1)
    writing.add_argument("--count", type=int, default=5000)
    writing.add_argument("--fields", action="store_true", help="write the fields of configuration classes")
    comparing = commands.add_parser("compare")
    comparing.add_argument("lines", type=Path)
    comparing.add_argument("verdicts", type=Path)
    comparing.add_argument("--show", type=int, default=20, help="how many differences to list")
    given = parser.parse_args()
    if given.command == "generate":
        made = field_lines() if given.fields else lines(given.seed, given.count)
        text = "".join(json.dumps(words) + "\n" for words in made)
        given.lines.write_text(text, encoding="utf-8")
    else:
        compare(given.lines, given.verdicts, given.show)


if __name__ == "__main__":
    main()
