"""KubeRay's RayService: Serve's configuration as a text, and the cluster that runs it."""

from __future__ import annotations

from vllint.sources.files import Document, Found
from vllint.sources.kubernetes import manifests
from vllint.sources.kubernetes.fields import below, mappings_in
from vllint.sources.kubernetes.hardware import handed_out, hardware_claim
from vllint.sources.kubernetes.pods import name_of
from vllint.sources.ray.serve import serve_launches
from vllint.sources.resource_pods import containers_of
from vllint.sources.templates.tags import is_template
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint.vllm.version import image_version
from vllint_schemas import Launch, Located, SourceProblem, Unknown
from vllint_schemas.launch import AllGpus


def launches(resource: Mapping, document: Document) -> Found:
    """Yield the servers that Serve starts, then those of the cluster's own containers."""
    text = below(resource, "spec", "serveConfigV2")
    workers = tuple(mappings_in(below(resource, "spec", "rayClusterConfig", "workerGroupSpecs")))
    roots: tuple[Node, ...] = (text,) if isinstance(text, Mapping) else ()
    if isinstance(text, Scalar):
        from vllint.text.yaml.tree import parse_yaml

        try:
            roots = tuple(parse_yaml(text.word()))
        except YamlProblem as problem:
            yield _unreadable(text, problem)
    for root in roots:
        for launch in serve_launches(root):
            yield _in_cluster(launch, resource, workers, document)
    yield from manifests.launches(document._replace(root=resource))


def _unreadable(text: Scalar, problem: YamlProblem) -> SourceProblem:
    if is_template(text.value):
        message = "`serveConfigV2` is a template that has not been rendered"
        return SourceProblem("not_rendered", message, problem.span)
    message = f"`serveConfigV2` cannot be read: {problem.message}"
    return SourceProblem("not_parsed", message, problem.span)


def _in_cluster(
    launch: Launch, resource: Mapping, workers: tuple[Mapping, ...], document: Document
) -> Launch:
    """Return a server's launch with what the cluster's workers are: their image, card and GPUs."""
    launch = launch._replace(kind="kubernetes", name=f"{name_of(resource)}/{launch.name}")
    pods = [pod for group in workers if isinstance(pod := below(group, "template", "spec"), Mapping)]
    containers = [containers_of(pod)[:1] for pod in pods]
    if len(pods) != 1 or not containers[0]:
        return launch
    container = containers[0][0]
    image = scalar_word(container.get("image"))
    handed = handed_out(container, pods[0], manifests.cluster_of(document), "")
    claim = hardware_claim(pods[0], handed, handed.gpu_count)
    hardware = launch.hardware
    if isinstance(hardware.gpu, Unknown):
        hardware = hardware._replace(gpu=claim.gpu, instance=claim.instance)
    total, needed = _total(workers[0], handed.gpu_count), hardware.gpu_count
    if total is not None and isinstance(needed, Located) and needed.value != "all":
        hardware = hardware._replace(gpu_count=min(needed, total, key=lambda count: count.value))
    release = launch.vllm_version
    version = release if isinstance(release, Located) or image is None else image_version(image)
    return launch._replace(hardware=hardware, image=image, vllm_version=version)


def _total(group: Mapping, each: Located[int | AllGpus] | Unknown) -> Located[int] | None:
    """Return the GPUs of a group of workers at its largest."""
    sizes = [scalar_word(group.get(name)) for name in ("maxReplicas", "replicas", "numOfHosts")]
    if not isinstance(each, Located) or not isinstance(each.value, int):
        return None
    if any(size is not None and not (size.is_known and size.text.isdecimal()) for size in sizes):
        return None
    maximum, replicas, hosts = (None if size is None else int(size.text) for size in sizes)
    if maximum is None and replicas is None:
        return None
    pods = max(maximum or 0, replicas or 0) * (hosts or 1)
    return Located(each.value * pods, each.span, each.origin, each.via) if pods else None
