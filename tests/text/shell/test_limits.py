"""No script makes the reading of it fail, hang or grow without bounds."""

from __future__ import annotations

import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.text.shell.commands import Command, evaluate
from vllint_schemas import Hole, Span, Word


def commands(script: str) -> tuple[Command, ...]:
    return evaluate(Word.verbatim(script, "run.sh", 0))


def test_a_script_of_too_many_steps_says_so() -> None:
    many = f"f() {{ {'A=1;' * 200} }}; {'f;' * 100} vllm 3\n"
    found = commands(f"vllm 1; vllm 2; {many}")
    assert [word.text for word in found[-1].words] == ["vllm", "2"]
    assert found[-1].truncated
    assert not any(command.truncated for command in found[:-1])
    (nothing,) = commands(many)
    assert (nothing.truncated, nothing.words) == (True, ())


def test_loops_of_too_many_steps_are_walked_once() -> None:
    loops = "".join(f"for v{n} in {{1..30}}; do\n" for n in range(4)) + "vllm $v0\n" + "done\n" * 4
    first, last = commands(loops + "vllm 1\n")
    assert [word.reason for word in first.words] == ["", "`$v0` takes one value after another"]
    assert [word.text for word in last.words] == ["vllm", "1"]
    assert not last.truncated


def test_a_value_that_doubles_for_ever_becomes_unknown() -> None:
    doubling = "A=aaaaaaaa\n" + "A=$A$A\n" * 40 + "vllm $A\n"
    assert commands(doubling)[0].words[1].reason == "it becomes too long"


TOKENS = (
    "$(", "$((", "))", ")", "(", "((", "{ ", "}", "${", "${a", "${a:-", "${a:+", "[@]", '"', "'", "`", "\\",
    "\n", ";", ";;", "&", "&&", "|", "||", "<<E\n", "E\n", "<(", ">", "if ", "then ", "fi\n", "for x in ",
    "do ", "done\n", "while ", "case x in ", "esac\n", "*)", "a=", "A+=(", "f() ", "f\n", " $a", " $1",
    '"$@"', "+", "1", "eval ", "{a,b}", "{1..9}", "é", "\r\n", "\0", "\ue000", "export ", "local ",
    "set -- ", "shift\n", "read ", "[[ ", " ]]", "! ", "#", "~", "$'", "vllm ", " ",
)  # fmt: skip

tokens = st.lists(st.sampled_from(TOKENS), max_size=80).map("".join)
repeated = st.tuples(st.sampled_from(TOKENS), st.sampled_from(TOKENS), st.integers(100, 400)).map(
    lambda parts: (parts[0] + " " + parts[1]) * parts[2]
)


@settings(deadline=None, max_examples=250)
@given(script=st.one_of(tokens, repeated, st.text(max_size=60)), seed=st.integers(0, 999))
def test_no_text_makes_it_fail_or_hang(script: str, seed: int) -> None:
    at = sorted(random.Random(seed).randrange(len(script) + 1) for _ in range(seed % 3))
    site = Span("s", 0, len(script))
    word = Word(
        script, Word.verbatim(script, "s", 0).runs, site, tuple(Hole(i, "?", Span("s", i, i)) for i in at)
    )
    start = time.process_time()
    for command in evaluate(word):
        for found in command.words:
            assert all(site.start <= run.source.start <= run.source.end <= site.end for run in found.runs)
            assert all(0 <= hole.at <= len(found.text) for hole in found.holes)
    assert time.process_time() - start < 10
