"""What `evaluate` says a script runs, against what bash runs: a stub `vllm` writes down its words."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vllint.text.shell.commands import Command, evaluate
from vllint_schemas import Word

BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash, the peer of these tests, is not installed")

WATCHED = ("A", "B", "C")
"""Variables whose value in the environment the stub writes down too."""


TOOLS = (
    "true", "false", "cat", "env", "sleep", "seq", "basename", "dirname", "bash", "tr", "wc", "cut", "head",
)  # fmt: skip
"""The programs that scripts find beside the stub."""


class Record(NamedTuple):
    """One run of the stub."""

    argv: tuple[str, ...]
    env: dict[str, str]


Runner = Callable[[str], list[Record]]
Script = Callable[[int], str]


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    """Give what runs a script under bash, in an empty folder and without an environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("bin", "empty"):
            (folder / part).mkdir()
        log = folder / "log"
        watched = " ".join(f'"${{{name}-<unset>}}"' for name in WATCHED)
        stub = folder / "bin" / "vllm"
        stub.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$#\" {watched} \"$@\" >> '{log}'\n")
        stub.chmod(0o755)
        for tool in (
            "true",
            "false",
            "cat",
            "env",
            "sleep",
            "seq",
            "basename",
            "dirname",
            "bash",
            "tr",
            "wc",
            "cut",
            "head",
        ):
            (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
        yield lambda script: _run(script, folder, log)


def _run(script: str, folder: Path, log: Path) -> list[Record]:
    log.write_bytes(b"")
    file = folder / "script"
    file.write_text(script, newline="")
    subprocess.run(
        [str(BASH), str(file)],
        cwd=folder / "empty",
        env={"PATH": str(folder / "bin"), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=5,
        check=False,
    )
    fields = iter(log.read_bytes().decode().split("\0")[:-1])
    records = []
    for count in fields:
        env = {name: next(fields) for name in WATCHED}
        records.append(Record(tuple(next(fields) for _ in range(int(count))), env))
    return records


def ours(script: str) -> list[Command]:
    """Return the stub's commands as we read them, an `exec` in front left out."""
    return found_in(Word.verbatim(script, "script", 0), {}, script)


def found_in(text: Word, variables: dict[str, Word], script: str) -> list[Command]:
    found = []
    for command in evaluate(text, variables):
        check_places(command, script)
        if command.words[0].text == "bash" and command.stdin is not None:
            exported = {variable.name: variable.value for variable in command.env}
            found.extend(found_in(command.stdin, exported, script))
        words = command.words[1:] if command.words[0].text == "exec" else command.words
        if words and words[0].text == "vllm":
            found.append(command._replace(words=words[1:]))
    return found


def check_places(command: Command, script: str) -> None:
    for word in (*command.words, *(variable.value for variable in command.env)):
        for run in word.runs:
            if run.verbatim:
                part = word.text[run.start : run.start + run.length]
                assert script[run.source.start : run.source.end] == part
        assert 0 <= word.site.start <= word.site.end <= len(script)


def agrees(command: Command, record: Record) -> bool:
    """Whether a run is one of those that the command may stand for."""
    pattern = "".join(_pattern(word) for word in command.words)
    if not re.fullmatch(pattern, "".join(word + "\0" for word in record.argv), re.DOTALL):
        return False
    env = {variable.name: variable.value for variable in command.env}
    return all(
        value == "<unset>" if name not in env else re.fullmatch(_known(env[name], ".*"), value, re.DOTALL)
        for name, value in record.env.items()
    )


def _pattern(word: Word) -> str:
    if word.splits:
        return f"(?:{_known(word, '.*')}\0)?"
    return _known(word, "[^\0]*") + "\0"


def _known(word: Word, unknown: str) -> str:
    pieces = [re.escape(character) for character in word.text]
    for run in word.runs:
        if run.source.start == run.source.end:
            pieces[run.start] += "?"
    for hole in reversed(word.holes):
        pieces.insert(hole.at, unknown)
    return "".join(pieces)


def may_be(commands: list[Command], records: list[Record]) -> bool:
    """Whether each run is one of the commands."""
    return all(any(agrees(command, record) for command in commands) for record in records)


seeds = st.integers(0, 2**32)


@settings(deadline=None, max_examples=110, derandomize=True)
@given(seed=seeds)
def test_every_word_of_a_script_without_conditions_is_the_one_bash_passes(
    run: Runner, certain_script: Script, seed: int
) -> None:
    script = certain_script(seed)
    commands, records = ours(script), run(script)
    commands = [command for command in commands if [word.text for word in command.words] != ["never"]]
    assume(not any(word.reason.startswith("it becomes too") for c in commands for word in c.words))
    assert [[word.text for word in command.words] for command in commands] == [list(r.argv) for r in records]
    assert all(word.is_known for command in commands for word in command.words)
    assert not any(command.broken for command in commands)
    assert all(agrees(command, record) for command, record in zip(commands, records, strict=True))


@settings(deadline=None, max_examples=110, derandomize=True)
@given(seed=seeds)
def test_what_bash_runs_is_always_among_the_commands_we_find(
    run: Runner, branching_script: Script, seed: int
) -> None:
    script = branching_script(seed)
    assert may_be(ours(script), run(script))
