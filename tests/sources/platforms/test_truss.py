"""Truss configurations: the start command and the cards of Baseten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

CONFIG = """\
model_name: chat
base_image: {image: "vllm/vllm-openai:v0.22.1"}
docker_server:
  start_command: >
    sh -c "HF_TOKEN=$(cat /secrets/t) vllm serve Q/x
    --tensor-parallel-size 2
    --max-model-len 8192"
  server_port: 8000
environment_variables: {VLLM_LOGGING_LEVEL: INFO}
resources: {RESOURCES}
"""


def only(read: Read, text: str) -> Launch:
    [launch] = read(text, "config.yaml").launches
    return launch


@pytest.mark.parametrize(
    ("resources", "card", "count"),
    [
        ("{accelerator: H100:2, use_gpu: true}", "H100 SXM 80GB", 2),
        ("{accelerator: L4}", "L4 24GB", 1),
        ("{accelerator: A100_40GB:4}", "A100 40GB", 4),
        ("{accelerator: H100, instance_type: 'H100:8x80x1000'}", "H100 SXM 80GB", 8),
        ("{accelerator: H100, instance_type: H100MIG}", None, None),
        ("{cpu: '1'}", None, None),
        ("null", None, None),
    ],
)
def test_the_resources_are_the_cards(
    read: Read, gpu_count: Count, resources: str, card: str | None, count: int | None
) -> None:
    gpu = (launch := only(read, CONFIG.replace("{RESOURCES}", resources))).hardware.gpu
    assert (gpu.value if isinstance(gpu, Located) else None, gpu_count(launch)) == (card, count)


def test_the_start_command_is_read_as_a_shell_does(read: Read, argv: Argv) -> None:
    text = CONFIG.replace("{RESOURCES}", "{accelerator: H100:2}")
    launch = only(read, text)
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2", "--max-model-len", "8192"]
    assert (launch.kind, launch.name) == ("truss", "chat")
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.22.1"
    assert [variable.name for variable in launch.env] == ["VLLM_LOGGING_LEVEL", "HF_TOKEN"]
    for word in launch.argv:
        span = word.text_span
        assert span is not None and text[span.start : span.end] == word.text


def test_a_requirement_names_the_release(read: Read) -> None:
    text = CONFIG.replace("{RESOURCES}", "{}").replace("vllm/vllm-openai:v0.22.1", "python:3.12")
    launch = only(read, text + "requirements: [vllm==0.9.2, openai]\n")
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.2"


@pytest.mark.parametrize(
    "command", ["python3 -m sglang.launch_server --model a/b", "text-generation-launcher", "trtllm-serve a/b"]
)
def test_other_engines_are_no_launch(read: Read, command: str) -> None:
    text = f"model_name: vllm\ndocker_server: {{start_command: {command}}}\n"
    assert read(text, "config.yaml").launches == ()
