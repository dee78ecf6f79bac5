"""Shell scripts in, launches out; a real bash with a stub `vllm` says what each script starts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Origin, SlotKind, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

STUB = """#!/usr/bin/env bash
for word in "$@"; do printf '%s\\0' "$word"; done > "$OUT/$(date +%s%N).$$"
"""

SCRIPTS = [
    "vllm serve Q/x",
    "vllm serve Q/x --port 8000 --max-model-len=4096",
    "vllm serve \\\n  Q/x \\\n  -tp 2",
    "vllm serve Q/x \\\n  -tp 2 \\\n",
    "vllm serve Q/x \\\n  -tp 2 \\\n  # a comment\n  ",
    "vllm serve Q/x # -tp 2",
    "vllm serve 'Q/x' \"--port\" 8'0'0\"0\"",
    "vllm serve Q/x --a='b c' --d=\"e f\"",
    'vllm serve Q/x --json \'{"a": [1, 2], "b": "c d"}\'',
    'vllm serve Q/x --json "{\\"a\\": \\"b\\"}"',
    "vllm serve Q/x --chat $'a\\nb'",
    "vllm serve Q\\ x\\#y",
    "vllm serve Q/x --glob '*' \"*\"",
    "vllm serve Q/x --empty '' \"\"",
    "MODEL=Q/x\nvllm serve $MODEL",
    "MODEL=Q/x\nvllm serve ${MODEL}",
    "MODEL='Q x'\nvllm serve \"$MODEL\" $MODEL",
    "vllm serve ${MODEL:-Q/x} --port ${PORT:-8000}",
    "MODEL=${MODEL:-Q/x}\n: ${PORT:=8000}\nvllm serve $MODEL --port $PORT",
    "EXTRA=\nvllm serve Q/x $EXTRA",
    'EXTRA=\nvllm serve Q/x "$EXTRA"',
    "EXTRA='--a b'\nvllm serve Q/x $EXTRA \"$EXTRA\"",
    "FLAG=1\nvllm serve Q/x ${FLAG:+--flag} ${NONE:+--none}",
    "TP=2\nDP=4\nvllm serve Q/x -tp $TP -dp $((8 / TP)) --port $((8000 + DP))",
    'ARGS="--a 1"\nARGS="$ARGS --b 2"\nARGS+=\' --c 3\'\nvllm serve Q/x $ARGS',
    "ARGS=(Q/x --a 'b c')\nvllm serve \"${ARGS[@]}\"",
    "ARGS=(\n  Q/x  # the model\n  # nothing\n  --a 'b c'\n)\nvllm serve ${ARGS[@]} ${ARGS[0]} ${#ARGS[@]}",
    'CMD=(vllm serve Q/x)\n"${CMD[@]}" -tp 2',
    "CMD='vllm serve Q/x'\n$CMD -tp 2",
    'CMD="vllm serve Q/x"\nCMD="$CMD --a \'b c\'"\neval $CMD\n',
    "for p in 1 2 3; do vllm serve Q/x --port 800$p; done",
    'for m in Q/a Q/b\ndo\n  vllm serve "$m"\ndone',
    "for i in {0..2}; do vllm serve Q/x --port $((8000+i)); done",
    "for ((i=0; i<2; i++)); do vllm serve Q/x --port 800$i; done",
    'f() { vllm serve "$1" -tp "$2"; }\nf Q/x 2\nf Q/y 4',
    "f() {\n  local tp=${1:-2}\n  vllm serve Q/x -tp $tp\n}\nf\nf 4",
    "set -euo pipefail\nvllm serve Q/x",
    "bash -c 'vllm serve Q/x -tp 2'",
    'TP=2\nbash -c "vllm serve Q/x -tp $TP"',
    "export TP=2\nbash -c 'vllm serve Q/x -tp $TP'",
    "vllm serve Q/x &\nwait",
    "vllm serve Q/x > /dev/null 2>&1 < /dev/null",
    "true && vllm serve Q/x || true",
    "A=1 B=2 vllm serve Q/x",
    'x=ab\nvllm serve Q/x "é ü $x 🚀"',
]

PARTLY_KNOWN = [
    "MODEL=Q/x\nNAME=${MODEL##*/}\nvllm serve $MODEL --served-model-name $NAME",
    'MODEL=Q/x\nvllm serve "${MODEL%%/*}/y" ${#MODEL}',
    "MODEL=Q/x\nvllm serve $MODEL --served-model-name $(basename $MODEL)",
    'ARGS=(Q/x)\nif true; then ARGS+=(--a); fi\nvllm serve "${ARGS[@]}"',
    'ARGS=Q/x\n[ -n "$NONE" ] && ARGS="$ARGS --a b"\nvllm serve $ARGS',
    "case x in x) vllm serve Q/x ;; *) vllm serve Q/y ;; esac",
    "(A=1; vllm serve Q/x $A); vllm serve Q/y $A",
    "a=1,2\nvllm serve Q/x ${a/,/;} ${a^^} ${a:0:1}",
    "while read -r m; do vllm serve $m; done <<< $'Q/a\\nQ/b'",
    "for m in $(echo Q/a Q/b); do vllm serve $m; done",
    'set -- Q/x -tp 2\nvllm serve "$@"',
    'f() { vllm serve "$@"; }\nf Q/x -tp 2',
    'f() { shift; vllm serve "$@"; }\nf no Q/x -tp 2',
    "TP=$(printf '%s' 2)\nvllm serve Q/x -tp $TP",
    "TP=`printf 2`\nvllm serve Q/x -tp $TP",
    "read -r TP <<< 4\nvllm serve Q/x -tp $TP",
    "declare -A M=([a]=Q/x)\nvllm serve ${M[a]} ${M[b]:-none}",
    "P=MODEL\nMODEL=Q/x\nvllm serve ${!P}",
    "IFS=,\nA=Q/x,-tp,2\nvllm serve $A",
    "i=0\nwhile [ $i -lt 2 ]; do vllm serve Q/x --port $i; i=$((i+1)); done",
    "i=0\nuntil [ $i -ge 2 ]; do vllm serve Q/x --port $i; ((i++)); done",
    "A=1\nunset A\nvllm serve Q/x ${A:-2}",
    "A=1\nf() { local A=2; g; }\ng() { vllm serve Q/x $A; }\nf",
    "printf -v M '%s/%s' Q x\nvllm serve $M",
    "vllm serve Q/x --list={a,b} {1,2}",
    "A=1 eval 'vllm serve Q/x $A'",
    "exec 3>&1\nvllm serve Q/x 3>&-",
    "[[ a == a ]] && M=Q/x || M=Q/y\nvllm serve $M",
    "M=Q/y\n[ 1 = 1 ] && M=Q/x\nvllm serve $M",
    "A=1\n(A=2)\nvllm serve Q/x $A",
    "A=1\nA=2 true\nvllm serve Q/x $A",
    "A=1\necho | A=2\nvllm serve Q/x $A",
]
"""Scripts of which something may stay unknown."""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[list[str]]]:
    """Return a runner of scripts: the words of each `vllm` that a real bash starts, in order."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not here")
    folder = tmp_path_factory.mktemp("bash")
    stub = folder / "vllm"
    stub.write_text(STUB)
    stub.chmod(0o755)

    def run(script: str) -> list[list[str]]:
        out = Path(str(tmp_path_factory.mktemp("out")))
        environment = {"PATH": f"{folder}:/usr/bin:/bin", "OUT": str(out), "HOME": "/home/user"}
        subprocess.run(["bash", "-c", script], env=environment, cwd=out, check=False, capture_output=True)
        calls = [path.read_text().split("\0")[:-1] for path in sorted(out.iterdir())]
        return [call[1:] for call in calls if call[:1] == ["serve"]]

    return run


def pattern(launch: Launch) -> re.Pattern[str]:
    """Return what a call's words, each ended by a NUL, look like; what is not known may be anything."""
    parts = []
    for word in launch.argv:
        text, position = "", 0
        for hole in word.holes:
            text += re.escape(word.text[position : hole.at]) + (".*" if hole.splits else "[^\0]*")
            position = hole.at
        text += re.escape(word.text[position:]) + "\0"
        parts.append(f"(?:{text})?" if word.splits and not word.text else text)
    return re.compile("".join(parts), re.DOTALL)


@pytest.mark.parametrize("script", [*SCRIPTS, *PARTLY_KNOWN])
def test_what_a_real_bash_starts_is_found_in_the_script(
    read: Read, bash: Callable[[str], list[list[str]]], script: str
) -> None:
    patterns = [pattern(launch) for launch in read(script + "\n", "run.sh").launches]
    calls = bash(script)
    assert calls, "the script of this test starts nothing"
    for call in calls:
        words = "".join(f"{word}\0" for word in call)
        assert any(found.fullmatch(words) for found in patterns), call


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_whose_words_are_all_known_starts_what_a_real_bash_starts(
    read: Read, argv: Argv, bash: Callable[[str], list[list[str]]], script: str
) -> None:
    found = [argv(launch) for launch in read(script + "\n", "run.sh").launches]
    assert sorted(found) == sorted(bash(script))


def test_both_branches_of_a_condition_are_launches(read: Read, argv: Argv) -> None:
    text = 'if [ "$BIG" = 1 ]; then\n  vllm serve Q/a\nelse\n  vllm serve Q/b\nfi\n'
    assert [argv(launch) for launch in read(text, "run.sh").launches] == [["Q/a"], ["Q/b"]]


def test_a_value_that_a_branch_may_set_is_not_known(read: Read, argv: Argv) -> None:
    text = 'TP=1\nif [ "$BIG" = 1 ]; then TP=8; fi\nvllm serve Q/x -tp $TP\n'
    for launch in read(text, "run.sh").launches:
        assert argv(launch)[-1] in {"1", "8", "?"}
    assert {argv(launch)[-1] for launch in read(text, "run.sh").launches} != {"1"}


def test_an_array_that_a_branch_may_extend_is_open_ended(read: Read) -> None:
    text = 'ARGS=(Q/x)\nif [ -n "$LONG" ]; then ARGS+=(--max-model-len 32768); fi\nvllm serve "${ARGS[@]}"\n'
    launches = read(text, "run.sh").launches
    texts = {tuple(word.text for word in launch.argv if word.text) for launch in launches}
    holes = any(word.splits for launch in launches for word in launch.argv)
    assert holes or texts == {("Q/x",), ("Q/x", "--max-model-len", "32768")}


@pytest.mark.parametrize(
    "words",
    ['"$@"', "$@", "$*", "$(cat args)", "`cat args`", "$EXTRA", "${EXTRA[@]}", "$(< args)"],
)
def test_words_from_outside_are_holes_that_may_be_any_number_of_words(read: Read, words: str) -> None:
    [launch] = read(f"vllm serve Q/x {words}\n", "run.sh").launches
    assert launch.argv[0].text == "Q/x"
    assert launch.argv[1].splits


@pytest.mark.parametrize("word", ['"$1"', '"$(hostname)"', '"${PORT}"', "--port=$1x"])
def test_a_quoted_unknown_is_one_word(read: Read, word: str) -> None:
    [launch] = read(f"vllm serve Q/x {word}\n", "run.sh").launches
    assert len(launch.argv) == 2
    assert not launch.argv[1].is_known


def test_a_variables_value_is_where_it_is_assigned_and_is_named_by_its_use(read: Read) -> None:
    text = "#!/bin/bash\nTP=8 # all\nvllm serve Q/x -tp $TP\n"
    [launch] = read(text, "run").launches
    word = launch.argv[2]
    assert word.origin is Origin.VARIABLE
    assert word.text_span is not None and word.text_span.start == text.index("8 # all")
    assert text[word.site.start : word.site.end] == "$TP"
    assert any(text[via.start : via.end] == "$TP" for via in word.via)


def test_a_default_is_where_it_is_written(read: Read) -> None:
    text = "TP=${TP:-8}\nvllm serve Q/x -tp $TP --port ${PORT:-8000}\n"
    [launch] = read(text, "run.sh").launches
    for word, value in ((launch.argv[2], "8"), (launch.argv[4], "8000")):
        assert word.origin is Origin.DEFAULT
        assert word.text_span is not None
        assert text[word.text_span.start : word.text_span.end] == value
        assert text[word.text_span.start - 2 : word.text_span.start] == ":-"


def test_a_literal_word_can_be_edited_in_place(read: Read) -> None:
    text = "vllm serve 'Q/x' -tp 2\n"
    [launch] = read(text, "run.sh").launches
    slot = launch.argv[0].slot
    assert slot is not None and slot.kind is SlotKind.SHELL and slot.quote == "'"
    assert text[slot.extent.start : slot.extent.end] == "'Q/x'"


@pytest.mark.parametrize(
    "text",
    [
        "vllm serve Q/x --a 'b\n",
        'vllm serve Q/x --a "b\n',
        "if true; then vllm serve Q/x\n",
        "vllm serve Q/x $(\n",
        "(vllm serve Q/x\n",
    ],
)
def test_a_start_in_broken_shell_is_a_problem_and_not_a_launch(read: Read, text: str) -> None:
    reading = read(text, "run.sh")
    assert reading.launches == ()
    assert reading.problems and all(problem.kind == "not_parsed" for problem in reading.problems)


def test_broken_shell_elsewhere_leaves_a_sound_start_alone(read: Read) -> None:
    text = "vllm serve Q/x -tp 2\nfi\n"
    reading = read(text, "run.sh")
    assert reading.launches or reading.problems


def test_broken_shell_that_starts_nothing_is_silent(read: Read) -> None:
    assert read("# vllm\nif true; then echo\n", "run.sh") == Reading(("shell",))


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_windows_line_breaks_keep_every_place(read: Read, newline: str) -> None:
    text = newline.join(["vllm serve Q/x -tp 2", "vllm serve Q/y", ""])
    launches = read(text, "run.sh").launches
    assert [launch.argv[0].text for launch in launches][:1] == ["Q/x"]
    assert len(launches) == 2


def test_launches_of_one_file_have_names_of_their_own(read: Read) -> None:
    text = "vllm serve Q/a &\nvllm serve Q/b &\nvllm serve Q/c\n"
    ids = [launch.id for launch in read(text, "run.sh").launches]
    assert ids == ["run.sh#vllm", "run.sh#vllm-2", "run.sh#vllm-3"]


def test_a_script_without_a_server_has_no_launch_but_a_kind(read: Read) -> None:
    assert read("echo vllm\n", "run.sh") == Reading(("shell",))


def test_a_script_that_starts_itself_ends(read: Read) -> None:
    text = 'f() { f; vllm serve Q/x; }\nf\nx=\'eval "$x"\'; eval "$x"\n'
    read(text, "run.sh")


def test_a_very_long_line_is_read(read: Read) -> None:
    text = "vllm serve Q/x " + "--api-key k " * 5_000 + "\n"
    [launch] = read(text, "run.sh").launches
    assert len(launch.argv) == 10_001


def test_unknown_reasons_are_sentences_about_the_file(read: Read) -> None:
    [launch] = read("vllm serve $MODEL\n", "run.sh").launches
    assert "MODEL" in launch.argv[0].reason
    assert isinstance(launch.hardware.gpu_count, Unknown)
    assert json.dumps(launch.argv[0].reason)


def test_variables_that_no_server_reads_tell_no_starts_apart(read: Read) -> None:
    script = 'if [ -f x ]; then export ADAPTER="$1"; else export ADAPTER=; fi\nvllm serve a/b\n'
    assert len(read(script, "run.sh").launches) == 1
    script = script.replace("ADAPTER", "CUDA_VISIBLE_DEVICES")
    assert len(read(script, "run.sh").launches) == 2


@pytest.mark.parametrize(
    "kept",
    [
        "ARGS=(\n  vllm serve a/b\n  --port 8001\n)\n",
        "export CMD='vllm serve a/b --port 8001'\n",
        'CMD="vllm serve a/b \\\n  --port $((8000 + 1))"\n',
        "readonly RUN=(python3 -m vllm.entrypoints.cli.main serve a/b --port 8001)\n",
    ],
)
def test_a_command_that_is_kept_for_another_script_is_a_launch(read: Read, argv: Argv, kept: str) -> None:
    [launch] = read(f"#!/bin/bash\n# A preset.\n{kept}", "preset.sh").launches
    assert argv(launch) == ["a/b", "--port", "8001"]


@pytest.mark.parametrize(
    "script",
    [
        'PATTERN="vllm serve"\npkill -f "$PATTERN"\n',
        "# ARGS=(vllm serve a/b)\n",
        "NAME='run vllm serve a/b'\n",
        "ARGS=(echo vllm serve a/b)\n",
    ],
)
def test_texts_that_are_no_commands_start_nothing(read: Read, script: str) -> None:
    assert not read(script, "run.sh").launches


def test_what_the_script_runs_itself_is_read_once(read: Read) -> None:
    assert len(read('CMD="vllm serve a/b --port 1"\n$CMD &\n', "run.sh").launches) == 1


@pytest.mark.parametrize("use", ["$MODEL", '"$MODEL"'])
def test_a_text_that_the_reader_is_to_fill_in_is_one_word_that_is_not_known(read: Read, use: str) -> None:
    [launch] = read(f'MODEL="<path of your model>"\nvllm serve {use} --port 1\n', "run.sh").launches
    [model, *rest] = launch.argv
    assert model.reason == "`<path of your model>` is filled in later"
    assert [word.text for word in rest] == ["--port", "1"]


BUILT = "FROM vllm/vllm-openai:v0.10.1 AS base\nENV HF_HOME=/data\n{}"


@pytest.mark.parametrize(
    ("dockerfile", "build", "run", "words"),
    [
        ("", "-t llm .", "llm --model Q/x -tp 2", ["--model", "Q/x", "-tp", "2"]),
        ("", "--tag=llm --build-arg A=b -f ./Dockerfile ..", "llm --model Q/x", ["--model", "Q/x"]),
        ('CMD ["--model", "Q/x"]\n', "-t llm .", "llm", ["--model", "Q/x"]),
        ('CMD ["--model", "Q/x"]\n', "-t llm .", "llm --model Q/y", ["--model", "Q/y"]),
        ('ENTRYPOINT ["vllm", "serve", "Q/x"]\n', "-t llm .", "llm --seed 1", ["Q/x", "--seed", "1"]),
        ('ENTRYPOINT ["true"]\n', "-t llm .", "--entrypoint vllm llm serve Q/x", ["Q/x"]),
        ("", "-t llm .", "--name llm llm --model Q/x", ["--model", "Q/x"]),
        ("", "-t llm .", "--rm --name=llm llm --model Q/x -tp 2", ["--model", "Q/x", "-tp", "2"]),
    ],
)
def test_an_image_that_the_script_builds_is_what_its_dockerfile_says(
    read: Read, argv: Argv, dockerfile: str, build: str, run: str, words: list[str]
) -> None:
    script = f"docker build {build}\ndocker run --gpus all {run}  # vllm\n"
    [launch] = read(script, "run.sh", {"Dockerfile": BUILT.format(dockerfile)}).launches
    assert argv(launch) == words
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.10.1"
    assert {variable.name: variable.value.text for variable in launch.env} == {"HF_HOME": "/data"}


@pytest.mark.parametrize(
    "build", ["-t other .", "-t llm https://example.org/x.git", "-t $NAME .", "-t llm /x"]
)
def test_an_image_that_is_built_elsewhere_is_not_known(read: Read, build: str) -> None:
    script = f"docker build {build}\ndocker run --gpus all llm --model Q/x  # vllm\n"
    assert not read(script, "run.sh", {"Dockerfile": BUILT.format("")}).launches


def test_a_script_that_loops_too_often_to_be_followed_is_read_with_each_body_once(
    read: Read, argv: Argv
) -> None:
    heads = "".join(f"for {name} in $(seq 1 20); do\n" for name in "abc")
    script = f"{heads}x=$a$b$c\nvllm serve Q/x --seed $c &\ndone\ndone\ndone\nvllm serve Q/y -tp $x\n"
    assert [argv(one) for one in read(script, "run.sh").launches] == [
        ["Q/x", "--seed", "?"],
        ["Q/y", "-tp", "?"],
    ]
