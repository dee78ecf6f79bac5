"""CloudFormation templates: `AWS::SageMaker::Model` with the `EndpointConfig` that says where it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.sources.commands import Start
from vllint.sources.deployments import Deployment, deployed, instance_claim
from vllint.sources.files import Document, Found
from vllint.sources.platforms.sagemaker import sagemaker_server
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import HardwareClaim, Origin, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_MODEL = "AWS::SageMaker::Model"
_CONFIG = "AWS::SageMaker::EndpointConfig"
_FUNCTIONS = ("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::ImportValue", "Fn::If", "Fn::FindInMap")
_REFERENCE = re.compile(r"\$\{([^}!][^}]*)\}")


def recognises(root: Node) -> bool:
    """Whether a document is a template with a model of SageMaker."""
    return any(True for _ in _resources(root, _MODEL))


def launches(document: Document) -> Found:
    """Yield the server of each model's container that runs vLLM."""
    root = document.root
    for name, model in _resources(root, _MODEL):
        hardware = _hardware(root, name, model)
        for container in _containers(model):
            image = _text(root, container.get("Image"))
            variables = tuple(_variables(root, container.get("Environment")))
            server = sagemaker_server(variables, image, hardware)
            if server is None or not server.argv:
                continue
            deployment = Deployment(
                document.file.path, name, "sagemaker", model.span, server.hardware, variables, image
            )
            at = server.argv[0].site
            start = Start(server.entry_point, server.argv, at, deployment.surroundings)
            yield from deployed(deployment, (start,))


def _resources(root: Node, kind: str) -> Iterator[tuple[str, Mapping]]:
    """Yield the names and properties of a kind's resources."""
    resources = root.get("Resources") if isinstance(root, Mapping) else None
    for key, resource in resources.items() if isinstance(resources, Mapping) else ():
        if not isinstance(key, Scalar) or not isinstance(resource, Mapping):
            continue
        type_of, properties = resource.get("Type"), resource.get("Properties")
        if isinstance(type_of, Scalar) and type_of.value == kind and isinstance(properties, Mapping):
            yield key.value, properties


def _containers(model: Mapping) -> Iterator[Mapping]:
    primary, several = model.get("PrimaryContainer"), model.get("Containers")
    for node in (primary, *(several if isinstance(several, Sequence) else ())):
        if isinstance(node, Mapping):
            yield node


def _hardware(root: Node, name: str, model: Mapping) -> HardwareClaim:
    """Return the machine of the variant that runs a model; all variants of it must agree."""
    own_name = _text(root, model.get("ModelName"))
    types: list[Word | None] = []
    for _, config in _resources(root, _CONFIG):
        variants = config.get("ProductionVariants")
        for variant in variants if isinstance(variants, Sequence) else ():
            if isinstance(variant, Mapping) and _names(variant.get("ModelName"), name, own_name):
                types.append(_text(root, variant.get("InstanceType")))
    if not types or types[0] is None:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    if len({word.text if word is not None else "" for word in types}) > 1:
        reason = Unknown("the variants of the endpoint run on different machines")
        return HardwareClaim(reason, reason)
    return instance_claim(types[0], "aws")


def _names(node: Node | None, resource: str, model_name: Word | None) -> bool:
    """Whether a variant's `ModelName` is a model's: a reference to the resource, or its name."""
    function, argument = _function(node)
    if function in {"Ref", "Fn::GetAtt"}:
        return argument.split(".")[0] == resource
    return isinstance(node, Scalar) and model_name is not None and node.value == model_name.text


def _function(node: Node | None) -> tuple[str, str]:
    """Return which intrinsic function a node calls, in either spelling, and with what."""
    if isinstance(node, Scalar) and node.tag is not None and node.tag.startswith("!"):
        name = node.tag[1:]
        return ("Ref" if name == "Ref" else f"Fn::{name}"), node.value
    if isinstance(node, Sequence) and node.tag is not None and node.tag.startswith("!"):
        parts = [item.value for item in node if isinstance(item, Scalar)]
        return f"Fn::{node.tag[1:]}", ".".join(parts)
    if isinstance(node, Mapping) and len(node.items()) == 1:
        key, value = node.items()[0]
        if isinstance(key, Scalar) and key.value in _FUNCTIONS:
            if isinstance(value, Scalar):
                return key.value, value.value
            parts = (
                [item.value for item in value if isinstance(item, Scalar)]
                if isinstance(value, Sequence)
                else []
            )
            return key.value, ".".join(parts)
    return "", ""


def _text(root: Node, node: Node | None) -> Word | None:
    """Return a text: parameters by their defaults, what is found out at deployment as holes."""
    if node is None:
        return None
    function, argument = _function(node)
    if function == "Ref":
        return _parameter(root, argument, node)
    if function == "Fn::Sub" and isinstance(node, Scalar):
        return _substituted(root, node)
    if function or not isinstance(node, Scalar):
        return Word.unknown(f"`{function or 'it'}` is found out when it is deployed", node.span)
    return node.word()


def _parameter(root: Node, name: str, site: Node) -> Word:
    parameters = root.get("Parameters") if isinstance(root, Mapping) else None
    parameter = parameters.get(name) if isinstance(parameters, Mapping) else None
    default = parameter.get("Default") if isinstance(parameter, Mapping) else None
    if not isinstance(default, Scalar):
        return Word.unknown(f"`{name}` is given when it is deployed", site.span)
    word = default.word()
    return Word(word.text, word.runs, site.span, word.holes, Origin.DEFAULT, (site.span,))


def _substituted(root: Node, node: Scalar) -> Word:
    word = node.word()
    parts: list[Word] = []
    position = 0
    for match in _REFERENCE.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        inner = _parameter(root, match[1], node)
        known = inner.is_known
        site = word.slice(*match.span()).site
        parts.append(inner if known else Word.unknown(inner.reason, site))
        position = match.end()
    parts.append(word.slice(position))
    return Word.join(parts, word.site)


def _variables(root: Node, node: Node | None) -> Iterator[Variable]:
    for key, value in node.items() if isinstance(node, Mapping) else ():
        word = _text(root, value)
        if isinstance(key, Scalar) and word is not None:
            yield Variable(key.value, word)
