"""Makefiles: the servers that recipes start (GNU make, §§ 4-6)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.files import File, Found
from vllint.sources.line_ends import up_to
from vllint.sources.make_variables import ASSIGNMENT, MakeVariable, Table, assigned, expanded
from vllint.sources.shell import shell_launches
from vllint.text.lines import line_extents
from vllint_schemas import Launch, Origin, Variable, Word

_RULE = re.compile(r"(?P<targets>[^\s:=#][^:=#]*?)[ \t]*&?::?(?![:=])")
_CONDITION = re.compile(r"[ \t]*(?:(ifn?def|ifn?eq)\b[ \t]*(.*)|(else)\b|(endif)\b)")
_EXPORT = re.compile(r"[ ]*export\b[ \t]*([^=:]*)$")
_DEFINE = re.compile(r"[ ]*(?:override[ \t]+)?define[ \t]+(\S+?)[ \t]*(?:[:+?]?=)?[ \t]*$")
_PREFIX = re.compile(r"[ \t@+-]*")


class Recipe(NamedTuple):
    """The shell texts of a target, one for each line, and the variables as they are for it."""

    target: str
    lines: tuple[Word, ...]
    own: tuple[tuple[re.Match[str], Word], ...] = ()


class Makefile(NamedTuple):
    """What a Makefile says: its variables at the end, and its recipes."""

    variables: Table
    recipes: tuple[Recipe, ...]
    one_shell: bool = False


def recognises(file: File) -> bool:
    """Whether the file is called what make looks for; what it says looks like much else."""
    return True


def launches(file: File) -> Found:
    """Yield the servers that the recipes start, each named after its target."""
    makefile = read_makefile(file.whole)
    for recipe in makefile.recipes:
        table = dict(makefile.variables)
        for match, value in recipe.own:
            table = assigned(table, match, value)
        environment = tuple(
            Variable(name, expanded(variable.text, table))
            for name, variable in table.items()
            if variable.exported
        )
        for script in _scripts(recipe, table, makefile.one_shell):
            # Only what names vLLM is worth reading as shell.
            if "vllm" not in script.text.lower():
                continue
            # Where each word comes from is in its map; the script as a whole is the file's own.
            script = replace(script, origin=Origin.LITERAL, via=())
            for found in shell_launches(script, "make", environment):
                if isinstance(found, Launch):
                    found = found._replace(name=recipe.target, together=None)
                yield found


def _scripts(recipe: Recipe, table: Table, one_shell: bool) -> Iterator[Word]:
    """Yield the texts that shells run: one for each line, or for all of them."""
    named = {**table, "@": MakeVariable(Word.atomic(recipe.target, recipe.lines[0].site), True)}
    texts = [_without_prefix(expanded(line, named)) for line in recipe.lines]
    if not one_shell:
        yield from texts
        return
    parts = [part for text in texts for part in (text, Word.atomic("\n", text.site))]
    yield Word.join(parts, texts[0].site.cover(texts[-1].site))


def _without_prefix(line: Word) -> Word:
    """Leave out `@`, `-` and `+`, which are for make."""
    prefix = _PREFIX.match(line.text)
    return line.slice(prefix.end()) if prefix is not None and prefix.end() else line


def read_makefile(text: Word) -> Makefile:
    """Read variables and rules in the order in which they stand."""
    table: Table = {}
    recipes: list[Recipe] = []
    bodies: defaultdict[int, list[Word]] = defaultdict(list)
    conditions: list[str] = []
    one_shell = False
    lines = list(line_extents(text.text))
    number = 0
    while number < len(lines):
        line = _logical(text, lines, number)
        first = text.text[slice(*line[0])]
        number += len(line)
        if first.startswith("\t"):
            bodies[len(recipes)].append(_recipe_line(text, line))
            continue
        condition = _CONDITION.match(first)
        if condition is not None:
            _enter(conditions, condition)
            continue
        define = _DEFINE.match(first)
        if define is not None:
            body, number = _defined(text, lines, number)
            table = {**table, define[1]: MakeVariable(body)}
            continue
        value = _flat(text, line)
        match = ASSIGNMENT.match(value.text)
        export = _EXPORT.match(value.text)
        if match is not None:
            table = assigned(table, match, value.slice(match.end()), _unsure(conditions, match["name"]))
        elif export is not None:
            table = _exported(table, export[1].split())
        else:
            one_shell = one_shell or first.startswith(".ONESHELL")
            recipes += _rules(value, recipes)
    whole = (
        recipe._replace(lines=(*recipe.lines, *bodies[number]))
        for number, recipe in enumerate(recipes, start=1)
    )
    return Makefile(table, tuple(recipe for recipe in whole if recipe.lines), one_shell)


def _rules(line: Word, recipes: list[Recipe]) -> Iterator[Recipe]:
    """Yield the rule that a line begins; a variable behind the colon is the target's own."""
    rule = _RULE.match(line.text)
    if rule is None:
        return
    target = rule["targets"].split()[0]
    rest = line.slice(rule.end())
    match = ASSIGNMENT.match(rest.text)
    own = tuple(pair for recipe in recipes if recipe.target == target for pair in recipe.own)
    if match is not None:
        yield Recipe(target, (), (*own, (match, rest.slice(match.end()))))
        return
    semicolon = rest.text.find(";")
    yield Recipe(target, (rest.slice(semicolon + 1),) if semicolon >= 0 else (), own)


def _enter(conditions: list[str], found: re.Match[str]) -> None:
    """Keep count of the conditions that the next line stands in."""
    if found[1]:
        conditions.append(found[2].split("#")[0].strip() if found[1] == "ifndef" else "")
    elif conditions and found[3]:
        conditions[-1] = ""
    elif conditions and found[4]:
        conditions.pop()


def _unsure(conditions: list[str], name: str) -> str:
    """Say why an assignment may not take place; inside `ifndef NAME` it is NAME's default."""
    return "is set under a condition" if any(one != name for one in conditions) else ""


def _exported(table: Table, names: list[str]) -> Table:
    """Return the variables after `export`, of all when it names none."""
    chosen = names or list(table)
    return {
        name: variable._replace(exported=True) if name in chosen else variable
        for name, variable in table.items()
    }


def _logical(text: Word, lines: list[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Return the lines from `number` on that a backslash joins."""
    taken = [lines[number]]
    while _is_continued(text.text[slice(*taken[-1])]) and number + len(taken) < len(lines):
        taken.append(lines[number + len(taken)])
    return taken


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _flat(text: Word, lines: list[tuple[int, int]]) -> Word:
    """Return a line outside of recipes: a continuation and the blanks around it are one blank."""
    parts: list[Word] = []
    for number, (start, end) in enumerate(lines):
        content = text.text[start:end]
        comment = re.search(r"(?<!\\)#", content)
        stop = start + comment.start() if comment is not None else end
        last = comment is not None or number == len(lines) - 1
        stop = start + len(text.text[start : stop if last else stop - 1].rstrip())
        start += len(content) - len(content.lstrip()) if number else 0
        parts.append(up_to(text, start, max(start, stop)))
        if last:
            break
        parts.append(Word.atomic(" ", text.slice(stop, stop + 1).site))
    return Word.join(parts, parts[0].site.cover(parts[-1].site))


def _recipe_line(text: Word, lines: list[tuple[int, int]]) -> Word:
    """Return a line of a recipe: the shell gets its continuations, without the tabs before them."""
    parts = []
    for number, (start, end) in enumerate(lines):
        start += text.text[start : start + 1] == "\t"
        parts.append(up_to(text, start, end if number == len(lines) - 1 else min(end + 1, len(text.text))))
    return Word.join(parts, parts[0].site.cover(parts[-1].site))


def _defined(text: Word, lines: list[tuple[int, int]], number: int) -> tuple[Word, int]:
    """Return the text of a `define` whose first line is `number`, and the line behind its `endef`."""
    end = number
    while end < len(lines) and text.text[slice(*lines[end])].strip() != "endef":
        end += 1
    body = text.slice(lines[number][0], lines[end - 1][1]) if end > number else text.slice(0, 0)
    return body, end + 1
