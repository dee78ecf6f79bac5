"""MEM015 host-memory-limit-too-small."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import GIB, Finding, Located, Severity

_FIRST_RANK = 3
_FURTHER_RANK = 1
"""GiB of a server with one GPU, and what each further one adds at least: Python, PyTorch and CUDA's libraries
in the process of the API, the engine and each rank. The weights are mapped and count for nothing here."""


class HostMemoryLimitTooSmall(Rule):
    """A container that runs vLLM needs some GiB of the host's memory, too.

    ## What it does

    Compares the container's memory limit with 3 GiB for the server and its first GPU, and 1 GiB for each
    further one. That is the least: the limit should be several times as high.

    ## Why is this bad?

    The API server, the engine and each rank are processes that load PyTorch and CUDA's libraries. The kernel
    kills the container when they go over the limit, and the log just ends.

    ## Example

    `mem_limit: 2g`

    ## Use instead

    `mem_limit: 16g`, or no limit.

    ## Since

    0.1.0
    """

    code = "MEM015"
    name = "host-memory-limit-too-small"
    severity = Severity.WARNING
    stage = "run"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    needs = ("arguments",)
    triggers = frozenset({"container.memory_limit"})
    waits_for = frozenset({"MEM012"})
    tags = ("memory", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-8B
    mem_limit: 2g
    #          ~~
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-8B
    deploy: {resources: {limits: {memory: 16g}}}
    gpus: all
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a limit below what the processes take themselves."""
        container, ranks = facts.launch.container, facts.parallel.gpus_needed_here
        limit = None if container is None else container.memory_limit
        least = (_FIRST_RANK + _FURTHER_RANK * (ranks - 1)) * GIB
        if not isinstance(limit, Located) or limit.value >= least:
            return
        processes = "GPU" if ranks == 1 else f"{ranks} GPUs"
        yield self.finding(
            facts,
            limit.span or facts.launch.at,
            f"the container may take {limit.value / GIB:.1f} GiB of the host's memory, and vLLM's own"
            f" processes for {processes} take {least / GIB:.0f} GiB at least",
            "raise the limit to 16 GiB and more, or drop it",
            subject="memory_limit",
        )
