"""Keeping secrets out of everything vllint prints or stores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from string import ascii_letters, digits

from vllint_schemas import Word

MASK = "*"

_SHAPES = (
    r"\bhf_[A-Za-z0-9]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{12,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=Basic )[A-Za-z0-9+/]{8,}=*"
)
"""Secrets by their shape: Hub, OpenAI-like, GitHub and AWS keys, JSON web tokens, logins in addresses."""

_NAME = r"""(?:api[_-]?key|token|secret|password|passwd|passphrase|(?:access|private|auth)[_-]?key)"""

_NAMED = rf"""(?ix)
    (?<![A-Za-z0-9]) (?P<flag>--)? [A-Za-z0-9_-]*{_NAME}
    (?:
        (?P<assigned> ["']?[ \t]* (?: :[-=+]? | = ) [ \t]* )
      | ["']?[ \t]+ (?: \\\r?\n[ \t]* )?
      | ["']\s*,\s* (?: ["']value["'][ \t]*:[ \t]* )?
      | (?(flag) \s*,\s* | (?!) )
      | [ \t]*,[ \t]* value[ \t]*:[ \t]*
      | ["']?[ \t]* \r?\n[ \t]* (?(flag) -[ \t]+ | value:[ \t]* )
    )
    (?: "(?P<double>[^"\r\n]{{4,}})" | '(?P<single>[^'\r\n]{{4,}})' | ["']? (?P<plain>[^\s"',;}}\]]{{4,}}) )
    """
"""A secret by its name, in any of the ways names and values are written side by side or line below line."""

_NAME_ALONE = f"(?i){_NAME}"
_NAME_HINTS = ("key", "token", "secret", "passw", "passphrase")
"""What a text must hold for such a name to be in it."""
_NAME_CHARACTERS = frozenset(ascii_letters + digits + "_-")

_NAMED_IN_PROSE = rf"""(?ix)
    (?<![A-Za-z0-9])
    (?: [A-Za-z0-9_-]*{_NAME} ["']? \s*[:=]\s* | --[A-Za-z0-9_-]*{_NAME} \s+ )
    ["']? (?P<value> [^\s"',;}}\]`]{{4,}} )
    """
"""A secret by its name in a sentence, where a token may be a word like any other."""

_SHAPE_HINTS = (
    "hf_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "AKIA", "eyJ", "Bearer ", "Basic ",
)  # fmt: skip
"""What a text must hold for a secret's shape to be in it, logins in addresses apart."""

_HINTS = ("key", "token", "secret", "passw", "hf_", "sk-", "gh", "akia", "eyj", "://", "bearer ")
"""What a text must hold for any of these patterns to match: most sentences hold none of it."""

_SECRET_NAME = f"(?i){_NAME}$"
_REFERENCE = r"(?s)\$\{?[A-Za-z_]\w*(?P<default>:?[-=+].*)?|\$\(.*|\$?\{\{.*|<[^<>]*>"
_NOT_SECRET = "(?i)true|false|none|null|auto"
_NUMBER = r"\d+(?:\.\d+)?"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a compiled pattern: most runs need few of them, and all together take longer than a file."""
    return re.compile(pattern)


def names_secret(name: str) -> bool:
    """Whether what goes by `name` is a secret."""
    return _compiled(_SECRET_NAME).search(name) is not None


def redacted(text: str) -> str:
    """Return `text` with every character of a secret masked, so that places stay as they are."""
    if any(hint in text for hint in _SHAPE_HINTS) or ("://" in text and "@" in text):
        text = _compiled(_SHAPES).sub(lambda match: MASK * len(match.group()), text)
    return _with_named_masked(text)


def _with_named_masked(text: str) -> str:
    """Do what `_NAMED.sub` does, with a look at the few places where a name stands instead of at all."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _NAME_HINTS):
        return text
    parts: list[str] = []
    at = 0
    for name in _compiled(_NAME_ALONE).finditer(text):
        if name.start() < at:
            continue
        match = _named_at(text, at, name.start())
        if match is not None:
            parts += (text[at : match.start()], _mask_value(match))
            at = match.end()
    return "".join((*parts, text[at:])) if parts else text


def _named_at(text: str, least: int, name: int) -> re.Match[str] | None:
    """Return the match of the name that has its last part at `name`; it begins at `least` or later."""
    start = name
    while start > least and text[start - 1] in _NAME_CHARACTERS:
        start -= 1
    places = (place for place in range(start, name + 1) if place == start or text[place - 1] in "_-")
    return next((match for place in places if (match := _compiled(_NAMED).match(text, place))), None)


def _mask_value(match: re.Match[str]) -> str:
    group = next(name for name in ("double", "single", "plain") if match[name] is not None)
    start, end = (place - match.start() for place in match.span(group))
    return match[0][:start] + _masked(match, match[group]) + match[0][end:]


def _masked(match: re.Match[str], value: str) -> str:
    """Return a value of a secret's name masked; references keep their names, and only defaults are secret."""
    reference = _compiled(_REFERENCE).match(value)
    if reference is not None:
        shown = reference.start("default") + 2 if reference["default"] else len(value)
        return value[:shown] + MASK * (len(value) - shown)
    is_option = match["assigned"] is None and value.startswith("-")
    # Tokens are counted as often as they are kept secret.
    is_number = _compiled(_NUMBER).fullmatch(value) and re.search("(?i)token[\"']?\\W", match[0])
    return value if is_option or is_number or _compiled(_NOT_SECRET).fullmatch(value) else MASK * len(value)


def redacted_prose(text: str) -> str:
    """Return a sentence with the secrets that it quotes masked."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return text
    text = _compiled(_SHAPES).sub(lambda match: MASK * len(match.group()), text)
    return _compiled(_NAMED_IN_PROSE).sub(_mask_quoted, text)


def _mask_quoted(match: re.Match[str]) -> str:
    value = match["value"]
    if (
        _compiled(_NUMBER).fullmatch(value)
        or _compiled(_NOT_SECRET).fullmatch(value)
        or value.startswith(("-", "$", "<", "{"))
    ):
        return match[0]
    return match[0].removesuffix(value) + MASK * len(value)


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
            secret_follows = name.startswith("-") and _compiled(_SECRET_NAME).search(name) is not None
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
