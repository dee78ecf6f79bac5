"""SkyPilot tasks and services (`sky/utils/schemas.py` of 0.14.1)."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.commands import Script
from vllint.sources.containers import no_claim
from vllint.sources.deployments import (
    Deployment,
    counted_cards,
    deployed,
    deployed_text,
    installed_release,
    instance_claim,
    mapped_variables,
    platform_card,
    several_nodes,
    text_of,
    whole_number,
    with_devices_of_slices,
)
from vllint.sources.files import Document, Found
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import HardwareClaim, Located, Origin, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_MARKS = ("resources", "num_nodes", "service", "setup", "envs", "file_mounts")
_CANDIDATES = ("any_of", "ordered")


def recognises(root: Node) -> bool:
    """Whether a document is a task: a `run` script, and a key of tasks."""
    if not isinstance(root, Mapping) or not isinstance(root.get("run"), Scalar):
        return False
    return root.get("apiVersion") is None and any(root.get(key) is not None for key in _MARKS)


def launches(document: Document) -> Found:
    """Yield the servers that a task's `run` script starts."""
    root = document.root
    if not isinstance(root, Mapping):
        return
    run = deployed_text(root.get("run"))
    if run is None:
        return
    hardware = _per_node(root.get("resources"))
    image = _image(root.get("resources"))
    environment = (
        *mapped_variables(root.get("envs")),
        *mapped_variables(root.get("secrets")),
        *_own_variables(root, hardware, run.site),
    )
    release = installed_release(deployed_text(root.get("setup")), run)
    nodes = several_nodes(deployed_text(root.get("num_nodes")))
    name = text_of(root.get("name"), "task")
    deployment = Deployment(
        document.file.path, name, "skypilot", root.span, hardware, environment, image, release, nodes
    )
    yield from deployed(deployment, (Script(run, deployment.surroundings),))


def _per_node(resources: Node | None) -> HardwareClaim:
    """Return the claim that all candidates share; where they differ it is not known."""
    if not isinstance(resources, Mapping):
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    claims = list(_claims(resources))
    if not claims:
        instance = deployed_text(resources.get("instance_type"))
        return instance_claim(instance, _provider(resources)) if instance is not None else no_claim()
    first = claims[0]
    cards = dict.fromkeys(claim.gpu.value if isinstance(claim.gpu, Located) else "?" for claim in claims)
    counts = dict.fromkeys(
        claim.gpu_count.value if isinstance(claim.gpu_count, Located) else "?" for claim in claims
    )
    if len(cards) > 1:
        first = first._replace(gpu=Unknown(f"any of the cards {', '.join(cards)} may be given"))
    if len(counts) > 1:
        texts = ", ".join(map(str, counts))
        first = first._replace(gpu_count=Unknown(f"any of {texts} cards may be given"))
    return first


def _provider(resources: Mapping) -> str:
    place = text_of(resources.get("infra"), "") or text_of(resources.get("cloud"), "")
    return place.partition("/")[0].lower() or "aws"


def _claims(resources: Mapping) -> Iterator[HardwareClaim]:
    """Yield the claims of all candidates."""
    for key in _CANDIDATES:
        candidates = resources.get(key)
        for candidate in candidates if isinstance(candidates, Sequence) else ():
            if isinstance(candidate, Mapping) and candidate.get("accelerators") is not None:
                yield from _accelerators(candidate.get("accelerators"))
    if not any(resources.get(key) is not None for key in _CANDIDATES):
        yield from _accelerators(resources.get("accelerators"))


def _accelerators(node: Node | None) -> Iterator[HardwareClaim]:
    """Read `H100:8`, `{H100: 8}`, `{H100:8, H200:8}` and lists of the first."""
    word = deployed_text(node)
    if word is not None and isinstance(node, Scalar) and node.resolved() is not None:
        yield counted_cards(word, "skypilot")
    elif isinstance(node, Sequence):
        for item in node:
            yield from _accelerators(item)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if not isinstance(key, Scalar) or not isinstance(value, Scalar):
                continue
            if value.resolved() is None:
                yield counted_cards(key.word(), "skypilot")
            else:
                card = platform_card(key.word(), "skypilot")
                yield with_devices_of_slices(HardwareClaim(card, whole_number(deployed_text(value))))


def _image(resources: Node | None) -> Word | None:
    """Return the container image of `image_id: docker:NAME`."""
    image = deployed_text(resources.get("image_id")) if isinstance(resources, Mapping) else None
    if image is None or not image.text.startswith("docker:"):
        return None
    return image.slice(len("docker:"))


def _own_variables(root: Mapping, hardware: HardwareClaim, site: Span) -> Iterator[Variable]:
    """Yield the variables that SkyPilot sets on each node."""
    count = hardware.gpu_count
    name = "SKYPILOT_NUM_GPUS_PER_NODE"
    if isinstance(count, Located) and count.span is not None:
        yield Variable(name, Word.atomic(str(count.value), count.span, Origin.PLATFORM))
    else:
        reason = count.reason if isinstance(count, Unknown) else "the number of cards is not written"
        yield Variable(name, Word.unknown(reason, site))
    nodes = deployed_text(root.get("num_nodes"))
    alone = nodes is None or nodes.text == "1"
    yield Variable("SKYPILOT_NUM_NODES", Word.atomic("1", site, Origin.PLATFORM) if nodes is None else nodes)
    rank = Word.atomic("0", site, Origin.PLATFORM)
    several = Word.unknown("each node has a rank of its own", site)
    yield Variable("SKYPILOT_NODE_RANK", rank if alone else several)
    yield Variable("SKYPILOT_NODE_IPS", Word.unknown("the nodes' addresses are given when it runs", site))
