"""What vLLM's configuration classes take as JSON, as pydantic judges it.

The table `vllint_schemas/data/config_classes.json` is written by `scripts/tables/config_classes.py`, which
describes its records.
"""

import json
import math
import operator
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

from vllint.tables import table_path

JsonProblemKind = Literal[
    "not_an_object", "unknown_key", "missing_key", "wrong_type", "unknown_name", "out_of_bounds", "conflict"
]
_BOUNDS = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "above"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "below"),
}
_BOOLEANS = frozenset({"0", "1", "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"})
_WORDS = {
    "bool": "`true` or `false`",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "none": "`null`",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
    "class": "an object",
}
_Path = tuple[str | int, ...]


class JsonProblem(NamedTuple):
    """A part of an option's JSON that the option's configuration class refuses.

    `path` leads to the value, or to the object for a key that is missing; `expected` says in words what it
    takes, `names` which keys or names there are. `crash` is what vLLM dies of, where no refusal is said.
    """

    kind: JsonProblemKind
    path: _Path
    owner: str
    expected: str = ""
    names: tuple[str, ...] = ()
    source: str = ""
    crash: str = ""

    @property
    def message(self) -> str:
        """What vLLM says first."""
        return self.crash or f"1 validation error for {self.owner}"


class ClassOfOption(NamedTuple):
    """The class that an option's JSON is read as, and at which stage: `parse` or `config`."""

    name: str
    stage: str


@cache
def _tables() -> dict[str, dict[str, Any]]:
    path = table_path("config_classes.json")
    tables: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return tables


def class_of_option(flag: str, release: str) -> ClassOfOption | None:
    """Return the class that an option is read as; `None` where the release has no table, or it has none."""
    found = _tables().get(release, {"options": {}})["options"].get(flag)
    return None if found is None else ClassOfOption(*found)


def fields_of(name: str, release: str) -> dict[str, Any]:
    """Return the fields of a configuration class, empty where they are not known."""
    fields: dict[str, Any] = _tables().get(release, {"classes": {}})["classes"].get(name, {})
    return fields


def registered_names(name: str, field: str, release: str) -> tuple[str, ...]:
    """Return the names that vLLM itself registers for a field that takes any text; empty if not known."""
    return tuple(fields_of(name, release).get(field, {}).get("registered", ()))


def has_classes(release: str) -> bool:
    """Whether the classes of a release are known."""
    return release in _tables()


def as_class_holds(name: str, value: dict[str, Any], release: str) -> dict[str, Any]:
    """Return an object that the class takes with its texts and numbers read as its fields hold them."""
    fields = fields_of(name, release)
    return {key: _held(fields.get(key, {}), content, release) for key, content in value.items()}


def _held(field: dict[str, Any], value: Any, release: str) -> Any:
    types = field.get("type", ["any"])
    if isinstance(value, dict):
        inner = next((kind[1] for kind in types if kind[0] == "class"), None)
        return value if inner is None else as_class_holds(inner, value, release)
    if isinstance(value, list):
        items: list[Any] = next((kind[1] for kind in types if kind[0] == "list"), ["any"])
        return [_held({"type": items}, item, release) for item in value]
    if isinstance(value, str) and "fold" in field:
        return _folded(value, field["fold"])
    if value is None or "any" in types or (isinstance(value, str) and "str" in types):
        return value
    if "bool" in types and _is_bool(value):
        return _is_true(value)
    if "int" in types and _is_int(value):
        return _as_int(value)
    return _number(value) if "float" in types and _is_float(value) else value


def json_problems(flag: str, value: Any, release: str) -> tuple[JsonProblem, ...]:
    """Return what the class that the option is read as, or the option's type, refuses of decoded JSON."""
    found = class_of_option(flag, release)
    if found is None:
        types = _tables().get(release, {"types": {}})["types"].get(flag, ["any"])
        judge = _Judge({"classes": {}, "checks": []}, flag)
        return tuple(judge.any_of(types, value, ()))
    return tuple(_Judge(_tables()[release], found.name).instance(found.name, value, ()))


class _Judge:
    """Judges values by the classes of one release; `owner` is the class that messages name."""

    def __init__(self, table: dict[str, Any], owner: str) -> None:
        self.classes = table["classes"]
        self.checks = table["checks"]
        self.owner = owner

    def _problem(self, kind: JsonProblemKind, path: _Path, **rest: Any) -> JsonProblem:
        return JsonProblem(kind, path, self.owner, **rest)

    def instance(self, name: str, value: Any, path: _Path) -> Iterator[JsonProblem]:
        """Yield what a class refuses of a value."""
        if not isinstance(value, dict):
            yield self._problem("not_an_object", path, expected="an object")
            return
        fields = self.classes[name]
        found: list[JsonProblem] = []
        for key, content in value.items():
            if key not in fields:
                found.append(self._problem("unknown_key", (*path, key), names=tuple(fields)))
            else:
                found += self._field(fields[key], content, (*path, key))
        for key, field in fields.items():
            if field.get("required") and key not in value:
                found.append(self._problem("missing_key", path, names=(key,)))
        yield from found
        if not found:
            yield from self._conflicts(name, fields, value, path)

    def _field(self, field: dict[str, Any], value: Any, path: _Path) -> Iterator[JsonProblem]:
        fold = field.get("fold")
        if isinstance(value, str) and fold is not None:
            if value.lower() in field.get("also", ()):
                return
            folded = _folded(value, fold)
            if fold.startswith("upper"):
                names = next(tuple(kind[1]) for kind in field["type"] if kind[0] == "enum")
                if folded not in names:
                    crash = f"KeyError: {folded!r}" if fold == "upper" else ""
                    yield self._problem("unknown_name", path, names=names, crash=crash)
                return
            value = folded
        problems = list(self.any_of(field["type"], value, path))
        yield from problems
        if not problems and value is not None:
            yield from self._bounds(field, value, path)

    def any_of(self, types: list[Any], value: Any, path: _Path) -> list[JsonProblem]:
        """Return nothing if one of the types takes the value, else what the nearest of them refuses."""
        nearest: list[JsonProblem] = []
        for kind in types:
            problems = list(self._typed(kind, value, path))
            if not problems:
                return []
            if not nearest or any(len(problem.path) > len(path) for problem in problems):
                nearest = problems
        if any(len(problem.path) > len(path) for problem in nearest):
            return nearest
        return [_alternatives(self.owner, types, path, value)]

    def _typed(self, kind: Any, value: Any, path: _Path) -> Iterator[JsonProblem]:
        if isinstance(kind, str):
            if not _SCALARS[kind](value):
                yield self._problem("wrong_type", path)
            return
        name, *rest = kind
        if name == "class":
            yield from self.instance(rest[0], value, path)
        elif name in {"literal", "enum"}:
            if not _is_named(name, rest, value):
                yield self._problem("unknown_name", path)
        elif name == "dict" and isinstance(value, dict):
            for key, content in value.items():
                yield from self.any_of(rest[0], key, (*path, key))
                yield from self.any_of(rest[1], content, (*path, key))
        elif name == "list" and isinstance(value, list):
            for index, content in enumerate(value):
                yield from self.any_of(rest[0], content, (*path, index))
        elif name == "tuple" and isinstance(value, list) and len(value) == len(rest):
            for index, (types, content) in enumerate(zip(rest, value, strict=True)):
                yield from self.any_of(types, content, (*path, index))
        else:
            yield self._problem("wrong_type", path)

    def _bounds(self, field: dict[str, Any], value: Any, path: _Path) -> Iterator[JsonProblem]:
        number = _number(value)
        for name, (holds, words) in _BOUNDS.items():
            if name in field and number is not None and not holds(number, field[name]):
                expected = f"{words} {field[name]:g}"
                yield self._problem("out_of_bounds", path, expected=expected)
                return
        if isinstance(value, list | dict) and len(value) < field.get("min_length", 0):
            yield self._problem("out_of_bounds", path, expected="not empty")

    def _conflicts(
        self, name: str, fields: dict[str, Any], value: dict[str, Any], path: _Path
    ) -> Iterator[JsonProblem]:
        for check in self.checks:
            if check["class"] != name:
                continue
            held = all(_holds(fields, value, *condition) for condition in check["when"])
            if held:
                given = next((key for key, *_ in check["when"] if key in value), None)
                place = path if given is None else (*path, given)
                why = check.get("why", check["said"]).strip()
                yield self._problem("conflict", place, expected=why, source=check["source"])
                return


def _folded(value: str, fold: str) -> Any:
    if fold == "list":
        return value.replace(" ", "").split(",")
    return value.lower().replace("-", "_") if fold == "dashes" else value.upper()


def _alternatives(owner: str, types: list[Any], path: _Path, value: Any) -> JsonProblem:
    """Return the problem of a value that is none of several types."""
    names: list[str] = []
    for kind in types:
        if isinstance(kind, list) and kind[0] == "literal":
            names += map(str, kind[1:])
        elif isinstance(kind, list) and kind[0] == "enum":
            names += [str(name if held is None else held) for name, held in kind[1].items()]
    words = list(dict.fromkeys(_WORDS[_name(kind)] for kind in types if _name(kind) in _WORDS))
    named = bool(names) and isinstance(value, str | int)
    return JsonProblem(
        "unknown_name" if named else "wrong_type",
        path,
        owner,
        expected=" or ".join(words),
        names=tuple(names),
    )


def _name(kind: Any) -> str:
    name: str = kind if isinstance(kind, str) else kind[0]
    return name


def _is_named(name: str, rest: list[Any], value: Any) -> bool:
    """Whether a value is one of a literal's, or stands for a member of an enumeration."""
    if name == "literal":
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in rest)
    members, whole = rest
    held = [one for one in members.values() if one is not None]
    if whole and _is_int(value):
        return _as_int(value) in held
    return value in held


def _as_int(value: Any) -> int:
    return int(float(value)) if isinstance(value, str) else int(value)


def _is_bool(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() in _BOOLEANS
    return isinstance(value, bool | int | float) and value in {0, 1}


def _is_true(value: Any) -> bool:
    return value.lower() in {"1", "true", "t", "yes", "y", "on"} if isinstance(value, str) else bool(value)


def _is_int(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\s*[+-]?\d+(?:_\d+)*(?:\.0+)?\s*", value) is not None
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is_float(value: Any) -> bool:
    return isinstance(value, int | float) or _number(value) is not None


def _number(value: Any) -> float | None:
    """Return the number that pydantic makes of a value; `None` if it is none, as a list is."""
    if value is None or isinstance(value, int | float):
        return value
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


_SCALARS: dict[str, Any] = {
    "any": lambda value: True,
    "none": lambda value: value is None,
    "str": lambda value: isinstance(value, str),
    "bool": _is_bool,
    "int": _is_int,
    "float": _is_float,
}


def _taken(field: dict[str, Any], value: dict[str, Any], key: str) -> Any:
    """Return what a field holds: as given, names folded and texts for switches read; else its default."""
    found = value.get(key, field.get("default"))
    if not isinstance(found, str):
        return found
    if "bool" in field.get("type", ()):
        return _is_true(found)
    return _folded(found, field["fold"]) if "fold" in field else found


def _holds(fields: dict[str, Any], value: dict[str, Any], key: str, how: str, wanted: Any) -> bool:
    found = _taken(fields.get(key, {}), value, key)
    if how == "is above field":
        bound = _number(_taken(fields.get(wanted, {}), value, wanted))
        return bound is not None and _above(found, bound)
    return bool(_HOLDS[how](found, wanted))


def _below(value: Any, bound: float) -> bool:
    number = _number(value)
    return number is not None and number < bound


def _above(value: Any, bound: float) -> bool:
    number = _number(value)
    return number is not None and number > bound


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return (number := _number(value)) is not None and math.isclose(number, wanted, abs_tol=0)
    return bool(value == wanted)


_HOLDS: dict[str, Any] = {
    "is": _same,
    "is not": lambda value, wanted: not _same(value, wanted),
    "is in": lambda value, wanted: value in wanted,
    "is not in": lambda value, wanted: value not in wanted,
    "is set": lambda value, wanted: bool(value) is wanted,
    "is above": _above,
    "is below": _below,
    "has at most": lambda value, bound: any(not _above(item, bound) for item in value or ()),
    "has both": lambda value, wanted: all((value or ()).count(item) for item in wanted) if value else False,
    "has no match of": lambda value, pattern: any(
        not re.fullmatch(pattern, item)
        for item in (value.values() if isinstance(value, dict) else value or ())
    ),
}
