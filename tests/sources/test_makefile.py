"""Makefiles and justfiles in, launches out; a real make says what each recipe runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

MAKEFILES = [
    "serve:\n\tvllm serve Q/x -tp 2\n",
    "serve: ; vllm serve Q/x\n",
    "M ?= Q/x  \nserve: deps ## help\n\t@vllm serve $(M) --port ${P}\nP := 80\ndeps:\n",
    "A = $(B)\nB = 1\nC := $(B)\nB = 2\nserve:\n\t-vllm serve Q/x --a $(A) --c $(C)\n",
    "ARGS := --a 1 \\\n    --b 2  # comment\nARGS += --c 3\nserve:\n\tvllm serve Q/x $(ARGS)\n",
    "serve:\n\tfor p in 1 2; do vllm serve Q/x --port 800$$p; done\n",
    "serve: TP = 4\nserve:\n\tvllm serve Q/x -tp $(TP)\nTP = 1\n",
    "serve:\n\t@echo hi; \\\n\t\tM=Q/x; \\\n\t\tvllm serve $$M\n",
    ".ONESHELL:\nserve:\n\tM=Q/x\n\tvllm serve $$M\n",
    'serve:\n\tM=Q/x\n\tvllm serve "$$M" Q/y\n',
    "define RUN\nvllm serve Q/x --port 1\nendef\nserve:\n\t$(RUN)\n",
    "serve:\n\tvllm serve Q/$@\n",
    "T = serve\nexport M = Q/x\nserve:\n\tvllm serve $$M\n",
    "serve:\n# no recipe\n\tvllm serve 'Q/x#1'\n",
    "Q ?= # none\nT = 2\nserve:\n\tvllm serve Q/x $(if $(Q),-q $(Q)) $(if $(T),-tp $(T),-x) $(if $(Q),a,b)\n",
    "T = 2\nserve:\n\tvllm serve Q/x $(if $(T),--x $(if $(T),a,b),c)\n",
]

STUB = """#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done > "$OUT/$(date +%s%N)"
"""


def of_make(text: str, folder: Path) -> list[list[str]]:
    """Return the words that a stub `vllm` gets from a real make, one list for each start."""
    (folder / "Makefile").write_text(text)
    (folder / "out").mkdir()
    stub = folder / "vllm"
    stub.write_text(STUB)
    stub.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "OUT": str(folder / "out")}
    subprocess.run(["make", "-s", "serve"], cwd=folder, env=environment, check=False, capture_output=True)
    written = sorted((folder / "out").iterdir())
    return [path.read_bytes().decode().split("\0")[1:-1] for path in written]


@pytest.mark.parametrize("text", MAKEFILES)
def test_a_recipe_starts_what_make_says(read: Read, argv: Argv, text: str, tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not here")
    found = [argv(launch) for launch in read(text, "Makefile").launches if launch.name.startswith("serve")]
    real = of_make(text, tmp_path)
    assert real
    unset = [["" if word == "?" else word for word in words] for words in found]
    assert json.dumps(unset) == json.dumps(real)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serve:\n\tvllm serve $(MODEL)\n", ["?"]),
        ("serve:\n\tvllm serve $(shell cat model) -tp 2\n", ["?", "-tp", "2"]),
        ("ifeq ($(A),1)\nM = Q/x\nelse\nM = Q/y\nendif\nserve:\n\tvllm serve $(M)\n", ["?"]),
        ("ifndef M\nM = Q/x\nendif\nserve:\n\tvllm serve $(M)\n", ["Q/x"]),
        ("M != cat model\nserve:\n\tvllm serve $(M)\n", ["?"]),
        ("A = $(A)\nserve:\n\tvllm serve Q/x $(A)\n", ["Q/x", "?"]),
        ("serve:\n\tvllm serve Q/x $(if $(A),b)\n", ["Q/x", "?"]),
    ],
)
def test_what_make_works_out_is_unknown(read: Read, argv: Argv, text: str, expected: list[str]) -> None:
    [launch] = read(text, "Makefile").launches
    assert argv(launch) == expected
    assert launch.kind == "make"


def test_variables_that_double_do_not_fill_the_memory(read: Read) -> None:
    lines = ["V0 = vllm"] + [f"V{n} = $(V{n - 1})$(V{n - 1})" for n in range(1, 40)]
    assert not read("\n".join(lines) + "\nserve:\n\tvllm serve $(V39)\n", "Makefile").problems


def test_cloud_run_takes_words_parted_by_commas(
    read: Read, argv: Argv, gpu_count: Callable[[Launch], Any]
) -> None:
    text = (
        "M = Q/x\ndeploy:\n\tgcloud run deploy llm --image vllm/vllm-openai:v0.9.1 --gpu=1 \\\n"
        "\t\t--args=--model=$(M),--quantization=awq\n"
    )
    [launch] = read(text, "Makefile").launches
    assert argv(launch) == ["--model=Q/x", "--quantization=awq"]
    assert gpu_count(launch) == 1


JUSTFILE = """\
set shell := ["bash", "-c"]
model := "Q/x"
port := env_var_or_default('PORT', '8000')
url := "http://" + 'host' / "v1"
export CUDA_VISIBLE_DEVICES := "0,1"

default:
    @just --list

serve tp='2' *args: default
    vllm serve {{model}} \\
        -tp {{tp}} --port {{ port }} {{args}}

named name:
    #!/usr/bin/env bash
    M={{model}}
    vllm serve "$M" --served-model-name {{name}} --x '{{{{}' --url {{url}}
"""


def test_a_justfile_is_read(read: Read, argv: Argv, gpu_count: Callable[[Launch], Any]) -> None:
    serve, named = read(JUSTFILE, "justfile").launches
    assert (serve.name, argv(serve)) == ("serve", ["Q/x", "-tp", "2", "--port", "8000", "?"])
    assert argv(named) == ["Q/x", "--served-model-name", "?", "--x", "{{}", "--url", "http://host/v1"]
    assert gpu_count(serve) == 2


LITERALS = """\
common := ''' \\
--seed 1 \\
'''
every := common + "\""
  --dtype half \\\\
    --max-num-seqs 4"\""
model := 'Q/x'
serve:
    vllm serve {{model}} \\
      {{every}} -tp 2
"""


def test_a_justfile_s_literals_may_hold_lines(read: Read, argv: Argv) -> None:
    [launch] = read(LITERALS, "justfile").launches
    words = ["--seed", "1", "--dtype", "half", "--max-num-seqs", "4", "-tp", "2"]
    assert argv(launch) == ["Q/x", *words]
    places = [word.text_span for word in launch.argv[1:]]
    assert [span and LITERALS[span.start : span.end] for span in places] == words
