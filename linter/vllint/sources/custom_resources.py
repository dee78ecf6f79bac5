"""Kubernetes objects that operators turn into pods: which module knows which kind of object."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from vllint.sources.files import Document, Found
from vllint.sources.kubernetes import manifests
from vllint.sources.kubernetes.cluster import objects
from vllint.sources.kubernetes.fields import text_at
from vllint.sources.kubernetes.templates import processed
from vllint.text.yaml.nodes import Mapping, Node

_READERS = {
    ("serving.kserve.io", "InferenceService"): "kserve.inference_service",
    ("serving.kserve.io", "ServingRuntime"): "kserve.inference_service",
    ("serving.kserve.io", "ClusterServingRuntime"): "kserve.inference_service",
    ("serving.kserve.io", "LLMInferenceService"): "kserve.llm_inference_service",
    ("serving.kserve.io", "LLMInferenceServiceConfig"): "kserve.llm_inference_service",
    ("ray.io", "RayService"): "ray.service",
    ("kubeai.org", "Model"): "kubeai",
    ("kaito.sh", "Workspace"): "kaito",
    ("kaito.sh", "InferenceSet"): "kaito",
    ("nvidia.com", "DynamoGraphDeployment"): "dynamo",
    ("nvidia.com", "DynamoComponentDeployment"): "dynamo",
}
"""By API group and kind; each module has `launches(resource, document)`."""


def recognises(root: Node) -> bool:
    """Whether a document holds an object that an operator turns into pods."""
    return any(_reader(found) is not None for found in objects((root,)))


def launches(document: Document) -> Found:
    """Yield the launches of a document's objects, plain ones included."""
    for found in objects((processed(document.root),)):
        module = _reader(found)
        if module is None:
            yield from manifests.launches(document._replace(root=found))
        else:
            yield from _module(module).launches(found, document)


def _reader(resource: Mapping) -> str | None:
    group = text_at(resource, "apiVersion").partition("/")[0]
    return _READERS.get((group, text_at(resource, "kind")))


def _module(name: str) -> ModuleType:
    return import_module(f"vllint.sources.{name}")
