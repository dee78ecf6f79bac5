"""The words that stand in YAML, as files have them that a template engine may yet fill in."""

from __future__ import annotations

from vllint.sources.templates.tags import with_placeholders_unknown
from vllint.text.yaml.nodes import Node, Scalar, Sequence
from vllint_schemas import Word


def scalar_word(node: Node | None) -> Word | None:
    """Return a scalar's word, placeholders as holes; `None` for what is no scalar."""
    return with_placeholders_unknown(node.word()) if isinstance(node, Scalar) else None


def scalar_words(items: Sequence) -> tuple[Word, ...]:
    """Return the words of the scalars among a list's items."""
    return tuple(with_placeholders_unknown(item.word()) for item in items if isinstance(item, Scalar))


def listed_words(node: Node | None) -> tuple[Word, ...]:
    """Return the words of a list's scalars; none for what is no list."""
    return scalar_words(node) if isinstance(node, Sequence) else ()
