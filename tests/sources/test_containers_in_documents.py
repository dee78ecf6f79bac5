"""Task definitions and jobs of formats of their own in, launches out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

TASK = """\
{"family": "llm", "containerDefinitions": [
  {"name": "proxy", "image": "nginx:1"},
  {"name": "chat", "image": "vllm/vllm-openai:v0.9.1", "essential": true,
   "command": ["--model", "Q/x", "--tensor-parallel-size", "2"],
   "environment": [{"name": "NCCL_DEBUG", "value": "INFO"}],
   "resourceRequirements": [{"type": "GPU", "value": "2"}]}]}
"""


def test_a_task_of_ecs_is_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(TASK, "task.json").launches
    assert (launch.name, argv(launch)) == ("chat", ["--model", "Q/x", "--tensor-parallel-size", "2"])
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.1"
    assert [variable.name for variable in launch.env] == ["NCCL_DEBUG"]
    assert gpu_count(launch) == 2
    assert not launch.repeated_launcher


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('"cmd": ["Q/x", "--port", "80"], "gpu": true', ["Q/x", "--port", "80"]),
        ('"dockerArgs": "--model Q/x --port 80"', ["--model", "Q/x", "--port", "80"]),
        ('"dockerArgs": "--model \'Q/x\'"', ["?"]),
        ('"command": ["vllm", "serve", "Q/x"]', ["Q/x"]),
        ('"command": ["python3", "-m", "vllm.entrypoints.openai.api_server"], "args": ["--model", "Q/x"]',
         ["--model", "Q/x"]),
        ('"command": "bash -c", "arguments": ["vllm serve Q/x -tp 2"]', ["Q/x", "-tp", "2"]),
        ('"entryPoint": ["sh", "-c"], "command": ["exec vllm serve Q/x"]', ["Q/x"]),
        ('"args": ["--model", "$(name)", "--port", "$(other)"], "env": [{"key": "name", "value": "Q/x"}]',
         ["--model", "Q/x", "--port", "?"]),
    ],
)  # fmt: skip
def test_what_starts_is_told_by_the_fields_beside_the_image(
    read: Read, argv: Argv, fields: str, words: list[str]
) -> None:
    text = f'{{"job": [{{"container_image": "vllm/vllm-openai:v0.12.0", {fields}}}]}}'
    assert [argv(launch) for launch in read(text, "job.json").launches] == [words]


@pytest.mark.parametrize(
    "text",
    [
        '{"image": "vllm/vllm-openai:v0.9.1"}',
        '{"image": "acme/vllm-proxy:1", "args": ["--model", "Q/x"]}',
        '{"images": ["vllm/vllm-openai:v0.9.1"], "args": ["--model", "Q/x"]}',
    ],
)
def test_an_image_alone_and_images_of_others_start_nothing(read: Read, text: str) -> None:
    assert read(text, "job.json").launches == ()


@pytest.mark.parametrize(("asked", "count"), [("4", 4), ('"all"', "all"), ("0", None), ("true", None)])
def test_fields_named_after_gpus_count_them(read: Read, gpu_count: Count, asked: str, count: object) -> None:
    text = (
        f'{{"image_uri": "vllm/vllm-openai:v0.12.0", "args": ["Q/x", "--port", "1"], "x_gpu_count": {asked}}}'
    )
    [launch] = read(text, "job.json").launches
    assert gpu_count(launch) == count
