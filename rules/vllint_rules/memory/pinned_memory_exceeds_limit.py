"""MEM012 pinned-memory-exceeds-limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint import Example, HostPart, LaunchFacts, Rule, pinned_parts
from vllint_schemas import GIB, Finding, Located, Severity, Span


class PinnedMemoryExceedsLimit(Rule):
    """What vLLM pins of the host's memory must fit what the container may take of it.

    ## What it does

    Adds up what all ranks of a machine keep in pinned memory: weights by `--cpu-offload-gb`, the KV cache by
    `--kv-offloading-size`, the token buffers of `--max-num-seqs` times `--max-model-len` (since 0.30), the
    swap space of vLLM's first engine. It compares the sum with the container's memory limit, and with the
    memory of the machine where that is known.

    ## Why is this bad?

    Pinned memory cannot be swapped out or reclaimed. The kernel kills the container while the model loads.

    ## Example

    `--cpu-offload-gb 20 --tensor-parallel-size 2` in a container with `mem_limit: 32g`: 40 GiB.

    ## Use instead

    A limit above the sum and what the processes take themselves, or less offloading.

    ## Since

    0.1.0
    """

    code = "MEM012"
    name = "pinned-memory-exceeds-limit"
    severity = Severity.WARNING
    stage = "run"
    source = "model_executor/offloader/uva.py:115"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004"})
    triggers = frozenset({"container.memory_limit", "hardware.instance"})
    tags = ("memory", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-32B -tp 2 --cpu-offload-gb 20 --max-model-len 8192
    mem_limit: 32g
    #          ~~~
    gpus: all
""",
            gpu="A10G:2",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-32B -tp 2 --cpu-offload-gb 20 --max-model-len 8192
    mem_limit: 64g
    gpus: all
""",
            gpu="A10G:2",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where the sum is above a limit."""
        limit, parts = _limit(facts), pinned_parts(facts)
        pinned = sum(part.size for part in parts)
        if limit is None or pinned <= limit.size:
            return
        yield self.finding(
            facts,
            limit.place or facts.launch.at,
            f"vLLM pins {pinned / GIB:.1f} GiB of the host's memory ({_listed(parts)}), and {limit.words}"
            f" {limit.size / GIB:.1f} GiB",
            "raise the limit above that and what the processes take themselves, or offload less",
            subject="pinned",
        )


class _Limit(NamedTuple):
    size: float
    words: str
    place: Span | None


def _limit(facts: LaunchFacts) -> _Limit | None:
    """Return the least that bounds the host's memory for the launch, if any bound is known."""
    container, instance = facts.launch.container, facts.hardware.instance
    limits: list[_Limit] = []
    if container is not None and isinstance(container.memory_limit, Located):
        found = container.memory_limit
        limits.append(_Limit(found.value, "the container may take", found.span))
    if instance is not None and instance.memory_gib:
        limits.append(_Limit(instance.memory_gib * GIB, f"`{instance.name}` has", None))
    return min(limits, key=lambda limit: limit.size, default=None)


def _listed(parts: tuple[HostPart, ...]) -> str:
    return ", ".join(f"{part.name} {part.size / GIB:.1f}" for part in parts)
