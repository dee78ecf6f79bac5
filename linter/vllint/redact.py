"""Keeping secrets out of everything vllint prints or stores."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vllint_schemas import Word

MASK = "*"

_SHAPES = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{12,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
)
"""Secrets by their shape: Hub, OpenAI-like, GitHub and AWS keys, JSON web tokens, logins in addresses."""

_NAMED = re.compile(
    r"""(?ix)
    (?<![A-Za-z0-9])[A-Za-z0-9_-]*(?:api[_-]?key|token|secret|password|passwd|access[_-]?key)
    ["']? (?: \s*[:=]\s* | \s+ ) ["']?
    (?P<value> [^\s"',;}\]]{4,} )
    """
)
"""A secret by its name, in any of the ways names and values are written side by side."""

_SECRET_NAME = re.compile(r"(?i)(?:api[_-]?key|token|secret|password|passwd|access[_-]?key)$")
_NOT_SECRET = re.compile(r"(?i)^(?:\d+(?:\.\d+)?|true|false|none|null|auto|-.*|.*[${}<>].*)$")


def redacted(text: str) -> str:
    """Return `text` with every character of a secret masked, so that places stay as they are."""
    text = _SHAPES.sub(lambda match: MASK * len(match.group()), text)
    return _NAMED.sub(_mask_value, text)


def _mask_value(match: re.Match[str]) -> str:
    value = match["value"]
    if _NOT_SECRET.match(value):
        return match.group()
    start = match.start("value") - match.start()
    return match.group()[:start] + MASK * len(value) + match.group()[start + len(value) :]


def redacted_words(words: Sequence[Word]) -> tuple[str, ...]:
    """Return the words as text, secrets masked; what is not known stands as `?`."""
    shown: list[str] = []
    secret_follows = False
    for word in words:
        text = redacted(_shown(word))
        name = text.partition("=")[0]
        if secret_follows and not text.startswith("-"):
            text = MASK * len(text)
        else:
            secret_follows = name.startswith("-") and _SECRET_NAME.search(name) is not None
        if secret_follows and "=" in text:
            value = text[len(name) + 1 :]
            text = f"{name}={MASK * len(value)}"
            secret_follows = False
        shown.append(text)
    return tuple(shown)


def _shown(word: Word) -> str:
    text = word.text
    for hole in reversed(word.holes):
        text = f"{text[: hole.at]}?{text[hole.at :]}"
    return text
