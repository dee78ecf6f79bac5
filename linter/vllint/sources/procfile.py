"""Procfiles: lines `NAME: COMMAND`, each of which a shell runs."""

from __future__ import annotations

import re

from vllint.sources.files import File, Found
from vllint.sources.shell import shell_launches
from vllint_schemas import Launch

_PROCESS = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(\S[^\n]*)$", re.MULTILINE)


def recognises(file: File) -> bool:
    """Whether the file holds processes."""
    return _PROCESS.search(file.text) is not None


def launches(file: File) -> Found:
    """Yield the servers that the processes start, each under its name."""
    for match in _PROCESS.finditer(file.text):
        for found in shell_launches(file.whole.slice(*match.span(2)), "command"):
            yield found._replace(name=match[1], together=None) if isinstance(found, Launch) else found
