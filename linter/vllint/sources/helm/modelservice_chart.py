"""llm-d's modelservice chart: `decode` and `prefill` servers of one model, as its templates make them.

Follows `charts/llm-d-modelservice/templates/_helpers.tpl` of llm-d-incubation/llm-d-modelservice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.helm.chart_engines import (
    Engine,
    is_on,
    located_count,
    made_mapping,
    named_variables,
    option,
    text_at,
    text_of,
)
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, scalar_of
from vllint_schemas import Located, Origin, Word

_ROLES = ("decode", "prefill")
_RESOURCES = {
    "nvidia": "nvidia.com/gpu",
    "intel-i915": "gpu.intel.com/i915",
    "intel-xe": "gpu.intel.com/xe",
    "intel-gaudi": "habana.ai/gaudi",
    "amd": "amd.com/gpu",
    "google": "google.com/tpu",
    "rebellions-atom": "rebellions.ai/ATOM",
}
"""The resource of each `accelerator.type` that the chart's own values name."""

_NO_VLLM = ("llm-d-inference-sim", "routing-sidecar")


class _Role(NamedTuple):
    """The servers of one role, and what all of the chart's share."""

    name: str
    values: Mapping
    root: Mapping

    def parallelism(self, key: str) -> Located[int] | None:
        """Return a size that the role's `parallelism` states."""
        sizes = self.values.get("parallelism")
        return located_count(sizes.get(key)) if isinstance(sizes, Mapping) else None


def is_modelservice(root: Mapping) -> bool:
    """Whether values are this chart's."""
    roles = (root.get(name) for name in _ROLES)
    return isinstance(root.get("modelArtifacts"), Mapping) and any(isinstance(r, Mapping) for r in roles)


def engines(root: Mapping) -> Iterator[Engine]:
    """Yield the engine of each container that the chart starts vLLM in."""
    for name in _ROLES:
        values = root.get(name)
        if isinstance(values, Mapping):
            role = _Role(name, values, root)
            containers = values.get("containers")
            for container in containers if isinstance(containers, Sequence) else ():
                if isinstance(container, Mapping) and not _is_other(container):
                    yield from _engine(role, container)


def _is_other(container: Mapping) -> bool:
    image = text_of(container.get("image")) or ""
    return any(name in image for name in _NO_VLLM)


def _engine(role: _Role, container: Mapping) -> Iterator[Engine]:
    how = text_of(container.get("modelCommand")) or "custom"
    command, args = container.get("command"), container.get("args")
    own: tuple[Node, ...] | None = tuple(command) if isinstance(command, Sequence) else None
    given: tuple[Node, ...] = tuple(args) if isinstance(args, Sequence) else ()
    if how == "vllmServe":
        own = tuple(text_at(word, container.span) for word in ("vllm", "serve"))
        given = (*_model(role, flag=False), *_sizes(role), *given)
    elif how == "imageDefault":
        own, given = None, (*_model(role, flag=True), *_sizes(role), *given)
    elif not own:
        return
    name = container.get("name")
    yield Engine(
        values=container,
        name=f"{role.name}/{text_of(name) or 'vllm'}",
        image=scalar_word(container.get("image")),
        command=own,
        args=given,
        at=name.span if isinstance(name, Scalar) else None,
        environment=tuple(named_variables(container.get("env"))),
        container=(("resources", _resources(role, container)),),
        settings=tuple(_selection(role)),
        grouped=is_on(role.root.get("multinode")),
    )


def _model(role: _Role, flag: bool) -> Iterator[Node]:
    """Yield the model's words: `modelArtifacts.uri` says where it comes from."""
    artifacts = role.root.get("modelArtifacts")
    entry = artifacts.entry("uri") if isinstance(artifacts, Mapping) else None
    if entry is None or not isinstance(entry[1], Scalar) or not isinstance(artifacts, Mapping):
        return
    if flag:
        yield text_at("--model", entry[0].span)
    yield scalar_of(_place(entry[1], artifacts))


def _place(uri: Scalar, artifacts: Mapping) -> Word:
    """Return what vLLM is given: the model's name on the Hub, or a folder of the volume it is on."""
    word = uri.word()
    protocol, _, rest = word.text.partition("://")
    start = len(protocol) + len("://")
    name = artifacts.get("name")
    if protocol == "hf" and "{{" not in rest:
        return word.slice(start)
    if protocol == "hf" and rest.replace(" ", "") == "{{.Values.modelArtifacts.name}}":
        return scalar_word(name) or Word.unknown("the chart names no model", word.site)
    if protocol == "pvc+hf" and "{{" not in rest and rest.count("/") >= 2:
        return word.slice(start + rest.rfind("/", 0, rest.rfind("/")) + 1)
    return Word.unknown("the model lies on a volume of the cluster", word.site)


def _sizes(role: _Role) -> Iterator[Node]:
    """Yield the parallel sizes above 1, as the chart derives them from those that are stated."""
    tensor, data, local = (role.parallelism(key) for key in ("tensor", "data", "dataLocal"))
    yield from _size("--tensor-parallel-size", role, "tensor", tensor)
    workers = role.parallelism("workers")
    if data is None and local is not None:
        data = local._replace(value=local.value * (1 if workers is None else workers.value))
    elif local is None and data is not None and workers is not None and workers.value:
        local = data._replace(value=data.value // workers.value)
    yield from _size("--data-parallel-size", role, "data", data)
    yield from _size("--data-parallel-size-local", role, "dataLocal", local or data)


def _size(flag: str, role: _Role, key: str, size: Located[int] | None) -> Iterator[Node]:
    sizes = role.values.get("parallelism")
    if size is None or size.value < 2 or not isinstance(sizes, Mapping):
        return
    entry = sizes.entry(key)
    if entry is not None and located_count(entry[1]) == size:
        yield from option(flag, *entry)
        return
    place = size.span or sizes.span
    for text in (flag, str(size.value)):
        yield scalar_of(replace(Word.atomic(text, place), origin=Origin.PLATFORM))


def _resources(role: _Role, container: Mapping) -> Node:
    """Return the container's resources; without GPUs of their own they get one for each rank."""
    written = container.get("resources")
    accelerator = role.root.get("accelerator")
    kind = text_of(accelerator.get("type")) if isinstance(accelerator, Mapping) else "nvidia"
    resource = _RESOURCES.get(kind or "nvidia")
    limits = written.get("limits") if isinstance(written, Mapping) else None
    names = limits.items() if isinstance(limits, Mapping) else ()
    if resource is None or any(isinstance(key, Scalar) and key.value in _ALL for key, _ in names):
        return written if written is not None else made_mapping(container, ())
    tensor, local, data, workers = (
        role.parallelism(key) for key in ("tensor", "dataLocal", "data", "workers")
    )
    replicas = (
        local.value if local else (data.value // max(workers.value if workers else 1, 1) if data else 1)
    )
    place = next((size.span for size in (tensor, local, data) if size and size.span), role.values.span)
    count = scalar_of(
        replace(
            Word.atomic(str((tensor.value if tensor else 1) * max(replicas, 1)), place),
            origin=Origin.PLATFORM,
        )
    )
    return made_mapping(container, (("limits", made_mapping(container, ((resource, count),))),))


_ALL = frozenset(_RESOURCES.values())


def _selection(role: _Role) -> Iterator[tuple[str, Node]]:
    selector, kinds = role.values.get("nodeSelector"), role.values.get("acceleratorTypes")
    if isinstance(selector, Mapping):
        yield "nodeSelector", selector
    key = kinds.get("labelKey") if isinstance(kinds, Mapping) else None
    labels = kinds.get("labelValues") if isinstance(kinds, Mapping) else None
    if not isinstance(key, Scalar) or not key.value or not isinstance(labels, Sequence):
        return
    operator = text_at("In", key.span)
    node: Node = role.values.with_entries(())
    expression = made_mapping(role.values, (("key", key), ("operator", operator), ("values", labels)))
    for name in (
        "matchExpressions",
        "nodeSelectorTerms",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeAffinity",
    ):
        node = expression if name == "matchExpressions" else node
        inner = listed(node) if name in {"matchExpressions", "nodeSelectorTerms"} else node
        node = made_mapping(role.values, ((name, inner),))
    yield "affinity", node


def listed(node: Node) -> Sequence:
    """Return a sequence of one item that stands where it does."""
    from vllint.text.yaml.nodes import sequence_of

    return sequence_of((node,), node)
