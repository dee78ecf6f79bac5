"""CTR024 cuda-visible-devices-all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Origin, Severity, Span, Word

_NAME_BEFORE = r"CUDA_VISIBLE_DEVICES(?=[\"']?[ \t]*[=:][ \t]*[\"']?$)"


class CudaVisibleDevicesAll(Rule):
    """`CUDA_VISIBLE_DEVICES` takes numbers, not `all`.

    ## What it does

    Finds `CUDA_VISIBLE_DEVICES=all`, also as the default of a variable, and an empty value for a server whose
    card is known.

    ## Why is this bad?

    CUDA reads a list of numbers or UUIDs and stops at the first word that is neither: with `all` no GPU is
    visible, and vLLM cannot start; an empty list hides them as well. `NVIDIA_VISIBLE_DEVICES`, which the
    container engine reads, is the variable that takes `all`.

    ## Example

    `CUDA_VISIBLE_DEVICES=all vllm serve Qwen/Qwen3-8B`

    ## Use instead

    Leave the variable out: without it all GPUs are visible.

    ## Fix safety

    Safe: the value is written to `NVIDIA_VISIBLE_DEVICES` instead, where it means what it says. No fix is
    offered in Kubernetes, where that would reach past the cluster's own allocation, nor for a default.

    ## Since

    0.1.0
    """

    code = "CTR024"
    name = "cuda-visible-devices-all"
    severity = Severity.ERROR
    stage = "config"
    source = "platforms/interface.py:267"
    since = "0.1.0"
    url = "https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#env-vars"
    triggers = frozenset({"$CUDA_VISIBLE_DEVICES"})
    tags = ("containers", "hardware")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      - CUDA_VISIBLE_DEVICES=all
      #                      ~~~
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      - NVIDIA_VISIBLE_DEVICES=all
    gpus: all
""",
        ),
        Example(
            title="a default",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      CUDA_VISIBLE_DEVICES: ${GPUS:-all}
      #                             ~~~
    gpus: all
""",
        ),
        Example(
            title="none",
            gpu="H100:8",
            text="export CUDA_VISIBLE_DEVICES=\nvllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="shell",
            text="CUDA_VISIBLE_DEVICES=all vllm serve Qwen/Qwen3-8B\n#                    ~~~\n",
            fixed="NVIDIA_VISIBLE_DEVICES=all vllm serve Qwen/Qwen3-8B\n",
        ),
    )
    GOOD = (
        Example(text="CUDA_VISIBLE_DEVICES=0,1 vllm serve Qwen/Qwen3-8B -tp 2\n"),
        Example(text="NVIDIA_VISIBLE_DEVICES=all vllm serve Qwen/Qwen3-8B\n"),
        Example(title="a build for CPUs", text="CUDA_VISIBLE_DEVICES= vllm serve Qwen/Qwen3-8B\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the variable says `all`, or nothing."""
        values = [variable.value for variable in facts.launch.env if variable.name == "CUDA_VISIBLE_DEVICES"]
        if not values or not values[-1].is_known:
            return
        value = values[-1]
        if not value.text.strip() and _is_for_gpus(facts):
            yield self.finding(
                facts,
                value.span,
                "`CUDA_VISIBLE_DEVICES` is empty, which hides every GPU: vLLM fails to infer the device type",
                "leave the variable out, or name the GPUs: `CUDA_VISIBLE_DEVICES=0,1`",
                source="config/device.py:56",
                subject="CUDA_VISIBLE_DEVICES",
            )
        if value.text.strip().lower() != "all":
            return
        yield self.finding(
            facts,
            value.span,
            "`CUDA_VISIBLE_DEVICES=all` hides every GPU: CUDA reads numbers or UUIDs, and `all` is neither",
            "leave the variable out, or name the GPUs: `CUDA_VISIBLE_DEVICES=0,1`",
            fix=_fix(facts, value),
            subject="CUDA_VISIBLE_DEVICES",
        )


def _is_for_gpus(facts: LaunchFacts) -> bool:
    """Whether the server is known to be meant for a card: builds for CPUs are told to see none."""
    image = facts.launch.image
    return isinstance(facts.hardware.gpu, Located) and (image is None or "cpu" not in image.text)


def _fix(facts: LaunchFacts, value: Word) -> Fix | None:
    """Rename the variable, unless the container has one of that name."""
    others = any(variable.name == "NVIDIA_VISIBLE_DEVICES" for variable in facts.launch.env)
    place = value.text_span
    if place is None or value.via or value.origin is Origin.DEFAULT:
        return None
    if others or facts.launch.kind == "kubernetes":
        return None
    name = re.search(_NAME_BEFORE, facts.sources.get(place.path, "")[max(0, place.start - 40) : place.start])
    if name is None:
        return None
    start = max(0, place.start - 40) + name.start()
    edit = Edit(Span(place.path, start, start + len("CUDA_VISIBLE_DEVICES")), "NVIDIA_VISIBLE_DEVICES")
    return Fix("write `NVIDIA_VISIBLE_DEVICES`", Applicability.SAFE, (edit,))
