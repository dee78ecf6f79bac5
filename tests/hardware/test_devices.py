"""Which of its machine's GPUs a launch uses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.hardware.devices import used_gpus
from vllint.sources.readers import Reading
from vllint_schemas import Unknown
from vllint_schemas.parallel import Parallel

Read = Callable[..., Reading]


def used(read: Read, command: str, gpus: int) -> tuple[str, ...] | None:
    """Return the GPUs that a command uses, `None` where that is not known."""
    [launch] = read(command, "start.sh").launches
    found = used_gpus(launch, Parallel(tensor=gpus))
    return None if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("command", "gpus", "names"),
    [
        ("vllm serve a/b", 2, ("0", "1")),
        ("CUDA_VISIBLE_DEVICES=3,1 vllm serve a/b", 2, ("3", "1")),
        ("CUDA_VISIBLE_DEVICES=3,1 vllm serve a/b", 1, ("3",)),
        ("CUDA_VISIBLE_DEVICES=GPU-12ab vllm serve a/b", 1, ("GPU-12ab",)),
        ("CUDA_VISIBLE_DEVICES=all vllm serve a/b", 1, ("0",)),
        ("CUDA_VISIBLE_DEVICES=0 vllm serve a/b", 2, None),
        ("CUDA_VISIBLE_DEVICES=$GPU vllm serve a/b", 1, None),
        ("HIP_VISIBLE_DEVICES=1 vllm serve a/b", 1, None),
        ("docker run --gpus all vllm/vllm-openai a/b", 1, ("0",)),
        ("docker run --gpus 1 vllm/vllm-openai a/b", 1, ("0",)),
        ("docker run --gpus 1 vllm/vllm-openai a/b", 2, None),
        ("docker run --gpus '\"device=2,3\"' vllm/vllm-openai a/b", 1, ("2",)),
        ("docker run --gpus '\"device=2,3\"' -e CUDA_VISIBLE_DEVICES=1 vllm/vllm-openai a/b", 1, ("3",)),
        ("docker run --device nvidia.com/gpu=all vllm/vllm-openai a/b", 1, None),
    ],
)
def test_gpus_are_named_as_the_machine_names_them(
    read: Read, command: str, gpus: int, names: tuple[str, ...] | None
) -> None:
    assert used(read, command + "\n", gpus) == names


def test_a_cluster_chooses_the_gpus_of_a_pod(read: Read) -> None:
    text = """\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - image: vllm/vllm-openai:v0.22.1
      args: [--model, Qwen/Qwen3-8B]
      resources: {limits: {nvidia.com/gpu: 1}}
"""
    [launch] = read(text, "pod.yaml").launches
    assert isinstance(used_gpus(launch, Parallel()), Unknown)
