"""From an option's text to its value, as vLLM's converters do it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vllint.vllm.similar import folded

if TYPE_CHECKING:
    from vllint.vllm.options import Option

_DECIMAL = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SUFFIXED = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
_JSON_OBJECT = r"(?s)^\s*{.*}\s*$"
_STRING_OR_NOT = r'("(?:[^"\\]|\\.)*")'
_LORA_FIELDS = frozenset({"name", "path", "base_model_name", "is_3d_lora_weight"})
_BARE_SUFFIXED = re.compile(r"\b\d+(?:\.\d+)?[kKmMgGtT]\b")


class RefusedError(ValueError):
    """A text that the option's converter does not take; the message is argparse's."""


def human_readable_int(text: str) -> int:
    """Read `32k` as 32,000 and `32K` as 32,768 (vLLM `utils/argparse_utils.py:30`)."""
    text = text.strip()
    match = _SUFFIXED.fullmatch(text)
    if match is None:
        return int(text)
    number, suffix = match.groups()
    if suffix in _DECIMAL:
        return int(float(number) * _DECIMAL[suffix])
    if "." in number:
        raise RefusedError(
            f"Decimals are not allowed with binary suffixes like {suffix}. "
            f"Did you mean to use {number}{suffix.lower()} instead?"
        )
    return int(number) * _BINARY[suffix]


def human_readable_int_or_auto(text: str) -> int:
    """Read a human-readable int; `auto` and `-1` both mean -1 (vLLM `utils/argparse_utils.py:72`)."""
    text = text.strip()
    if text == "-1" or text.lower() == "auto":
        return -1
    return human_readable_int(text)


def convert(option: Option, text: str, release: str = "") -> Any:
    """Return the value of `text` for `option`; raise `RefusedError` with argparse's message.

    JSON is held against the configuration class that it is read as, where those of `release` are known.
    """
    if option.optional_none and text in {"", "None"}:
        return None
    if option.action == "lora_modules":
        return lora_module(text)
    try:
        value = _reader(option, release)(text)
    except RefusedError:
        raise
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"invalid {option.type} value: {text!r}") from error
    if option.kind == "json":
        value = _held_against_class(option.flag, value, release)
    if option.type == "parse_dataclass" and not isinstance(value, dict):
        raise RefusedError(f"invalid {option.flag.removeprefix('--')} value: {text!r} is not a JSON object")
    if option.choices and value not in option.choices:
        listed = ", ".join(repr(choice) for choice in option.choices)
        raise RefusedError(f"invalid choice: {value!r} (choose from {listed})")
    return value


def _reader(option: Option, release: str) -> Callable[[str], Any]:
    """Return what reads an option's text: numbers with units are for configuration classes only."""
    converter: Callable[[str], Any] = _CONVERTERS.get(option.kind, str)
    if option.kind != "json":
        return converter
    from vllint.vllm.config_classes import class_of_option, has_classes

    if not has_classes(release):
        return converter
    found = class_of_option(option.flag, release)
    return _json if found is not None and found.stage == "parse" else json.loads


def _held_against_class(flag: str, value: Any, release: str) -> Any:
    """Return the value as the option's configuration class holds it."""
    from vllint.vllm.config_classes import as_class_holds, class_of_option, json_problems

    found = class_of_option(flag, release)
    if found is None or found.stage != "parse":
        return value
    for problem in json_problems(flag, value, release):
        raise RefusedError(problem.message)
    return as_class_holds(found.name, value, release)


def lora_module(text: str) -> dict[str, Any]:
    """Read an adapter: `name=path`, or JSON with these keys (vLLM `entrypoints/common/cli_args.py:38`)."""
    if "=" in text and "," not in text:
        name, path = text.split("=", 1)
        return {"name": name, "path": path}
    try:
        module = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"Invalid JSON format for --lora-modules: {text}") from error
    refusal = f"Invalid fields for --lora-modules: {text} - "
    if not isinstance(module, dict):
        raise RefusedError(f"{refusal}must be a mapping, not {type(module).__name__}")
    unknown = next((key for key in module if key not in _LORA_FIELDS), None)
    if unknown is not None:
        raise RefusedError(f"{refusal}got an unexpected keyword argument {unknown!r}")
    missing = [key for key in ("name", "path") if key not in module]
    if missing:
        raise RefusedError(f"{refusal}missing: {', '.join(missing)}")
    return module


def _json(text: str) -> Any:
    """Read JSON with vLLM's bare `80g` numbers (vLLM `engine/arg_utils.py:302`)."""
    parts = re.split(_STRING_OR_NOT, text)
    for position in range(0, len(parts), 2):
        parts[position] = _BARE_SUFFIXED.sub(
            lambda match: str(human_readable_int(match.group())), parts[position]
        )
    return json.loads("".join(parts))


def read_json(text: str) -> Any:
    """Read JSON as the options of configuration classes do; raise `ValueError` for what is none."""
    return _json(text)


def _json_or_text(text: str) -> Any:
    return json.loads(text) if re.match(_JSON_OBJECT, text) else text


def _json_or_pairs(text: str) -> Any:
    """Read JSON, or the `key=value,key=value` of releases before 0.10."""
    if "{" in text:
        return json.loads(text)
    pairs = (part.split("=", 1) for part in text.split(","))
    return {key.strip(): int(value) for key, value in pairs}


def _json_or_level(text: str) -> Any:
    """Read JSON, or the bare number that `--compilation-config 3` was."""
    return int(text) if text.isdecimal() else json.loads(text)


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise RefusedError(f"Invalid boolean value: {text}. Expected 'true' or 'false'.")
    return text.lower() == "true"


def _comma_list(text: str) -> list[int | str]:
    parts = [part.strip() for part in text.split(",")]
    return [int(part) if part.isdigit() else part for part in parts]


def _reasoning_parser(text: str) -> str:
    return "" if text.lower() == "none" else text


_CONVERTERS: dict[str, Any] = {
    "int": int,
    "float": float,
    "human_readable_int": human_readable_int,
    "human_readable_int_or_auto": human_readable_int_or_auto,
    "json": _json,
    "json-or-str": _json_or_text,
    "json-or-kv": _json_or_pairs,
    "json-or-int": _json_or_level,
    "boolean": _boolean,
    "folded-str": folded,
    "comma-list": _comma_list,
    "reasoning-parser": _reasoning_parser,
}
