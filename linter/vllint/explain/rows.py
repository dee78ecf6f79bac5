"""Facts as lines of a name and its values."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from vllint.report.cells import visible
from vllint_schemas import GIB

_NAME_WIDTH = 12
_WIDTH = 100


def row(name: str, *values: str) -> Iterator[str]:
    """Yield `name  value`, further values below the first one; long values are wrapped."""
    indent = f"  {'':{_NAME_WIDTH}}"
    shown = f"  {name:<{_NAME_WIDTH}}"
    for value in values:
        for line in wrap(visible(value), _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]:
            yield f"{shown}{line}".rstrip()
            shown = indent


def gib(number: float) -> str:
    """Return bytes as GiB, to a tenth."""
    return f"{number / GIB:,.1f} GiB"
