"""MEM004 gpu-memory-oversubscribed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, used_gpus
from vllint_schemas import Finding, Related, Severity, Span, Unknown

_SLACK = 0.25
"""What of its share a server may leave untouched once it runs: room for the largest batch."""

_OTHERWISE = (
    "num_gpu_blocks_override",
    "kv_cache_memory_bytes",
    "device_ids",
    "data_parallel_rank",
    "data_parallel_start_rank",
)
"""Options by which a server takes less than its part, or other GPUs than the first it sees."""

_OTHER_BUILD = r"cpu|tpu|neuron|gaudi|hpu"


class Share(NamedTuple):
    """A launch, the part of each card's memory that it takes, and the cards."""

    facts: LaunchFacts
    part: float
    gpus: tuple[str, ...]


class GpuMemoryOversubscribed(Rule):
    """Servers that share a GPU must share its memory.

    ## What it does

    Adds up `--gpu-memory-utilization` of the servers that one file starts together on the same GPU: by
    the same `device_ids`, the same `CUDA_VISIBLE_DEVICES`, or because each takes the first of all GPUs.

    ## Why is this bad?

    The setting is a part of the whole card, not of what is left of it. When a server starts and less than
    its part is free, vLLM refuses: `Free memory on device cuda:0 ... is less than desired GPU memory
    utilization`. Servers that start at the same time run out of memory instead. It is an error where a
    server waits for the other one to be healthy, so that the order is certain.

    ## Example

    Two services with `gpus: all` and vLLM's own `--gpu-memory-utilization` of 0.92.

    ## Use instead

    Parts that add up to less than 1, such as 0.45 and 0.45, or a GPU for each.

    ## Since

    0.1.0
    """

    code = "MEM004"
    name = "gpu-memory-oversubscribed"
    severity = Severity.WARNING
    stage = "run"
    source = "v1/worker/utils.py:761"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    tags = ("memory", "hardware")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  chat:
  #~~~
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.6
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.5
    gpus: all
""".replace("  #~~~", "# ~~~~"),
        ),
        Example(
            title="one after the other",
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    healthcheck: {test: curl -f http://localhost:8000/health, start_period: 10m}
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B
    depends_on: {chat: {condition: service_healthy}}
    gpus: all
""",
        ),
        Example(
            title="a script",
            text="""\
vllm serve Qwen/Qwen3-8B --port 8000 &
vllm serve Qwen/Qwen3-4B --port 8001
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.6
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.3
    gpus: all
""",
        ),
        Example(
            title="a server that can be put to sleep",
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --enable-sleep-mode
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B
    gpus: all
""",
        ),
        Example(
            title="a GPU for each",
            text="""\
CUDA_VISIBLE_DEVICES=0 vllm serve Qwen/Qwen3-8B --port 8000 &
CUDA_VISIBLE_DEVICES=1 vllm serve Qwen/Qwen3-4B --port 8001
""",
        ),
    )

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield a finding for each group of launches that ask for more than a card has."""
        if len(launches) < 2:
            return
        said: set[tuple[str, ...]] = set()
        for together in dict.fromkeys(facts.launch.together for facts in launches):
            if together is None:
                continue
            shares = [share for facts in launches if (share := _share(facts, together)) is not None]
            for gpu in dict.fromkeys(gpu for share in shares for gpu in share.gpus):
                group = [share for share in shares if gpu in share.gpus]
                names = tuple(share.facts.launch.id for share in group)
                total = sum(share.part for share in group)
                if len(group) > 1 and total > 1.0 + 1e-9 and names not in said:
                    said.add(names)
                    yield self._oversubscribed(gpu, group, total)

    def _oversubscribed(self, gpu: str, group: Sequence[Share], total: float) -> Finding:
        parts = " + ".join(f"{share.part:g}" for share in group)
        first = group[0].facts
        refused = _refused(group)
        then = (
            f"`{refused}` waits for the others to be healthy, and vLLM refuses to start it"
            if refused is not None
            else "those that start last find too little free, or all run out of memory"
        )
        return self.finding(
            first,
            first.launch.at,
            f"{len(group)} servers share GPU {gpu} and ask for {parts} = {total:g} of its memory: {then}",
            "let `--gpu-memory-utilization` of a GPU's servers add up to less than 1, or give each a GPU",
            severity=Severity.ERROR if refused is not None else Severity.WARNING,
            related=tuple(
                Related(_place(share.facts), f"{share.part:g} for `{share.facts.launch.name}`")
                for share in group
            ),
            subject=f"gpu={gpu}",
        )


def _place(facts: LaunchFacts) -> Span:
    return facts.args.place("gpu_memory_utilization") or facts.launch.at


def _share(facts: LaunchFacts, together: str) -> Share | None:
    """Return what a launch takes of which cards, if that is known and it takes all of it."""
    if facts.launch.together != together or isinstance(facts.maybe_parallel, Unknown):
        return None
    args, image = facts.args, facts.launch.image
    if args.open_ended is not None or any(args.given(dest) is not None for dest in _OTHERWISE):
        return None
    if image is not None and re.search(_OTHER_BUILD, image.text):
        return None
    sleeps = args.given("enable_sleep_mode")
    part = args.value("gpu_memory_utilization")
    if sleeps is not None or isinstance(part, Unknown) or not isinstance(part.value, int | float):
        return None
    gpus = used_gpus(facts.launch, facts.parallel)
    return None if isinstance(gpus, Unknown) else Share(facts, float(part.value), gpus)


def _refused(group: Sequence[Share]) -> str | None:
    """Return the launch that surely starts when too little is left for it."""
    by_name = {share.facts.launch.name: share for share in group}
    for share in group:
        container = share.facts.launch.container
        before = [by_name[name] for name in (container.starts_after if container else ()) if name in by_name]
        if before and share.part + sum(one.part for one in before) >= 1.0 + _SLACK:
            return share.facts.launch.name
    return None
