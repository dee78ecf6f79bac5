"""MEM005 concurrent-start-same-gpu."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, container_setting, split_image, used_gpus
from vllint_schemas import Applicability, Edit, Finding, Fix, Related, Severity, Unknown


class Measuring(NamedTuple):
    """A server that measures the GPUs it uses as it starts, and the part of them that it asks for."""

    facts: LaunchFacts
    part: float
    gpus: tuple[str, ...]


class ConcurrentStartSameGpu(Rule):
    """Servers that share a GPU should start one after the other.

    ## What it does

    Finds Compose services that share a GPU by their `device_ids`, or because each takes the first of all
    GPUs, and of which none waits until another one is healthy.

    ## Why is this bad?

    As it starts, vLLM measures how much of the card is free before and after a trial run, and takes the rest
    for its cache. What another server takes or frees in the meantime is counted as its own: one ends with
    `Error in memory profiling`, or with too small a cache, now and then.

    ## Example

    Two services with `--gpu-memory-utilization 0.45` on the same GPU.

    ## Use instead

    A `healthcheck` for the one, and `depends_on` with `condition: service_healthy` in the other; or
    `--kv-cache-memory-bytes`, with which nothing is measured.

    ## Fix safety

    Unsafe: the later service waits for the earlier one, whose image must hold `curl` as vLLM's does. There is
    a fix where the service waits for nobody yet.

    ## Since

    0.1.0
    """

    code = "MEM005"
    name = "concurrent-start-same-gpu"
    severity = Severity.WARNING
    stage = "run"
    source = "v1/worker/gpu_worker.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    waits_for = frozenset({"MEM004"})
    triggers = frozenset({"launch.beside"})
    tags = ("memory", "hardware", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.6
    gpus: all
  embeddings:
# ~~~~~~~~~~
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.3
    gpus: all
""",
            fixed="""\
services:
  chat:
    healthcheck:
      test: curl -f http://localhost:8000/health
      start_period: 10m
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.6
    gpus: all
  embeddings:
    depends_on:
      chat:
        condition: service_healthy
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.3
    gpus: all
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
    healthcheck: {test: curl -f http://localhost:8000/health, start_period: 10m}
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.3
    depends_on: {chat: {condition: service_healthy}}
    gpus: all
""",
        ),
        Example(
            title="nothing is measured",
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --kv-cache-memory-bytes 8G --gpu-memory-utilization 0.6
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --kv-cache-memory-bytes 4G --gpu-memory-utilization 0.3
    gpus: all
""",
        ),
    )

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield a finding for each service that starts while another one measures the same GPU."""
        waited: dict[str, frozenset[str]] | None = None
        for facts, sharing in _sharing(launches):
            for other, gpu in reversed(sharing):
                waited = _waited(launches) if waited is None else waited
                if _ordered(other, facts, waited):
                    continue
                yield self.finding(
                    facts,
                    facts.launch.at,
                    f"`{other.launch.name}` and `{facts.launch.name}` start at once on GPU {gpu}, and each"
                    " takes what the other one allocates for its own",
                    f"let one wait for the other: `depends_on` with `condition: service_healthy`, and a"
                    f" `healthcheck` for `{other.launch.name}`",
                    fix=_fix(facts, other),
                    related=(Related(other.launch.at, f"`{other.launch.name}` starts here"),),
                    subject=f"gpu={gpu}",
                )
                break


def _fix(facts: LaunchFacts, other: LaunchFacts) -> Fix | None:
    """Let the service wait until the other one is healthy, as its own health check says."""
    name = other.launch.container.service if other.launch.container is not None else ""
    waiting = _added(facts, "depends_on", f"depends_on:\n  {name}:\n    condition: service_healthy\n")
    if not name or waiting is None or facts.launch.path != other.launch.path:
        return None
    edits = [waiting]
    if other.launch.container is not None and other.launch.container.health is None:
        checked = _checked(other)
        if checked is None:
            return None
        edits.append(checked)
    return Fix(f"start after `{name}` is healthy", Applicability.UNSAFE, tuple(edits))


def _checked(facts: LaunchFacts) -> Edit | None:
    """Return the edit that has a service's health checked; `None` where it answers no plain HTTP."""
    port, image = facts.args.integer("port"), facts.launch.image
    if image is None or not split_image(image.text).is_official:
        return None
    elsewhere = any(facts.args.given(dest) for dest in ("uds", "ssl_certfile", "root_path", "headless"))
    if elsewhere or (isinstance(port, Unknown) and facts.args.given("port") is not None):
        return None
    asked = 8000 if isinstance(port, Unknown) else port.value
    test = f"  test: curl -f http://localhost:{asked}/health\n"
    return _added(facts, "healthcheck", f"healthcheck:\n{test}  start_period: 10m\n")


def _added(facts: LaunchFacts, key: str, setting: str) -> Edit | None:
    """Return the edit that gives a service a setting; `None` where it has one, or may get one elsewhere."""
    launch, container = facts.launch, facts.launch.container
    if container is None or container.anchor is None or container.open_ended is not None:
        return None
    text, extent = facts.sources.get(container.anchor.path), launch.extent
    if text is None or f"{key}:" in text[extent.start : extent.end] or "<<:" in text:
        return None
    return container_setting(text, container, setting, "")


def _measures(facts: LaunchFacts) -> bool:
    """Whether the service runs as the file says, and measures what is free."""
    container, image = facts.launch.container, facts.launch.image
    if container is None or container.kind != "compose" or facts.launch.together is None:
        return False
    other_build = image is not None and any(part in image.text for part in ("cpu", "tpu", "neuron", "hpu"))
    # Who chooses the GPUs by a variable of his own may keep the servers apart.
    if any(one.name == "CUDA_VISIBLE_DEVICES" and one.value.via for one in facts.launch.env):
        return False
    args = facts.args
    given = (args.given("kv_cache_memory_bytes"), args.given("num_gpu_blocks_override"))
    return not other_build and args.open_ended is None and not any(given)


def _sharing(launches: Sequence[LaunchFacts]) -> Iterator[tuple[LaunchFacts, list[tuple[LaunchFacts, str]]]]:
    """Yield each server that measures its GPUs, with those before it that share one, and which one."""
    earlier: dict[str | None, list[Measuring]] = {}
    least: dict[str | None, float] = {}
    for one in filter(None, map(_measuring, launches)):
        together = one.facts.launch.together
        beside = earlier.setdefault(together, [])
        # Most servers ask for most of a card: then no two of a long file need to be compared.
        if one.part + least.get(together, 2.0) <= 1.0:
            yield one.facts, [found for other in beside if (found := _shared(other, one)) is not None]
        least[together] = min(one.part, least.get(together, 2.0))
        beside.append(one)


def _measuring(facts: LaunchFacts) -> Measuring | None:
    if not _measures(facts) or isinstance(facts.maybe_parallel, Unknown):
        return None
    gpus = used_gpus(facts.launch, facts.parallel)
    return None if isinstance(gpus, Unknown) else Measuring(facts, _share(facts), gpus)


def _shared(one: Measuring, other: Measuring) -> tuple[LaunchFacts, str] | None:
    if one.part + other.part > 1.0:
        return None
    gpu = next((gpu for gpu in one.gpus if gpu in other.gpus), None)
    return None if gpu is None else (one.facts, gpu)


def _share(facts: LaunchFacts) -> float:
    """Return the server's part of the card; more than all of it is another mistake, MEM004."""
    found = facts.args.value("gpu_memory_utilization")
    value = None if isinstance(found, Unknown) else found.value
    return float(value) if isinstance(value, int | float) else 0.0


def _waited(launches: Sequence[LaunchFacts]) -> dict[str, frozenset[str]]:
    """Return for each service those it waits for, through others as well."""
    direct = {
        facts.launch.name: frozenset(facts.launch.container.starts_after if facts.launch.container else ())
        for facts in launches
    }
    waited: dict[str, frozenset[str]] = {}
    further = direct
    while further != waited:
        waited = further
        further = {
            name: names.union(*(waited.get(one, frozenset()) for one in names))
            for name, names in waited.items()
        }
    return waited


def _ordered(one: LaunchFacts, other: LaunchFacts, waited: dict[str, frozenset[str]]) -> bool:
    mine, others = one.launch.name, other.launch.name
    return mine in waited.get(others, frozenset()) or others in waited.get(mine, frozenset())
