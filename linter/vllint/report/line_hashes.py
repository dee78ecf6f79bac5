"""GitHub's names for lines, by which code scanning knows a finding again.

They are what the `upload-sarif` action computes itself where a log lacks them:
https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

_WINDOW = 100
_MODULUS = 1 << 64
_WEIGHTS = tuple(37**power for power in reversed(range(_WINDOW)))
_END = "\uffff" + "\0" * _WINDOW
_LINE_BREAK = re.compile(r"\r\n?")
_BLANKS = str.maketrans("", "", " \t")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def line_hashes(text: str, shown: str, lines: Collection[int]) -> Mapping[int, str]:
    """Return the names of some of a text's lines, by number from 1; lines it does not have get none.

    A line's name is a polynomial in 37, modulo 2^64, over the 100 UTF-16 units from the line's start that
    are neither space nor tab, followed by the number of its occurrence. `shown` is the text with secrets
    masked: a line whose units include a masked one gets no name, as the unit could be told from it.
    """
    hidden = _windows(shown)
    seen: Counter[str] = Counter()
    names: dict[int, str] = {}
    for number, window in enumerate(_windows(text), start=1):
        seen[window] += 1
        if number in lines and hidden[number - 1] == window:
            names[number] = f"{_hash(window):x}:{seen[window]}"
    return names


def _windows(text: str) -> list[str]:
    """Return the units that name each line: as many from its start, an end mark and zeros after the last."""
    units = _ASTRAL.sub(_surrogates, _LINE_BREAK.sub("\n", text).translate(_BLANKS)) + _END
    windows: list[str] = []
    start = 0
    while True:
        windows.append(units[start : start + _WINDOW])
        start = units.find("\n", start) + 1
        if not start:
            return windows


def _surrogates(match: re.Match[str]) -> str:
    high, low = divmod(ord(match[0]) - 0x10000, 0x400)
    return chr(0xD800 + high) + chr(0xDC00 + low)


def _hash(window: str) -> int:
    return sum(map(int.__mul__, map(ord, window), _WEIGHTS)) % _MODULUS
