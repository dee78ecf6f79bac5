"""Azure ML online deployments (`azure-ai-ml` 1.35.2): the entry point takes its options from variables.

The images that people build run `api_server --model $MODEL_NAME $VLLM_ARGS`, with `MODEL` or `MODEL_PATH` for
the model as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.blank_words import words_at_blanks
from vllint.sources.commands import Start
from vllint.sources.deployments import (
    Deployment,
    deployed,
    instance_claim,
    mapped_variables,
    text_of,
    whole_number,
)
from vllint.sources.files import Document, Found
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node
from vllint_schemas import EntryPoint, HardwareClaim, Origin, Variable, Word
from vllint_schemas.launch import NO_GPU_CLAIM

_OPTIONS = ("VLLM_ARGS", "VLLM_EXTRA_ARGS")
_MODELS = ("MODEL_NAME", "MODEL", "MODEL_PATH", "MODEL_ID")


def recognises(root: Node) -> bool:
    """Whether a document is an online deployment."""
    if not isinstance(root, Mapping) or root.get("endpoint_name") is None:
        return False
    schema = text_of(root.get("$schema"), "")
    return "OnlineDeployment" in schema or root.get("instance_type") is not None


def launches(document: Document) -> Found:
    """Yield the server that the deployment's image starts, where its variables say that it is vLLM's."""
    root = document.root
    if not isinstance(root, Mapping):
        return
    environment = root.get("environment")
    variables = mapped_variables(root.get("environment_variables"))
    deployment = Deployment(
        path=document.file.path,
        name=text_of(root.get("name"), "deployment"),
        kind="azure_ml",
        extent=root.span,
        hardware=_hardware(root),
        environment=variables,
        image=scalar_word(environment.get("image")) if isinstance(environment, Mapping) else None,
    )
    argv = tuple(_words({variable.name: variable.value for variable in variables}))
    if not argv or not _is_ours(root, deployment, variables):
        return
    start = Start(EntryPoint.API_SERVER, argv, argv[0].site, deployment.surroundings)
    yield from deployed(deployment, (start,))


def _is_ours(root: Mapping, deployment: Deployment, variables: tuple[Variable, ...]) -> bool:
    """Whether the image serves with vLLM: its options are named so, or its name or the endpoint's says so."""
    if any(variable.name in _OPTIONS for variable in variables):
        return True
    names = [deployment.name, text_of(root.get("endpoint_name"), "")]
    names += [deployment.image.text] if deployment.image is not None else []
    return any("vllm" in name.lower() for name in names)


def _words(variables: dict[str, Word]) -> Iterator[Word]:
    model = next((variables[name] for name in _MODELS if name in variables), None)
    if model is not None:
        yield Word.atomic("--model", model.site, Origin.PLATFORM)
        yield model
    for name in _OPTIONS:
        if name in variables:
            yield from words_at_blanks(variables[name])
    if model is not None and not any(name in variables for name in _OPTIONS):
        yield Word.unknown("the image may add options of its own", model.site, splits=True)


def _hardware(root: Mapping) -> HardwareClaim:
    """Return the machine of `instance_type`, or what `resources.limits` says on Kubernetes."""
    resources = root.get("resources")
    limits = resources.get("limits") if isinstance(resources, Mapping) else None
    if isinstance(limits, Mapping) and limits.get("nvidia.com/gpu") is not None:
        return HardwareClaim(NO_GPU_CLAIM, whole_number(scalar_word(limits.get("nvidia.com/gpu"))))
    return instance_claim(scalar_word(root.get("instance_type")), "azure")
