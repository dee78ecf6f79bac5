"""Keeping secrets out of everything vllint prints or stores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

from vllint_schemas import Span, Word

MASK = "*"

_SHAPES = (
    r"\bhf_[A-Za-z0-9]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{12,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
    r"|(?i:(?<=bearer ))[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<= -u )[\w.@-]+:(?!\d+\b)[^\s\"'$]{8,}"
    r"|(?i:(?<=basic ))[A-Za-z0-9+/]{8,}=*"
)
"""Secrets by their shape: Hub, OpenAI-like, GitHub and AWS keys, JSON web tokens, logins in addresses."""

_NAME = r"""(?:api[_-]?key|token|secret|password|passwd|passphrase|(?:access|private|auth)[_-]?key)"""

_NAMED = r"""(?ix)
    (?<![A-Za-z0-9])(?<![A-Za-z0-9][_-]) (?P<passed_on> (?<=-e[ ]) | (?<=--env[ ]) )?+
    (?P<flag>--)? [A-Za-z0-9_-]*%s
    (?:
        (?P<assigned> ["']?[ \t]* (?: :[-=+]? | = ) [ \t]* )
      | (?(passed_on) (?!) ) ["']?[ \t]+ (?(flag) (?: \\\r?\n[ \t]* )? )
      | ["']\s*,\s* (?: ["']value["'][ \t]*:[ \t]* )?
      | (?(flag) \s*,\s* | (?!) )
      | [ \t]*,[ \t]* value[ \t]*:[ \t]*
      | ["']?[ \t]* \r?\n[ \t]* (?(flag) -[ \t]+ | value:[ \t]* )
    )
    (?: "(?P<double>[^"\r\n]{4,})" | '(?P<single>[^'\r\n]{4,})' | ["']? (?P<plain>[^\s"',;}\]]{4,}) )
    """
"""A secret by a name, in any of the ways names and values are written side by side or line below line. The
variable of `-e NAME` has no value beside it."""

_NAME_ALONE = f"(?i){_NAME}"
_MAY_BE_MISSPELT = r"--[A-Za-z][A-Za-z0-9_-]{3,}|\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z]\b"
"""Options and environment variables: their names are worth a second look."""

_SPELLINGS = (
    "apikey", "accesskey", "privatekey", "authkey", "token", "secret", "password", "passwd", "passphrase",
)  # fmt: skip
"""What the names of secrets end in, without dashes."""

_NAME_HINTS = ("key", "token", "secret", "passw", "passphrase")
"""What a text must hold for such a name to be in it."""
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

_NAMED_IN_PROSE = rf"""(?ix)
    (?<![A-Za-z0-9])
    (?: [A-Za-z0-9_-]*{_NAME} ["']? \s*[:=]\s* | --[A-Za-z0-9_-]*{_NAME} \s+ )
    ["']? (?P<value> [^\s"',;}}\]`]{{4,}} )
    """
"""A secret by its name in a sentence, where a token may be a word like any other."""

_PLAIN_NAME = r"[A-Za-z][a-z]*"
_PLAIN_VALUE = r"[A-Za-z][a-z]{,19}[.,:;!?)]*"
"""A name and what follows it in a sentence, as `token length`: an option or a variable is not spelt so."""

_SHAPE_HINTS = (
    "hf_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "AKIA", "eyJ", "earer ", "asic ",
    " -u ",
)  # fmt: skip
"""What a text must hold for a secret's shape to be in it, logins in addresses apart."""

_HINTS = ("key", "token", "secret", "passw", "hf_", "sk-", "gh", "akia", "eyj", "://", "bearer ")
"""What a text must hold for any of these patterns to match: most sentences hold none of it."""

_TELLING = 6
_SECRET_NAME = f"(?i){_NAME}$"
_REFERENCE = r"(?s)\$\{?[A-Za-z_]\w*(?P<default>:?[-=+].*)?|\$\(.*|\$?\{\{.*|<[^<>]*>"
_NOT_SECRET = "(?i)true|false|none|null|auto|empty"
_NUMBER = r"\d+(?:\.\d+)?"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a compiled pattern: most runs need few of them, and all together take longer than a file."""
    return re.compile(pattern)


def names_secret(name: str) -> bool:
    """Whether what goes by `name` is a secret, or would be one if `name` were spelt right."""
    return _compiled(_SECRET_NAME).search(name) is not None or _misspells_secret(name)


@lru_cache(maxsize=4096)
def _misspells_secret(name: str) -> bool:
    """Whether a name ends in a part that is one slip of the fingers away from a secret's.

    A plural is none: many things are counted in tokens.
    """
    parts = name.lower().replace("_", "-").split("-")
    return any(
        end != f"{spelling}s" and _is_one_slip(end, spelling)
        for end in ("".join(parts[-2:]), parts[-1])
        for spelling in _SPELLINGS
    )


def _is_one_slip(text: str, spelling: str) -> bool:
    """Whether a letter is missing, added or another one, or two have changed places."""
    if text == spelling or abs(len(text) - len(spelling)) > 1:
        return False
    same = 0
    while same < min(len(text), len(spelling)) and text[same] == spelling[same]:
        same += 1
    left, right = text[same:], spelling[same:]
    swapped = right[1:2] + right[:1] + right[2:]
    return left[1:] in {right, right[1:]} or left == right[1:] or left == swapped


def redacted(text: str, places: Iterable[Span] = ()) -> str:
    """Return `text` with every character of a secret masked, so that positions stay as they are.

    `places` are stretches of it that are known to be secret.
    """
    values: set[str] = set()
    for place in places:
        value = text[place.start : place.end]
        values.add(value)
        text = f"{text[: place.start]}{_stars(value)}{text[place.end :]}"
    text = without_values(text, (value for value in values if is_telling(value)))
    if any(hint in text for hint in _SHAPE_HINTS) or ("://" in text and "@" in text):
        text = _compiled(_SHAPES).sub(lambda match: MASK * len(match.group()), text)
    return _with_named_masked(text)


def is_telling(value: str) -> bool:
    """Whether a secret is nothing that a file would say for another reason, as `--api-key vllm` might."""
    return len(value) >= _TELLING and not value.isalpha() and not value.isdigit()


def without_values(text: str, values: Iterable[str]) -> str:
    """Return `text` with these secrets masked, wherever one stands as a word."""
    for value in values:
        if value in text:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _stars(value), text)
    return text


def _stars(text: str) -> str:
    return "".join(character if character in "\r\n" else MASK for character in text)


def _with_named_masked(text: str) -> str:
    """Mask what stands by secrets' names, with a look at the few places where there is such a name."""
    parts: list[str] = []
    at = 0
    for place, name in _named_places(text):
        if place < at:
            continue
        match = _named_at(text, at, place, name)
        masked = match and _mask_value(match)
        if match is not None and masked is not None and masked != match[0]:
            parts += (text[at : match.start()], masked)
            at = match.end()
    return "".join((*parts, text[at:])) if parts else text


def _named_places(text: str) -> Sequence[tuple[int, str]]:
    """Return where names of secrets, or their last parts, stand, with the pattern of each, in order."""
    lowered = text.lower()
    found: list[tuple[int, str]] = []
    if any(hint in lowered for hint in _NAME_HINTS):
        found += [(name.start(), _NAME) for name in _compiled(_NAME_ALONE).finditer(text)]
    for name in _compiled(_MAY_BE_MISSPELT).finditer(text):
        if _misspells_secret(name[0]):
            found.append(
                (name.start() + len(name[0]) - len(name[0].lstrip("-")), re.escape(name[0].lstrip("-")))
            )
    return sorted(found)


def _named_at(text: str, least: int, name: int, pattern: str) -> re.Match[str] | None:
    """Return the match of the name that has its last part at `name`; it begins at `least` or later."""
    start = name
    while start > least and text[start - 1] in _NAME_CHARACTERS:
        start -= 1
    named = _compiled(_NAMED % pattern)
    places = (place for place in range(start, name + 1) if place == start or text[place - 1] in "_-")
    return next((match for place in places if (match := named.match(text, place))), None)


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
    if match["flag"] is None and _is_sentence(*match[0].partition(" ")[::2]):
        return value
    # Tokens are counted as often as they are kept secret.
    is_number = _compiled(_NUMBER).fullmatch(value) and re.search("(?i)token[\"']?\\W", match[0])
    return value if is_option or is_number or _compiled(_NOT_SECRET).fullmatch(value) else MASK * len(value)


def _is_sentence(name: str, value: str) -> bool:
    """Whether a secret's name and what follows it are words of a sentence."""
    is_plain = _compiled(_PLAIN_NAME).fullmatch(name) is not None
    return is_plain and _compiled(_PLAIN_VALUE).fullmatch(value.strip(" \t")) is not None


@lru_cache(maxsize=1024)
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
    secret = tuple(secret_parts(words))
    values = {words[index].text[start:] for index, start in secret}
    telling = tuple(value for value in values if is_telling(value))
    shown = [redacted(without_values(word.text, telling)) for word in words]
    for index, start in secret:
        shown[index] = shown[index][:start] + MASK * (len(shown[index]) - start)
    return tuple(_with_holes(word, text) for word, text in zip(words, shown, strict=True))


def secret_parts(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Yield the words that are secret by the option they belong to: their index, and from where on."""
    secret_follows, option = False, -1
    for index, word in enumerate(words):
        name, equals, value = word.text.partition("=")
        if secret_follows and index == option + 1 and _is_sentence(words[option].text, word.text):
            secret_follows = False
        if secret_follows and not word.text.startswith("-"):
            if not is_placeholder(word) and not _is_count(words[option].text, word.text):
                yield index, 0
            continue
        secret_follows = _is_secret_option(name)
        option = index if secret_follows else option
        if secret_follows and equals and (value or word.holes):
            secret_follows = False
            if not is_placeholder(word.slice(len(name) + 1)) and not _is_count(name, value):
                yield index, len(name) + 1


def _is_count(name: str, value: str) -> bool:
    """Whether tokens are counted rather than kept secret, as by `--max-num-batched-token 8192`."""
    return name.startswith("--max") and _compiled(_NUMBER).fullmatch(value) is not None


def is_placeholder(word: Word) -> bool:
    """Whether a value says that there is no secret, as `--api-key EMPTY`."""
    return word.is_known and _compiled(_NOT_SECRET).fullmatch(word.text) is not None


def _is_secret_option(name: str) -> bool:
    """Whether a word is the name of an option for a secret; its dashes may be others, or missing."""
    return "/" not in name and not name.isspace() and names_secret(name)


def _with_holes(word: Word, text: str) -> str:
    for hole in reversed(word.holes):
        text = f"{text[: hole.at]}?{text[hole.at :]}"
    return text
