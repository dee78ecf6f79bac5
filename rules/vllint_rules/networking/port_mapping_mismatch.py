"""NET001 port-mapping-mismatch."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, PortMapping, Related, Severity, Unknown


class PortMappingMismatch(Rule):
    """A published port must lead to the port that the server listens on.

    ## What it does

    Compares the container's side of `ports` or `-p` with `--port`, which is 8000 when it is not given.
    Containers in the host's network and servers that a script starts are left alone.

    ## Why is this bad?

    The server starts and nobody reaches it: nothing listens where the published port leads.

    ## Example

    `docker run -p 8000:8080 vllm/vllm-openai:v0.22.1 --model Qwen/Qwen3-8B`

    ## Use instead

    `docker run -p 8000:8000 vllm/vllm-openai:v0.22.1 --model Qwen/Qwen3-8B`

    ## Fix safety

    Safe: the container's side of the only mapping is changed, so that the host's port and the server's stay
    what clients know.

    ## Since

    0.1.0
    """

    code = "NET001"
    name = "port-mapping-mismatch"
    severity = Severity.WARNING
    stage = "run"
    source = "entrypoints/launchers/launcher.py:365"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    waits_for = frozenset({"NET004"})
    triggers = frozenset({"launch.container"})
    tags = ("networking", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --port 8080
    ports:
      - "8001:8000"
      #       ~~~~
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --port 8080
    ports:
      - "8001:8080"
    gpus: all
""",
        ),
        Example(
            title="vLLM's own port",
            text="docker run --gpus all -p 8080:8080 vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n"
            "#                             ~~~~\n",
            fixed="docker run --gpus all -p 8080:8000 vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n",
        ),
    )
    GOOD = (
        Example(text="docker run --gpus all -p 9000:8000 vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n"),
        Example(
            title="the host's network",
            text="docker run --gpus all --network host -p 9:9 vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n",
        ),
        Example(
            title="one port of a range",
            text="docker run --gpus all -p 7990-8010:7990-8010 vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n",
        ),
        Example(
            title="a port that is not known",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B\n    gpus: all\n    ports: ['80:${PORT}']\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when no published port leads to the server's."""
        container, port = facts.launch.container, facts.args.integer("port")
        if container is None or container.kind == "kubernetes" or container.shares_host_network:
            return
        if isinstance(port, Unknown) or facts.launch.in_script or _listens_elsewhere(facts):
            return
        if not container.ports or any(_may_lead_to(mapping, port.value) for mapping in container.ports):
            return
        mapping = container.ports[0]
        inside = mapping.container_port
        if isinstance(inside, Unknown) or inside.span is None:
            return
        place = facts.args.place("port")
        listens = f"`--port {port.value}`" if place is not None else f"{port.value}, vLLM's own port"
        yield self.finding(
            facts,
            inside.span,
            f"{_published(mapping)} leads to port {inside.value} of the container, and the server listens on"
            f" {listens}",
            f"publish port {port.value} of the container",
            related=() if place is None else (Related(place, "the server's port"),),
            fix=_fix(facts, container.ports, inside, port.value),
            subject=f"container_port={inside.value}",
        )


def _listens_elsewhere(facts: LaunchFacts) -> bool:
    """Whether the server has no port, or more than one."""
    for dest in ("uds", "headless", "data_parallel_multi_port_external_lb"):
        found = facts.args.value(dest)
        if isinstance(found, Unknown) or found.value:
            return True
    return False


def _may_lead_to(mapping: PortMapping, port: int) -> bool:
    inside = mapping.container_port
    return isinstance(inside, Unknown) or inside.value <= port < inside.value + mapping.length


def _published(mapping: PortMapping) -> str:
    host = mapping.host_port
    return f"port {host.value} of the host" if isinstance(host, Located) else "the published port"


def _fix(facts: LaunchFacts, ports: tuple[PortMapping, ...], inside: Located[int], port: int) -> Fix | None:
    if len(ports) != 1 or ports[0].length != 1 or inside.span is None or inside.via:
        return None
    if facts.sources.get(inside.span.path, "")[inside.span.start : inside.span.end] != str(inside.value):
        return None
    edit = Edit(inside.span, str(port))
    return Fix(f"publish port {port} of the container", Applicability.SAFE, (edit,))
