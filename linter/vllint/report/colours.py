"""Colours of reports for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Palette(NamedTuple):
    """The escape sequences that begin each part of a report, and the one that ends it; all may be empty."""

    error: str = ""
    warning: str = ""
    info: str = ""
    strong: str = ""
    gutter: str = ""
    related: str = ""
    end: str = ""

    def severity(self, severity: str, text: str) -> str:
        """Return `text` in the colour of `error`, `warning` or `info`."""
        return self.paint({"error": self.error, "warning": self.warning}.get(severity, self.info), text)

    def paint(self, begin: str, text: str) -> str:
        """Return `text` in the colour that `begin` starts."""
        return f"{begin}{text}{self.end}" if begin else text


PLAIN = Palette()
ANSI = Palette(
    error="\x1b[1;31m",
    warning="\x1b[1;33m",
    info="\x1b[1;36m",
    strong="\x1b[1m",
    gutter="\x1b[1;34m",
    related="\x1b[1;34m",
    end="\x1b[0m",
)


def palette(colour: bool) -> Palette:
    """Return the colours of a report with or without `colour`."""
    return ANSI if colour else PLAIN


def wants_colour(is_terminal: bool, environment: Mapping[str, str]) -> bool:
    """Return whether to write in colour: to terminals, unless `NO_COLOR` or `FORCE_COLOR` say otherwise.

    The first counts if both are set (https://no-color.org, https://force-color.org).
    """
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"
