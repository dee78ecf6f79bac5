"""Go template expressions, as far as a chart's values decide them.

Functions follow Go's text/template, Sprig and Helm; whatever else an expression names is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])"
    r"|(?P<path>\$\w*(?:\.[A-Za-z_][\w-]*)*|(?:\.[A-Za-z_][\w-]*)+|\.)|(?P<name>[A-Za-z_]\w*)|(?P<mark>[()|]))"
)
_MAX_DEPTH = 20
_CHART_KEYS = {"Name": "name", "Version": "version", "AppVersion": "appVersion"}


class Opaque:
    """What is not known before a chart is installed, and the root that a template starts at."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


UNKNOWN: Final = Opaque("unknown")
ROOT: Final = Opaque("root")


class Quoted(NamedTuple):
    """A value that is written in quotes."""

    value: Plain


class Yaml(NamedTuple):
    """A value that is written as YAML."""

    value: Plain


Plain: TypeAlias = "Node | str | int | float | bool | Opaque | None"
Value: TypeAlias = "Plain | Quoted | Yaml"


class Scope(NamedTuple):
    """What names stand for: the chart's values, its Chart.yaml, the `.` of the place, and `$` variables."""

    values: Mapping | None
    chart: Mapping | None = None
    dot: Plain = ROOT
    variables: tuple[tuple[str, Plain], ...] = ()

    def at(self, dot: Plain) -> Scope:
        """Return the scope in which `.` is something else."""
        return self._replace(dot=dot)

    def with_variable(self, name: str, value: Value) -> Scope:
        """Return the scope in which a variable has a value."""
        return self._replace(variables=(*self.variables, (name, plain(value))))

    def look_up(self, path: str) -> Plain:
        """Return what `.a.b`, `$.a.b` or `$name.a.b` stands for."""
        head, *keys = path.split(".")
        value: Plain
        if not head:
            value, keys = self.dot, [key for key in keys if key]
        elif head == "$":
            value = ROOT
        else:
            value = next((found for name, found in reversed(self.variables) if name == head), UNKNOWN)
        for key in keys:
            value = self._field(value, key)
        return value

    def _field(self, value: Plain, key: str) -> Plain:
        if value is ROOT:
            if key == "Values":
                return UNKNOWN if self.values is None else self.values
            return Opaque("chart") if key == "Chart" else UNKNOWN
        if isinstance(value, Opaque):
            name = _CHART_KEYS.get(key) if value.name == "chart" else None
            return UNKNOWN if name is None or self.chart is None else self.chart.get(name)
        if isinstance(value, Mapping):
            # The values of a chart around this one may add to `global`.
            found = value.get(key)
            return UNKNOWN if found is None and key == "global" else found
        return None if value is None else UNKNOWN


def plain(value: Value) -> Plain:
    """Return a value without the way it is written."""
    return value.value if isinstance(value, Quoted | Yaml) else value


def truth(value: Value) -> bool | None:
    """Return whether `if` takes a value for true; `None` where that is not known."""
    bare = plain(value)
    if isinstance(bare, Opaque):
        return None
    if isinstance(bare, Scalar):
        return bool(bare.resolved())
    if isinstance(bare, Mapping | Sequence):
        return bool(bare.children())
    return bool(bare)


def evaluate(expression: str, scope: Scope) -> Value:
    """Return what an expression stands for; `UNKNOWN` for all that is not decided."""
    tokens: list[tuple[str, str]] = []
    position = 0
    expression = expression.strip()
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None or match.end() == position:
            return UNKNOWN
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        position = match.end()
    value, rest = _pipeline(tokens, 0, scope, 0)
    return value if rest == len(tokens) else UNKNOWN


def _pipeline(tokens: list[tuple[str, str]], at: int, scope: Scope, depth: int) -> tuple[Value, int]:
    value, at = _command(tokens, at, scope, (), depth)
    while at < len(tokens) and tokens[at] == ("mark", "|"):
        value, at = _command(tokens, at + 1, scope, (value,), depth)
    return value, at


def _command(
    tokens: list[tuple[str, str]], at: int, scope: Scope, piped: tuple[Value, ...], depth: int
) -> tuple[Value, int]:
    """Read a function and its arguments, or one operand."""
    if at >= len(tokens) or depth > _MAX_DEPTH:
        return UNKNOWN, len(tokens) + 1
    kind, text = tokens[at]
    if kind == "name" and text not in {"true", "false", "nil"}:
        arguments: list[Value] = []
        at += 1
        while at < len(tokens) and tokens[at] not in {("mark", "|"), ("mark", ")")}:
            argument, at = _operand(tokens, at, scope, depth)
            arguments.append(argument)
        function = _FUNCTIONS.get(text)
        return (UNKNOWN if function is None else function((*arguments, *piped))), at
    value, at = _operand(tokens, at, scope, depth)
    return (UNKNOWN if piped else value), at


def _operand(tokens: list[tuple[str, str]], at: int, scope: Scope, depth: int) -> tuple[Value, int]:
    kind, text = tokens[at]
    if kind == "string":
        return (text[1:-1] if "\\" not in text or text[0] == "`" else UNKNOWN), at + 1
    if kind == "number":
        return (float(text) if "." in text else int(text)), at + 1
    if kind == "path":
        return scope.look_up(text), at + 1
    if (kind, text) == ("mark", "("):
        value, at = _pipeline(tokens, at + 1, scope, depth + 1)
        if at < len(tokens) and tokens[at] == ("mark", ")"):
            return value, at + 1
        return UNKNOWN, len(tokens) + 1
    if kind == "name":
        literal = {"true": True, "false": False, "nil": None}
        return literal.get(text, UNKNOWN), at + 1
    return UNKNOWN, len(tokens) + 1


def _comparable(value: Value) -> object:
    bare = plain(value)
    return bare.resolved() if isinstance(bare, Scalar) else bare


def _equal(arguments: tuple[Value, ...]) -> Value:
    values = [_comparable(argument) for argument in arguments]
    if len(values) < 2 or any(isinstance(value, Opaque) for value in values):
        return UNKNOWN
    return any(values[0] == other for other in values[1:])


def _negated(value: Value) -> Value:
    known = truth(value)
    return UNKNOWN if known is None else not known


def _and(arguments: tuple[Value, ...]) -> Value:
    for argument in arguments[:-1]:
        known = truth(argument)
        if known is None:
            return False if any(truth(other) is False for other in arguments) else UNKNOWN
        if not known:
            return argument
    return arguments[-1] if arguments else UNKNOWN


def _or(arguments: tuple[Value, ...]) -> Value:
    for argument in arguments[:-1]:
        known = truth(argument)
        if known is None:
            return UNKNOWN
        if known:
            return argument
    return arguments[-1] if arguments else UNKNOWN


def _default(arguments: tuple[Value, ...]) -> Value:
    if len(arguments) != 2:
        return UNKNOWN
    known = truth(arguments[1])
    if known is None:
        return UNKNOWN
    return arguments[1] if known else arguments[0]


def _has_key(arguments: tuple[Value, ...]) -> Value:
    holder, key = (plain(arguments[0]), arguments[1]) if len(arguments) == 2 else (UNKNOWN, UNKNOWN)
    if not isinstance(holder, Mapping) or not isinstance(key, str):
        return UNKNOWN
    return holder.get(key) is not None


def _ternary(arguments: tuple[Value, ...]) -> Value:
    known = truth(arguments[2]) if len(arguments) == 3 else None
    return UNKNOWN if known is None else arguments[0 if known else 1]


def _greater(arguments: tuple[Value, ...]) -> Value:
    values = [_comparable(argument) for argument in arguments]
    if len(values) != 2:
        return UNKNOWN
    left, right = values
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return UNKNOWN
    return left > right


def _last(arguments: tuple[Value, ...]) -> Value:
    return arguments[-1] if arguments else UNKNOWN


def _first_true(arguments: tuple[Value, ...]) -> Value:
    return _or(arguments)


def _templated(arguments: tuple[Value, ...]) -> Value:
    """Return what `tpl` makes of a text: itself, when it holds no placeholders."""
    value = plain(arguments[0]) if arguments else UNKNOWN
    text = value.value if isinstance(value, Scalar) else value
    return value if isinstance(text, str) and "{{" not in text else UNKNOWN


_FUNCTIONS: dict[str, Callable[[tuple[Value, ...]], Value]] = {
    "quote": lambda given: Quoted(plain(_last(given))),
    "squote": lambda given: Quoted(plain(_last(given))),
    "toYaml": lambda given: Yaml(plain(_last(given))),
    "toString": _last,
    "int": _last,
    "int64": _last,
    "float64": _last,
    "trim": _last,
    "indent": _last,
    "nindent": _last,
    "required": _last,
    "default": _default,
    "coalesce": _first_true,
    "tpl": _templated,
    "not": lambda given: _negated(_last(given)),
    "empty": lambda given: _negated(_last(given)),
    "and": _and,
    "or": _or,
    "eq": _equal,
    "ne": lambda given: _negated(_equal(given)),
    "gt": _greater,
    "hasKey": _has_key,
    "ternary": _ternary,
}
