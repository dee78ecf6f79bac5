"""Pods that an operator makes from a resource of its own: specifications laid over one another."""

from __future__ import annotations

from collections.abc import Iterable

from vllint.sources.kubernetes.container import namespace_of
from vllint.sources.kubernetes.fields import below, mappings_in
from vllint.sources.kubernetes.pods import Pod, name_of
from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, scalar_of, sequence_of
from vllint_schemas import Launch, Located, Span, Unknown, Variable, Word

_KEYED = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists of which Kubernetes' strategic merge replaces the items that agree in a key."""


def laid_over(base: Mapping, over: Mapping, appended: frozenset[str] = frozenset()) -> Mapping:
    """Return `over` with what it takes over from `base`, as Kubernetes' strategic merge makes it.

    Lists under the keys `appended` are put behind those of `base`; the result stands where `over` does.
    """
    entries = {key.value: (key, value) for key, value in base.items() if isinstance(key, Scalar)}
    for key, value in over.items():
        if isinstance(key, Scalar):
            earlier = entries.get(key.value)
            laid = value if earlier is None else _laid(key.value, earlier[1], value, appended)
            entries[key.value] = (key, laid)
    return over.with_entries(tuple(entries.values()))


def _laid(name: str, base: Node, over: Node, appended: frozenset[str]) -> Node:
    if isinstance(over, Scalar) and over.resolved() is None:
        return base
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return laid_over(base, over, appended)
    if not isinstance(base, Sequence) or not isinstance(over, Sequence):
        return over
    if name in appended:
        return sequence_of(base.entries + over.entries, over)
    if name not in _KEYED:
        return over
    return sequence_of(_by_key(base, over, _KEYED[name], appended), over)


def _by_key(base: Sequence, over: Sequence, key: str, appended: frozenset[str]) -> tuple[Node, ...]:
    items: dict[object, Node] = {_place(item, key): item for item in base}
    for item in over:
        place = _place(item, key)
        earlier = items.get(place)
        both = isinstance(earlier, Mapping) and isinstance(item, Mapping)
        items[place] = laid_over(earlier, item, appended) if both else item  # type: ignore[arg-type]
    return tuple(items.values())


def _place(item: Node, key: str) -> object:
    value = below(item, key)
    return value.value if isinstance(value, Scalar) else id(item)


def with_fields(node: Mapping, *fields: tuple[str, Node | None]) -> Mapping:
    """Return a mapping with other values under some keys; those given `None` are left out."""
    names = {name for name, _ in fields}
    kept = [entry for entry in node.items() if not (isinstance(entry[0], Scalar) and entry[0].value in names)]
    return node.with_entries((*kept, *(_entry(name, value) for name, value in fields if value is not None)))


def _entry(name: str, value: Node) -> Entry:
    return scalar_of(Word.atomic(name, value.span)), value


def written_at(site: Span, like: Node, *texts: str) -> Sequence:
    """Return a list of texts that a field at `site` stands for."""
    return sequence_of(tuple(scalar_of(Word.atomic(text, site)) for text in texts), like)


def containers_of(spec: Mapping) -> tuple[Mapping, ...]:
    """Return the containers of a pod's specification."""
    return tuple(mappings_in(spec.get("containers")))


def pod_of(
    resource: Mapping,
    spec: Mapping,
    containers: Iterable[Mapping],
    nodes: Located[int] | Unknown | None = None,
    variables: tuple[Variable, ...] = (),
) -> Pod:
    """Return the pod that a resource stands for; `nodes` and `variables` are as in Pod."""
    name, namespace = name_of(resource), namespace_of(resource)
    return Pod(spec, name, namespace, tuple(containers), nodes, variables)


def named_after(launch: Launch, resource: Mapping, own: str) -> Launch:
    """Return the launch under the name of its resource, which stands for it in its file."""
    name = below(resource, "metadata", "name")
    at = name.span if isinstance(name, Scalar) and name.span.path == launch.path else launch.extent
    return made_up(launch._replace(name=f"{name_of(resource)}/{own}", at=at))


def made_up(launch: Launch) -> Launch:
    """Return the launch of a container that stands in no file as it is: nothing can be written beside it."""
    container = launch.container
    if container is None:
        return launch
    health = None if container.health is None else container.health._replace(anchor=None)
    closed = container._replace(anchor=None, mount_place=None, volume_place=None, health=health)
    return launch._replace(container=closed)


def shared_by_platform(launch: Launch, platform: str) -> Launch:
    """Return a launch whose platform mounts /dev/shm when the file does not."""
    container = launch.container
    if container is None or container.shared_memory is not None:
        return launch
    mounted = Unknown(f"{platform} mounts something at /dev/shm")
    return launch._replace(container=container._replace(shared_memory=mounted))
