"""What the services of a compose project are to each other: ports they publish, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Variables
from functools import cached_property

from vllint.sources.compose.project import Project
from vllint.sources.interpolation import interpolate
from vllint.sources.ports import port_mapping, single_port
from vllint.text.yaml.nodes import Mapping, Scalar, Sequence
from vllint_schemas import PortMapping, Unknown, Word


class Company:
    """The services of a project beside each other; each is read once, when one of them starts vLLM."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def ports(self, service: Mapping) -> tuple[PortMapping, ...]:
        """Return the ports that a service of the project publishes."""
        return self._ports[service]

    def published(self, service: Mapping) -> tuple[tuple[str, PortMapping], ...]:
        """Return the ports of all services that start whenever this one does, its own among them."""
        return self._published.get(running_together(service), ())

    def waiting_for(self, name: str) -> tuple[str, ...]:
        """Return the services that start only when the service of this name is healthy."""
        return tuple(self._waiting.get(name, ()))

    @cached_property
    def _ports(self) -> dict[Mapping, tuple[PortMapping, ...]]:
        variables = self._project.variables
        nodes = (service.node for service in self._project.services)
        return {node: tuple(published_ports(node, variables)) for node in nodes}

    @cached_property
    def _published(self) -> dict[str, tuple[tuple[str, PortMapping], ...]]:
        found: dict[str, list[tuple[str, PortMapping]]] = {}
        for service in self._project.services:
            together = found.setdefault(running_together(service.node), [])
            together.extend((service.key.value, mapping) for mapping in self._ports[service.node])
        return {profiles: tuple(ports) for profiles, ports in found.items()}

    @cached_property
    def _waiting(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for service in self._project.services:
            for awaited in dict.fromkeys(healthy_first(service.node)):
                found.setdefault(awaited, []).append(service.key.value)
        return found


def running_together(service: Mapping) -> str:
    """Return what services that start together have in common: their profiles."""
    profiles = service.get("profiles")
    items = profiles if isinstance(profiles, Sequence) else ()
    return f"profiles {', '.join(sorted(node.value for node in items if isinstance(node, Scalar)))}"


def healthy_first(service: Mapping) -> Iterator[str]:
    """Yield the services that must be healthy before this one starts."""
    needed = service.get("depends_on")
    for name, how in needed.items() if isinstance(needed, Mapping) else ():
        condition = how.get("condition") if isinstance(how, Mapping) else None
        healthy = isinstance(condition, Scalar) and condition.value == "service_healthy"
        if isinstance(name, Scalar) and healthy:
            yield name.value


def published_ports(service: Mapping, variables: Variables[str, Word]) -> Iterator[PortMapping]:
    """Yield the `ports` of a service, in their short and their long form."""
    ports = service.get("ports")
    for item in ports if isinstance(ports, Sequence) else ():
        if isinstance(item, Scalar):
            mapping = port_mapping(interpolate(item.word(), variables))
            if mapping is not None:
                yield mapping
        elif isinstance(item, Mapping):
            yield from _long_port(item, variables)


def _long_port(item: Mapping, variables: Variables[str, Word]) -> Iterator[PortMapping]:
    """Read `{target: 8000, published: "8001", host_ip: 127.0.0.1}`."""
    nodes = (item.get(name) for name in ("target", "published", "host_ip", "protocol"))
    target, published, host_ip, protocol = (
        interpolate(node.word(), variables) if isinstance(node, Scalar) else None for node in nodes
    )
    if target is None or (protocol is not None and protocol.text != "tcp"):
        return
    address = "" if host_ip is None else host_ip.text if host_ip.is_known else Unknown(host_ip.reason)
    yield PortMapping(address, None if published is None else single_port(published), single_port(target))
