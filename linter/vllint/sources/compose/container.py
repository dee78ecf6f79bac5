"""What a compose service gives its container besides a command (Compose Specification, "services")."""

from __future__ import annotations

from collections.abc import Mapping as Variables

from vllint.sources.compose.company import Company, healthy_first
from vllint.sources.compose.gpus import gpu_handout
from vllint.sources.compose.process import interpolated_word
from vllint.sources.compose.project import Project, Service
from vllint.sources.compose.volumes import mount_targets
from vllint.sources.docker_health import asks_server, docker_health
from vllint.sources.interpolation import interpolate
from vllint.sources.quantities import docker_bytes
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Container, Health, Located, Span, Unknown, Variable, Word


def service_container(
    found: Service, project: Project, company: Company, environment: tuple[Variable, ...]
) -> Container:
    """Return what a service's container is given in its environment."""
    name, service, variables = found.key.value, found.node, project.variables
    handout = gpu_handout(service, environment, variables)
    targets = tuple(mount_targets(service))
    ipc, network = _text(service, "ipc", variables), _text(service, "network_mode", variables)
    privileged = _is_on(service.get("privileged"))
    unknown = Unknown("a privileged container sees the GPUs of its machine")
    return Container(
        kind="compose",
        open_ended=_open_ended(found),
        shared_memory=_shared_memory(service, ipc, targets, variables),
        memory_limit=_memory_limit(service, variables),
        shares_host_ipc=ipc == "host",
        shares_host_network=network == "host",
        ports=company.ports(service),
        health=_health(service, company.waiting_for(name), variables),
        gpu_reservation=None if handout is None else handout.span,
        gpu_count=None if handout is None else unknown if privileged else handout.gpu_count,
        gpu_count_key=None if handout is None else handout.count_key,
        device_ids=None if handout is None or privileged else handout.device_ids,
        mount_targets=targets,
        service=name,
        published_together=company.published(service),
        starts_after=tuple(healthy_first(service)),
        builds_image=service.get("build") is not None,
        anchor=_anchor(service),
    )


def _open_ended(found: Service) -> Unknown | None:
    if found.partial is None and found.node.get("volumes_from") is not None:
        return Unknown("the service takes settings from another one")
    return found.partial


def _is_on(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.resolved() is not False


def _text(service: Mapping, key: str, variables: Variables[str, Word]) -> str | Unknown | None:
    node = service.get(key)
    if not isinstance(node, Scalar) or "$" not in node.value:
        return node.value if isinstance(node, Scalar) else None
    word = interpolate(node.word(), variables)
    return word.text if word.is_known else Unknown(word.reason)


def _shared_memory(
    service: Mapping, ipc: str | Unknown | None, targets: tuple[str, ...], variables: Variables[str, Word]
) -> Located[int] | Unknown | None:
    """Return the size of /dev/shm: `shm_size`, or unknown where another container or a mount gives it."""
    if isinstance(ipc, Unknown):
        return ipc
    if ipc is not None and ipc.startswith(("service:", "container:")):
        return Unknown(f"`ipc: {ipc}` shares the memory of another container")
    if "/dev/shm" in targets:
        return Unknown("something is mounted at /dev/shm")
    size = interpolated_word(service.get("shm_size"), variables)
    return None if size is None else docker_bytes(size)


def _memory_limit(service: Mapping, variables: Variables[str, Word]) -> Located[int] | Unknown | None:
    """Return `mem_limit`, or `deploy.resources.limits.memory`."""
    node: Node | None = service
    for key in ("deploy", "resources", "limits", "memory"):
        node = node.get(key) if isinstance(node, Mapping) else None
    size = interpolated_word(service.get("mem_limit"), variables) or interpolated_word(node, variables)
    return None if size is None else docker_bytes(size)


def _health(service: Mapping, awaited_by: tuple[str, ...], variables: Variables[str, Word]) -> Health | None:
    """Read `healthcheck`, if what it tests is an answer over the network."""
    entry = service.entry("healthcheck")
    check = entry[1] if entry is not None else None
    if entry is None or not isinstance(check, Mapping) or _is_on(check.get("disable")):
        return None
    if not _asks_server(check.get("test")):
        return None
    given = (
        interpolated_word(check.get(name), variables) for name in ("start_period", "interval", "retries")
    )
    health = docker_health("healthcheck", entry[0].span, *given)
    return health._replace(awaited_by=awaited_by, anchor=first_key(check))


def first_key(mapping: Mapping) -> Span | None:
    """Return the first key written in a block mapping; `None` for one that is shared or in braces."""
    key = mapping.entries[0][0] if mapping.entries else None
    if not isinstance(key, Scalar) or key.via or mapping.flow:
        return None
    return key.span


def _asks_server(test: Node | None) -> bool:
    """Whether a healthcheck asks the server for something."""
    nodes = test if isinstance(test, Sequence) else (test,)
    words = [node.value for node in nodes if isinstance(node, Scalar)]
    return any(asks_server(word) for word in words)


def _anchor(service: Mapping) -> Span | None:
    """Return a key of the service's own, in front of which another one can be written."""
    for name in ("image", "command", "entrypoint"):
        entry = service.entry(name)
        if entry is None or not isinstance(entry[0], Scalar) or entry[0].via or service.flow:
            continue
        if service.span.holds(entry[0].span):
            return entry[0].span
    return None
