"""KServe's InferenceService, ServingRuntime and ClusterServingRuntime.

A service's model is laid over the container of the runtime that it names, arguments behind arguments
(kserve `pkg/controller/v1beta1/inferenceservice/utils/utils.go`, `MergeRuntimeContainers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vllint.sources.files import Document, Found
from vllint.sources.kserve.models import FOLDER, hub_model, naming
from vllint.sources.kserve.runtimes import runtime_of, services_with, taken_over, with_names
from vllint.sources.kubernetes.cluster import Cluster
from vllint.sources.kubernetes.fields import below, text_at
from vllint.sources.kubernetes.manifests import cluster_of, pod_launches
from vllint.sources.kubernetes.pods import Pod
from vllint.sources.resource_pods import (
    containers_of,
    laid_over,
    named_after,
    pod_of,
    shared_by_platform,
    with_fields,
    written_at,
)
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint.vllm.version import split_image
from vllint_schemas import EntryPoint, Launch, Located, Origin, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM

_CONTAINER = "kserve-container"
_SERVER = "huggingfaceserver"
_STORAGE = "STORAGE_URI"
_ARGUMENTS = frozenset({"args"})
_OF_MODEL = (
    "modelFormat", "runtime", "storageUri", "storage", "protocolVersion", "runtimeVersion", "modelVersion",
)  # fmt: skip
_OTHER_ENGINES = ("sglang", "triton", "tensorrt", "caikit", "tgis", "openvino_model_server", "mlserver")
_OF_VLLM = frozenset(
    {"--tensor-parallel-size", "--gpu-memory-utilization", "--max-model-len", "--max-num-batched-tokens"}
)
"""Options that servers of other engines do not have."""

_SIZES = {"tensorParallelSize": "TENSOR_PARALLEL_SIZE", "pipelineParallelSize": "PIPELINE_PARALLEL_SIZE"}
"""Fields of `workerSpec` and the variables that KServe sets from them in all containers."""


def launches(resource: Mapping, document: Document) -> Found:
    """Yield the launches of a service, or of a runtime that no service of its file names."""
    cluster = cluster_of(document)
    spec = resource.get("spec")
    if not isinstance(spec, Mapping):
        return
    if text_at(resource, "kind") == "InferenceService":
        yield from _service(resource, cluster)
    elif not services_with(resource, cluster):
        filled = with_names(spec, None)
        for pod in _pods(resource, filled, containers_of(filled)):
            for found in _read(pod, cluster, None):
                yield _overridable(found) if isinstance(found, Launch) else found


def _overridable(launch: Launch) -> Launch:
    """Return a runtime's launch: the services that name it may set other resources."""
    container = launch.container
    if container is None:
        return launch
    limit = Unknown("a service may set another memory limit than its runtime")
    return launch._replace(container=container._replace(memory_limit=limit))


def _service(service: Mapping, cluster: Cluster) -> Found:
    predictor = below(service, "spec", "predictor")
    model = below(predictor, "model")
    if not isinstance(predictor, Mapping):
        return
    if not isinstance(model, Mapping):
        for pod in _pods(service, predictor, containers_of(predictor)):
            yield from _read(pod, cluster, predictor)
        return
    runtime = runtime_of(service, cluster)
    around = with_fields(predictor, ("model", None), ("containers", None))
    own = with_fields(model, *((name, None) for name in _OF_MODEL))
    if runtime is None:
        container = _with_engine(own, model)
        pods: Iterator[Pod] = iter(())
        if container is not None:
            pods = _pods(service, around, (container,))
    else:
        spec = with_names(runtime, scalar_word(below(service, "metadata", "name")))
        base = next((one for one in containers_of(spec) if text_at(one, "name") == _CONTAINER), None)
        if base is None:
            return
        merged = laid_over(taken_over(base, model), own, _ARGUMENTS)
        container = _with_engine(merged, model) if _is_server(merged) else merged
        pods = _pods(service, laid_over(spec, around), () if container is None else (container,))
    for pod in pods:
        for found in _read(pod, cluster, model):
            if isinstance(found, Launch):
                if runtime is None:
                    found = shared_by_platform(_without_runtime(found, model), "the runtime")
                found = named_after(found, service, _CONTAINER)
            yield found


def _pods(resource: Mapping, spec: Mapping, containers: Sequence[Mapping]) -> Iterator[Pod]:
    """Yield the pod that takes requests, and the one of its workers on other machines."""
    workers = spec.get("workerSpec")
    if not isinstance(workers, Mapping):
        yield pod_of(resource, spec, containers)
        return
    sizes = {name: scalar_word(workers.get(field)) for field, name in _SIZES.items()}
    variables = tuple(
        Variable(name, Word.atomic("1", workers.span, Origin.PLATFORM) if size is None else size)
        for name, size in sizes.items()
    )
    nodes = _number(sizes["PIPELINE_PARALLEL_SIZE"])
    yield pod_of(resource, spec, containers, nodes, variables)
    yield pod_of(resource, workers, containers_of(workers), nodes, variables)


def _number(word: Word | None) -> Located[int] | Unknown | None:
    if word is None:
        return None
    if not word.is_known or not word.text.isdecimal():
        return Unknown(word.reason or f"`{word.text}` is not a number")
    return Located(int(word.text), word.span, word.origin, word.via)


def _read(pod: Pod, cluster: Cluster, model: Mapping | None) -> Found:
    for found in pod_launches(pod, cluster):
        if not isinstance(found, Launch):
            yield found
            continue
        argv = found.argv
        if found.entry_point is EntryPoint.HUGGINGFACE_SERVER and not _names_model(argv):
            argv = (*_default_model(found), *argv)
        if model is not None:
            variable = next((one.value for one in found.env if one.name == _STORAGE), None)
            argv = naming(argv, hub_model(scalar_word(model.get("storageUri")) or variable))
        yield _with_count(found._replace(argv=argv), pod)


def _with_count(launch: Launch, pod: Pod) -> Launch:
    """Return the launch of a group with the GPUs that KServe asks for when nobody else does."""
    size = next((each.value for each in pod.variables if each.name == "TENSOR_PARALLEL_SIZE"), None)
    number = _number(size)
    if launch.hardware.gpu_count != NO_COUNT_CLAIM or not isinstance(number, Located):
        return launch
    count = Located(number.value, number.span, Origin.PLATFORM)
    return launch._replace(hardware=launch.hardware._replace(gpu_count=count))


def _names_model(argv: tuple[Word, ...]) -> bool:
    return any(word.text.partition("=")[0] == "--model" for word in argv)


def _default_model(launch: Launch) -> Iterator[Word]:
    site = launch.at
    yield from (Word.atomic(text, site, Origin.PLATFORM) for text in ("--model", FOLDER))


def _is_server(container: Mapping) -> bool:
    """Whether a container's image starts the huggingfaceserver by itself."""
    image = split_image(text_at(container, "image")).repository
    return container.get("command") is None and image.rpartition("/")[2].startswith(_SERVER)


def _with_engine(container: Mapping, model: Mapping) -> Mapping | None:
    """Return the container with the command that its runtime's image has; `None` if that is not vLLM."""
    if container.get("command") is not None:
        return container
    place, name = _engine_name(model)
    lowered = name.lower()
    at = place.span if place is not None else model.span
    if any(engine in lowered for engine in _OTHER_ENGINES):
        return None
    if "vllm" not in lowered and (_is_server(container) or "huggingface" in lowered):
        if not _takes_vllm(container):
            return None
        return with_fields(container, ("command", written_at(at, model, "python3", "-m", _SERVER)))
    if "vllm" in lowered or any(_spelled(word) in _OF_VLLM for word in _arguments(container)):
        return with_fields(container, ("command", written_at(at, model, "vllm", "serve", FOLDER)))
    return None


def _spelled(word: Word) -> str:
    return word.text.partition("=")[0].replace("_", "-")


def _engine_name(model: Mapping) -> tuple[Node | None, str]:
    """Return what tells the engine: the runtime's name, and the model's format."""
    runtime, form = model.get("runtime"), below(model, "modelFormat", "name")
    place = form if isinstance(form, Scalar) else runtime
    return place, f"{text_at(model, 'runtime')} {text_at(model, 'modelFormat', 'name')}"


def _takes_vllm(container: Mapping) -> bool:
    """Whether the huggingfaceserver serves the model with vLLM, going by its options and GPUs."""
    texts = [word.text.replace("_", "-") for word in _arguments(container)]
    joined = " ".join(texts)
    if "--backend=huggingface" in joined or "--backend huggingface" in joined:
        return False
    if "--backend=vllm" in joined or "--backend vllm" in joined:
        return True
    amounts = below(container, "resources", "limits") or below(container, "resources", "requests")
    names = [key.value for key, _ in amounts.items() if isinstance(key, Scalar)] if amounts else []  # type: ignore[union-attr]
    on_gpu = any(name.endswith("/gpu") for name in names)
    return on_gpu and "--task" not in joined and "--tensor-input-names" not in joined


def _arguments(container: Mapping) -> Iterator[Word]:
    items = container.get("args")
    for item in items if items is not None and not isinstance(items, Scalar | Mapping) else ():
        word = scalar_word(item)
        if word is not None:
            yield word


def _without_runtime(launch: Launch, model: Mapping) -> Launch:
    """Return a launch whose runtime is not at hand: that may give further options, before the service's."""
    if launch.entry_point is EntryPoint.HUGGINGFACE_SERVER or model.get("command") is not None:
        return launch
    own = text_at(model, "runtime")
    reason = f"the runtime `{own}` is not at hand" if own else "KServe chooses the runtime"
    place = model.get("runtime")
    hole = Word.unknown(reason, place.span if place is not None else launch.at, splits=True)
    return launch._replace(argv=(*launch.argv[:1], hole, *launch.argv[1:]))
