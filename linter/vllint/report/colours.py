"""Colours of reports for people."""

from __future__ import annotations

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
