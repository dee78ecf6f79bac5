"""Values written as YAML again, every character of them with the place it came from."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Texts

from vllint.text.yaml.nodes import Node, Scalar, Sequence
from vllint_schemas import Span, Word

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_MAX_DEPTH = 40


def written(node: Node, column: int, texts: Texts[str, str], depth: int = 0) -> Iterator[Word]:
    """Yield a node as YAML whose lines, the first aside, begin at `column`; `texts` are those of files."""
    if isinstance(node, Scalar):
        yield scalar_text(node, texts)
        return
    place = Span(node.site.path, node.site.start, node.site.start)
    if not node.children() or depth > _MAX_DEPTH:
        yield Word.atomic("[]" if isinstance(node, Sequence) else "{}", place)
        return
    newline = Word.atomic("\n" + " " * column, place)
    if isinstance(node, Sequence):
        for number, item in enumerate(node):
            if number:
                yield newline
            yield Word.atomic("- ", place)
            yield from written(item, column + 2, texts, depth + 1)
        return
    for number, (key, value) in enumerate(node.items()):
        if number:
            yield newline
        yield from written(key, column, texts, depth + 1)
        yield Word.atomic(": ", place)
        if not isinstance(value, Scalar) and value.children():
            yield Word.atomic("\n" + " " * (column + 2), place)
        yield from written(value, column + 2, texts, depth + 1)


def scalar_text(node: Scalar, texts: Texts[str, str]) -> Word:
    """Return a scalar as it is written, quotes included; in quotes of ours if that takes several lines."""
    span = node.span
    raw = texts.get(span.path, "")[span.start : span.end]
    if not raw and not node.value:
        return Word.atomic("null", Span(span.path, span.start, span.start))
    if raw and "\n" not in raw and not node.style.startswith(("|", ">")):
        return Word.verbatim(raw, span.path, span.start)
    return quoted(node.word())


def quoted(word: Word) -> Word:
    """Return a text in double quotes, with escapes where it needs them."""
    mark = Word.atomic('"', Span(word.site.path, word.site.start, word.site.start))
    parts = [mark]
    start = 0
    for position, character in enumerate(word.text):
        escape = _ESCAPES.get(character)
        if escape is not None:
            parts.append(word.slice(start, position))
            parts.append(Word.atomic(escape, word.slice(position, position + 1).site))
            start = position + 1
    parts.append(word.slice(start))
    parts.append(mark)
    joined = Word.join(parts, word.site)
    return Word(joined.text, joined.runs, joined.site, joined.holes)
