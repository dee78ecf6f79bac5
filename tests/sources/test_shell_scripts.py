"""Whole launch scripts: what is found in them against what bash starts, and where the two must part."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.sources.readers import Reading, read_source
from vllint.text.source import SourceText
from vllint_schemas import Launch, Origin, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Bash = Callable[[str], list[list[str]]]

STUB = """#!/bin/bash
[ "$1" = serve ] && shift
[ "$2" = vllm.entrypoints.openai.api_server ] && shift 2
printf '%s\\0' "${CUDA_VISIBLE_DEVICES-none}" "$@" > "$OUT/$(date +%s%N).$$"
"""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bash]:
    """Return a runner of scripts: the visible devices and the words of each server bash starts, in order."""
    if shutil.which("bash") is None:
        pytest.skip("bash, the peer of these tests, is not installed")
    folder = tmp_path_factory.mktemp("bin")
    for name in ("vllm", "python", "python3"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    for name, runs in {"ssh": 'shift; bash -c "$*"', "tmux": 'for t; do :; done; bash -c "$t"'}.items():
        (folder / name).write_text(f"#!/bin/bash\n{runs}\n")
        (folder / name).chmod(0o755)

    def run(script: str) -> list[list[str]]:
        out = Path(str(tmp_path_factory.mktemp("out")))
        environment = {"PATH": f"{folder}:/usr/bin:/bin", "OUT": str(out), "HOME": "/home/user"}
        file = out / "run.sh"
        file.write_text(script, newline="")
        subprocess.run(
            ["bash", str(file)],
            env=environment,
            cwd=out,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=10,
        )
        return [path.read_text().split("\0")[:-1] for path in sorted(out.iterdir()) if path != file]

    yield run


SCRIPTS = {
    "tests that the script decides": """\
MODEL=Qwen/Qwen3-VL-8B
EXTRA=
if [[ $MODEL == *"VL"* ]]; then EXTRA="--limit-mm-per-prompt.image 2"
elif [[ $MODEL == *72B* || $MODEL =~ 235B ]]; then EXTRA="-tp 8"
else EXTRA="-tp 2"; fi
DEBUG=0
[ "$DEBUG" -eq 1 ] && EXTRA="$EXTRA --enforce-eager"
if ! [ -n "$MODEL" ]; then exit 1; fi
vllm serve "$MODEL" $EXTRA
""",
    "flags by defaults": """\
MODEL="${MODEL:-Qwen/Qwen3-8B}"
TP="${TP:-1}"
EAGER="${EAGER:-true}"
ARGS=(--host 0.0.0.0)
if [[ "$EAGER" == "true" ]]; then ARGS+=(--enforce-eager); fi
if [[ "$TP" =~ ^[0-9]+$ ]] && [[ "$TP" -gt 1 ]]; then ARGS+=(-tp "$TP"); fi
[ -n "${API_KEY:-}" ] && ARGS+=(--api-key "$API_KEY")
exec vllm serve "$MODEL" "${ARGS[@]}"
""",
    "a function with a case": """\
start() {
  local name=$1 gpu=${2:-0}; shift 2
  case "$name" in
    small|tiny) local model=Q/a ;;
    *) local model="Q/${name}" ;;
  esac
  CUDA_VISIBLE_DEVICES=$gpu vllm serve "$model" --port $((8000 + gpu)) "$@"
}
start tiny 0 --enforce-eager
start big 1
""",
    "ports counted in loops": """\
PORT=8000
i=0
while [ $i -lt 2 ]; do
  CUDA_VISIBLE_DEVICES=$i vllm serve Q/a --port $((PORT + i))
  i=$((i + 1))
done
n=0
for m in Q/b Q/c; do vllm serve $m --port $((9000 + n)); ((n++)); done
for g in $(seq 0 1); do CUDA_VISIBLE_DEVICES=$g vllm serve Q/d; done
for ((k = 2; k > 0; k--)); do vllm serve Q/e --port $k; done
""",
    "lists side by side": """\
MODELS=(Q/a Q/b)
GPUS=(0,1 2,3)
for i in "${!MODELS[@]}"; do
  CUDA_VISIBLE_DEVICES=${GPUS[$i]} vllm serve "${MODELS[$i]}" -tp 2 --port $((8000 + i))
done
""",
    "values cut and replaced": """\
MODEL=Qwen/Qwen3-8B-AWQ
NAME=${MODEL##*/}
[[ $NAME == *-AWQ ]] && QUANT=awq
vllm serve $MODEL --served-model-name "${NAME,,}" ${NAME%%-*} ${MODEL/Qwen\\//} --quantization ${QUANT:-none}
vllm serve "$(basename $MODEL)" "$(echo $MODEL | tr / - | tr A-Z a-z)" $(dirname "$MODEL")
""",
    "as many GPUs as are visible": """\
export CUDA_VISIBLE_DEVICES=0,1,2,3
TP=$(echo $CUDA_VISIBLE_DEVICES | tr ',' '\\n' | wc -l)
IFS=',' read -ra IDS <<< "$CUDA_VISIBLE_DEVICES"
vllm serve Q/a -tp $TP
vllm serve Q/b -tp ${#IDS[@]}
vllm serve Q/c -tp $(awk -F',' '{print NF}' <<< "$CUDA_VISIBLE_DEVICES")
""",
    "a command in a string": """\
CMD="vllm serve Q/a"
CMD+=" --port 8000"
CMD="$CMD --override '{\\"a\\": \\"b c\\"}'"
eval $CMD
bash -c "$CMD --second"
nohup bash -c "CUDA_VISIBLE_DEVICES=1 setsid bash -c 'vllm serve Q/b --port 1'" > /dev/null 2>&1
""",
    "an array of arrays": """\
BASE=(vllm serve Q/a)
FLAGS=(--json '{"a": "b c"}')
PARTS=(BASE FLAGS)
CMD=()
for p in "${PARTS[@]}"; do eval "CMD+=(\\"\\${$p[@]}\\")"; done
"${CMD[@]}" --end
""",
    "scripts in here-documents": """\
MODEL=Q/a
export TP=2
bash <<'EOF'
vllm serve Q/a -tp $TP
EOF
bash -s <<EOF
vllm serve $MODEL \\
  --port 80
EOF
bash <<< "vllm serve $MODEL --third"
ssh host <<< ignored
ssh host "CUDA_VISIBLE_DEVICES=3 vllm serve Q/far -tp 1"
tmux new-session -d -s x "vllm serve Q/kept"
""",
    "a chain that breaks": """\
vllm serve Q/a -tp 2 \\
  --port 8000 \\
  # --enforce-eager \\
  --max-model-len 4096
vllm serve Q/b \\ 
  -tp 2
vllm serve Q/c -tp 2 \\

vllm serve Q/d -tp 2 \\
""",
    "an export that goes on": """\
export MODEL="Q/a" \\
#export MODEL="Q/b" \\
WORKER=spawn \\
env vllm serve $MODEL -tp 4
""",
    "output that a function prints": """\
pick() {
  local size="${1:-8b}"
  if [ "$size" = 70b ]; then echo Q/large; return; fi
  echo "Q/small"
}
vllm serve "$(pick)" $([ 1 -gt 0 ] && echo --flag) --name $(pick 70b)
serve=$(printf '%q ' vllm serve Q/b --port 80)
bash -c "true && exec ${serve}"
""",
    "modules of Python": """\
PY="python3 -m vllm.entrypoints.openai.api_server"
$PY --model Q/a
PYTHON=python
nohup $PYTHON -m vllm.entrypoints.openai.api_server --model Q/b > /dev/null
ARGS=(-m vllm.entrypoints.openai.api_server --model Q/c)
exec "$PYTHON" "${ARGS[@]}"
""",
}
"""Scripts of which bash, without an environment, starts what the reader takes for certain or for default."""


def texts(launch: Launch) -> list[str]:
    devices = {variable.name: variable.value.text for variable in launch.env}
    return [devices.get("CUDA_VISIBLE_DEVICES", "none"), *(word.text for word in launch.argv)]


@pytest.mark.parametrize("name", SCRIPTS)
def test_bash_starts_what_is_found_in_a_script(read: Read, bash: Bash, name: str) -> None:
    launches = read(SCRIPTS[name], "run.sh").launches
    assert all(word.is_known for launch in launches for word in launch.argv)
    assert sorted(texts(launch) for launch in launches) == sorted(bash(SCRIPTS[name]))


WRITTEN = st.sampled_from(
    [
        "A={a}\n",
        "A=${{A:-{a}}}\n",
        "A=${{1:-{a}}}\n",
        '[ "$A" = {b} ] && A={a}\n',
        'if [ -z "$A" ]; then A={a}; else F+=(--{b}); fi\n',
        "if [ -f {a} ]; then F+=(--{a}); fi\n",
        "case $A in {b}) F=(--{b});; {a}*) F+=(--{a} {b});; esac\n",
        'for i in {a} {b}; do vllm serve $i --port $A "${{F[@]}}"; done\n',
        'while [ "${{#F[@]}}" -lt 2 ]; do F+=(--{b}); done\n',
        'f() {{ vllm serve ${{1:-{a}}} "${{@:2}}"; }}\nf\nf {b} $A\n',
        'C="vllm serve {a} $A"; [ {a} = {b} ] || C+=\' --{b}\'; eval "$C"\n',
        'A=$(echo "$A" | tr {a} {b})\n',
        "A=${{A#{a}}}{b}\n",
        "vllm serve {a} -tp $A ${{F[@]}}\n",
        'CUDA_VISIBLE_DEVICES={b} vllm serve {a} ${{A:+--set "$A"}}\n',
        "bash <<EOF\nvllm serve $A {b}\nEOF\n",
        "[[ $A == *{a}* ]] || vllm serve {b}\n",
        "export CUDA_VISIBLE_DEVICES={a},{b}\n",
        "A=$(cat /none || echo {a})\n",
        "unset A\n",
        "(A={b}; vllm serve $A)\n",
    ]
)
ATOMS = st.sampled_from(["1", "2", "ab", "b"])
LINES = st.lists(st.tuples(WRITTEN, ATOMS, ATOMS), min_size=1, max_size=6)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(lines=LINES)
def test_whatever_bash_starts_is_among_the_launches(bash: Bash, lines: list[tuple[str, str, str]]) -> None:
    script = "F=()\n" + "".join(line.format(a=a, b=b) for line, a, b in lines) + "vllm serve end $A ${F[@]}\n"
    launches = read_source(SourceText("run.sh", script), lambda name: None).launches
    patterns = [pattern(launch) for launch in launches]
    for call in bash(script):
        words = "".join(f"{word}\0" for word in call)
        assert any(found.fullmatch(words) for found in patterns), (script, call)


def pattern(launch: Launch) -> re.Pattern[str]:
    """Return what a call looks like, each word ended by a NUL; what is not known may be anything."""
    devices = {variable.name: variable.value for variable in launch.env}.get("CUDA_VISIBLE_DEVICES")
    words = [Word.atomic("none", launch.at) if devices is None else devices, *launch.argv]
    return re.compile("".join(_expression(word) for word in words), re.DOTALL)


def _expression(word: Word) -> str:
    text, position = "", 0
    for hole in word.holes:
        text += re.escape(word.text[position : hole.at]) + (".*" if hole.splits else "[^\0]*")
        position = hole.at
    text += re.escape(word.text[position:]) + "\0"
    return f"(?:{text})?" if word.splits else text


def all_argv(read: Read, argv: Argv, text: str) -> list[list[str]]:
    return [argv(launch) for launch in read(text, "run.sh").launches]


def test_options_of_a_script_leave_its_defaults(read: Read, argv: Argv) -> None:
    text = (
        'MODEL=Q/x\nLEN=\nwhile [[ $# -gt 0 ]]; do\n  case $1 in\n    -m) MODEL="$2"; shift 2 ;;\n'
        '    --len) LEN="$2"; shift 2 ;;\n    *) exit 1 ;;\n  esac\ndone\n'
        'CMD="vllm serve $MODEL"\nif [ -n "$LEN" ]; then CMD="$CMD --max-model-len $LEN"; fi\neval $CMD\n'
    )
    assert all_argv(read, argv, text) == [["Q/x"]]


def test_a_function_called_with_the_same_words_is_one_launch(read: Read, argv: Argv) -> None:
    text = (
        'run() { if groups | grep -q docker; then docker "$@"; else sudo docker "$@"; fi; }\n'
        "start() { run run vllm/vllm-openai:v0.9.1 --model Q/x; }\n"
        'case "$1" in start) start ;; restart) stop; start ;; esac\n'
    )
    assert all_argv(read, argv, text) == [["--model", "Q/x"]]


def test_the_names_of_files_are_not_known(read: Read, argv: Argv) -> None:
    assert all_argv(read, argv, "for m in models/*; do vllm serve $m; done\n") == [["?"]]


def test_a_file_beside_the_script_is_sourced(read: Read, argv: Argv) -> None:
    beside = {
        "common.sh": 'TP=4\nserve() { vllm serve "$1" -tp $TP; }\nvllm serve Q/elsewhere\n',
        ".env": "MODEL=Q/x\nPORT=8001\n",
    }
    text = (
        'DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\nsource "$DIR/common.sh"\n'
        "set -a; . ./.env; set +a\nvllm serve $MODEL -tp $TP --port ${PORT:-8000}\n"
    )
    [launch] = read(text, "run.sh", beside).launches
    assert argv(launch) == ["Q/x", "-tp", "4", "--port", "8001"]
    assert launch.argv[0].text_span is not None and launch.argv[0].text_span.path == ".env"


def test_a_file_that_is_not_at_hand_may_set_anything(read: Read, argv: Argv) -> None:
    assert all_argv(read, argv, "TP=4\nsource lib.sh\nvllm serve Q/x -tp $TP\n") == [["Q/x", "-tp", "?"]]
    [launch] = read("TP=4\n[ -f .env ] && source .env\nvllm serve Q/x -tp $TP\n", "run.sh").launches
    assert (launch.argv[2].text, launch.argv[2].origin) == ("4", Origin.DEFAULT)


def test_a_script_that_is_written_to_a_file_is_read_in_place(read: Read, argv: Argv) -> None:
    text = (
        "MODEL=Q/x\ncat > run.sh <<EOF\n#!/bin/bash\nvllm serve $MODEL --port \\$PORT\nEOF\n"
        "sudo tee /opt/serve.sh > /dev/null <<'EOF'\nvllm serve Q/y\nEOF\n"
        "cat > notes.txt <<EOF\nvllm serve Q/z\nEOF\n"
    )
    assert all_argv(read, argv, text) == [["Q/x", "--port", "?"], ["Q/y"]]


def test_a_script_that_asks_for_help_starts_nothing(read: Read) -> None:
    assert read("vllm serve --help | grep x\npython -m vllm.entrypoints.openai.api_server -h\n", "a.sh") == (
        Reading(("shell",), unread="nothing in this shell file starts vLLM in a way that is read")
    )


@pytest.mark.parametrize(
    "line",
    [
        "while true; do x=$x$x; done",
        "while [ 1 -lt 2 ]; do i=$((i+1)); done",
        "for a in {1..30}; do for b in {1..30}; do for c in {1..30}; do\n"
        "[ -f $a ] && A+=(--x)\ndone; done; done",
        "for a in {1..30}; do for b in {1..30}; do for c in {1..30}; do\nA+=(--x $A)\ndone; done; done",
        "f() { $(f); echo $(f); }; x=$(f)",
        "cat <<EOF\n$(cat <<EOF\nEOF",
        'x=$(printf "%s" {1..60}{1..60}); y=${x//1/${x}}',
        "source run.sh; . ./run.sh",
        "".join(f"if [ -f {n} ]; then A{n}=1; fi; " for n in range(300)),
    ],
)
def test_no_script_is_read_for_ever(read: Read, line: str) -> None:
    text = f"{line}\nvllm serve Q/x $A $A1 $x\n"
    read(text, "run.sh", {"run.sh": text, "./run.sh": text})


def test_a_question_for_the_release_starts_nothing_but_with_a_model_it_is_an_option(read: Read) -> None:
    assert read("vllm serve --version\n", "a.sh").launches == ()
    [launch] = read("vllm serve Qwen/Qwen3-8B --version\n", "a.sh").launches
    assert [word.text for word in launch.argv] == ["Qwen/Qwen3-8B", "--version"]
