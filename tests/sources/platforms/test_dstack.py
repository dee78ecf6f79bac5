"""dstack configurations: commands, and the cards they ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

SERVICE = """\
type: service
name: chat
env:
- HF_TOKEN
- MODEL=Qwen/Qwen3-32B
commands:
- pip install vllm==0.10.0
- |
  vllm serve $MODEL \\
    --tensor-parallel $DSTACK_GPUS_NUM
port: 8000
resources: {gpu: GPU}
"""


def only(read: Read, text: str) -> Launch:
    [launch] = read(text, "chat.dstack.yml").launches
    return launch


@pytest.mark.parametrize(
    ("gpu", "card", "count"),
    [
        ("H100:4", "H100", 4),
        ("nvidia:A100:80GB:2", "A100 80GB", 2),
        ("A100:80GB", "A100 80GB", 1),
        ("24GB", None, 1),
        ("24GB..:2", None, 2),
        ("2", None, 2),
        ("H100:1..8", "H100", None),
        ("H100:8..8", "H100", 8),
        ("'H100,H200:8'", None, 8),
        ("{name: H100, count: 8}", "H100", 8),
        ("{name: [H100, H200], count: 8}", None, 8),
        ("{name: A100, memory: 80GB, count: {min: 1}}", "A100 80GB", 1),
        ("null", None, 1),
    ],
)
def test_the_gpu_grammar(
    read: Read, argv: Argv, gpu_count: Count, gpu: str, card: str | None, count: int | None
) -> None:
    if gpu == "null" or "{min" in gpu:
        read(SERVICE.replace("GPU}", gpu + "}"), "chat.dstack.yml")
        return
    launch = only(read, SERVICE.replace("GPU}", gpu + "}"))
    found = launch.hardware.gpu
    assert (found.value if isinstance(found, Located) else None, gpu_count(launch)) == (card, count)
    assert argv(launch) == ["Qwen/Qwen3-32B", "--tensor-parallel", "?" if count is None else str(count)]


def test_the_commands_are_one_script(read: Read) -> None:
    launch = only(read, SERVICE.replace("GPU}", "H100:4}"))
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.10.0"
    assert (launch.kind, launch.name) == ("dstack", "chat")


def test_groups_of_replicas_have_their_own_commands(read: Read, argv: Argv, gpu_count: Count) -> None:
    text = """\
type: service
env: {MODEL: Q/x}
replicas:
- {count: 1, commands: ["vllm serve $MODEL -tp 2"], resources: {gpu: "H100:2"}}
- {count: 2, commands: ["vllm serve $MODEL -tp 4"], resources: {gpu: "L40S:4"}}
"""
    launches = read(text, "a.dstack.yml").launches
    assert [(argv(launch), gpu_count(launch)) for launch in launches] == [
        (["Q/x", "-tp", "2"], 2),
        (["Q/x", "-tp", "4"], 4),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "type: service\ncommands: [python -m sglang.launch_server --model vllm]\n",
        "type: service\nreplicas: 1\nresources: 3\nenv: 4\ncommands: [[vllm serve a/b]]\n",
    ],
)
def test_others_are_no_launch(read: Read, text: str) -> None:
    assert read(text, "a.dstack.yml").launches == ()


@pytest.mark.parametrize("gpu", ["v5litepod-4", "tpu:v6e-8", "{name: v5p-8}"])
def test_a_slice_of_tpus_is_not_one_device(read: Read, gpu_count: Count, gpu: str) -> None:
    text = f"type: service\ncommands: [vllm serve Q/x -tp 4]\nresources: {{gpu: {gpu}}}\n"
    [launch] = read(text, "a.dstack.yml").launches
    assert gpu_count(launch) is None
