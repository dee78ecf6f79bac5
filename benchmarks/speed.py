"""Measures vllint against its budgets, on trees made for it in a temporary folder.

    python benchmarks/speed.py [--runs 7] [--yamllint-10000]

Prints, for each case, the goal and the median of the processor time (user and system, children included)
and of the wall time, with a bare interpreter and yamllint measured in the same run: on a busy or a slow
machine compare with those. yamllint takes about a minute for 10,000 files, so it is asked for by name.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "mistralai/Mistral-7B-Instruct-v0.3",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen2.5-32B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
)
COMPOSE = """\
# deployment {number}
name: deployment-{number}

x-logging: &logging
  driver: json-file
  options:
    max-size: "10m"
    max-file: "3"

services:
  proxy:
    image: nginx:1.27.{patch}
    restart: unless-stopped
    ports:
      - "{proxy_port}:80"
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
    depends_on:
      - chat
    logging: *logging

  # the server of team {number}
  chat:
    image: {image}
    restart: unless-stopped
    ipc: host
    ports:
      - "127.0.0.1:{port}:8000"
    environment:
      - HF_HOME=/cache
      - {logging}=INFO
      - HF_TOKEN=${{HF_TOKEN:-}}
    volumes:
      - cache-{number}:/cache
    command:
      - --model
      - {model}
      - --served-model-name
      - chat-{number}
      - --tensor-parallel-size
      - "{tensor}"
      - --max-model-len
      - "8192"
      - --gpu-memory-utilization
      - "0.9"
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
      interval: 30s
      start_period: 30m
      retries: 10
    logging: *logging
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: {count}
              capabilities: [gpu]

volumes:
  cache-{number}: {{}}
"""
SMALL = """\
# vllint: gpu=A10G:4
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    ipc: host
    ports: ["127.0.0.1:8000:8000"]
    command: ["--model", "mistralai/Mistral-7B-Instruct-v0.3", "--tensor-parallel-size", "2"]
"""
SCRIPT_LINE = "vllm serve Qwen/Qwen3-8B --port {port} -tp 3 --gpu-memory-utilization 0.01 &\n"
SERVICE = """\
  chat-{number}:
    image: vllm/vllm-openai:v0.22.1
    ipc: host
    ports: ["127.0.0.1:{port}:8000"]
    command: --model Qwen/Qwen3-8B --max-model-len 8192
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
      start_period: 30m
    deploy:
      resources:
        reservations:
          devices: [{{driver: nvidia, device_ids: ["{gpu}"], capabilities: [gpu]}}]
"""
SETTINGS = 'gpu = "A10G:4"\nignore = ["SEC"]\n'
VLLINT = (sys.executable, "-c", "from vllint.cli import main; main()")
YAMLLINT = (sys.executable, "-m", "yamllint", "-d", "relaxed")


class Case(NamedTuple):
    """What to run, how often, and the goal for it in milliseconds; `fresh` cases find no cache."""

    name: str
    command: tuple[str, ...]
    runs: int
    goal: float | None = None
    fresh: bool = False


class Measured(NamedTuple):
    """Median times in milliseconds."""

    cpu: float
    wall: float


def compose(number: int) -> str:
    """Return a file of about sixty lines; one in ten has a tensor parallel size that divides nothing."""
    count = (1, 2, 4, 8)[number % 4]
    return COMPOSE.format(
        number=number,
        patch=number % 5,
        proxy_port=8000 + number % 1000,
        port=9000 + number % 1000,
        image=f"vllm/vllm-openai:v0.{(15, 19, 22, 30)[number // 4 % 4]}.1",
        logging="VLLM_LOGGING_LEVEL",
        model=MODELS[number % len(MODELS)],
        tensor=3 if number % 10 == 9 else count,
        count=8 if number % 10 == 9 else count,
    )


def without_vllm(number: int) -> str:
    """Return such a file of another server."""
    return compose(number).replace("vllm/vllm-openai", "acme/server").replace("VLLM", "SERVER")


def write_tree(folder: Path, number: int, text: Callable[[int], str]) -> Path:
    """Write `number` files into folders of a hundred."""
    for index in range(number):
        place = folder / f"team-{index // 100:03}" / f"compose-{index:05}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text(index), encoding="utf-8")
    return folder


def write_one(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a few files into a folder."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def long(part: str) -> str:
    """Return a thousand launches for one file, each with a number and a port of its own."""
    return "".join(part.format(number=one, port=10_000 + one, gpu=one % 8) for one in range(1000))


def cases(folder: Path, runs: int, yamllint_on_all: bool) -> Iterator[Case]:
    """Write the trees and yield what to run on them."""
    one = write_one(folder / "one", {"compose.yaml": SMALL})
    configured = write_one(folder / "configured", {"compose.yaml": SMALL, "vllint.toml": SETTINGS})
    long_script = write_one(folder / "script", {"run.sh": "#!/bin/bash\n" + long(SCRIPT_LINE)})
    long_compose = write_one(folder / "services", {"compose.yaml": "services:\n" + long(SERVICE)})
    plain = write_tree(folder / "plain", 10_000, without_vllm)
    thousand = write_tree(folder / "thousand", 1_000, compose)
    all_of_them = write_tree(folder / "all", 10_000, compose)
    check = (*VLLINT, "check")
    yield Case("python -c pass", (sys.executable, "-c", "pass"), runs)
    yield Case("vllint --version", (*VLLINT, "--version"), runs, 25)
    yield Case("one small compose file", (*check, str(one)), runs, 100, fresh=True)
    yield Case("the same, unchanged since", (*check, str(one)), runs)
    yield Case("the same, with settings", (*check, str(configured)), runs, 200, fresh=True)
    yield Case("1,000 launches in a script", (*check, str(long_script)), 3, 1_500, fresh=True)
    yield Case("1,000 services in one file", (*check, str(long_compose)), 3, 1_500, fresh=True)
    yield Case("10,000 files without vLLM", (*check, str(plain)), 3, 60 + 0.06 * 10_000, fresh=True)
    yield Case("1,000 compose files", (*check, str(thousand)), 3, 600, fresh=True)
    yield Case("the same, unchanged since", (*check, str(thousand)), 3)
    yield Case("10,000 compose files", (*check, str(all_of_them)), 1, 5_000, fresh=True)
    yield Case("the same, unchanged since", (*check, str(all_of_them)), 3, 600)
    yield Case("yamllint: one file", (*YAMLLINT, str(one)), runs)
    yield Case("yamllint: 1,000 files", (*YAMLLINT, str(thousand)), 1)
    if yamllint_on_all:
        yield Case("yamllint: 10,000 files", (*YAMLLINT, str(all_of_them)), 1)


def measure(case: Case, folder: Path) -> Measured:
    """Run a case once for nothing where that is quick, then as often as it says."""
    times = [_run(case, folder) for _ in range(case.runs + (case.runs > 1))]
    counted = times[1:] or times
    return Measured(median(time.cpu for time in counted), median(time.wall for time in counted))


def _run(case: Case, folder: Path) -> Measured:
    cache = Path(tempfile.mkdtemp(dir=folder)) if case.fresh else folder / "cache"
    # Compiled modules are kept, whatever the environment says of that: a user's are.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"VLLINT_CACHE_DIR": str(cache), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(case.command, capture_output=True, env=environment, cwd=folder, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    # Python itself ends with 1, as findings do, where it cannot import what it is to run.
    if done.returncode not in (0, 1) or done.stderr:
        raise SystemExit(f"{' '.join(case.command)} failed:\n{done.stderr.decode(errors='replace')}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Measured(cpu * 1000, wall * 1000)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure vllint against its budgets.")
    parser.add_argument("--runs", type=int, default=7, help="how often to run what is short")
    parser.add_argument("--yamllint-10000", action="store_true", help="run yamllint on 10,000 files, too")
    given = parser.parse_args(arguments)
    print(f"{'':28}  {'goal':>8}  {'cpu':>8}  {'wall':>8}   (ms, medians)")
    with tempfile.TemporaryDirectory(prefix="vllint-speed-") as name:
        for case in cases(Path(name), given.runs, given.yamllint_10000):
            cpu, wall = measure(case, Path(name))
            goal = "" if case.goal is None else f"{case.goal:,.0f}"
            over = "  over" if case.goal is not None and cpu > case.goal else ""
            print(f"{case.name:28}  {goal:>8}  {cpu:8,.0f}  {wall:8,.0f}{over}", flush=True)


if __name__ == "__main__":
    main()
