from __future__ import annotations

import pytest

from vllint.text.shell.commands import Command, evaluate
from vllint_schemas import Hole, Origin, Run, SlotKind, Span, Word


def commands(script: str) -> tuple[Command, ...]:
    return evaluate(Word.verbatim(script, "run.sh", 0))


def only(script: str) -> Command:
    (command,) = commands(script)
    return command


def texts(command: Command) -> list[str]:
    return [word.text for word in command.words]


def cut(script: str, span: Span) -> str:
    return script[span.start : span.end]


def places(script: str, word: Word) -> tuple[str, str, list[str], str]:
    """Return what stands at a word's span, site, references and slot."""
    slot = cut(script, word.slot.extent) if word.slot else ""
    return cut(script, word.span), cut(script, word.site), [cut(script, span) for span in word.via], slot


def test_a_variable_points_to_where_it_was_assigned() -> None:
    script = "TP=8\nvllm serve m --tensor-parallel-size $TP\n"
    word = only(script).words[-1]
    assert (word.text, word.origin, word.span.start) == ("8", Origin.VARIABLE, 3)
    assert places(script, word) == ("8", "$TP", ["$TP"], "$TP")


def test_each_variable_on_the_way_is_named() -> None:
    script = 'A=8\nB=$A\nvllm "${B}"\n'
    assert places(script, only(script).words[1]) == ("8", '"${B}"', ["$A", "${B}"], '"${B}"')


def test_a_default_is_what_the_file_states() -> None:
    script = "vllm --tp ${TP:-8}\n"
    word = only(script).words[-1]
    assert word.origin is Origin.DEFAULT
    assert places(script, word) == ("8", "${TP:-8}", [], "${TP:-8}")


def test_a_default_stays_one_when_it_is_assigned() -> None:
    script = 'TP=${TP:-8}\nvllm "--tp=$TP" $((TP * 2))\n'
    assert [(word.text, word.origin) for word in only(script).words[1:]] == [
        ("--tp=8", Origin.DEFAULT),
        ("16", Origin.DEFAULT),
    ]


def test_a_known_environment_beats_a_default() -> None:
    script = Word.verbatim("vllm ${TP:-8} ${PP:+--pp $PP} $OTHER", "run.sh", 0)
    environment = {"TP": Word.verbatim("4", "compose.yaml", 90), "PP": Word.verbatim("2", "compose.yaml", 99)}
    (command,) = evaluate(script, environment)
    assert texts(command)[1:4] == ["4", "--pp", "2"]
    assert command.words[1].span == Span("compose.yaml", 90, 91)
    assert command.words[4].reason == "`$OTHER` is not set in this file"
    assert {variable.name: variable.value.text for variable in command.env} == {"TP": "4", "PP": "2"}


@pytest.mark.parametrize(
    ("word", "reason", "splits"),
    [
        ("$X", "`$X` is not set in this file", True),
        ('"$X"', "`$X` is not set in this file", False),
        ("${X:?unset}", "`$X` must be set in the environment", True),
        ('"$1"', "`$1` is an argument that this file does not state", False),
        ('"$@"', "`$@` is an argument that this file does not state", True),
        ('"$*"', "`$*` is an argument that this file does not state", False),
        ("$(nproc --all)", "`$(nproc --all)` is known only when the script runs", True),
        ('"`nproc`"', "`` `nproc` `` is known only when the script runs", False),
        ("$((N + 1))", "`$((N + 1))` is not computed", True),
        ("${A@Q}", "`${A@Q}` is not evaluated", True),
        ("$RANDOM", "`$RANDOM` is set by the shell", True),
        ("<(sort x)", "`<(sort x)` is known only when the script runs", True),
    ],
)
def test_what_is_not_known_says_why(word: str, reason: str, splits: bool) -> None:
    script = f"A=a.b\nvllm x{word} known\n"
    first, last = commands(script)[-1].words[1:]
    assert (first.text, first.holes[0].at) == ("x", 1)
    assert (first.reason.replace("`` `nproc` ``", "``nproc``"), first.splits) == (
        reason.replace("`` `nproc` ``", "``nproc``"),
        splits,
    )
    assert (last.text, last.is_known) == ("known", True)


def test_branches_do_not_mix() -> None:
    script = 'if [ "$BIG" ]; then TP=8; vllm big $TP; else TP=1; vllm small $TP; fi\nvllm after $TP same\n'
    found = [command for command in commands(script) if command.words[0].text == "vllm"]
    assert [texts(command)[1:] for command in found[:2]] == [["big", "8"], ["small", "1"]]
    assert found[2].words[2].reason == "`$TP` is set differently in branches"
    assert found[2].words[3].text == "same"


def test_branches_that_agree_leave_a_variable_known() -> None:
    assert texts(commands("if x; then A=1; else A=1; fi; vllm $A")[-1]) == ["vllm", "1"]


def test_a_branch_that_ends_the_script_does_not_count() -> None:
    script = """\
TP=1
if x; then TP=2; exec vllm serve big --tp $TP; fi
[ y ] || { TP=3; exit 1; }
vllm $TP
exit
vllm never
"""
    found = [texts(command) for command in commands(script) if "vllm" in texts(command)]
    assert found == [["exec", "vllm", "serve", "big", "--tp", "2"], ["vllm", "1"]]


def test_an_array_keeps_what_every_branch_has() -> None:
    script = 'A=(--model m)\n[ -f x ] && A+=(--eager)\nA+=(--port 80)\nvllm "${A[@]}" end\n'
    words = commands(script)[-1].words
    assert [(word.text, word.splits) for word in words[1:]] == [
        ("--model", False),
        ("m", False),
        ("", True),
        ("--port", False),
        ("80", False),
        ("end", False),
    ]


def test_a_string_of_flags_keeps_what_every_branch_has() -> None:
    script = 'A="--tp 8"\n[ -f x ] && A="$A --eager"\nvllm $A end\n'
    words = commands(script)[-1].words
    assert [(word.text, word.splits) for word in words[1:]] == [
        ("--tp", False),
        ("8", False),
        ("", True),
        ("end", False),
    ]


def test_a_loop_over_known_items_is_walked_for_each() -> None:
    script = "for i in 0 1; do CUDA_VISIBLE_DEVICES=$i vllm --port $((8000 + i)) & done\nvllm $i\n"
    found = commands(script)
    assert [texts(command)[1:] for command in found] == [["--port", "8000"], ["--port", "8001"], ["1"]]
    assert [[v.value.text for v in command.env] for command in found] == [["0"], ["1"], []]
    assert cut(script, found[1].env[0].value.span) == "1"


def test_a_loop_over_unknown_items_is_walked_once() -> None:
    script = "TP=1\nfor m in $MODELS; do vllm $m $TP; TP=2; done\n"
    assert [word.reason for word in only(script).words[1:]] == [
        "`$m` takes one value after another",
        "`$TP` is set in a loop",
    ]


def test_options_read_from_the_arguments_leave_the_defaults() -> None:
    script = "TP=8\nwhile [ $# -gt 0 ]; do case $1 in --tp) TP=$2; shift 2 ;; esac; done\nvllm $TP\n"
    word = commands(script)[-1].words[1]
    assert (word.text, word.origin) == ("8", Origin.DEFAULT)


def test_a_function_is_walked_with_the_words_of_each_call() -> None:
    script = 'run() { vllm serve "$1" --port ${2:-8000}; }\nrun a 1\nrun b\n'
    assert [texts(command)[2:] for command in commands(script)] == [
        ["a", "--port", "1"],
        ["b", "--port", "8000"],
    ]


def test_a_function_that_is_never_called_is_walked_with_unknown_arguments() -> None:
    script = 'TP=2\nrun() { vllm "$1" $TP; }\n'
    assert [(word.text, word.is_known) for word in only(script).words] == [
        ("vllm", True),
        ("", False),
        ("2", True),
    ]


def test_a_function_that_calls_itself_ends() -> None:
    assert [texts(command) for command in commands("X=1; f() { vllm a; f; }; f; vllm $X")] == [
        ["vllm", "a"],
        ["vllm", ""],
    ]


def test_exported_variables_and_prefixes_are_the_environment() -> None:
    script = "A=1\nexport B=2 C\nD=3\nexport D\nset -a\nE=5\nset +a\nB=6 F=$A vllm > log\n"
    command = commands(script)[-1]
    assert {variable.name: variable.value.text for variable in command.env} == {
        "B": "6",
        "D": "3",
        "E": "5",
        "F": "1",
    }
    assert cut(script, command.extent) == "B=6 F=$A vllm > log"
    assert cut(script, command.name_span) == "vllm"


def test_redirects_and_comments_are_not_words() -> None:
    script = "vllm a 2>&1 >>log <in --b &> x # comment\n"
    assert texts(only(script)) == ["vllm", "a", "--b"]
    assert cut(script, only(script).extent) == "vllm a 2>&1 >>log <in --b &> x"


def test_carriage_returns_at_line_ends_are_tolerated() -> None:
    assert texts(only("vllm serve \\\r\n  --tp 8\r\n")) == ["vllm", "serve", "--tp", "8"]


def test_a_blank_behind_a_backslash_is_a_word() -> None:
    assert [texts(command) for command in commands("vllm serve \\ \n  --tp 8\n")] == [
        ["vllm", "serve", " "],
        ["--tp", "8"],
    ]


def test_words_written_in_the_script_have_a_slot() -> None:
    script = "A=(x 'y z')\nS='1 2'\nvllm \"a b\" c\"d\"'e' \"${A[@]}\" $S\n"
    words = only(script).words
    assert all(word.slot is None or word.slot.kind is SlotKind.SHELL for word in words)
    assert [word.slot and (cut(script, word.slot.extent), word.slot.quote) for word in words] == [
        ("vllm", ""),
        ('"a b"', '"'),
        ("c\"d\"'e'", ""),
        ("x", ""),
        ("'y z'", "'"),
        None,
        None,
    ]


def test_an_escape_is_atomic_and_the_rest_verbatim() -> None:
    script = 'vllm a\\"b"c\\$d"\n'
    word = only(script).words[1]
    assert word.text == 'a"bc$d'
    assert [(word.text[r.start : r.start + r.length], cut(script, r.source)) for r in word.runs] == [
        ("a", "a"),
        ('"', '\\"'),
        ("b", "b"),
        ("c", "c"),
        ("$", "\\$"),
        ("d", "d"),
    ]


def test_computed_text_never_passes_for_verbatim() -> None:
    script = "f() { vllm $# ${#1}; }\nf 1234567890 2 3 4 5 6 7 8 9 10\nvllm $((5+5*1999))\n"
    for command in commands(script):
        for word in command.words[1:]:
            assert all(not run.verbatim for run in word.runs)


def folded() -> tuple[str, Word]:
    """Give a YAML file with a folded scalar, and the scalar's text with its map."""
    file = "command: >\n    TP=8; vllm serve m\n    --tensor-parallel-size\n    $TP 'a\n    b'\n"
    lines = ["TP=8; vllm serve m", "--tensor-parallel-size", "$TP 'a", "b'"]
    text, runs = "", []
    for line in lines:
        start = file.index(line)
        if text:
            runs.append(Run(len(text), 1, Span("c.yaml", start - 5, start)))
            text += " "
        runs.append(Run(len(text), len(line), Span("c.yaml", start, start + len(line))))
        text += line
    return file, Word(text, tuple(runs), Span("c.yaml", 9, len(file)))


def test_words_in_a_folded_scalar_map_back_to_the_file() -> None:
    file, script = folded()
    (command,) = evaluate(script)
    assert texts(command) == ["vllm", "serve", "m", "--tensor-parallel-size", "8", "a b"]
    assert [cut(file, word.span) for word in command.words] == [
        "vllm",
        "serve",
        "m",
        "--tensor-parallel-size",
        "8",
        "'a\n    b'",
    ]
    assert cut(file, command.words[4].site) == "$TP"
    assert cut(file, command.extent) == "vllm serve m\n    --tensor-parallel-size\n    $TP 'a\n    b'"


def test_unknown_stretches_of_the_script_stay_unknown() -> None:
    text = "vllm serve  --x= '' a"
    holes = tuple(
        Hole(at, "`{{ x }}` is not rendered", Span("t.yaml", 50 + at, 51 + at)) for at in (11, 16, 18)
    )
    script = Word(text, Word.verbatim(text, "t.yaml", 0).runs, Span("t.yaml", 0, 100), holes)
    (command,) = evaluate(script)
    assert [(word.text, [hole.at for hole in word.holes], word.splits) for word in command.words] == [
        ("vllm", [], False),
        ("serve", [], False),
        ("", [0], True),
        ("--x=", [4], True),
        ("", [0], False),
        ("a", [], False),
    ]
    assert command.words[2].holes[0].source == Span("t.yaml", 61, 62)


def test_a_script_from_a_variable_has_no_slots() -> None:
    script = 'CMD="vllm serve m --tp 8"\neval "$CMD"\neval "vllm $((1+1))"\n'
    first, second = commands(script)
    assert places(script, first.words[-1]) == ("8", '"$CMD"', ["$CMD"], "")
    assert texts(second) == ["vllm", "2"]


def test_commands_in_a_stretch_that_is_not_valid_are_marked() -> None:
    script = 'vllm fine\nif x; then\n  TP=8 vllm inside $TP\nvllm "open\n'
    found = commands(script)
    assert [(texts(command), command.broken) for command in found] == [
        (["vllm", "fine"], False),
        (["x"], True),
        (["vllm", "inside", ""], True),
        (["vllm", ""], True),
    ]


def test_reading_goes_on_behind_an_error() -> None:
    found = commands("vllm a\nTP=2; fi\nvllm b $TP\n")
    assert [(texts(command), command.broken) for command in found] == [
        (["vllm", "a"], False),
        (["vllm", "b", ""], False),
    ]
