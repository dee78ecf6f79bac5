"""OpenShift's `Template`: objects with `${NAME}` in their texts, and the values of these parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Parameters
from dataclasses import replace

from vllint.sources.kubernetes.fields import mappings_in, text_at
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, scalar_of, sequence_of
from vllint_schemas import Origin, Word

_PARAMETER = re.compile(r"\$(?:\{\{(?P<raw>[A-Za-z0-9_]+)\}\}|\{(?P<text>[A-Za-z0-9_]+)\})")


def processed(root: Node) -> Node:
    """Return a template with the values that its parameters have by themselves; others as they are."""
    if not isinstance(root, Mapping) or text_at(root, "kind") != "Template":
        return root
    objects = root.get("objects")
    if not isinstance(objects, Sequence):
        return root
    parameters = dict(_parameters(root))
    filled = tuple(
        (key, _filled(value, parameters)) if value is objects else (key, value) for key, value in root.items()
    )
    return root.with_entries(filled)


def _parameters(root: Mapping) -> Iterator[tuple[str, Word]]:
    for parameter in mappings_in(root.get("parameters")):
        name, value = text_at(parameter, "name"), parameter.get("value")
        if isinstance(value, Scalar):
            yield name, replace(value.word(), origin=Origin.DEFAULT, slot=None)
        else:
            yield name, Word.unknown(f"the parameter `{name}` has no value here", parameter.span)


def _filled(node: Node, parameters: Parameters[str, Word]) -> Node:
    if isinstance(node, Mapping):
        entries = tuple((key, _filled(value, parameters)) for key, value in node.items())
        return node.with_entries(entries)
    if isinstance(node, Sequence):
        return sequence_of(tuple(_filled(item, parameters) for item in node), node)
    return scalar_of(_replaced(node.word(), parameters)) if "${" in node.value else node


def _replaced(word: Word, parameters: Parameters[str, Word]) -> Word:
    """Replace the parameters of a text; what is none of them stays."""
    parts: list[Word] = []
    position = 0
    for match in _PARAMETER.finditer(word.text):
        value = parameters.get(match["raw"] or match["text"])
        if value is None:
            continue
        site = word.slice(*match.span()).site
        parts += (word.slice(position, match.start()), replace(value, site=site, via=(site, *value.via)))
        position = match.end()
    if not parts:
        return word
    joined = Word.join((*parts, word.slice(position)), word.site)
    return replace(joined, slot=word.slot, via=word.via + joined.via)
