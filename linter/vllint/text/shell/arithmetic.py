"""Integer arithmetic as in `$(( ))`, for the operators that launch scripts use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_TOKEN = re.compile(
    r"\s*(?:(\d[\w#@]*)|([A-Za-z_]\w*)|(\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%()<>?:!~&|^]))(?!=(?!=))"
)
_ASSIGNED = (
    r"([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*(?:=(?!=)|(?:[-+*/%&|^]|<<|>>)=|\+\+|--)|(?:\+\+|--)\s*([A-Za-z_]\w*)"
)
ASSIGNMENT = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)\s*(?P<operator>[-+*/%]?)=(?!=)(?P<value>[^=<>!&|?,]+?)"
    r"|(?P<counted>[A-Za-z_]\w*)\s*(?P<after>\+\+|--)|(?P<before>\+\+|--)\s*(?P<raised>[A-Za-z_]\w*))\s*"
)
"""An expression that is one assignment."""

_LARGEST = 1 << 62
_LONGEST_SHIFT = 62
_BINDS = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11,
}  # fmt: skip
"""How tightly an operator of two operands binds."""


class NotComputedError(Exception):
    """The expression holds an unknown operand or an operator that is not evaluated."""


class _Reader(NamedTuple):
    tokens: list[str]
    value_of: Callable[[str], int]


def compute(expression: str, value_of: Callable[[str], int]) -> int:
    """Return the value of `expression`, or raise `NotComputedError`; `value_of` gives a variable's."""
    tokens: list[str] = []
    position = 0
    stop = len(expression.rstrip())
    while position < stop:
        match = _TOKEN.match(expression, position)
        if match is None or len(tokens) > 200:
            raise NotComputedError
        tokens.append(match.group().strip())
        position = match.end()
    if "++" in expression or "--" in expression:
        raise NotComputedError
    if not tokens:
        return 0
    value, end = _choice(_Reader(tokens, value_of), 0)
    if end != len(tokens):
        raise NotComputedError
    return value


def assigned_names(expression: str) -> frozenset[str]:
    """Return the variables that evaluating `expression` may change."""
    return frozenset(name for names in re.findall(_ASSIGNED, expression) for name in names if name)


def _at(reader: _Reader, at: int) -> str:
    return reader.tokens[at] if at < len(reader.tokens) else ""


def _choice(reader: _Reader, at: int) -> tuple[int, int]:
    """Read `condition ? one : other`."""
    value, at = _operation(reader, at, 1)
    if _at(reader, at) != "?":
        return value, at
    one, at = _choice(reader, at + 1)
    if _at(reader, at) != ":":
        raise NotComputedError
    other, at = _choice(reader, at + 1)
    return (one if value else other), at


def _operation(reader: _Reader, at: int, least: int) -> tuple[int, int]:
    """Read operands joined by operators that bind at least as tightly as `least`."""
    value, at = _operand(reader, at)
    while True:
        operator = _at(reader, at)
        binding = _BINDS.get(operator, 0)
        if binding < max(least, 1):
            return value, at
        # `**` alone groups from the right.
        operand, at = _operation(reader, at + 1, binding + (operator != "**"))
        value = _bounded(_combined(operator, value, operand))


def _combined(operator: str, value: int, operand: int) -> int:
    if operator in ("/", "%"):
        return _divided(value, operand, operator)
    if operator == "**":
        if not 0 <= operand <= _LONGEST_SHIFT:
            raise NotComputedError
        return int(value**operand)
    if operator in ("<<", ">>"):
        if not 0 <= operand <= _LONGEST_SHIFT:
            raise NotComputedError
        return value << operand if operator == "<<" else value >> operand
    if operator in _COMPARED:
        return int(_COMPARED[operator](value, operand))
    return _CALCULATED[operator](value, operand)


_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "||": lambda a, b: bool(a) or bool(b),
    "&&": lambda a, b: bool(a) and bool(b),
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_CALCULATED: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b,
}


def _divided(value: int, divisor: int, operator: str) -> int:
    """Divide towards zero, as C does."""
    if divisor == 0:
        raise NotComputedError
    quotient = abs(value) // abs(divisor) * (1 if (value < 0) == (divisor < 0) else -1)
    return quotient if operator == "/" else value - quotient * divisor


def _operand(reader: _Reader, at: int) -> tuple[int, int]:
    token = _at(reader, at)
    if token in ("+", "-", "!", "~"):
        value, end = _operand(reader, at + 1)
        return {"+": value, "-": -value, "!": int(not value), "~": ~value}[token], end
    if token == "(":
        value, end = _choice(reader, at + 1)
        if _at(reader, end) != ")":
            raise NotComputedError
        return value, end + 1
    if token[:1].isdigit():
        return number(token), at + 1
    if token[:1].isalpha() or token[:1] == "_":
        return reader.value_of(token), at + 1
    raise NotComputedError


def number(token: str) -> int:
    """Return the value of an integer constant: decimal, `0x` or octal."""
    try:
        if token.isdecimal() and token.isascii():
            return _bounded(int(token, 8 if token[0] == "0" else 10))
        if re.fullmatch(r"0[xX][0-9a-fA-F]+", token):
            return _bounded(int(token, 16))
    except ValueError:
        raise NotComputedError from None
    raise NotComputedError


def _bounded(value: int) -> int:
    if abs(value) > _LARGEST:
        raise NotComputedError
    return value
