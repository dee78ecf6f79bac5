"""Shell idioms of real launch scripts: bash runs what we read, and what the file states is known."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vllint.text.shell.commands import evaluate
from vllint_schemas import Word

BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash, the peer of these tests, is not installed")

CERTAIN = {
    "an array with trailing comments": """\
ARGS=(
  --model meta-llama/Llama-3.1-8B   # the model
  --tensor-parallel-size 8          # all of the node
  # --enforce-eager
  --served-model-name "my model"
)
exec vllm serve "${ARGS[@]}" --port 8000
""",
    "a chain of continued lines": """\
vllm serve \\
    Qwen/Qwen3-8B \\
    --max-model-len 32768 \\
    --speculative-config '{"method": "ngram", "num_speculative_tokens": 4}' \\
    --gpu-memory-utilization 0.9
""",
    "servers in the background, one a card": """\
set -euo pipefail
BASE=8000
for i in 0 1 2 3; do
  CUDA_VISIBLE_DEVICES=$i nohup vllm serve m --port $((BASE + i)) > "log-$i" 2>&1 &
  wait
done
""",
    "servers counted in C's way": """\
GPUS=3
for ((i = 0; i < GPUS; i++)); do
  CUDA_VISIBLE_DEVICES=$i vllm serve m --port $((8000+i))
done
""",
    "nested defaults": """\
vllm serve ${MODEL:-${HF_MODEL:-"Qwen/Qwen3-8B"}} --tp ${TP:-$((2*2))} --x "${X:-a b}"
""",
    "a flag that is there when its variable is": """\
KEY=secret
vllm serve m ${KEY:+--api-key "$KEY"} ${NO_KEY:+--no "$NO_KEY"} ${TOKEN:+--token}
""",
    "defaults assigned by a colon command": ': "${TP:=4}" ${PP:=2}\nvllm serve m -tp $TP -pp "$PP"\n',
    "a default from the script's arguments": """\
MODEL=${1:-"facebook/opt-125m"}
vllm serve "$MODEL" --port ${2:-8000}
""",
    "a function that passes its arguments on": """\
serve() {
  local model=$1 port=$2
  shift 2
  CUDA_VISIBLE_DEVICES=$GPU vllm serve "$model" --port "$port" "$@"
}
GPU=0 serve a 8000 --enforce-eager
GPU=1 serve b 8001 --max-model-len "$((4 * 1024))" --x 'y z'
""",
    "a command in a string": """\
CMD="vllm serve m --tensor-parallel-size 2"
CMD="$CMD --port 8000"
CMD+=" --dtype half"
$CMD
eval "$CMD --quoted 'a b'"
eval $CMD
""",
    "arrays that grow": """\
ARGS=(--model m)
ARGS+=(--tp 8 --json '{"a": 1}')
ARGS=("${ARGS[@]}" --last)
vllm serve "${ARGS[@]}"
vllm count "${#ARGS[@]}" "${ARGS[1]}" "${ARGS[-1]}" "${ARGS[*]}"
""",
    "an associative array": """\
declare -A MODELS=([small]="facebook/opt-125m" [large]=meta-llama/Llama-3.1-70B)
size=large
vllm serve "${MODELS[$size]}" --other "${MODELS[small]}"
""",
    "a here-document is no command": """\
cat > /dev/null <<EOF
vllm serve never --tp $((1+1))
EOF
cat <<-'END' > /dev/null
\tvllm never
\tEND
vllm serve m
""",
    "a chain of conditions that hold": """\
cd / && export VLLM_USE_V1=1 TP=2 && vllm serve m --tp $TP
true || vllm never
""",
    "a subshell keeps its variables to itself": "TP=1\n(TP=2; vllm in $TP)\n{ TP=3; } | cat\nvllm out $TP\n",
    "a comparison of words in brackets": "[[ -n a && b == b* ]] && vllm serve m\n",
    "braces that expand": """\
for port in 800{0..2}; do vllm serve m --port $port; done
vllm serve {a,b}-{c,d} a{b
""",
    "quotes inside words": 'vllm serve --x="a b"\'c d\'\\ e --json={\\"k\\":1} $\'tab\\there\' "a\\$b\\n"\n',
    "separators set aside": """\
IFS=$'\\n\\t'
X='a b'
vllm serve $X
IFS=,
Y=a,b
Z=plain
vllm serve "$Y" $Z
""",
    "the caller's variables are seen by functions": "f() { vllm $X; X=2; }\nX=1\nf\nf\nvllm $X\n",
    "a loop that is left": "for i in 1 2 3; do vllm $i; done; for i in; do vllm never; done\n",
    "prefixes see each other": "A=1 B=${A}2 vllm serve m\nA=9; A=1 vllm $A\n",
    "declarations expand first": 'A=old\nexport A=new B=$A\nvllm "$B"\nf() { local A=$A; vllm "$A"; }\nf\n',
}
"""Scripts all of whose words a reader knows."""

UNCERTAIN = {
    "exclusive servers": """\
if [ -n "$BIG" ]; then
  TP=8
  vllm serve big --tp $TP
else
  TP=1
  exec vllm serve small --tp $TP
fi
vllm after $TP
""",
    "arguments of the script": """\
MODEL=default
while [[ $# -gt 0 ]]; do
  case "$1" in
    --model) MODEL="$2"; shift 2 ;;
    *) EXTRA+=("$1"); shift ;;
  esac
done
vllm serve "$MODEL" ${EXTRA[@]:-}
""",
    "flags added on a condition": """\
ARGS=(--model m)
[ -n "$EAGER" ] && ARGS+=(--enforce-eager)
if [ "$TP" != 1 ]; then ARGS+=(--tensor-parallel-size 2); fi
vllm serve "${ARGS[@]}" --port 8000
""",
    "a count from a command": 'N=$(echo 2)\nvllm serve m --tp $N --port "$((8000 + N))" $(echo a b)\n',
    "a retry loop": "n=0\nuntil [ $n -ge 2 ]; do vllm serve m --n $n; n=$((n+1)); done\nvllm end $n\n",
    "a case over the machine": """\
case "$(uname)" in
  Linux) DTYPE=bfloat16 ;;
  *) DTYPE=half ;;
esac
vllm serve m --dtype $DTYPE
""",
    "a file that is sourced": "TP=1\nsource ./nothing 2>/dev/null\nvllm serve m --tp $TP ${PORT:-8000}\n",
    "names that are read": """\
read -r A B <<< 'x y'
mapfile -t L < /dev/null
printf -v P %s 1
vllm $A $B "${L[@]}" $P
""",
    "options of the script": """\
while getopts "m:" o; do case $o in m) M=$OPTARG ;; esac; done
vllm "${M:-none}"
""",
    "a command substitution's own commands": """\
X=$(vllm inner); Y=`vllm ticks`
vllm serve "${Z:-$(vllm default)}x"
""",
    "a function that returns early": 'f() { X=1; [ -z "$NO" ] && return; X=2; }\nf\nvllm $X\n',
    "a variable without a value": 'vllm serve $NOTHING "$NOTHING" a${NOTHING}b\nunset X\nvllm $X "$X"\n',
}
"""Scripts whose words depend on what only a run can tell."""


def runs(script: str, folder: Path) -> list[list[str]]:
    """Return the words that bash passes to `vllm`, with an empty environment."""
    folder.joinpath("vllm").write_text(f"#!/bin/sh\nprintf '%s\\0' \"$#\" \"$@\" >> '{folder}/written'\n")
    folder.joinpath("vllm").chmod(0o755)
    folder.joinpath("script").write_text(script)
    written = folder / "written"
    written.touch()
    environment = {"PATH": f"{folder}{os.pathsep}{os.defpath}"}
    empty = folder / "empty"
    empty.mkdir()
    subprocess.run(
        [str(BASH), "../script"],
        cwd=empty,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    fields = iter(written.read_text().split("\0")[:-1])
    return [[next(fields) for _ in range(int(count))] for count in fields]


def launches(script: str) -> list[tuple[Word, ...]]:
    """Return the words behind `vllm` in the commands that we find."""
    found = []
    for command in evaluate(Word.verbatim(script, "script", 0)):
        assert not command.broken
        assert not command.truncated
        texts = [word.text for word in command.words]
        if "vllm" in texts[:2]:
            found.append(command.words[texts.index("vllm") + 1 :])
    return found


def fits(words: tuple[Word, ...], argv: list[str]) -> bool:
    """Whether known words are those that bash passed; unknown ones stand for anything."""
    if not words:
        return not argv
    first, rest = words[0], words[1:]
    if first.splits:
        return any(fits(rest, argv[skipped:]) for skipped in range(len(argv) + 1))
    return bool(argv) and (not first.is_known or first.text == argv[0]) and fits(rest, argv[1:])


@pytest.mark.parametrize("name", CERTAIN)
def test_words_that_the_file_states_are_known_and_are_those_of_bash(name: str, tmp_path: Path) -> None:
    found = [words for words in launches(CERTAIN[name]) if not words or words[0].text != "never"]
    assert [word.reason for words in found for word in words if not word.is_known] == []
    assert [[word.text for word in words] for words in found] == runs(CERTAIN[name], tmp_path)


@pytest.mark.parametrize("name", UNCERTAIN)
def test_what_bash_passes_is_one_of_the_commands_found(name: str, tmp_path: Path) -> None:
    argvs = runs(UNCERTAIN[name], tmp_path)
    assert argvs
    found = launches(UNCERTAIN[name])
    assert [argv for argv in argvs if not any(fits(words, argv) for words in found)] == []
