"""Sizes and durations as container tools write them."""

from __future__ import annotations

import re
from collections.abc import Callable

from vllint_schemas import Located, Origin, Unknown, Word

_SIZE = r"(\d+(?:\.\d+)?)\s*([a-z]*)"
_DURATION_PART = r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)"
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def docker_bytes(word: Word) -> Located[int] | Unknown:
    """Read `16gb`, `1g`, `64M`, `512` as docker does: always powers of 1024 (go-units `RAMInBytes`)."""
    return _bytes(word, re.compile(r"(?:([kmgtp])(?:i?b)?|b?)", re.IGNORECASE), 1024)


def kubernetes_bytes(word: Word) -> Located[int] | Unknown:
    """Read `16Gi` and `16G`: powers of 1024 and of 1000 (Kubernetes quantities)."""
    if word.text.endswith("i"):
        return _bytes(word, re.compile(r"([KMGTP])i"), 1024)
    return _bytes(word, re.compile(r"([kMGTP]?)"), 1000)


def _bytes(word: Word, unit: re.Pattern[str], base: int) -> Located[int] | Unknown:
    if not word.is_known:
        return Unknown(word.reason)
    size = re.fullmatch(_SIZE, word.text.strip(), re.IGNORECASE)
    suffix = unit.fullmatch(size[2]) if size is not None else None
    if size is None or suffix is None:
        return Unknown(f"`{word.text}` is not a size")
    power = _POWERS[suffix[1].lower()] if suffix[1] else 0
    return Located(int(float(size[1]) * base**power), word.span, word.origin, word.via)


def or_default(
    word: Word | None, read: Callable[[Word], Located[float] | Unknown], default: float
) -> Located[float] | Unknown:
    """Read a word; where there is none, the platform's `default` holds."""
    return Located(default, None, Origin.PLATFORM) if word is None else read(word)


def seconds(word: Word) -> Located[float] | Unknown:
    """Read `90s`, `1m30s`, `1.5h` (Go durations)."""
    if not word.is_known:
        return Unknown(word.reason)
    text = word.text.strip()
    parts = re.findall(_DURATION_PART, text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return Unknown(f"`{word.text}` is not a duration")
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return Located(total, word.span, word.origin, word.via)


def number(word: Word) -> Located[float] | Unknown:
    """Read a whole number."""
    if not word.is_known:
        return Unknown(word.reason)
    if not word.text.strip().isdecimal():
        return Unknown(f"`{word.text}` is not a whole number")
    return Located(float(word.text), word.span, word.origin, word.via)
