"""Truss `config.yaml` (Baseten): a server in a container, started by `docker_server.start_command`."""

from __future__ import annotations

from vllint.sources.commands import Script
from vllint.sources.deployments import (
    Deployment,
    counted_cards,
    deployed,
    deployed_text,
    installed_release,
    mapped_variables,
    several_nodes,
    text_of,
)
from vllint.sources.files import Document, Found
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import HardwareClaim, Located, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_PROVIDER = "baseten-truss"


def recognises(root: Node) -> bool:
    """Whether a document is a Truss configuration whose server is started by a command."""
    if not isinstance(root, Mapping):
        return False
    server = root.get("docker_server")
    return isinstance(server, Mapping) and isinstance(server.get("start_command"), Scalar)


def launches(document: Document) -> Found:
    """Yield the server that the start command starts."""
    root = document.root
    server = root.get("docker_server") if isinstance(root, Mapping) else None
    command = deployed_text(server.get("start_command")) if isinstance(server, Mapping) else None
    if not isinstance(root, Mapping) or command is None:
        return
    base = root.get("base_image")
    deployment = Deployment(
        path=document.file.path,
        name=text_of(root.get("model_name"), "model"),
        kind="truss",
        extent=root.span,
        hardware=_hardware(root.get("resources")),
        environment=mapped_variables(root.get("environment_variables")),
        image=deployed_text(base.get("image")) if isinstance(base, Mapping) else None,
        release=installed_release(*_installs(root)),
        nodes=_nodes(root.get("resources")),
    )
    yield from deployed(deployment, (Script(command, deployment.surroundings),))


def _installs(root: Mapping) -> tuple[Word | None, ...]:
    """Return what names packages: requirements and the commands that build the image."""
    items: list[Word | None] = []
    for key in ("requirements", "build_commands"):
        node = root.get(key)
        items.extend(deployed_text(item) for item in node) if isinstance(node, Sequence) else None
    return tuple(items)


def _nodes(resources: Node | None) -> Located[int] | Unknown | None:
    return (
        several_nodes(deployed_text(resources.get("node_count"))) if isinstance(resources, Mapping) else None
    )


def _hardware(resources: Node | None) -> HardwareClaim:
    """Return the claim of `accelerator: H100:2`; an `instance_type` beside it beats it."""
    if not isinstance(resources, Mapping):
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    instance, accelerator = deployed_text(resources.get("instance_type")), resources.get("accelerator")
    claim = HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    if isinstance(accelerator, Scalar) and accelerator.resolved() is not None:
        claim = counted_cards(accelerator.word(), _PROVIDER)
    if instance is not None:
        claim = _of_instance(instance)
    return claim


def _of_instance(instance: Word) -> HardwareClaim:
    """Read `H100:8x80x1000`: card, cards, processors and memory."""
    card, colon, size = instance.text.partition(":")
    number = size.partition("x")[0]
    if not colon or "x" not in size or not number.isdecimal():
        reason = Unknown(f"the instance type `{instance.text}` is not known")
        return HardwareClaim(reason, reason)
    return counted_cards(instance.slice(0, len(card) + 1 + len(number)), _PROVIDER)
