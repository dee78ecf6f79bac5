"""A line on long runs: what is looked at, on a terminal, erased at the end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from vllint.report.cells import visible

PATIENCE = 2.0
"""How many seconds a run may take before it says anything."""

_PAUSE = 0.1
_WIDTH = 80


class Progress:
    """Counts files, and from some time on shows the count and the file at hand on one line of `terminal`."""

    def __init__(self, terminal: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._clock = clock
        self._count = 0
        self._due = clock() + PATIENCE
        self._shown = False

    def __call__(self, path: str | None) -> None:
        """Take note of the next file; `None`: there is none left."""
        if path is None:
            self._erase()
            return
        self._count += 1
        now = self._clock()
        if now < self._due:
            return
        self._due = now + _PAUSE
        self._shown = True
        line = f"vllint: {self._count:,} files, {visible(path)}"
        self._terminal.write(f"\r\x1b[K{line[: _columns(self._terminal) - 1]}")
        self._terminal.flush()

    def _erase(self) -> None:
        if self._shown:
            self._terminal.write("\r\x1b[K")
            self._terminal.flush()
            self._shown = False


class Asking:
    """Names the model that the Hub is asked for on one line of `terminal`, and counts them."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._asked = 0

    def __call__(self, model: str | None) -> None:
        """Take note of the next model; `None`: the Hub has answered."""
        self._terminal.write("\r\x1b[K")
        if model is not None:
            self._asked += 1
            line = f"vllint: asking the Hub, model {self._asked:,}: {visible(model)}"
            self._terminal.write(line[: _columns(self._terminal) - 1])
        self._terminal.flush()


def asking() -> Asking | None:
    """Return what shows the models that the Hub is asked for, `None` where nobody watches."""
    return Asking(sys.stderr) if _is_watched() else None


def _is_watched() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def progress() -> Progress | None:
    """Return the progress of a run that starts now, `None` where nobody watches."""
    return Progress(sys.stderr) if _is_watched() else None


def _columns(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH
