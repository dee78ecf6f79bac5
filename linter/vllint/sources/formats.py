"""The formats of files that start vLLM, and the modules that read them.

A module of a document format has `recognises(root)` and `launches(document)`, one of a text format
`recognises(file)` and `launches(file)`. It is imported for the first file that may be of its format.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from vllint_schemas import Kind


class DocumentFormat(NamedTuple):
    """A format in YAML or JSON; a file of it holds one of the `markers`, if there are any.

    Where it is recognised `by_name`, a file without a launch is not of it.
    """

    kind: Kind
    module: str
    markers: tuple[str, ...] = ()
    by_name: bool = False

    def may_be(self, text: str) -> bool:
        """Whether a file with this text may be of the format."""
        for marker in self.markers:
            if marker in text:
                return True
        return not self.markers


class TextFormat(NamedTuple):
    """A format of its own; `name` is a pattern of the names of files that may be of it, in lower case."""

    kind: Kind
    module: str
    name: str


CUSTOM_RESOURCES = ("serving.kserve.io/", "ray.io/", "kubeai.org/", "kaito.sh/", "nvidia.com/v1")
"""API groups of which `custom_resources` knows kinds of objects."""

DOCUMENT_FORMATS = (
    DocumentFormat("compose", "compose.services", ("services",)),
    DocumentFormat("helm_values", "helm.values", ("HelmRelease", "Application", "HelmChart")),
    DocumentFormat("kubernetes", "custom_resources", CUSTOM_RESOURCES),
    DocumentFormat("kubernetes", "kubernetes.manifests", ("apiVersion",)),
    DocumentFormat("ray_serve", "ray.serve", ("model_loading_config", "import_path")),
    DocumentFormat("hf_endpoint", "platforms.hf_endpoint", ("instanceType",)),
    DocumentFormat("ci", "ci", ("steps", "script")),
    DocumentFormat("recipe", "recipe", ("recipe_version", "base_args", "variants", "defaults")),
    DocumentFormat("azure_ml", "platforms.azure_ml", ("endpoint_name",)),
    DocumentFormat("sagemaker", "platforms.cloudformation", ("AWS::SageMaker::Model",)),
    DocumentFormat("truss", "platforms.truss", ("docker_server",)),
    DocumentFormat(
        "skypilot", "platforms.skypilot", ("accelerators", "num_nodes", "SKYPILOT", "instance_type")
    ),
    DocumentFormat("dstack", "platforms.dstack", ("commands", "vllm-openai")),
    DocumentFormat(
        "gpustack",
        "platforms.gpustack",
        ("huggingface_repo_id", "model_scope_model_id", "backend_parameters"),
    ),
    DocumentFormat("runpod", "platforms.runpod", ("gpuIds", "runsOn", "gpuCount")),
    DocumentFormat(
        "vllm_config", "vllm_config", ("max-", "max_", "-parallel-", "_parallel_", "memory", "cache")
    ),
    DocumentFormat("ansible", "ansible", ("tasks", "name:", "shell:", "command:")),
    DocumentFormat("helm_values", "helm.values", ("vllm", "vLLM", "VLLM")),
    DocumentFormat("helm_values", "helm.chart_values", ("vllm", "vLLM", "VLLM"), by_name=True),
    DocumentFormat("command", "commands_in_documents", ("vllm serve", "vllm.entrypoints", "vllm-openai")),
)
"""In the order in which they are asked; the first that recognises a document reads it."""

TEXT_FORMATS = (
    TextFormat("python", "python.calls", r"\.py$"),
    TextFormat("python", "notebook", r"\.ipynb$"),
    TextFormat("markdown", "markdown", r"\.mdx?(?:\.\w+)?$"),
    TextFormat("markdown", "restructured_text", r"\.rst(?:\.\w+)?$"),
    TextFormat("windows", "windows_scripts", r"\.(?:ps1|bat|cmd)$"),
    TextFormat("make", "makefile", r"^(?:gnu)?makefile(?:\.\w+)?$|\.mk(?:\.\w+)?$"),
    TextFormat("just", "justfile", r"^\.?justfile(?:\.\w+)?$|\.just$"),
    TextFormat("systemd", "systemd", r"\.(?:service|container|conf)(?:\.\w+)?$"),
    TextFormat("cerebrium", "platforms.cerebrium", r"\.toml(?:\.\w+)?$"),
    TextFormat("bentoml", "platforms.bentoml", r"\.toml$"),
    TextFormat("sagemaker", "platforms.serving_properties", r"\.properties(?:\.\w+)?$"),
    TextFormat("command", "supervisord", r"\.(?:conf|ini)(?:\.\w+)?$"),
    TextFormat("command", "procfile", r"^procfile(?:\.\w+)?$"),
    TextFormat("nomad", "nomad", r"\.(?:nomad|hcl)(?:\.\w+)?$"),
    TextFormat("terraform", "terraform", r"\.(?:tf|tofu)(?:\.\w+)?$"),
    TextFormat("dockerfile", "dockerfile_launches", r""),
)
"""In the order in which they are asked; the first that recognises a file reads it."""


def reader(module: str) -> ModuleType:
    """Return the module that reads a format."""
    return import_module(f"vllint.sources.{module}")
