"""The command line: one module per command, imported when the command is called."""

from __future__ import annotations

import gc
import io
import os
import sys

_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run vllint and end the process: the entry point of the `vllint` script.

    What is left in memory dies with the process. Python would take it apart first, which costs a tenth of a
    short run, and would call what others registered for the end: profilers run `run`.
    """
    try:
        run()
    except SystemExit as ending:
        if isinstance(ending.code, int) and _flushed():
            os._exit(ending.code)
        raise


def run() -> None:
    """Run vllint with the arguments of the process; raises SystemExit with the exit code."""
    _open_closed_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        from vllint import __version__

        sys.stdout.write(f"vllint {__version__}\n")
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a file holds must not keep a report from being printed.
        sys.stdout.reconfigure(errors="backslashreplace")
    # Imports and files make many objects and hardly a cycle: looking for cycles less often saves a tenth.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    from vllint.cli.commands import vllint

    vllint()


def _flushed() -> bool:
    """Write out what was printed; where that fails, Python tells it as it ends."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def _open_closed_streams() -> None:
    """Put streams that lead nowhere in place of those that the caller has closed, as `>&-` does."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - as above
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - as above
