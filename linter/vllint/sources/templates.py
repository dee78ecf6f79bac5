"""Text that a template engine has yet to fill in: `{{ ... }}` of Helm, Jinja and Go templates."""

from __future__ import annotations

import re
from dataclasses import replace

from vllint_schemas import Word

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LINE_TO_COME = re.compile(r"(?m)^[ \t]*\$\{?[A-Za-z_][A-Za-z0-9_]*\}?[ \t]*$")
"""A line that is nothing but a variable, which `envsubst` replaces by lines of YAML."""


def is_template(text: str) -> bool:
    """Whether a text holds placeholders."""
    return _PLACEHOLDER.search(text) is not None or _LINE_TO_COME.search(text) is not None


def with_placeholders_unknown(word: Word) -> Word:
    """Return `word` with each placeholder as a hole."""
    if "{{" not in word.text and "{%" not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in _PLACEHOLDER.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        site = word.slice(*match.span()).site
        parts.append(Word.unknown(f"`{match.group()}` is filled in later", site, splits=True))
        position = match.end()
    parts.append(word.slice(position))
    return replace(Word.join(parts, word.site), slot=word.slot, via=word.via)
