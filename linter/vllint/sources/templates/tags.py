"""Text that a template engine has yet to fill in: `{{ ... }}` of Helm, Jinja and Go templates."""

from __future__ import annotations

import re
from dataclasses import replace

from vllint_schemas import Word

MARK = "\ue001"
"""The character that stands, beside a hole, for a part of a rendered template."""

MAX_TAGS = 2000
"""Placeholders and statements of a template that is rendered; one with more is not."""

_PLACEHOLDER = rf"\{{\{{.*?\}}\}}|\{{%.*?%\}}|{MARK}"
_LINE_TO_COME = r"(?m)^[ \t]*\$\{?[A-Za-z_][A-Za-z0-9_]*\}?[ \t]*$"
"""A line that is nothing but a variable, which `envsubst` replaces by lines of YAML."""

_TO_RENDER = (
    r"\{%|(?<!\$)\{\{-|-\}\}|(?<!\$)\{\{\s*(?:[.$(/]|include|template|range|if|with|toYaml|toJson|define|end\b|tpl)"
    r"|^[ \t]*(?:- +)?(?:[\w./-]+:[ \t]+)?\{\{"
)
"""What YAML does not hold until a template is rendered, or holds by chance only."""

_KSERVE = "serving.kserve.io/"
_FILLED_BY_KSERVE = (
    r"\{\{\s*(?:ChildName\s+)?\.(?:Name|Namespace|Labels|Annotations|Spec|ObjectMeta|GlobalConfig)\b[^}]*\}\}"
)
"""What KServe fills in itself, in objects of its API group."""


def is_template(text: str) -> bool:
    """Whether a text holds placeholders."""
    return re.search(_PLACEHOLDER, text, re.DOTALL) is not None or re.search(_LINE_TO_COME, text) is not None


def is_to_render(text: str) -> bool:
    """Whether a YAML text is one only when a template engine has rendered it."""
    if _KSERVE in text:
        text = re.sub(_FILLED_BY_KSERVE, "", text)
    return 0 < tags_in(text) <= MAX_TAGS and re.search(_TO_RENDER, text, re.MULTILINE) is not None


def tags_in(text: str) -> int:
    """Return how often a placeholder or a statement of a template begins in a text."""
    return text.count("{{") + text.count("{%") + text.count("{#")


def with_placeholders_unknown(word: Word) -> Word:
    """Return `word` with each placeholder as a hole."""
    if "{{" not in word.text and "{%" not in word.text and MARK not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in re.finditer(_PLACEHOLDER, word.text, re.DOTALL):
        parts.append(word.slice(position, match.start()))
        parts.append(_hole(word.slice(*match.span())))
        position = match.end()
    parts.append(word.slice(position))
    return replace(Word.join(parts, word.site), slot=word.slot, via=word.via)


def _hole(placeholder: Word) -> Word:
    """Return a placeholder as a hole; what a rendered template left is one already."""
    if placeholder.text == MARK and placeholder.holes:
        hole = placeholder.holes[0]
        return Word.unknown(hole.reason, hole.source, hole.splits)
    return Word.unknown(f"`{placeholder.text}` is filled in later", placeholder.site, splits=True)
