"""How the pieces of a rendered template are written, and what a piece says of the place it stands at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Texts

from vllint.sources.templates.values import Plain, Quoted, Value
from vllint.sources.yaml_writing import quoted, written
from vllint.text.yaml.nodes import Mapping, Scalar, Sequence
from vllint_schemas import Span, Word

_FIELD = re.compile(r"[\w./-]+:\s+[\"']?\S*")
_COMMAND_FIELD = re.compile(r"\w*(?:args|command|cmd|flags)\b", re.IGNORECASE)


def may_split(line: str) -> bool:
    """Whether what is filled in behind `line` may be several words."""
    body = line.lstrip()
    if body.startswith("- "):
        body = body[2:].lstrip()
        return " " in body.strip("\"'")
    if _FIELD.fullmatch(body) and not _COMMAND_FIELD.match(body):
        return False
    quoted = re.search(r"[\[,]\s*[\"'][^\"'\s]*$", body)
    return quoted is None


def shown(tag: str) -> str:
    """Return a tag on one line, shortened."""
    flat = " ".join(tag.split())
    end = flat.find("}}") + 2 if "}}" in flat else len(flat)
    if flat.startswith("{%"):
        end = flat.find("%}") + 2
    return flat[:end] if end <= 80 else f"{flat[:76]} ..."


def first_line(text: str) -> str:
    """Return the first line that says something: none that is empty or a comment."""
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("# "):
            return line
    return ""


def is_whole(own: list[str]) -> bool:
    """Whether texts are whole documents, so that without them nothing is there."""
    return any(re.search(r"^apiVersion\s*:", text, re.MULTILINE) for text in own)


def stripped(word: Word) -> Word:
    """Return a text without the blanks around it."""
    start = len(word.text) - len(word.text.lstrip())
    return word.slice(start, max(len(word.text.rstrip()), start))


def lines_of(word: Word) -> Iterator[Word]:
    """Yield the lines of a text."""
    start = 0
    for line in word.text.split("\n"):
        yield word.slice(start, start + len(line))
        start += len(line) + 1


def value_words(
    value: Value, bare: Plain, column: int, texts: Texts[str, str], place: Span
) -> Iterator[Word]:
    """Yield a value as it is written."""
    if isinstance(bare, Mapping | Sequence):
        yield from written(bare, column, texts)
        return
    if isinstance(bare, Scalar):
        word = Word("", (), place) if bare.resolved() is None else bare.word()
    else:
        word = Word.atomic(_literal(bare), place)
    if isinstance(value, Quoted):
        word = quoted(word)
    yield Word(word.text, word.runs, word.site, word.holes)


def _literal(value: Plain) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
