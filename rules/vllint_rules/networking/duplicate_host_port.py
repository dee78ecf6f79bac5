"""NET002 duplicate-host-port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import EntryPoint, Finding, Located, PortMapping, Related, Severity, Span, Unknown

_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "*"})
_WITHOUT_PORT = frozenset({EntryPoint.DYNAMO, EntryPoint.LLM})
"""Workers behind a frontend, and engines within a program, listen on no port."""


class Taken(NamedTuple):
    """A port of the machine that something takes, on one address or (empty) on all."""

    port: int
    address: str
    place: Span
    who: str


class _Published:
    """What services of compose files publish, by port; services that start together share the list of it."""

    def __init__(self) -> None:
        self._by_list: dict[int, dict[int, list[Taken]]] = {}

    def beside(self, facts: LaunchFacts, port: int) -> Iterator[Taken]:
        """Yield who publishes a port whenever the launch's service is started, itself left out."""
        container = facts.launch.container
        if container is None or not container.published_together:
            return
        pairs = container.published_together
        by_port = self._by_list.get(id(pairs))
        if by_port is None:
            by_port = self._by_list[id(pairs)] = {}
            for name, mapping in pairs:
                for taken in _of(mapping, name):
                    by_port.setdefault(taken.port, []).append(taken)
        yield from (taken for taken in by_port.get(port, ()) if taken.who != container.service)


class DuplicateHostPort(Rule):
    """Two servers on one machine cannot take the same port.

    ## What it does

    Looks for a port that two services of a compose file publish, at least one of them a vLLM server, and
    for servers on the same network that listen on the same `--port`: in the host's network, in one pod, or
    left running by the same script. Services of different profiles may be alternatives, and so may what
    stands behind conditions of a script: they are not compared. In a script it is a warning: one may
    run parts of it only.

    ## Why is this bad?

    The second one to start fails: `port is already allocated`, or vLLM's own `Address already in use` after
    the model has been loaded.

    ## Example

    Two services with `ports: ["8000:8000"]`.

    ## Use instead

    `ports: ["8000:8000"]` and `ports: ["8001:8000"]`.

    ## Since

    0.1.0
    """

    code = "NET002"
    name = "duplicate-host-port"
    severity = Severity.ERROR
    stage = "container"
    source = "entrypoints/launchers/launcher.py:340"
    since = "0.1.0"
    url = "https://docs.docker.com/reference/compose-file/services/#ports"
    tags = ("networking", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    ports: ["8000:8000"]
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B
    ports: ["8000:8000"]
    #        ~~~~
    gpus: all
""",
        ),
        Example(
            title="a service that is no server of vLLM",
            path="compose.yaml",
            text="""\
services:
  gateway:
    image: gateway
    ports: ["8000:80"]
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    ports: ["8000:8000"]
    #        ~~~~
    gpus: all
""",
        ),
        Example(
            title="a script",
            text="""\
CUDA_VISIBLE_DEVICES=0 vllm serve Qwen/Qwen3-8B &
CUDA_VISIBLE_DEVICES=1 vllm serve Qwen/Qwen3-4B
#                      ~~~~~~~~~~
""",
        ),
        Example(
            title="the host's network",
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --port 8001
    network_mode: host
    gpus: all
  embeddings:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-Embedding-4B --port 8001
    #                                               ~~~~
    network_mode: host
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            title="on different addresses",
            path="compose.yaml",
            text="""\
services:
  gateway: {image: gateway, ports: ["10.0.0.1:8000:80"]}
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    ports: ["127.0.0.1:8000:8000"]
    gpus: all
""",
        ),
        Example(
            title="alternatives",
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    ports: ["8000:8000"]
    profiles: [small]
    gpus: all
  large:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-32B
    ports: ["8000:8000"]
    profiles: [large]
    gpus: all
""",
        ),
        Example(
            title="workers of Dynamo, which a frontend serves",
            text="""\
CUDA_VISIBLE_DEVICES=0 python3 -m dynamo.vllm --model Qwen/Qwen3-8B &
CUDA_VISIBLE_DEVICES=1 python3 -m dynamo.vllm --model Qwen/Qwen3-8B --is-prefill-worker
""",
        ),
        Example(
            title="one after the other",
            text="vllm serve Qwen/Qwen3-8B\nvllm serve Qwen/Qwen3-4B\n",
        ),
    )

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield a finding for each port that something else took before."""
        taken = [tuple(_taken(facts)) for facts in launches]
        takers: dict[tuple[str, int], list[Taken]] = {}
        for facts, ports in zip(launches, taken, strict=True):
            for own in ports if facts.launch.together is not None else ():
                takers.setdefault((facts.launch.together or "", own.port), []).append(own)
        published = _Published()
        for facts, ports in zip(launches, taken, strict=True):
            for own in ports:
                others = takers.get((facts.launch.together or "", own.port), ())
                before = chain(published.beside(facts, own.port), others)
                first = next((one for one in before if one not in ports and _clash(one, own)), None)
                if first is not None:
                    yield self._clash(facts, own, first)

    def _clash(self, facts: LaunchFacts, own: Taken, first: Taken) -> Finding:
        # The one that stands later in the file is to be moved.
        place, other = (own, first) if own.place.start > first.place.start else (first, own)
        return self.finding(
            facts,
            place.place,
            f"`{place.who}` takes port {own.port}, which `{other.who}` takes as well: the second one to start"
            " fails",
            "give each its own port",
            severity=Severity.WARNING if facts.launch.kind == "shell" else Severity.ERROR,
            related=(Related(other.place, f"`{other.who}` takes it here"),),
            subject=f"port={own.port}",
        )


def _clash(one: Taken, other: Taken) -> bool:
    if one.port != other.port or one.place == other.place:
        return False
    return one.address == other.address or "" in (one.address, other.address)


def _taken(facts: LaunchFacts) -> Iterator[Taken]:
    """Yield the ports that a launch takes from its machine, or from its pod."""
    container = facts.launch.container
    if container is not None and container.kind != "kubernetes" and not container.shares_host_network:
        for mapping in container.ports:
            yield from _of(mapping, facts.launch.name)
        return
    if facts.launch.entry_point in _WITHOUT_PORT:
        return
    port = facts.args.integer("port")
    host = facts.args.value("host")
    if isinstance(port, Unknown) or isinstance(host, Unknown) or _listens_elsewhere(facts):
        return
    address = "" if host.value in {None, *_EVERYWHERE} else str(host.value)
    yield Taken(port.value, address, facts.args.place("port") or facts.launch.at, facts.launch.name)


def _listens_elsewhere(facts: LaunchFacts) -> bool:
    found = [facts.args.value(dest) for dest in ("uds", "headless")]
    return any(isinstance(one, Unknown) or bool(one.value) for one in found)


def _of(mapping: PortMapping, who: str) -> Iterator[Taken]:
    port, address = mapping.host_port, mapping.host_ip
    if not isinstance(port, Located) or port.span is None or isinstance(address, Unknown):
        return
    for number in range(port.value, port.value + min(mapping.length, 100)):
        yield Taken(number, "" if address in _EVERYWHERE else address, port.span, who)
