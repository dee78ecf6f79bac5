from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from vllint.cli.commands import vllint

VLLINT = (sys.executable, "-m", "vllint")


class Said(NamedTuple):
    """What a run printed and returned."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, and the working directory."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run vllint in this process."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str, text: str | None = None) -> Said:
        done = CliRunner().invoke(vllint, arguments, input=text)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return call


@pytest.fixture
def on_terminal() -> Callable[..., str]:
    """Run vllint, or another program, on a terminal, and return all that the terminal got."""

    def call(
        *arguments: str, environment: Mapping[str, str] | None = None, program: Sequence[str] = VLLINT
    ) -> str:
        ours, theirs = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
        variables = {**clean, "TERM": "xterm", **(environment or {})}
        command = [*program, *arguments]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables):
            os.close(theirs)
            got = b""
            while True:
                try:
                    part = os.read(ours, 65536)
                except OSError:
                    break
                if not part:
                    break
                got += part
        os.close(ours)
        return got.decode().replace("\r\n", "\n")

    return call


@pytest.fixture
def plain() -> Callable[[str], str]:
    """Take the escape sequences out of a text."""
    return lambda text: re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
