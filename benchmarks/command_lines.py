"""Compares vllint's reading of random command lines with that of vLLM's own parser.

    python benchmarks/command_lines.py generate LINES --seed 1 --count 5000
    PYTHON_OF_VLLM benchmarks/vllm_parser.py LINES VERDICTS
    python benchmarks/command_lines.py compare LINES VERDICTS

The lines are valid and broken ones: options by every spelling, abbreviations and typing errors, values of
the right and of the wrong kind, missing ones, words where none belong. Compared are whether the line is
accepted, and every value that the parser stores.
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
            words += _option_words(random, random.choice(options))
            if random.random() < 0.06:
                words.append(random.choice(STRAY))
        yield words


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
        return ours is None or not ours or _holds(theirs["fields"], ours)
    if isinstance(theirs, dict) and "enum" in theirs:
        return ours in theirs["enum"]
    if isinstance(ours, float) and isinstance(theirs, float) and ours != ours:
        return theirs != theirs
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return bool(ours == theirs) or (isinstance(ours, Unknown))


def _holds(fields: dict[str, Any], given: Any) -> bool:
    return isinstance(given, dict) and all(_same(value, fields.get(key)) for key, value in given.items())


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
    comparing = commands.add_parser("compare")
    comparing.add_argument("lines", type=Path)
    comparing.add_argument("verdicts", type=Path)
    comparing.add_argument("--show", type=int, default=20, help="how many differences to list")
    given = parser.parse_args()
    if given.command == "generate":
        text = "".join(json.dumps(words) + "\n" for words in lines(given.seed, given.count))
        given.lines.write_text(text, encoding="utf-8")
    else:
        compare(given.lines, given.verdicts, given.show)


if __name__ == "__main__":
    main()
