"""Ansible's variables: what `vars` of a file and the defaults of its role say of `{{ name }}`."""

from __future__ import annotations

import re
from collections.abc import Mapping as Variables
from dataclasses import replace

from vllint.sources.files import File
from vllint.sources.templates.tags import with_placeholders_unknown
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint_schemas import Origin, Word

_USE = re.compile(
    r"\{\{-?\s*(?P<name>[A-Za-z_]\w*)\s*(?:\|\s*(?:string|int|quote|trim|default\([^)]*\))\s*)*-?\}\}"
)
_ROLE_FILES = ("../defaults/main.yml", "../defaults/main.yaml", "../vars/main.yml", "../vars/main.yaml")
_MAX_DEPTH = 10


def role_variables(file: File) -> dict[str, Word]:
    """Return the variables of the role that a file of tasks or a template belongs to."""
    found: dict[str, Word] = {}
    folder = file.path.rpartition("/")[0].rpartition("/")[2]
    if folder not in {"tasks", "templates", "handlers"}:
        return found
    from vllint.text.yaml.builder import YamlProblem
    from vllint.text.yaml.tree import parse_source

    for name in _ROLE_FILES:
        source = file.neighbour(name)
        try:
            roots = () if source is None else parse_source(source)
        except YamlProblem:
            # Variables of a file that cannot be read are as unknown as those of a missing one.
            continue
        for root in roots:
            found.update(literal_variables(root))
    return found


def literal_variables(node: Node | None) -> dict[str, Word]:
    """Return the variables of a mapping that have one text as their value."""
    if not isinstance(node, Mapping):
        return {}
    return {
        key.value: replace(value.word(), slot=None)
        for key, value in node.items()
        if isinstance(key, Scalar) and isinstance(value, Scalar) and value.resolved() is not None
    }


def filled(word: Word, variables: Variables[str, Word], depth: int = 0) -> Word:
    """Return a text with the variables that are known in place of `{{ name }}`, the others as holes."""
    if "{{" not in word.text and "{%" not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in _USE.finditer(word.text):
        value = variables.get(match["name"])
        if value is None or depth >= _MAX_DEPTH:
            continue
        site = word.slice(*match.span()).site
        own = filled(value, variables, depth + 1)
        parts.append(word.slice(position, match.start()))
        parts.append(replace(own, site=site, via=(site, *own.via), slot=None, origin=Origin.VARIABLE))
        position = match.end()
    parts.append(word.slice(position))
    whole = word if len(parts) == 1 else replace(Word.join(parts, word.site), slot=word.slot)
    return with_placeholders_unknown(whole)
