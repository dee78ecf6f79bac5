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


# --- generated scripts -------------------------------------------------------------------------

NAMES = ("A", "B", "C")
plain = st.text(alphabet="abcxyz0129-_./:=,@%+", min_size=1, max_size=6)
odd = st.text(alphabet='ab1 \t\n*?[]{}#;&|<>()!~^"$`\\', max_size=6)


def single_quoted(text: str) -> str:
    return "'" + text.replace("'", "") + "'"


def double_quoted(text: str) -> str:
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def escaped(text: str) -> str:
    return "".join("\\" + character for character in text if character not in "\n\r")


ARRAY_FORMS = (
    '"${%s[@]}"', "${%s[@]}", '"${%s[*]}"', "${%s[*]}", "${%s[0]}", "${#%s[@]}", '"x${%s[@]}y"', '"${%s[-1]}"',
    "${%s}",    '"${%s[@]:-none}"', '${%s[@]+"set"}',
)  # fmt: skip
BRACES = (
    "{a,b}",
    "x{1..3}y",
    "{a,'b c',}",
    "{3..1}",
    "{a}",
    "{}",
    "{a,b}{c,d}",
    "{x,{y,z}}",
    '{"k":1,"v":[2]}',
)
BRANCHES = (
    "if true; then\n{}\nelse\n{}\nfi",
    "if false; then\n{}\nelif true; then\n{}\nfi",
    'if [ -n "$NEW" ]; then\n{}\nfi\nNEW=1',
    "while false; do\n{}\ndone\n{}",
    "n=0; while [ $n -lt 2 ]; do\nn=$((n+1))\n{}\ndone",
    "until true; do\n{}\ndone",
    "true && {{\n{}\n}}; false || {{\n{}\n}}",
    "false && {{\n{}\n}}",
    "case $A in 1) {} ;; *)\n{}\n;; esac",
    "case x in y) {} ;; esac\n{}",
    "case x in x) {} ;& z)\n{}\n;; w) {} ;; esac",
    "for x in 1 2 3; do\n[ $x = 2 ] && continue\n{}\n[ $x = 3 ] && break\n{}\ndone",
    "for x in $(echo 1 2); do\n{}\ndone",
    "while [ $# -gt 0 ]; do\n{}\nshift\ndone\n{}",
    "{} | cat",
    "x=$(\n{}\n)",
    'f() {{\n[ -n "$1" ] || return 1\n{}\n}}\nf; f 1',
    'P+=(more)\n[ -n "$A" ] && P+=(even more)',
    "A+=' --x'; [ -n \"$NO\" ] && A+=' --y'",
    '[ -z "$NEW" ] && NEW=8',
    "export A; if true; then export B; fi; vllm",
    "shift; set -- a 'b c'; vllm \"$@\" $# $1; set --",
    "read -r A <<< 'x y'; {}",
    "unset B; false || B=5",
    ": ${{NEW:=7}}; {}",
    "[[ -n $A && $B == *3 ]] && {{\n{}\n}}",
    "(( A > 0 )) && {{\n{}\n}}; (( A++ ))",
    "set -a; A=5; set +a; {}; export -n A",
    "(exit 1); {}",
    "printf -v A %s new; {}",
)


@st.composite
def chunk(draw: st.DrawFn, names: tuple[str, ...], arrays: tuple[str, ...], depth: int = 0) -> str:
    """Give a piece of a word that only uses variables which have a value."""
    kinds = ["plain", "plain", "single", "double", "escape", "continued", "ansi", "arith", "default"]
    if names:
        kinds += ["scalar"] * 3 + ["quoted", "alternative", "length"]
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
        return "$'" + draw(st.sampled_from(["a\\nb", "\\x41", "it\\'s", "\\101\\t", ""])) + "'"
    if kind == "arith":
        return draw(
            st.sampled_from(["$((1+2*3))", "$((8000 + (7-9)/2))", "$((-7/2))", "$((-7 % 3))", "$((010))"])
        )
    if kind == "default":
        operator = draw(st.sampled_from([":-", "-", ":="]))
        inner = draw(chunk(names, arrays, depth + 1)) if depth < 2 else draw(plain)
        return f"${{UNSET{draw(st.integers(0, 99999))}{operator}{inner}}}"
    if kind == "scalar":
        return draw(st.sampled_from([f"${{{name}}}", f'"${name}"', f'x"${{{name}}}y"']))
    if kind == "quoted":
        return f'"a ${name} \\" b"'
    if kind == "alternative":
        operator = draw(st.sampled_from([":+", "+", ":-", "-"]))
        if draw(st.booleans()):
            inner = draw(
                st.one_of(plain, st.sampled_from(['"a b"', "a  b", f"${name}", "'q'", "\\}", '"$((1+1))"']))
            )
            return f'"${{{name}{operator}{inner}}}"'
        inner = draw(chunk(names, arrays, depth + 1)) if depth < 2 else draw(plain)
        return f"${{{name}{operator}{inner}}}"
    if kind == "length":
        return f"${{#{name}}}"
    if kind == "array":
        array = draw(st.sampled_from(arrays))
        return draw(st.sampled_from(ARRAY_FORMS)) % array
    return draw(st.sampled_from(BRACES))


@st.composite
def word(draw: st.DrawFn, names: tuple[str, ...] = (), arrays: tuple[str, ...] = ()) -> str:
    return "".join(draw(st.lists(chunk(names, arrays), min_size=1, max_size=3)))


class Scope:
    """The variables that have a value so far."""

    def __init__(self, names: tuple[str, ...] = (), arrays: tuple[str, ...] = ()) -> None:
        self.names = names
        self.arrays = arrays

    def copy(self) -> Scope:
        return Scope(self.names, self.arrays)


def certain_statement(draw: st.DrawFn, scope: Scope, depth: int) -> str:
    """Give a statement that is wholly known to whoever reads only the script."""
    kinds = ["vllm", "vllm", "assign", "assign", "array", "append", "export", "prefix", "element", "unset"]
    if depth < 2:
        kinds += ["for", "group", "subshell", "function", "and", "eval", "counted", "background"]
    kind = draw(st.sampled_from(kinds))
    words = st.lists(word(scope.names, scope.arrays), min_size=1, max_size=3).map(" ".join)
    name = draw(st.sampled_from(NAMES))
    array = draw(st.sampled_from(("P", "Q")))
    if kind == "assign" or (kind == "append" and name not in scope.names):
        text = f"{name}={draw(word(scope.names, scope.arrays))}"
        scope.names = (*scope.names, name)
        return text
    if kind == "append":
        return f"{name}+={draw(word(scope.names, scope.arrays))}"
    if kind == "array" or (kind == "element" and array not in scope.arrays):
        plus = "+" if array in scope.arrays and draw(st.booleans()) else ""
        blank = draw(st.sampled_from([" ", "\n  ", " # a comment\n"]))
        text = f"{array}{plus}=(first{blank}{draw(words)}{blank})"
        scope.arrays = (*scope.arrays, array)
        return text
    if kind == "element":
        key = draw(st.sampled_from(["0", "1", "1+1", "5"]))
        return f"{array}[{key}]={draw(word(scope.names, scope.arrays))}"
    if kind == "export":
        command = draw(st.sampled_from(["export", "declare -x"]))
        text = f"{command} {name}={draw(word(scope.names, scope.arrays))}"
        scope.names = (*scope.names, name)
        return text
    if kind == "prefix":
        value = draw(word(scope.names, scope.arrays))
        return f"{name}={value} vllm {draw(words)} > /dev/null 2>&1"
    if kind == "unset":
        return f'unset {name}; vllm ${name} "${name}" ${{{name}:-was unset}}; {name}=again; export -n {name}'
    return compound(draw, scope, depth, kind, draw(words)) if depth < 2 else f"vllm {draw(words)}"


def compound(draw: st.DrawFn, scope: Scope, depth: int, kind: str, words: str) -> str:
    def body(inner: Scope) -> str:
        statements = [certain_statement(draw, inner, depth + 1) for _ in range(draw(st.integers(1, 3)))]
        return "\n".join(statements)

    if kind == "for":
        inner = Scope((*scope.names, "i"), scope.arrays)
        return f"for i in {words}; do\n{body(inner)}\nvllm $i\ndone; i=; unset i"
    if kind == "counted":
        inner = Scope((*scope.names, f"n{depth}"), scope.arrays)
        return f"for ((n{depth}=0; n{depth}<{draw(st.integers(0, 3))}; n{depth}++)); do\n{body(inner)}\nvllm $((8000+n{depth}))\ndone"
    if kind == "group":
        return "{\n" + body(scope) + "\n}"
    if kind == "subshell":
        return "(" + body(scope.copy()) + "\n)"
    if kind == "background":
        return "{\n" + body(scope.copy()) + "\n} & wait"
    if kind == "function":
        name = f"f{draw(st.integers(0, 9999))}"
        inner = scope.copy()
        text = (
            f'{name}() {{\nlocal L="$1"\nvllm "$@" $# "${{2:-none}}" $L\n{body(inner)}\nshift\nvllm "$@"\n}}'
        )
        return f'{text}\n{name} {words}\nvllm "${{L:-no L}}"'
    if kind == "and":
        return f"true && vllm {words} || vllm never"
    if kind == "eval":
        return "eval 'vllm \"x y\" z'"
    return f"vllm {words}"


@st.composite
def certain_script(draw: st.DrawFn) -> str:
    scope = Scope()
    return "\n".join(certain_statement(draw, scope, 0) for _ in range(draw(st.integers(1, 6)))) + "\n"


@st.composite
def branching_script(draw: st.DrawFn) -> str:
    """Give a script whose course depends on conditions, loops and its environment."""
    scope = Scope()
    lines = ["A=1 B='2 3' C=", "P=(first 'a b')"]
    scope.names, scope.arrays = NAMES, ("P",)
    for _ in range(draw(st.integers(1, 5))):
        inner = [certain_statement(draw, scope.copy(), 1) for _ in range(3)]
        template = draw(st.sampled_from(BRANCHES))
        lines.append(template.format(*inner))
        lines.append('vllm $A "$B" $C "${P[@]}" "${P[1]}" ${NEW:-none} ${#P[@]}')
    return "\n".join(lines) + "\n"


settings.register_profile(
    "shell", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@settings(settings.get_profile("shell"), max_examples=int(__import__("os").environ.get("N", "250")))
@given(script=certain_script())
def test_every_word_of_a_script_without_conditions_is_the_one_bash_passes(run: Runner, script: str) -> None:
    commands, records = ours(script), run(script)
    commands = [command for command in commands if [word.text for word in command.words] != ["never"]]
    assert [[word.text for word in command.words] for command in commands] == [list(r.argv) for r in records]
    assert all(word.is_known for command in commands for word in command.words)
    assert not any(command.broken for command in commands)
    assert all(agrees(command, record) for command, record in zip(commands, records, strict=True))


@settings(settings.get_profile("shell"), max_examples=int(__import__("os").environ.get("N", "250")))
@given(script=branching_script())
def test_what_bash_runs_is_always_among_the_commands_we_find(run: Runner, script: str) -> None:
    assert may_be(ours(script), run(script))
