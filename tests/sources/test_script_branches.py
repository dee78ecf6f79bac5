"""Shell scripts that start one server or another, as conditions have it."""

from __future__ import annotations

from collections.abc import Callable

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Origin

Read = Callable[..., Reading]

Argv = Callable[[Launch], list[str]]


def all_argv(read: Read, argv: Argv, text: str) -> list[list[str]]:
    return [argv(launch) for launch in read(text, "run.sh").launches]


def test_a_flag_that_a_test_may_add_makes_two_launches(read: Read, argv: Argv) -> None:
    text = 'A=(vllm serve Q/x)\n[ -f t.jinja ] && A+=(--chat-template t.jinja)\n"${A[@]}" --port 1\n'
    assert all_argv(read, argv, text) == [
        ["Q/x", "--chat-template", "t.jinja", "--port", "1"],
        ["Q/x", "--port", "1"],
    ]


def test_branches_that_set_several_values_never_mix(read: Read, argv: Argv) -> None:
    text = (
        "MEM=$(nvidia-smi | head -1)\n"
        "if [ $MEM -lt 24000 ]; then L=4096; Q=awq\nelif [ $MEM -lt 48000 ]; then L=8192; Q=gptq\n"
        "else L=16384; Q=fp8; fi\nvllm serve Q/x --max-model-len $L -q $Q\n"
    )
    found = all_argv(read, argv, text)
    assert sorted(words[2::2] for words in found) == [["16384", "fp8"], ["4096", "awq"], ["8192", "gptq"]]


def test_too_many_ways_leave_the_words_they_touch_unknown(read: Read, argv: Argv) -> None:
    adds = "".join(f"[ -f {n} ] && A+=(--{n})\n" for n in range(12))
    [launch] = read(f'A=(vllm serve Q/x)\n{adds}"${{A[@]}}" --port 1\n', "run.sh").launches
    assert [argv(launch)[0], *argv(launch)[-2:]] == ["Q/x", "--port", "1"]
    assert any(word.splits for word in launch.argv)


def test_what_a_script_is_asked_for_is_known_in_its_branch(read: Read, argv: Argv) -> None:
    text = 'case "$SIZE" in 7b) TP=1;; 70b) TP=4;; *) exit 1;; esac\nvllm serve "Q/$SIZE" -tp $TP\n'
    assert all_argv(read, argv, text) == [["Q/7b", "-tp", "1"], ["Q/70b", "-tp", "4"]]


def test_a_branch_that_defaults_rule_out_is_read_without_them(read: Read, argv: Argv) -> None:
    text = 'TP=${TP:-1}\nif [ "$TP" -gt 1 ]; then vllm serve Q/x -tp $TP; else vllm serve Q/x; fi\n'
    assert all_argv(read, argv, text) == [["Q/x", "-tp", "?"], ["Q/x"]]


def test_a_flag_that_a_default_adds_says_so(read: Read) -> None:
    text = 'ARGS=(-tp 1)\n[ "${EAGER:-1}" = 1 ] && ARGS+=(--enforce-eager)\nvllm serve Q/x "${ARGS[@]}"\n'
    [launch] = read(text, "run.sh").launches
    assert [(word.text, word.origin is Origin.DEFAULT) for word in launch.argv] == [
        ("Q/x", False),
        ("-tp", False),
        ("1", False),
        ("--enforce-eager", True),
    ]


def test_what_never_runs_is_no_launch(read: Read, argv: Argv) -> None:
    text = "if false; then vllm serve Q/a; fi\nMODE=b\n[ $MODE = a ] && vllm serve Q/c\nvllm serve Q/b\n"
    assert all_argv(read, argv, text) == [["Q/b"]]
