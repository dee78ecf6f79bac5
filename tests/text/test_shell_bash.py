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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vllint.text.shell_commands import Command, evaluate
from vllint_schemas import Word

BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash, the peer of these tests, is not installed")

WATCHED = ("A", "B", "C")
"""Variables whose value in the environment the stub writes down too."""


class Record(NamedTuple):
    """One run of the stub."""

    argv: tuple[str, ...]
    env: dict[str, str]


Runner = Callable[[str], list[Record]]


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
        for tool in ("true", "false", "cat", "env", "sleep"):
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
        timeout=20,
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
    found = []
    for command in evaluate(Word.verbatim(script, "script", 0)):
        check_places(command, script)
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
    pieces, last = [], 0
    for hole in word.holes:
        pieces += [re.escape(word.text[last : hole.at]), unknown]
        last = hole.at
    return "".join([*pieces, re.escape(word.text[last:])])


def may_be(commands: list[Command], records: list[Record]) -> bool:
    """Whether the runs are some of the commands, in order."""
    remaining = iter(commands)
    return all(any(agrees(command, record) for command in remaining) for record in records)


# --- generated scripts -------------------------------------------------------------------------

NAMES = ("A", "B", "C")
plain = st.text(alphabet="abcxyz0129-_./:=,@%+", min_size=1, max_size=6)
odd = st.text(alphabet='ab1 \t\n*?[]{}#;&|<>()!~^"$`\\é漢', max_size=6)


def single_quoted(text: str) -> str:
    return "'" + text.replace("'", "") + "'"


def double_quoted(text: str) -> str:
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def escaped(text: str) -> str:
    return "".join("\\" + character for character in text if character not in "\n\r")


@st.composite
def chunk(draw: st.DrawFn, names: tuple[str, ...], arrays: tuple[str, ...], depth: int = 0) -> str:
    """Give a piece of a word that only uses variables which have a value."""
    kinds = ["plain", "plain", "single", "double", "escape", "continued", "ansi", "arith", "default"]
    if names:
        kinds += ["scalar"] * 3 + ["quoted", "alternative", "length", "sum"]
    if arrays:
        kinds += ["array"] * 2
    if depth == 0:
        kinds.append("brace")
    kind = draw(st.sampled_from(kinds))
    name = draw(st.sampled_from(names)) if names else "A"
    if kind == "plain":
        return draw(plain)
    if kind == "single":
        return single_quoted(draw(odd))
    if kind == "double":
        return double_quoted(draw(odd))
    if kind == "escape":
        return escaped(draw(odd))
    if kind == "continued":
        return draw(plain) + "\\\n" + draw(plain)
    if kind == "ansi":
        return "$'" + draw(st.sampled_from(["a\\nb", "\\x41", "it\\'s", "\\101\\t", "", "é"])) + "'"
    if kind == "arith":
        return draw(
            st.sampled_from(["$((1+2*3))", "$((8000 + (7-9)/2))", "$((-7/2))", "$((-7 % 3))", "$((010))"])
        )
    if kind == "default":
        operator = draw(st.sampled_from([":-", "-", ":="]))
        inner = draw(chunk(names, arrays, depth + 1)) if depth < 2 else draw(plain)
        text = f"${{UNSET{draw(st.integers(0, 99999))}{operator}{inner}}}"
        return text
    if kind == "scalar":
        return draw(st.sampled_from([f"${name}", f"${{{name}}}", f'"${name}"', f'x"${{{name}}}y"']))
    if kind == "quoted":
        return f'"a ${name} \\" b"'
    if kind == "alternative":
        inner = draw(chunk(names, arrays, depth + 1)) if depth < 2 else draw(plain)
        operator = draw(st.sampled_from([":+", "+", ":-", "-"]))
        quote = draw(st.sampled_from(["", '"']))
        return f"{quote}${{{name}{operator}{inner}}}{quote}"
    if kind == "length":
        return f"${{#{name}}}"
    if kind == "sum":
        return f"$(({draw(st.integers(0, 50))} + ${{#{name}}}))" if False else "$((1 + 1))"
    if kind == "array":
        array = draw(st.sampled_from(arrays))
        form = draw(st.sampled_from(['"${%s[@]}"', "${%s[@]}", '"${%s[*]}"', "${%s[*]}", "${%s[0]}", "${#%s[@]}",
                                     '"x${%s[@]}y"', '"${%s[-1]}"', "$%s"]))  # fmt: skip
        return form % array
    return draw(
        st.sampled_from(["{a,b}", "x{1..3}y", "{a,'b c',}", "{3..1}", "{a}", "{}", "{a,b}{c,d}", "{x,{y,z}}"])
    )


@st.composite
def word(draw: st.DrawFn, names: tuple[str, ...] = (), arrays: tuple[str, ...] = ()) -> str:
    return "".join(draw(st.lists(chunk(names, arrays), min_size=1, max_size=3)))
