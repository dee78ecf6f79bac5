"""The installed program in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from vllint import __version__

MODEL = "Qwen/Qwen2.5-7B-Instruct"  # 28 heads, 4 KV heads
CLEAN = f"# vllint: gpu=H100-80GB:2\nvllm serve {MODEL} -tp 2\n"
ERROR = f"# vllint: gpu=H100-80GB:4\nvllm serve {MODEL} -tp 3\n"


class Done(NamedTuple):
    """An exit code and both outputs."""

    code: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty repository."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def program(*arguments: str, cwd: Path, text: str = "", seed: str = "random") -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "vllint", *arguments],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "0", "TP": "3", "PYTHONHASHSEED": seed},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_real_program_has_the_same_exit_codes(here: Path) -> None:
    (here / "run.sh").write_text(ERROR)
    assert program("check", cwd=here).code == 1
    assert program("check", "--ignore", "PAR", cwd=here).code == 0
    assert program("check", "nowhere", cwd=here).code == 2
    assert program("check", "-", cwd=here, text=CLEAN).code == 0
    assert program("--version", cwd=here).out == f"vllint {__version__}\n"


def test_two_runs_tell_the_same_in_the_same_order(here: Path) -> None:
    (here / "run.sh").write_text(
        'read cards\nif [ "$cards" = y ]; then cards=0,1; else cards=0; fi\n'
        'read port\nif [ "$port" = y ]; then port=8003; else port=8004; fi\n'
        'read tensor\nif [ "$tensor" = y ]; then tensor=2; else tensor=1; fi\n'
        f"CUDA_VISIBLE_DEVICES=$cards vllm serve {MODEL} --port $port -tp $tensor\n"
    )
    runs = (
        program("check", "--no-cache", "--output-format", "json", cwd=here, seed=str(seed))
        for seed in range(6)
    )
    assert len({done.out for done in runs}) == 1


def test_the_callers_environment_is_not_the_files(here: Path) -> None:
    (here / "run.sh").write_text(f"# vllint: gpu=H100-80GB:2\nvllm serve {MODEL} -tp $TP\n")
    done = program("check", "--output-format", "json", cwd=here)
    [launch] = json.loads(done.out)["launches"]
    assert launch["parallel"]["tensor"] is None
    assert launch["hardware"]["count"] == 2


def test_a_closed_pipe_is_no_traceback(here: Path) -> None:
    for number in range(50):
        (here / f"run{number}.sh").write_text(ERROR)
    command = f"{sys.executable} -m vllint check | head -c 1 > /dev/null"
    done = subprocess.run(command, shell=True, cwd=here, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
