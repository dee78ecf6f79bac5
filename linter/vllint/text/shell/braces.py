"""Brace expansion: `{a,b}` and `{1..4}` in the unquoted parts of a word."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TypeAlias

from vllint.text.shell.syntax import Fixed, Literal, Opaque, Parameter, Part

Atom: TypeAlias = Part | int
"""A part, or the offset of an unquoted character."""

_SEQUENCE = r"(-?[0-9]+)\.\.(-?[0-9]+)(?:\.\.(-?[0-9]+))?"
_INNER = r"(?<!\$)\{"
MOST_TERMS = 64
MOST_BRACES = 16


def brace_terms(text: str, parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """Return the words that a word's parts stand for; what is too intricate becomes one opaque word."""
    if not any(isinstance(part, Literal) and _may_expand(text, part) for part in parts):
        return [parts]
    openings = sum(text.count("{", part.start, part.end) for part in parts if isinstance(part, Literal))
    if openings > MOST_BRACES:
        return [(Opaque(parts[0].start, parts[-1].end, False),)]
    if any(
        isinstance(part, Parameter) and re.compile(_INNER).search(text, part.start + 2, part.end)
        for part in parts
    ):
        # Bash pairs the braces of `${...}` with those around it before it knows what they mean.
        return [(Opaque(parts[0].start, parts[-1].end, False),)]
    atoms: list[Atom] = []
    for part in parts:
        if isinstance(part, Literal) and not part.quoted:
            atoms.extend(range(part.start, part.end))
        else:
            atoms.append(part)
    terms = _terms(text, atoms)
    if terms is None or len(terms) > MOST_TERMS:
        return [(Opaque(parts[0].start, parts[-1].end, False),)]
    return [_parts(term) for term in terms]


def _may_expand(text: str, part: Literal) -> bool:
    return not part.quoted and "{" in text[part.start : part.end]


def _terms(text: str, atoms: list[Atom]) -> list[list[Atom]] | None:
    """Expand the first brace and what follows it; None for what is not evaluated."""
    opening = next((i for i, atom in enumerate(atoms) if _is(text, atom, "{")), None)
    if opening is None:
        return [atoms]
    closing, commas = _closing(text, atoms, opening)
    if closing is None:
        return None if any(_is(text, atom, "}") for atom in atoms[opening:]) else [atoms]
    inner = atoms[opening + 1 : closing]
    choices = _choices(text, atoms, opening, closing, commas)
    behind = _terms(text, atoms[closing + 1 :])
    if choices is None or behind is None:
        return None
    if not choices:
        if any(_is(text, atom, "{") for atom in inner):
            return None
        choices = [atoms[opening : closing + 1]]
    if len(choices) * len(behind) > MOST_TERMS:
        return None
    return [[*atoms[:opening], *choice, *rest] for choice in choices for rest in behind]


def _is(text: str, atom: Atom, character: str) -> bool:
    return isinstance(atom, int) and text[atom] == character


def _closing(text: str, atoms: list[Atom], opening: int) -> tuple[int | None, list[int]]:
    """Return the index of the brace that closes `opening`, and of the commas between that part them."""
    depth = 0
    commas: list[int] = []
    for index in range(opening, len(atoms)):
        if _is(text, atoms[index], "{"):
            depth += 1
        elif _is(text, atoms[index], "}"):
            depth -= 1
            if not depth:
                return index, commas
        elif depth == 1 and _is(text, atoms[index], ","):
            commas.append(index)
    return None, []


def _choices(
    text: str, atoms: list[Atom], opening: int, closing: int, commas: list[int]
) -> list[list[Atom]] | None:
    """Return what the braces stand for: nothing when they are plain characters, None if not evaluated."""
    inner = atoms[opening + 1 : closing]
    if not commas:
        plain = "".join(text[atom] if isinstance(atom, int) else "\0" for atom in inner)
        first = atoms[opening]
        assert isinstance(first, int)
        return _sequence(plain, first, first + len(plain) + 2) if ".." in plain else []
    choices: list[list[Atom]] = []
    bounds = [opening, *commas, closing]
    for low, high in pairwise(bounds):
        terms = _terms(text, atoms[low + 1 : high])
        if terms is None:
            return None
        choices.extend(terms)
    return choices


def _sequence(plain: str, start: int, end: int) -> list[list[Atom]] | None:
    """Return the terms of `first..last` and `first..last..step`."""
    match = re.fullmatch(_SEQUENCE, plain)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    step = abs(int(match[3] or 1)) or 1
    if abs(last - first) // step >= MOST_TERMS or _is_padded(match[1]) or _is_padded(match[2]):
        return None
    values = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    return [[Fixed(start, end, str(value), True)] for value in values]


def _is_padded(digits: str) -> bool:
    bare = digits.lstrip("-")
    return len(bare) > 1 and bare.startswith("0")


def _parts(atoms: list[Atom]) -> tuple[Part, ...]:
    """Return parts, neighbouring characters joined."""
    parts: list[Part] = []
    for atom in atoms:
        if not isinstance(atom, int):
            parts.append(atom)
        elif parts and isinstance(parts[-1], Literal) and not parts[-1].quoted and parts[-1].end == atom:
            parts[-1] = Literal(parts[-1].start, atom + 1, False)
        else:
            parts.append(Literal(atom, atom + 1, False))
    return tuple(parts)
