"""SkyPilot tasks: the run script, its cards and what SkyPilot tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Origin

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

TASK = """\
name: chat
envs:
  MODEL: Qwen/Qwen3-32B
  HF_TOKEN:
resources:
  accelerators: {accelerators}
setup: |
  # pip install vllm==0.1.0
  uv pip install "vllm==0.10.1"
run: |
  vllm serve $MODEL \\
    --tensor-parallel-size $SKYPILOT_NUM_GPUS_PER_NODE
"""


def only(read: Read, text: str) -> Launch:
    [launch] = read(text, "task.yaml").launches
    return launch


@pytest.mark.parametrize(
    ("accelerators", "card", "count"),
    [
        ("L40S:4", "L40S 48GB", 4),
        ("A100", "A100 40GB", 1),
        ("A100-80GB:8", "A100 SXM 80GB", 8),
        ("{H100: 8}", "H100 SXM 80GB", 8),
        ("{H100:8}", "H100 SXM 80GB", 8),
        ("[H100:8, H100:8]", "H100 SXM 80GB", 8),
        ("[H100:8, H200:8]", None, 8),
        ("{A100:4, A100:8}", "A100 40GB", None),
        ("A100:0.5", None, None),
        ("'{{ gpu }}'", None, None),
    ],
)
def test_the_accelerators_are_the_cards_of_a_node(
    read: Read, argv: Argv, gpu_count: Count, accelerators: str, card: str | None, count: int | None
) -> None:
    launch = only(read, TASK.replace("{accelerators}", accelerators))
    gpu = launch.hardware.gpu
    assert (gpu.value if isinstance(gpu, Located) else None, gpu_count(launch)) == (card, count)
    size = "?" if count is None else str(count)
    assert argv(launch) == ["Qwen/Qwen3-32B", "--tensor-parallel-size", size]


def test_a_task_says_which_release_it_installs(read: Read) -> None:
    launch = only(read, TASK.replace("{accelerators}", "L4"))
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.10.1"
    assert (launch.kind, launch.name, launch.nodes) == ("skypilot", "chat", None)


def test_the_number_of_cards_comes_from_the_platform_and_stands_in_the_claim(read: Read) -> None:
    text = TASK.replace("{accelerators}", "L4:2")
    word = only(read, text).argv[-1]
    assert word.origin in {Origin.PLATFORM, Origin.VARIABLE} and word.runs
    assert all(text[run.source.start : run.source.end] in {"2", ""} for run in word.runs)


def test_several_nodes_hold_a_model_together(read: Read, argv: Argv, gpu_count: Count) -> None:
    text = """\
resources: {accelerators: "H100:8", image_id: "docker:vllm/vllm-openai:v0.10.0"}
num_nodes: 2
run: |
  if [ "$SKYPILOT_NODE_RANK" == "0" ]; then
    vllm serve Q/x -tp $SKYPILOT_NUM_GPUS_PER_NODE -pp $SKYPILOT_NUM_NODES
  fi
"""
    launch = only(read, text)
    assert argv(launch) == ["Q/x", "-tp", "8", "-pp", "2"]
    assert gpu_count(launch) == 8
    assert isinstance(launch.nodes, Located) and launch.nodes.value == 2
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.10.0"
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.10.0"


@pytest.mark.parametrize("key", ["any_of", "ordered"])
def test_candidates_that_agree_are_known(read: Read, gpu_count: Count, key: str) -> None:
    text = (
        f"resources:\n  {key}:\n  - {{infra: aws, accelerators: 'H100:8'}}\n"
        "  - {infra: gcp, accelerators: 'H100:8'}\nrun: vllm serve Q/x\n"
    )
    assert gpu_count(only(read, text)) == 8


def test_an_instance_tells_its_cards(read: Read, gpu_count: Count) -> None:
    text = "resources: {infra: aws/us-east-1, instance_type: g6e.12xlarge}\nrun: vllm serve Q/x\n"
    assert gpu_count(only(read, text)) == 4


def test_docker_in_a_task_gets_the_node_s_cards(read: Read, gpu_count: Count) -> None:
    text = (
        "resources: {accelerators: 'L4:2'}\nrun: docker run --gpus all vllm/vllm-openai:v0.12.0 Q/x -tp 2\n"
    )
    assert gpu_count(only(read, text)) == 2


def test_a_variable_that_must_be_given_is_a_hole(read: Read, argv: Argv) -> None:
    text = "envs: {MODEL: null}\nresources: {accelerators: L4}\nrun: vllm serve $MODEL --port 80\n"
    assert argv(only(read, text)) == ["?", "--port", "80"]


@pytest.mark.parametrize(
    "text",
    [
        "resources: [1]\nrun: vllm serve a/b\n",
        "resources: {accelerators: [[1]]}\nrun: vllm serve a/b\n",
        "resources: {accelerators: {[a]: 1}}\nnum_nodes: [1]\nrun: vllm serve a/b\n",
        "resources: {accelerators: null}\nenvs: 3\nrun: vllm serve a/b\n",
        "resources: {any_of: 3, accelerators: {H100: x}}\nrun: vllm serve a/b\n",
    ],
)
def test_shapes_that_skypilot_does_not_know_do_not_stop_the_reader(read: Read, text: str) -> None:
    assert len(read(text, "task.yaml").launches) <= 1


@pytest.mark.parametrize("accelerators", ["tpu-v6e-8", "'tpu-v6e-8:1'", "{tpu-v5litepod-8: 1}"])
def test_a_slice_of_tpus_is_not_one_device(read: Read, gpu_count: Count, accelerators: str) -> None:
    assert (
        gpu_count(only(read, f"resources: {{accelerators: {accelerators}}}\nrun: vllm serve a/b\n")) is None
    )
