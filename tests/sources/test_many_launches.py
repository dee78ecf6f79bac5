"""A file of many launches is read to its end, in a time that grows as it does."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest

from vllint import check_paths
from vllint.sources.readers import read_source
from vllint.text.source import SourceText

LINES = {
    "in turn": "vllm serve Qwen/Qwen3-8B --port 8000\n",
    "at once": "vllm serve Qwen/Qwen3-8B --port {port} -tp 3 --gpu-memory-utilization 0.01 &\n",
    "at once, on one port": "vllm serve Qwen/Qwen3-8B --port 8000 &\n",
}


def seconds(path: Path, line: str, number: int) -> float:
    """Return the time that a script of so many launches takes; all of them must be found."""
    path.write_text("#!/bin/bash\n" + "".join(line.format(port=1000 + one) for one in range(number)))
    # What other tests have left must not be searched through in the meantime.
    gc.disable()
    try:
        start = time.process_time()
        report = check_paths([path])
        taken = time.process_time() - start
    finally:
        gc.enable()
    assert len(report.launches) == number
    return taken


@pytest.mark.parametrize("kind", LINES)
def test_twice_the_launches_take_about_twice_the_time(tmp_path: Path, kind: str) -> None:
    seconds(tmp_path / "run.sh", LINES[kind], 20)
    few, many = (seconds(tmp_path / "run.sh", LINES[kind], number) for number in (400, 1600))
    assert many < 4 * few * 2.5


def test_a_script_of_many_lines_is_read_to_its_end() -> None:
    source = SourceText("run.sh", LINES["in turn"] * 7000)
    assert len(read_source(source, lambda name: None).launches) == 7000
