"""Whether a folder of fact tables can be used: what is malformed is told with its file and its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vllint.tables import PACKAGED


class TableError(Exception):
    """A table that cannot be used; the message names the file and the place in it."""


def check_tables(folder: Path) -> None:
    """Raise `TableError` unless the folder holds tables of the names and the forms of the package's."""
    if not folder.is_dir():
        raise TableError(f"{folder} is not a folder")
    packaged = {path.name for path in PACKAGED.iterdir() if not path.name.endswith(".schema.json")}
    found = sorted(path for path in folder.iterdir() if path.suffix in {".json", ".jsonl"})
    foreign = [path.name for path in found if path.name not in packaged]
    if foreign or not found:
        what = f"{folder / foreign[0]} is no table" if foreign else f"{folder} holds no table"
        raise TableError(f"{what}; tables are called {', '.join(sorted(packaged))}")
    for path in found:
        other: Callable[[Path], Any] = _lines if path.suffix == ".jsonl" else _whole
        _FORMS.get(path.name, other)(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: {error}") from error


def _decoded(path: Path, text: str, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{path}:{line + error.lineno - 1}:{error.colno}"
        raise TableError(f"{place}: {error.msg}") from error


def _whole(path: Path) -> Any:
    return _decoded(path, _text(path))


def _lines(path: Path) -> list[Any]:
    lines = _text(path).splitlines()
    return [_decoded(path, text, number) for number, text in enumerate(lines, 1)]


def _options(path: Path) -> None:
    """Check the releases, the spellings, the listings and the records."""
    rows = _lines(path)
    releases = rows[0] if rows else None
    if not _is_texts(releases) or not releases:
        raise TableError(f"{path}:1: the releases must be a list of texts")
    if len(rows) < 2 + len(releases):
        raise TableError(f"{path}:{len(rows)}: a line for each of the {len(releases)} releases is missing")
    if not isinstance(rows[1], dict):
        raise TableError(f"{path}:2: the spellings must be an object")
    for name, stretches in rows[1].items():
        if not _are_stretches(stretches, len(releases)):
            raise TableError(f"{path}:2: `{name}` must have pairs of releases' numbers")
    first = 2 + len(releases)
    for number, record in enumerate(rows[first:], first + 1):
        if not isinstance(record, dict) or not isinstance(record.get("flag"), str):
            raise TableError(f"{path}:{number}: an option must be an object with a `flag`")
    for number, listing in enumerate(rows[2:first], 3):
        if not isinstance(listing, list) or not all(_is_index(at, len(rows) - first) for at in listing):
            raise TableError(f"{path}:{number}: `{releases[number - 3]}` must list numbers of options")


def _environment(path: Path) -> None:
    table = _object(path, ("releases", "variables"))
    if not _is_texts(table["releases"]) or not isinstance(table["variables"], dict):
        raise TableError(f"{path}: `releases` must be a list of texts, and `variables` an object")
    for name, row in table["variables"].items():
        if not isinstance(row, dict) or not _are_stretches(row.get("in"), len(table["releases"])):
            raise TableError(f"{path}: `{name}` must have `in`, a pair of releases' numbers")


def _value_names(path: Path) -> None:
    for dest, record in _object(path, ()).items():
        known = isinstance(record, dict) and _is_texts(record.get("releases"))
        if not known or not isinstance(record.get("names"), dict):
            raise TableError(f"{path}: `{dest}` must have `releases` and `names`")
        for name, stretches in record["names"].items():
            if not _are_stretches(stretches, len(record["releases"])):
                raise TableError(f"{path}: `{dest}`: `{name}` must have pairs of releases' numbers")


def _bounds(path: Path) -> None:
    table = _object(path, ("release", "bounds"))
    for dest, bounds in table["bounds"].items() if isinstance(table["bounds"], dict) else [("bounds", None)]:
        if not isinstance(bounds, dict) or "source" not in bounds:
            raise TableError(f"{path}: `{dest}` must be an object with a `source`")


def _removed(path: Path) -> None:
    for flag, row in _object(path, ()).items():
        if not isinstance(row, dict) or not {"action", "why", "safe"} <= row.keys():
            raise TableError(f"{path}: `{flag}` must have `action`, `why` and `safe`")


def _object(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    table = _whole(path)
    missing = [key for key in keys if not isinstance(table, dict) or key not in table]
    if missing or not isinstance(table, dict):
        raise TableError(f"{path}:1: it must be an object{f' with `{missing[0]}`' if missing else ''}")
    return table


def _day(path: Path) -> None:
    day = _object(path, ("date",))["date"]
    if not isinstance(day, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise TableError(f"{path}:1: `date` must be a day, as 2026-11-21")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_index(value: Any, length: int) -> bool:
    return isinstance(value, int) and 0 <= value < length


def _are_stretches(value: Any, length: int) -> bool:
    pairs = isinstance(value, list) and len(value) % 2 == 0 and value != []
    return pairs and all(_is_index(item, length) for item in value) and value == sorted(value)


_FORMS: Mapping[str, Callable[[Path], Any]] = {
    "options.jsonl": _options,
    "environment.json": _environment,
    "value_names.json": _value_names,
    "option_bounds.json": _bounds,
    "removed_options.json": _removed,
    "tables.json": _day,
}
