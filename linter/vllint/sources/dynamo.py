"""NVIDIA Dynamo's DynamoGraphDeployment: workers that run `python3 -m dynamo.vllm`.

`nvidia.com/v1alpha1` puts a container under `services.<name>.extraPodSpec.mainContainer` and GPUs beside it,
`nvidia.com/v1beta1` has pod templates under `components`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.files import Document, Found
from vllint.sources.kubernetes.fields import below, mappings_in, text_at
from vllint.sources.kubernetes.manifests import cluster_of, pod_launches
from vllint.sources.kubernetes.pods import name_of
from vllint.sources.resource_pods import (
    containers_of,
    laid_over,
    made_up,
    pod_of,
    shared_by_platform,
    with_fields,
)
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, sequence_of
from vllint_schemas import Launch, Located, Unknown

_NO_MEMORY = ("sharedMemory", "disabled")
_MULTINODE = Unknown("it is not known on how many machines the worker runs")


def launches(resource: Mapping, document: Document) -> Found:
    """Yield the launches of a graph's workers."""
    cluster = cluster_of(document)
    for name, part in _parts(resource):
        nodes = _nodes(part)
        for spec, containers in _pods(part, below(resource, "spec", "envs")):
            for found in pod_launches(pod_of(resource, spec, containers, nodes), cluster):
                if not isinstance(found, Launch):
                    yield found
                    continue
                found = made_up(found)
                if name is not None:
                    found = found._replace(name=f"{name_of(resource)}/{name.value}", at=name.span)
                yield found if text_at(part, *_NO_MEMORY) == "true" else shared_by_platform(found, "Dynamo")


def _parts(resource: Mapping) -> Iterator[tuple[Scalar | None, Mapping]]:
    """Yield the services or components of a graph with their names; a component on its own is one."""
    spec = resource.get("spec")
    services = below(spec, "services")
    if isinstance(services, Mapping):
        for key, service in services.items():
            if isinstance(service, Mapping) and isinstance(key, Scalar):
                yield key, service
    for component in mappings_in(below(spec, "components")):
        name = component.get("name")
        yield name if isinstance(name, Scalar) else None, component
    if isinstance(spec, Mapping) and (spec.get("extraPodSpec") or spec.get("podTemplate")) is not None:
        yield None, spec


def _pods(part: Mapping, shared: Node | None) -> Iterator[tuple[Mapping, tuple[Mapping, ...]]]:
    """Yield the pods of a part, each with its containers."""
    extra = part.get("extraPodSpec")
    main = below(extra, "mainContainer")
    if isinstance(extra, Mapping) and isinstance(main, Mapping):
        yield extra, (_main_container(part, main, shared), *containers_of(extra))
    spec = below(part, "podTemplate", "spec")
    if isinstance(spec, Mapping):
        yield spec, containers_of(spec)


def _main_container(part: Mapping, main: Mapping, shared: Node | None) -> Mapping:
    """Return the main container with what stands beside it: its GPUs, its variables and the graph's."""
    variables = (*mappings_in(shared), *mappings_in(part.get("envs")), *mappings_in(main.get("env")))
    if variables:
        main = with_fields(main, ("env", sequence_of(variables, main)))
    resources = part.get("resources")
    if not isinstance(resources, Mapping):
        return main
    given = with_fields(
        resources, *((kind, _amounts(resources.get(kind))) for kind in ("limits", "requests"))
    )
    own = main.get("resources")
    laid = laid_over(given, own) if isinstance(own, Mapping) else given
    return with_fields(main, ("resources", laid))


def _amounts(node: Node | None) -> Node | None:
    """Return `limits` or `requests` under Kubernetes' names: `gpu` is the operator's own."""
    if not isinstance(node, Mapping):
        return node
    gpus = node.get("gpu")
    kind = node.get("gpuType")
    name = kind.value if isinstance(kind, Scalar) and kind.value else "nvidia.com/gpu"
    return node if gpus is None else with_fields(node, ("gpu", None), (name, gpus))


def _nodes(part: Mapping) -> Located[int] | Unknown | None:
    count = below(part, "multinode", "nodeCount")
    word = scalar_word(count)
    if word is None:
        return None if part.get("multinode") is None else _MULTINODE
    if not word.is_known or not word.text.isdecimal():
        return _MULTINODE
    return None if word.text == "1" else Located(int(word.text), word.span, word.origin, word.via)
