"""What a pod gives a container besides a command (Kubernetes API, "Pod", "Service")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vllint.sources.ports import single_port
from vllint.sources.quantities import kubernetes_bytes, number, or_default
from vllint.sources.templates.tags import with_placeholders_unknown
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Container, Health, Located, PortMapping, Span, Unknown
from vllint_schemas.launch import AllGpus, ListPlace

_DEFAULT_PERIOD = 10.0
_DEFAULT_FAILURES = 3.0
"""Kubernetes' own (API reference, "Probe": `periodSeconds`, `failureThreshold`); the delay is 0."""


_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9/._-]*")


class Service(NamedTuple):
    """A Service whose address becomes variables of the pods of its namespace; empty when none is named."""

    name: Located[str]
    namespace: str


def pod_container(
    container: Mapping,
    spec: Mapping,
    services: Iterable[Service],
    gpu_count: Located[int | AllGpus] | Unknown,
) -> Container:
    """Return what a container of the pod `spec` is given; `services` are those of its namespace."""
    entry = spec.entry("containers")
    key = entry[0] if entry is not None else None
    return Container(
        kind="kubernetes",
        shared_memory=_shared_memory(container, spec),
        memory_limit=_memory_limit(container),
        shares_host_ipc=_is_on(spec.get("hostIPC")),
        shares_host_network=_is_on(spec.get("hostNetwork")),
        ports=tuple(_ports(container.get("ports"))),
        health=_health(container),
        gpu_count=gpu_count,
        services=tuple(service.name for service in services) if _links_services(spec) else (),
        anchor=_writable(key, spec),
        mount_place=_list_place(container, "volumeMounts"),
        volume_place=_list_place(spec, "volumes"),
    )


def _writable(key: Node | None, parent: Mapping) -> Span | None:
    """Return the place of a key in front of which lines can be written."""
    return key.span if isinstance(key, Scalar) and not key.via and not parent.flow else None


def _list_place(parent: Mapping, name: str) -> ListPlace | None:
    """Return where an item of the list `name` can be written, whether or not there is one."""
    items = parent.get(name)
    if items is None:
        place = _writable(parent.entries[-1][0], parent) if parent.entries else None
        return None if place is None else ListPlace(place, False)
    if not isinstance(items, Sequence) or items.flow or items.via or not len(items):
        return None
    return ListPlace(items.entries[0].span, True)


def services_of(roots: Iterable[Node]) -> Iterator[Service]:
    """Yield the Services among the objects of a file that get an address of their own."""
    for root in roots:
        if not isinstance(root, Mapping):
            continue
        kind, items = root.get("kind"), root.get("items")
        if isinstance(items, Sequence):
            yield from services_of(items)
        elif isinstance(kind, Scalar) and kind.value == "Service":
            yield from _service(root)


def _service(root: Mapping) -> Iterator[Service]:
    metadata, version, spec = (root.get(name) for name in ("metadata", "apiVersion", "spec"))
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, Scalar) or not isinstance(version, Scalar) or version.value != "v1":
        return
    address, kind = (spec.get("clusterIP"), spec.get("type")) if isinstance(spec, Mapping) else (None, None)
    headless = isinstance(address, Scalar) and address.value == "None"
    if headless or (isinstance(kind, Scalar) and kind.value == "ExternalName"):
        return
    word = with_placeholders_unknown(name.word())
    if word.is_known:
        yield Service(Located(word.text, word.span), namespace_of(root))


def namespace_of(root: Mapping) -> str:
    """Return the namespace that an object names; empty when it names none."""
    metadata = root.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, Mapping) else None
    return namespace.value if isinstance(namespace, Scalar) else ""


def _links_services(spec: Mapping) -> bool:
    links = spec.get("enableServiceLinks")
    return not isinstance(links, Scalar) or links.resolved() is not False


def _is_on(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.resolved() is True


def _shared_memory(container: Mapping, spec: Mapping) -> Located[int] | Unknown | None:
    """Return the size of what is mounted at /dev/shm, `None` when nothing is."""
    volume = next((mount for mount in _items(container, "volumeMounts") if _path(mount) == "/dev/shm"), None)
    if volume is None:
        templated = any(not isinstance(mount, Mapping) for mount in _items(container, "volumeMounts"))
        return Unknown("the mounts are filled in later") if templated else None
    unknown = Unknown("something is mounted at /dev/shm")
    name = volume.get("name") if isinstance(volume, Mapping) else None
    for source in _items(spec, "volumes"):
        named = source.get("name") if isinstance(source, Mapping) else None
        if not isinstance(source, Mapping) or not isinstance(named, Scalar) or not isinstance(name, Scalar):
            continue
        folder = source.get("emptyDir")
        limit = scalar_word(folder.get("sizeLimit")) if isinstance(folder, Mapping) else None
        medium = scalar_word(folder.get("medium")) if isinstance(folder, Mapping) else None
        if named.value == name.value and limit is not None and medium is not None:
            return kubernetes_bytes(limit) if medium.text == "Memory" else unknown
    return unknown


def _memory_limit(container: Mapping) -> Located[int] | Unknown | None:
    """Return `resources.limits.memory`."""
    node: Node | None = container
    for key in ("resources", "limits", "memory"):
        node = node.get(key) if isinstance(node, Mapping) else None
    size = scalar_word(node)
    return None if size is None else kubernetes_bytes(size)


def _path(mount: Node) -> str:
    path = mount.get("mountPath") if isinstance(mount, Mapping) else None
    return path.value.rstrip("/") if isinstance(path, Scalar) else ""


def _items(node: Mapping, key: str) -> Iterator[Node]:
    items = node.get(key)
    yield from items if isinstance(items, Sequence) else ()


def _ports(ports: Node | None) -> Iterator[PortMapping]:
    for item in ports if isinstance(ports, Sequence) else ():
        if not isinstance(item, Mapping):
            continue
        inside, outside = scalar_word(item.get("containerPort")), scalar_word(item.get("hostPort"))
        if inside is not None:
            yield PortMapping("", None if outside is None else single_port(outside), single_port(inside))


def _health(container: Mapping) -> Health | None:
    """Read the probe that decides while the server starts: the startup probe, else the liveness probe."""
    for name in ("startupProbe", "livenessProbe"):
        entry = container.entry(name)
        if entry is not None:
            return _probe(name, entry[0].span, entry[1], _writable(entry[0], container))
    return None


def _probe(name: str, span: Span, probe: Node, anchor: Span | None) -> Health | None:
    """Read a probe that asks the server; what a command of its own tests is not known."""
    if not isinstance(probe, Mapping) or all(probe.get(key) is None for key in ("httpGet", "tcpSocket")):
        return None
    delay, period, failures = (
        scalar_word(probe.get(key)) for key in ("initialDelaySeconds", "periodSeconds", "failureThreshold")
    )
    return Health(
        name=name,
        span=span,
        kills=True,
        grace_seconds=or_default(delay, number, 0.0),
        interval_seconds=or_default(period, number, _DEFAULT_PERIOD),
        failures=or_default(failures, number, _DEFAULT_FAILURES),
        anchor=anchor,
        asks=_question(probe),
    )


def _question(probe: Mapping) -> str:
    """Return what a probe asks, on one line; empty where it takes more than plain words."""
    for name in ("httpGet", "tcpSocket"):
        asked = probe.get(name)
        fields = [
            (key.value, value.value)
            for key, value in (asked.items() if isinstance(asked, Mapping) else ())
            if isinstance(key, Scalar) and isinstance(value, Scalar)
        ]
        whole = isinstance(asked, Mapping) and len(fields) == len(asked.items())
        if whole and fields and all(_PLAIN.fullmatch(value) for _, value in fields):
            return f"{name}: {{{', '.join(f'{key}: {value}' for key, value in fields)}}}"
    return ""
