"""The command line: one module per command, imported when the command is called."""

from __future__ import annotations

import sys


def main() -> None:
    """Run vllint; the entry point of the `vllint` script."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from vllint import __version__

        sys.stdout.write(f"vllint {__version__}\n")
        return
    from vllint.cli.commands import vllint

    vllint()
