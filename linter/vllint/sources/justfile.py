"""Justfiles: the servers that recipes start (the manual of `just`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.bounded_words import bounded_join
from vllint.sources.files import File, Found
from vllint.sources.line_ends import up_to
from vllint.sources.shell import shell_launches
from vllint.text.lines import line_extents
from vllint_schemas import Launch, Origin, Variable, Word

_ASSIGNMENT = re.compile(r"(export[ \t]+)?([A-Za-z_][\w-]*)[ \t]*:=[ \t]*(.*?)[ \t]*$")
_RECIPE = re.compile(r"@?([A-Za-z_][\w-]*)((?:[ \t]+[^:]*?)?)[ \t]*:(?!=)")
_PARAMETER = re.compile(
    r"([*+]?)(\$?)([A-Za-z_][\w-]*)(?:[ \t]*=[ \t]*(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\([^)]*\)|[^\s:]+))?"
)
_INTERPOLATION = re.compile(r"\{\{\{\{|\{\{(.*?)\}\}", re.DOTALL)
_FALLBACK = re.compile(r"(?:env_var_or_default|env)\(\s*(?:'[^']*'|\"[^\"]*\")\s*,\s*(.*)\)$", re.DOTALL)
_SETTING = re.compile(r"set[ \t]+export\b(?![ \t]*:=[ \t]*false)")
_TRIPLE = ('"""', "'''")
_QUOTE = re.compile("\"\"\"|'''|[\"'`]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}

Table = Mapping[str, Word]


class Recipe(NamedTuple):
    """A recipe: its name, its parameters as variables of its own, and the lines of its body."""

    name: str
    parameters: Table
    lines: tuple[Word, ...]


def recognises(file: File) -> bool:
    """Whether the file is called what `just` looks for."""
    return True


def launches(file: File) -> Found:
    """Yield the servers that the recipes start, each named after its recipe."""
    table, exported, recipes = _read(file.whole)
    for recipe in recipes:
        known = {**table, **recipe.parameters}
        environment = tuple(Variable(name, known[name]) for name in exported if name in known)
        for script in _scripts(recipe):
            if "vllm" not in script.text.lower():
                continue
            for found in shell_launches(_interpolated(script, known), "just", environment):
                if isinstance(found, Launch):
                    found = found._replace(name=recipe.name, together=None)
                yield found


def _scripts(recipe: Recipe) -> Iterator[Word]:
    """Yield what shells run: each line for itself, or all of a recipe with a shebang."""
    if not recipe.lines:
        return
    if recipe.lines[0].text.lstrip().startswith("#!"):
        parts = [part for line in recipe.lines for part in (line, Word.atomic("\n", line.site))]
        yield Word.join(parts, recipe.lines[0].site.cover(recipe.lines[-1].site))
        return
    joined: list[Word] = []
    for line in recipe.lines:
        content = line.text.rstrip("\n")
        continued = content.endswith("\\")
        start = 0 if joined else len(content) - len(content.lstrip(" \t@-"))
        joined.append(line.slice(start, len(line.text)))
        if continued:
            joined.append(Word.atomic("\n", line.site))
            continue
        yield Word.join(joined, joined[0].site.cover(joined[-1].site))
        joined = []
    if joined:
        yield Word.join(joined, joined[0].site.cover(joined[-1].site))


def _interpolated(script: Word, table: Table) -> Word:
    """Return a script with each `{{expression}}` replaced."""
    parts: list[Word] = []
    position = 0
    for match in _INTERPOLATION.finditer(script.text):
        parts.append(script.slice(position, match.start()))
        use = script.slice(*match.span())
        if match[1] is None:
            parts.append(script.slice(match.start(), match.start() + 2))
        else:
            value = _value(script.slice(*match.span(1)), table)
            parts.append(replace(value, site=use.site, via=(use.site, *value.via), slot=None))
        position = match.end()
    if not position:
        return script
    parts.append(script.slice(position))
    # Where each word comes from is in its map; the script as a whole is the file's own.
    return replace(
        bounded_join(parts, script.site, 10 * len(script.text) + 20_000), origin=Origin.LITERAL, via=()
    )


def _value(expression: Word, table: Table, depth: int = 0) -> Word:
    """Return what an expression comes to: literals, names, `+` and `/`; all else is a hole."""
    start = len(expression.text) - len(expression.text.lstrip())
    expression = expression.slice(start, max(len(expression.text.rstrip()), start))
    text = expression.text
    pieces = _pieces(text) if depth < 10 else []
    if len(pieces) > 1:
        parts: list[Word] = []
        for operator, begin, end in pieces:
            part = _value(expression.slice(begin, end), table, depth + 1)
            parts += (Word.atomic("/", part.site), part) if operator == "/" else (part,)
        return bounded_join(parts, expression.site)
    if len(text) > 5 and text[:3] == text[-3:] and text[:3] in _TRIPLE:
        literal = _unindented(expression.slice(3, len(text) - 3))
        return _unescaped(literal) if text[0] == '"' else literal
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        literal = expression.slice(1, len(text) - 1)
        return _unescaped(literal) if text[0] == '"' else literal
    fallback = _FALLBACK.match(text)
    if fallback is not None and depth < 10:
        default = _value(expression.slice(*fallback.span(1)), table, depth + 1)
        return replace(default, origin=Origin.DEFAULT)
    known = table.get(text)
    if known is not None:
        return known
    return Word.unknown(f"`{text[:60]}` is worked out by just", expression.site, splits=True)


def _pieces(text: str) -> list[tuple[str, int, int]]:
    """Return the operands of `+` and `/` outside of quotes and brackets, each with its operator."""
    found: list[tuple[str, int, int]] = []
    depth, start, operator, place = 0, 0, "", 0
    while place < len(text):
        character = text[place]
        if _QUOTE.match(text, place):
            place = _closed(text, place)
            continue
        if character in "({[)}]":
            depth += 1 if character in "({[" else -1
        elif character in "+/" and depth == 0:
            found.append((operator, start, place))
            start, operator = place + 1, character
        place += 1
    found.append((operator, start, len(text)))
    return found if all(text[begin:end].strip() for _, begin, end in found) else []


def _unindented(literal: Word) -> Word:
    """Return what a literal in triple quotes stands for: without its first line break and indentation."""
    literal = literal.slice(1) if literal.text.startswith("\n") else literal
    lines = list(line_extents(literal.text))
    columns = [
        len(line) - len(line.lstrip(" \t"))
        for start, end in lines
        if (line := literal.text[start:end]).strip()
    ]
    width = min(columns, default=0)
    if not width:
        return literal
    parts = [literal.slice(min(start + width, end), min(end + 1, len(literal.text))) for start, end in lines]
    return Word.join(parts, literal.site)


def _closed(text: str, place: int) -> int:
    """Return where the quotes end that open at `place`; the end of the text where they do not."""
    opening = _QUOTE.match(text, place)
    quote = "" if opening is None else opening[0]
    close = text.find(quote, place + len(quote))
    return len(text) if close < 0 else close + len(quote)


def _whole_expression(text: str, start: int, end: int) -> int:
    """Return where an expression ends that starts at `start` in a line up to `end`: quotes may hold lines."""
    place = start
    while place < end:
        place = _closed(text, place) if _QUOTE.match(text, place) else place + 1
        if place > end:
            following = text.find("\n", place)
            end = len(text) if following < 0 else following
    return end


def _unescaped(literal: Word) -> Word:
    if "\\" not in literal.text:
        return literal
    parts: list[Word] = []
    position = 0
    for match in re.finditer(r"\\(.)", literal.text, re.DOTALL):
        parts.append(literal.slice(position, match.start()))
        parts.append(Word.atomic(_ESCAPES.get(match[1], match[0]), literal.slice(*match.span()).site))
        position = match.end()
    return Word.join((*parts, literal.slice(position)), literal.site)


def _read(text: Word) -> tuple[dict[str, Word], tuple[str, ...], list[Recipe]]:
    """Return the variables, the names of the exported ones, and the recipes."""
    table: dict[str, Word] = {}
    exported: list[str] = []
    recipes: list[Recipe] = []
    bodies: defaultdict[int, list[Word]] = defaultdict(list)
    all_exported = False
    position = 0
    for start, end in line_extents(text.text):
        if start < position:
            continue
        line = text.text[start:end].rstrip("\r")
        if line[:1] in {" ", "\t"}:
            if line.strip():
                bodies[len(recipes)].append(up_to(text, start, start + len(line)))
            continue
        assignment, recipe = _ASSIGNMENT.match(line), _RECIPE.match(line)
        all_exported = all_exported or _SETTING.match(line) is not None
        if assignment is not None:
            position = _whole_expression(text.text, start + assignment.start(3), start + len(line))
            value = up_to(text, start + assignment.start(3), max(position, start + assignment.end(3)))
            table[assignment[2]] = _value(value, table)
            exported += [assignment[2]] if assignment[1] else []
        elif recipe is not None:
            header = text.slice(start + recipe.start(2), start + recipe.end(2))
            parameters = dict(_parameters(header, table))
            exported += [match[3] for match in _PARAMETER.finditer(header.text) if match[2]]
            recipes.append(Recipe(recipe[1], parameters, ()))
    whole = [recipe._replace(lines=tuple(bodies[place])) for place, recipe in enumerate(recipes, start=1)]
    return table, tuple(dict.fromkeys(list(table) + exported if all_exported else exported)), whole


def _parameters(header: Word, table: Table) -> Iterator[tuple[str, Word]]:
    """Yield a recipe's parameters: what is not given is their default, what must be given is a hole."""
    for match in _PARAMETER.finditer(header.text):
        if match[4] is not None and not match[1]:
            yield match[3], replace(_value(header.slice(*match.span(4)), table), origin=Origin.DEFAULT)
            continue
        site = header.slice(*match.span(3)).site
        reason = f"`{match[3]}` is given when `just` is called"
        yield match[3], Word.unknown(reason, site, splits=bool(match[1]))
