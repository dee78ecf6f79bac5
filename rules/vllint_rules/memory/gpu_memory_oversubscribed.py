"""MEM004 gpu-memory-oversubscribed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, Setting, fits_with, least_share, set_options, used_gpus
from vllint_schemas import GIB, Applicability, Edit, Finding, Fix, Related, Severity, Span, Unknown

_SLACK = 0.25
"""What of its share a server may leave untouched once it runs: room for the largest batch."""

_DEST = "gpu_memory_utilization"
_TOGETHER = 0.9
"""What the fix gives the servers of a GPU together; the rest is for their CUDA contexts."""

_SHOWN = 4
"""Of how many servers each is told of by itself."""

_OTHERWISE = (
    "num_gpu_blocks_override",
    "device_ids",
    "data_parallel_rank",
    "data_parallel_start_rank",
)
"""Options by which a server takes less than its part, or other GPUs than the first it sees."""

_OTHER_BUILD = r"cpu|tpu|neuron|gaudi|hpu"


class Share(NamedTuple):
    """A launch, the part of each card's memory that it takes, and the cards.

    `is_sized` says that the size of its KV cache is given: then the part is the least that it takes.
    """

    facts: LaunchFacts
    part: float
    gpus: tuple[str, ...]
    is_sized: bool = False

    @property
    def words(self) -> str:
        """The part as the message tells it."""
        return f"{self.part:.2f} (at least)" if self.is_sized else f"{self.part:g}"


class GpuMemoryOversubscribed(Rule):
    """Servers that share a GPU must share its memory.

    ## What it does

    Adds up `--gpu-memory-utilization` of the servers that one file starts together on the same GPU: by
    the same `device_ids`, the same `CUDA_VISIBLE_DEVICES`, or because each takes the first of all GPUs. A
    server whose KV cache is sized by `--kv-cache-memory-bytes` counts with its weights and that cache.

    ## Why is this bad?

    The setting is a part of the whole card, not of what is left of it. When a server starts and less than
    its part is free, vLLM refuses: `Free memory on device cuda:0 ... is less than desired GPU memory
    utilization`. Servers that start at the same time run out of memory instead. It is an error where a
    server waits for the other one to be healthy, so that the order is certain.

    ## Example

    Two services with `gpus: all` and vLLM's own `--gpu-memory-utilization` of 0.92.

    ## Use instead

    Parts that add up to less than 1, such as 0.45 and 0.45, or a GPU for each.

    ## Fix safety

    Unsafe: the servers get smaller KV caches. Where models and card are known and each model fits a smaller
    part, the fix shares nine tenths of the card: each server gets what it needs, and of the rest in the
    proportion of the parts it had.

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
    triggers = frozenset({"launch.beside"})
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
            title="the card is known",
            path="compose.yaml",
            text="""\
services:
  chat:
  #~~~
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.6
    gpus: all
  small:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-1.7B --gpu-memory-utilization 0.5
    gpus: all
""".replace("  #~~~", "# ~~~~"),
            fixed="""\
services:
  chat:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.55
    gpus: all
  small:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-1.7B --gpu-memory-utilization 0.34
    gpus: all
""",
            gpu="H100:1",
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
        by_group: dict[str, list[LaunchFacts]] = {}
        for facts in launches:
            if facts.launch.together is not None:
                by_group.setdefault(facts.launch.together, []).append(facts)
        for together, members in by_group.items():
            shares = [share for facts in members if (share := _share(facts, together)) is not None]
            for gpu in dict.fromkeys(gpu for share in shares for gpu in share.gpus):
                group = [share for share in shares if gpu in share.gpus]
                names = tuple(share.facts.launch.id for share in group)
                total = sum(share.part for share in group)
                if len(group) > 1 and total > 1.0 + 1e-9 and names not in said:
                    said.add(names)
                    yield self._oversubscribed(gpu, group, total)

    def _oversubscribed(self, gpu: str, group: Sequence[Share], total: float) -> Finding:
        parts = _sum([share.words for share in group])
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
            f"{len(group)} servers share GPU {gpu} and ask for {parts} = {round(total, 2):g} of its memory:"
            f" {then}",
            _help(group),
            severity=Severity.ERROR if refused is not None else Severity.WARNING,
            related=tuple(
                Related(_place(share.facts), f"{share.words} for `{share.facts.launch.name}`")
                for share in group[:_SHOWN]
            ),
            fix=_fix(group),
            subject=f"gpu={gpu}",
        )


def _sum(parts: Sequence[str]) -> str:
    """Return what is added up; of many parts those that are equal once, with their number."""
    if len(parts) <= _SHOWN:
        return " + ".join(parts)
    numbers = Counter(parts).most_common()
    terms = [part if number == 1 else f"{number} x {part}" for part, number in numbers[:_SHOWN]]
    return " + ".join(terms) + (" + ..." if len(numbers) > _SHOWN else "")


def _help(group: Sequence[Share]) -> str:
    """Say what to do; where the models are known and do not fit one card together, that they do not."""
    least = [least_share(share.facts) for share in group if not share.is_sized]
    needed = [part for part in least if part is not None]
    if len(group) == len(needed) and sum(needed) > _TOGETHER:
        parts = _sum([f"{part:g}" for part in needed])
        return f"give each a GPU: together they do not fit this one, of which they need {parts}"
    return "let `--gpu-memory-utilization` of a GPU's servers add up to less than 1, or give each a GPU"


def _fix(group: Sequence[Share]) -> Fix | None:
    """Return the fix that deals the card out so that each server fits, if all are known to."""
    asking = [share for share in group if not share.is_sized]
    least = [least_share(share.facts) for share in asking]
    spare = _TOGETHER - sum(share.part for share in group if share.is_sized) - sum(filter(None, least))
    if spare < 0 or not asking:
        return None
    total = sum(share.part for share in asking)
    edits: dict[tuple[Span, str], None] = {}
    parts: list[str] = []
    for share, needed in zip(asking, least, strict=True):
        if needed is None:
            return None
        part = min(share.part, int(100 * (needed + spare * share.part / total) + 1e-6) / 100)
        written = set_options(share.facts, (Setting("--gpu-memory-utilization", _DEST, f"{part:g}"),))
        if not fits_with(share.facts, {_DEST: part}) or written is None:
            return None
        edits |= dict.fromkeys((edit.span, edit.text) for edit in written)
        parts.append(f"`{part:g}` for `{share.facts.launch.name}`{_size(share, part)}")
    more = f" and so on for {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    title = f"write {' and '.join(parts[:_SHOWN])}{more}, in which each fits"
    return Fix(title, Applicability.UNSAFE, tuple(Edit(*edit) for edit in edits))


def _size(share: Share, part: float) -> str:
    total = share.facts.gpu.value.memory_bytes
    return "" if isinstance(total, Unknown) else f" ({part * total / GIB:.1f} GiB)"


def _place(facts: LaunchFacts) -> Span:
    sized = facts.args.place("kv_cache_memory_bytes")
    return sized or facts.args.place(_DEST) or facts.launch.at


def _share(facts: LaunchFacts, together: str) -> Share | None:
    """Return what a launch takes of which cards, if that is known and it takes all of it."""
    if facts.launch.together != together or isinstance(facts.maybe_parallel, Unknown):
        return None
    args, image = facts.args, facts.launch.image
    if args.open_ended is not None or any(args.given(dest) is not None for dest in _OTHERWISE):
        return None
    if image is not None and re.search(_OTHER_BUILD, image.text):
        return None
    is_sized = args.given("kv_cache_memory_bytes") is not None
    part = _least_part(facts) if is_sized else _part(facts)
    gpus = used_gpus(facts.launch, facts.parallel)
    if part is None or isinstance(gpus, Unknown) or args.given("enable_sleep_mode") is not None:
        return None
    return Share(facts, part, gpus, is_sized)


def _part(facts: LaunchFacts) -> float | None:
    found = facts.args.value(_DEST)
    value = None if isinstance(found, Unknown) else found.value
    return float(value) if isinstance(value, int | float) and 0 < value <= 1 else None


def _least_part(facts: LaunchFacts) -> float | None:
    """Return what the weights and a cache of given size take of the card at least."""
    gpu, memory = facts.hardware.gpu, facts.maybe_memory
    if (
        isinstance(gpu, Unknown)
        or isinstance(memory, Unknown)
        or isinstance(gpu.value.memory_high_bytes, Unknown)
    ):
        return None
    taken = [rank.weights.low + rank.kv.low for rank in memory.ranks if not isinstance(rank.kv, Unknown)]
    return max(taken) / gpu.value.memory_high_bytes if taken else None


def _refused(group: Sequence[Share]) -> str | None:
    """Return the launch that surely starts when too little is left for it."""
    by_name = {share.facts.launch.name: share for share in group}
    for share in group:
        container = share.facts.launch.container
        before = [by_name[name] for name in (container.starts_after if container else ()) if name in by_name]
        if before and share.part + sum(one.part for one in before) >= 1.0 + _SLACK:
            return share.facts.launch.name
    return None
