"""CTR003 no-gpu-reservation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, container_setting, split_image
from vllint_schemas import Applicability, Finding, Fix, Located, Severity

_OTHER_BUILD = re.compile(r"cpu|rocm|xpu|tpu|neuron|gaudi|hpu")
_RESERVATION = """\
deploy:
  resources:
    reservations:
      devices:
        - driver: nvidia
          count: all
          capabilities: [gpu]
"""


class NoGpuReservation(Rule):
    """A container sees no GPU unless it is given one.

    ## What it does

    Finds compose services and `docker run` commands with vLLM's CUDA image, `vllm/vllm-openai`, that hand out
    no GPU: no reserved devices, `gpus`, `runtime` or `devices`, and no `NVIDIA_VISIBLE_DEVICES`.

    ## Why is this bad?

    Without a GPU vLLM stops at once: `Failed to infer device type`. It is a warning only, since a machine
    whose container engine has `nvidia` as its default runtime gives every container all GPUs, and another
    compose file may add what this one lacks.

    ## Example

    A compose service with the image and a command, and nothing else.

    ## Use instead

    ```yaml
    deploy:
      resources:
        reservations:
          devices:
            - {driver: nvidia, count: all, capabilities: [gpu]}
    ```

    or `docker run --gpus all`.

    ## Fix safety

    Unsafe: the fix hands out all GPUs, which may be more than are meant, and adds to what another compose
    file hands out.

    ## Since

    0.1.0
    """

    code = "CTR003"
    name = "no-gpu-reservation"
    severity = Severity.WARNING
    stage = "config"
    source = "config/device.py:56"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    triggers = frozenset({"launch.container"})
    tags = ("containers", "hardware")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    #      ~~~~~~~~~~~~~~~~~~~~~~~~
    command: --model Qwen/Qwen3-8B
""",
            fixed="""\
services:
  vllm:
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: all
              capabilities: [gpu]
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
""",
        ),
        Example(
            title="docker run",
            text="docker run --ipc host vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n"
            "#                     ~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="docker run --ipc host --gpus all vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B\n    runtime: nvidia\n",
        ),
        Example(title="podman's way", text="podman run --device nvidia.com/gpu=all vllm/vllm-openai a/b\n"),
        Example(title="options that are not known", text="docker run $GPU_ARGS vllm/vllm-openai a/b\n"),
        Example(
            title="another machine's build",
            text="docker run vllm/vllm-openai-cpu:v0.22.1 Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when nothing in the file hands out a GPU."""
        launch = facts.launch
        container, image = launch.container, launch.image
        if container is None or image is None or container.kind == "kubernetes":
            return
        if container.gpu_reservation is not None or container.open_ended is not None:
            return
        if not image.is_known or not _is_cuda_build(image.text) or _needs_none(facts):
            return
        yield self.finding(
            facts,
            image.span,
            "the file hands no GPU to the container: vLLM stops with `Failed to infer device type`, unless"
            " `nvidia` is the default runtime of the machine's container engine",
            "reserve devices with `driver: nvidia`, or set `gpus: all`"
            if container.kind == "compose"
            else "add `--gpus all`",
            fix=_fix(facts),
            subject="gpu_reservation",
        )


def _is_cuda_build(image: str) -> bool:
    name = split_image(image)
    official = name.is_official and name.repository.endswith("/vllm-openai")
    return official and _OTHER_BUILD.search(name.tag) is None


def _needs_none(facts: LaunchFacts) -> bool:
    """Whether the launch only passes requests on to engines elsewhere."""
    local = facts.args.value("data_parallel_size_local")
    return not isinstance(local, Located) or local.value == 0


def _fix(facts: LaunchFacts) -> Fix | None:
    container = facts.launch.container
    if container is None or container.anchor is None:
        return None
    text = facts.sources.get(container.anchor.path)
    extent = facts.launch.extent
    if text is None or (container.kind == "compose" and "deploy:" in text[extent.start : extent.end]):
        return None
    edit = container_setting(text, container, _RESERVATION, "--gpus all")
    return None if edit is None else Fix("hand out all GPUs", Applicability.UNSAFE, (edit,))
