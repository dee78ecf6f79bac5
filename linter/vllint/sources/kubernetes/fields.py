"""Short ways to the fields of Kubernetes objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Origin, Word

_TO_FILL_IN = re.compile(
    r"\$(?:\{(?P<name>[A-Za-z_]\w*)(?P<operator>:?[-=])?(?P<default>[^{}]*)\}|[A-Z_][A-Z0-9_]*)"
)
"""`${NAME}` and `$NAME`, which Kubernetes leaves alone: `envsubst` and Flux fill them in before."""

_TEMPLATES = (".tpl", ".tmpl", ".template", ".tftpl")
"""What the names of files end in that `envsubst` or Terraform fills in."""


def below(node: Node | None, *keys: str) -> Node | None:
    """Return what stands under a path of keys; `None` where the path ends before."""
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def text_at(node: Node | None, *keys: str) -> str:
    """Return the text of the scalar under a path of keys; empty where there is none."""
    value = below(node, *keys)
    return value.value if isinstance(value, Scalar) else ""


def mappings_in(node: Node | None) -> Iterator[Mapping]:
    """Yield the mappings of a list; none of what is no list."""
    if isinstance(node, Sequence):
        yield from (item for item in node if isinstance(item, Mapping))


def field_word(node: Node | None) -> Word | None:
    """Return a scalar's word with what is to be filled in before it is applied as holes."""
    word = scalar_word(node)
    return None if word is None else filled_in_later(word)


def filled_in_later(word: Word) -> Word:
    """Return a word that no shell reads, with `${NAME}` as a hole and `${NAME:-text}` as the text."""
    if "$" not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in _TO_FILL_IN.finditer(word.text):
        parts += (word.slice(position, match.start()), _fill(word, match))
        position = match.end()
    joined = Word.join((*parts, word.slice(position)), word.site)
    return replace(joined, slot=word.slot, via=word.via + joined.via)


def _fill(word: Word, match: re.Match[str]) -> Word:
    use = word.slice(*match.span())
    if match["operator"]:
        return replace(word.slice(*match.span("default")), origin=Origin.DEFAULT)
    if use.site.path.endswith(_TEMPLATES):
        return Word.unknown(f"`{match.group()}` is filled in when the template is rendered", use.site)
    return Word.unknown(f"Kubernetes does not fill in `{match.group()}`", use.site)
