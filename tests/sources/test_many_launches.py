"""A file of many launches is read to its end."""

from __future__ import annotations

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


@pytest.mark.parametrize("kind", LINES)
def test_all_launches_of_a_long_script_are_judged(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/bash\n" + "".join(LINES[kind].format(port=1000 + one) for one in range(400)))
    assert len(check_paths([script]).launches) == 400


def test_all_services_of_a_long_compose_file_are_judged(tmp_path: Path) -> None:
    service = "  chat-{n}: {{image: 'vllm/vllm-openai:v0.22.1', command: --model Q/a, ports: ['{n}:8000']}}\n"
    compose = tmp_path / "compose.yaml"
    compose.write_text("services:\n" + "".join(service.format(n=1000 + n) for n in range(400)))
    [first, *others] = check_paths([compose]).launches
    assert len(others) == 399
    containers = [launch.launch.container for launch in (first, *others)]
    assert len({id(container.published_together) for container in containers if container is not None}) == 1


def test_a_script_of_many_lines_is_read_to_its_end() -> None:
    source = SourceText("run.sh", LINES["in turn"] * 7000)
    assert len(read_source(source, lambda name: None).launches) == 7000
