"""The pods of a Kubernetes object, wherever their specification stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.kubernetes.container import namespace_of
from vllint.sources.kubernetes.fields import field_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Located, Unknown, Variable, Word

_MAX_DEPTH = 60
_WITH_SELECTOR = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
"""Objects whose `spec.selector` the API requires (apps/v1): one without it may be a patch of another file."""

_OWN_API = frozenset({"v1", "apps/v1", "batch/v1"})
_GROUPS = frozenset(
    {"headGroupSpec", "workerGroupSpecs", "pytorchReplicaSpecs", "mpiReplicaSpecs", "replicatedJobs"}
)
"""Keys of objects whose pods work together (KubeRay, Kubeflow Trainer, JobSet)."""

_SEVERAL = re.compile(r"(?i)multi_?node|(?:node|pod)_?(?:count|size|number)|num_?nodes|nnodes|worker|leader")
_SEVERAL_PODS = Unknown("what makes the pods may let several hold the model together")
_SINGLE_CONTAINERS = ("runner", "container")
"""Keys that hold one container in place of a pod's list: OME's runtimes, Argo's templates."""


class Pod(NamedTuple):
    """A pod's specification and the containers that may start a server.

    `nodes` counts the pods that may hold one model together, `None` where each is on its own;
    `variables` are set in its containers by what creates it. `partial` says that the object is a patch
    of another one, or may be.
    """

    spec: Mapping
    name: str
    namespace: str
    containers: tuple[Mapping, ...]
    nodes: Located[int] | Unknown | None = None
    variables: tuple[Variable, ...] = ()
    partial: bool = False


class _Object(NamedTuple):
    """What the object around a pod's specification says."""

    name: str
    namespace: str
    partial: bool = False
    images_required: bool = False
    nodes: Located[int] | Unknown | None = None
    variables: tuple[Variable, ...] = ()


def is_object(node: Node) -> bool:
    """Whether a node is a Kubernetes object."""
    return isinstance(node, Mapping) and node.get("apiVersion") is not None and node.get("kind") is not None


def pods(root: Mapping) -> Iterator[Pod]:
    """Yield every pod of an object, or of the objects in a list: each mapping with `containers`."""
    yield from _pods(root, _Object(name_of(root), namespace_of(root)), 0)


def name_of(root: Mapping) -> str:
    """Return an object's name; `object` where it has none."""
    metadata = root.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name.value if isinstance(name, Scalar) else "object"


def _pods(node: Node, around: _Object, depth: int) -> Iterator[Pod]:
    if depth > _MAX_DEPTH or isinstance(node, Scalar):
        return
    if isinstance(node, Sequence):
        for item in node:
            yield from _pods(item, around, depth + 1)
        return
    if is_object(node):
        around = _object(node)
    containers = tuple(_containers(node))
    if containers:
        if not around.images_required or any(item.get("image") is not None for item in containers):
            yield Pod(
                node,
                around.name,
                around.namespace,
                containers,
                around.nodes,
                around.variables,
                around.partial,
            )
        if isinstance(node.get("containers"), Sequence):
            return
    for key, value in node.items():
        yield from _pods(value, _grouped(key, value, around), depth + 1)


def _object(node: Mapping) -> _Object:
    kind, version, spec = (node.get(name) for name in ("kind", "apiVersion", "spec"))
    own_api = isinstance(version, Scalar) and version.value in _OWN_API
    selected = isinstance(kind, Scalar) and kind.value in _WITH_SELECTOR
    selector = spec.get("selector") if isinstance(spec, Mapping) else None
    partial = own_api and selected and selector is None
    nodes = None if own_api or not _names_several(spec, 0) else _SEVERAL_PODS
    return _Object(name_of(node), namespace_of(node), partial, own_api, nodes)


def _names_several(node: Node | None, depth: int) -> bool:
    """Whether an object of an operator's own says how many machines or pods there are, in its own way."""
    if depth > _MAX_DEPTH or node is None or isinstance(node, Scalar):
        return False
    if isinstance(node, Sequence):
        return any(_names_several(item, depth + 1) for item in node)
    if isinstance(node.get("containers"), Sequence):
        return False
    return any(
        (isinstance(key, Scalar) and _SEVERAL.search(key.value)) or _names_several(value, depth + 1)
        for key, value in node.items()
    )


def _containers(node: Mapping) -> Iterator[Mapping]:
    """Yield the containers of a pod: those that start it and run beside it, then its own."""
    if isinstance(node.get("containers"), Sequence):
        for name in ("initContainers", "containers"):
            items = node.get(name)
            yield from (
                (item for item in items if isinstance(item, Mapping)) if isinstance(items, Sequence) else ()
            )
        return
    for name in _SINGLE_CONTAINERS:
        item = node.get(name)
        if isinstance(item, Mapping) and isinstance(item.get("image"), Scalar):
            yield item


def _grouped(key: Node, value: Node, around: _Object) -> _Object:
    """Return what holds below a key: pods of a group hold the model together."""
    if not isinstance(key, Scalar):
        return around
    if key.value in _GROUPS:
        return around._replace(nodes=Unknown("the pods of a group may hold the model together"))
    if key.value != "leaderWorkerTemplate" or not isinstance(value, Mapping):
        return around
    size = field_word(value.get("size"))
    return around._replace(nodes=_nodes(size), variables=tuple(_group_variables(key, size)))


def _nodes(size: Word | None) -> Located[int] | Unknown | None:
    """Read the size of a LeaderWorkerSet's groups, 1 if it is not written."""
    if size is None:
        return None
    if not size.is_known:
        return Unknown(size.reason)
    if not size.text.isdecimal():
        return Unknown(f"`size: {size.text}` is not a number of pods")
    return None if size.text == "1" else Located(int(size.text), size.span, size.origin, size.via)


def _group_variables(key: Scalar, size: Word | None) -> Iterator[Variable]:
    """Yield what LeaderWorkerSet sets in every container of a group (its `pkg/utils/pod/pod_utils.go`)."""
    of_group = Word.atomic("1", key.site) if size is None else size
    yield Variable("LWS_GROUP_SIZE", Word(
        of_group.text, of_group.runs, of_group.site, of_group.holes, of_group.origin, of_group.via
    ))  # fmt: skip
    for name in ("LWS_LEADER_ADDRESS", "LWS_WORKER_INDEX"):
        yield Variable(name, Word.unknown(f"LeaderWorkerSet sets `{name}` when it makes the pod", key.site))
