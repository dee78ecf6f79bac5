"""Facts as lines of a name and its values."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from shutil import get_terminal_size
from textwrap import wrap

from vllint.report.cells import visible
from vllint_schemas import GIB

_NAME_WIDTH = 12
_INDENT = _NAME_WIDTH + 2
_WIDTH = 100
_LEAST = 24


def room() -> int:
    """Return how many characters a value has beside its name: 100, or what a narrower terminal leaves."""
    if not sys.stdout.isatty():
        return _WIDTH
    return max(_LEAST, min(_WIDTH, get_terminal_size().columns - _INDENT))


def row(name: str, *values: str) -> Iterator[str]:
    """Yield `name  value`, further values below the first one; long values are wrapped."""
    indent = " " * _INDENT
    shown = f"  {name:<{_NAME_WIDTH}}"
    for value in values:
        for line in wrap(visible(value), room(), break_long_words=False, break_on_hyphens=False) or [""]:
            yield f"{shown}{line}".rstrip()
            shown = indent


def gib(number: float) -> str:
    """Return bytes as GiB, to a tenth."""
    return f"{number / GIB:,.1f} GiB"
