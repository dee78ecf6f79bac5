"""reStructuredText: the literal blocks in which documents show how vLLM is started (docutils, Sphinx)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.sources.files import File, Found
from vllint.sources.markdown import Block, block_body, shown_launches
from vllint.text.lines import line_extents
from vllint_schemas import Word

_DIRECTIVE = re.compile(r"[ \t]*(?:[-*#][ \t]+)?\.\.[ \t]+(?P<name>[\w-]+)::[ \t]*(?P<language>[\w+-]*)")
_CODE = frozenset({"code", "code-block", "sourcecode", "prompt", "parsed-literal"})
_OPTION = re.compile(r"[ \t]*:[\w-]+:")


def recognises(file: File) -> bool:
    """Whether the file is reStructuredText, as its name says."""
    return True


def launches(file: File) -> Found:
    """Yield what the blocks of a document start; blocks that cannot be read are passed over."""
    yield from shown_launches(blocks(file.whole), file)


def blocks(text: Word) -> Iterator[Block]:
    """Yield the blocks of code: those of directives, and those behind a line that ends with `::`."""
    lines = list(line_extents(text.text))
    number = 0
    while number < len(lines):
        line = text.text[slice(*lines[number])]
        number += 1
        directive = _DIRECTIVE.match(line)
        if directive is not None and directive["name"] not in _CODE:
            continue
        if directive is None and not line.rstrip().endswith("::"):
            continue
        column = _column(line)
        while directive is not None and number < len(lines) and _OPTION.match(text.text, *lines[number]):
            number += 1
        end = number
        while end < len(lines) and _is_inside(text.text[slice(*lines[end])], column):
            end += 1
        body = [extent for extent in lines[number:end] if text.text[slice(*extent)].strip()]
        if body:
            first = text.text[slice(*body[0])]
            indent = first[: _column(first)]
            language = "" if directive is None else directive["language"].lower()
            yield Block(language, block_body(text, lines[number:end], indent))
        number = end


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _is_inside(line: str, column: int) -> bool:
    """Whether a line belongs to what a line at `column` begins: it is blank, or further in."""
    return not line.strip() or _column(line) > column
