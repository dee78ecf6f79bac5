"""Integer arithmetic as in `$(( ))`, for the operators that launch scripts use."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = r"\s*(?:(\d[\w#@]*)|([A-Za-z_]\w*)|([-+*/%()]))"
_ASSIGNED = (
    r"([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*(?:=(?!=)|(?:[-+*/%&|^]|<<|>>)=|\+\+|--)|(?:\+\+|--)\s*([A-Za-z_]\w*)"
)
_LARGEST = 1 << 62


class NotComputedError(Exception):
    """The expression holds an unknown operand or an operator that is not evaluated."""


def compute(expression: str, value_of: Callable[[str], int]) -> int:
    """Return the value of `expression`, or raise `NotComputedError`; `value_of` gives a variable's."""
    tokens: list[str] = []
    position = 0
    stop = len(expression.rstrip())
    while position < stop:
        match = re.compile(_TOKEN).match(expression, position)
        if match is None or len(tokens) > 200:
            raise NotComputedError
        tokens.append(match.group().strip())
        position = match.end()
    if "**" in expression or "++" in expression or "--" in expression:
        raise NotComputedError
    if not tokens:
        return 0
    value, end = _sum(tokens, 0, value_of)
    if end != len(tokens):
        raise NotComputedError
    return value


def assigned_names(expression: str) -> frozenset[str]:
    """Return the variables that evaluating `expression` may change."""
    return frozenset(name for names in re.findall(_ASSIGNED, expression) for name in names if name)


def _sum(tokens: list[str], at: int, value_of: Callable[[str], int]) -> tuple[int, int]:
    value, at = _product(tokens, at, value_of)
    while at < len(tokens) and tokens[at] in "+-":
        operand, end = _product(tokens, at + 1, value_of)
        value = _bounded(value + operand if tokens[at] == "+" else value - operand)
        at = end
    return value, at


def _product(tokens: list[str], at: int, value_of: Callable[[str], int]) -> tuple[int, int]:
    value, at = _operand(tokens, at, value_of)
    while at < len(tokens) and tokens[at] in "*/%":
        operand, end = _operand(tokens, at + 1, value_of)
        value = _bounded(value * operand if tokens[at] == "*" else _divided(value, operand, tokens[at]))
        at = end
    return value, at


def _divided(value: int, divisor: int, operator: str) -> int:
    """Divide towards zero, as C does."""
    if divisor == 0:
        raise NotComputedError
    quotient = abs(value) // abs(divisor) * (1 if (value < 0) == (divisor < 0) else -1)
    return quotient if operator == "/" else value - quotient * divisor


def _operand(tokens: list[str], at: int, value_of: Callable[[str], int]) -> tuple[int, int]:
    if at >= len(tokens):
        raise NotComputedError
    token = tokens[at]
    if token in "+-":
        value, end = _operand(tokens, at + 1, value_of)
        return (-value if token == "-" else value), end
    if token == "(":
        value, end = _sum(tokens, at + 1, value_of)
        if end >= len(tokens) or tokens[end] != ")":
            raise NotComputedError
        return value, end + 1
    if token[0].isdigit():
        return number(token), at + 1
    if token[0].isalpha() or token[0] == "_":
        return value_of(token), at + 1
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
