"""Kubernetes manifests: the containers that start vLLM, wherever a pod's specification stands.

Follows the Kubernetes API: `command` replaces the image's entrypoint, `args` its arguments, and `$(NAME)` in
both stands for a variable of the container's own `env`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Variables
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.commands import Start, Surroundings, container_starts
from vllint.sources.containers import claim_with_environment
from vllint.sources.files import Document, Found
from vllint.sources.kubernetes_container import namespace_of, pod_container, services_of
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts
from vllint.sources.templates import with_placeholders_unknown
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml_nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import (
    Container,
    HardwareClaim,
    Launch,
    Located,
    SourceProblem,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

_REFERENCE = re.compile(r"\$(\$?)\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_CARD_LABELS = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "eks.amazonaws.com/instance-gpu-name",
    "gpu.nvidia.com/model",
    "gpu.nvidia.com/class",
)
"""Node labels whose value is a card's name."""

_INSTANCE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe")
_MAX_DEPTH = 60


class Pod(NamedTuple):
    """A pod's specification, the name and namespace of its object, and whether pods work as one group."""

    spec: Mapping
    name: str
    namespace: str
    grouped: bool


def recognises(root: Node) -> bool:
    """Whether a document is a Kubernetes object."""
    return isinstance(root, Mapping) and root.get("apiVersion") is not None and root.get("kind") is not None


def launches(document: Document) -> Found:
    """Yield the launches of an object, or of the objects in a list."""
    root = document.root
    if not isinstance(root, Mapping):
        return
    for pod in _pods(root, _name(root), namespace_of(root), False, 0):
        for container in _containers(pod.spec):
            yield from _container_launches(container, pod, document.roots)


def _name(root: Mapping) -> str:
    metadata = root.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name.value if isinstance(name, Scalar) else "object"


def _pods(node: Node, name: str, namespace: str, grouped: bool, depth: int) -> Iterator[Pod]:
    """Yield every pod specification below a node: a mapping with `containers`."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(node, Sequence):
        for item in node:
            yield from _pods(item, name, namespace, grouped, depth + 1)
    if not isinstance(node, Mapping):
        return
    if recognises(node):
        name, namespace = _name(node), namespace_of(node)
    if isinstance(node.get("containers"), Sequence):
        yield Pod(node, name, namespace, grouped)
        return
    for key, value in node.items():
        in_group = grouped or (isinstance(key, Scalar) and key.value == "leaderWorkerTemplate")
        yield from _pods(value, name, namespace, in_group, depth + 1)


def _containers(spec: Mapping) -> Iterator[Mapping]:
    containers = spec.get("containers")
    if isinstance(containers, Sequence):
        yield from (item for item in containers if isinstance(item, Mapping))


def _container_launches(
    container: Mapping, pod: Pod, roots: Iterable[Node]
) -> Iterator[Launch | SourceProblem]:
    if container.get("command") is None and container.get("args") is None:
        return
    image = scalar_word(container.get("image"))
    environment = tuple(_environment(container.get("env")))
    variables = {variable.name: variable.value for variable in environment}
    handed_out = _gpu_count(container, pod)
    around = Surroundings(environment, claim_with_environment(handed_out, variables, False), image)
    given: Container | None = None
    for found in _starts(container, around, variables):
        if found.broken:
            yield broken_shell(found)
            continue
        if given is None:
            services = (service for service in services_of(roots) if service.namespace == pod.namespace)
            given = pod_container(container, pod.spec, services, handed_out)
        yield _launch(found, container, pod, image)._replace(container=given)


def _starts(
    container: Mapping, around: Surroundings, variables: Variables[str, Word]
) -> Iterator[ScriptStart]:
    command = _words(container.get("command"), variables)
    args = _words(container.get("args"), variables) or ()
    at = (command or args or (None,))[0]
    place = container.span if at is None else at.site
    for found in container_starts(command, args, around, place):
        if isinstance(found, Start):
            yield ScriptStart(found, container.span, Unknown("the container installs no release"))
        else:
            yield from inner_script_starts(found)


def _launch(found: ScriptStart, container: Mapping, pod: Pod, image: Word | None) -> Launch:
    start, around = found.start, found.start.surroundings
    name = container.get("name")
    own = name.value if isinstance(name, Scalar) else "container"
    return Launch(
        path=container.span.path,
        name=f"{pod.name}/{own}",
        kind="kubernetes",
        extent=container.span,
        at=name.span if isinstance(name, Scalar) else start.at,
        entry_point=start.entry_point,
        argv=start.argv,
        hardware=_hardware(pod, around.gpu_count),
        vllm_version=found.pinned if isinstance(found.pinned, Located) else image_version(image),
        env=around.environment,
        image=image,
        image_entry_point=around.image_entry_point,
        repeated_launcher=start.repeated_launcher,
        together=f"pod {pod.spec.span.start}",
        in_script=around.shell is not None,
    )


def _words(node: Node | None, variables: Variables[str, Word]) -> tuple[Word, ...] | None:
    if not isinstance(node, Sequence):
        return None
    return tuple(_expanded(item, variables) for item in scalar_words(node))


def _environment(node: Node | None) -> Iterator[Variable]:
    """Yield the variables of `env`; each may name those before it."""
    seen: dict[str, Word] = {}
    for item in node if isinstance(node, Sequence) else ():
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(name, Scalar):
            continue
        value = scalar_word(item.get("value"))
        if value is None:
            reason = f"`{name.value}` comes from elsewhere in the cluster"
            value = Word.unknown(reason, item.span) if item.get("valueFrom") is not None else None
        word = Word("", (), name.span) if value is None else _expanded(value, seen)
        seen[name.value] = word
        yield Variable(name.value, word)


def _expanded(word: Word, variables: Variables[str, Word]) -> Word:
    """Replace `$(NAME)`, and `$$(NAME)` by itself with one dollar.

    A name that `env` does not define may be set by whatever creates the pod.
    """
    if "$(" not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in _REFERENCE.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        use = word.slice(*match.span())
        value = variables.get(match.group(2))
        if match.group(1):
            parts.append(Word.atomic(use.text[1:], use.site))
        elif value is None:
            parts.append(Word.unknown(f"`{use.text}` is not in the container's `env`", use.site))
        else:
            parts.append(replace(value, site=use.site, via=(use.site, *value.via), slot=None))
        position = match.end()
    parts.append(word.slice(position))
    joined = Word.join(parts, word.site)
    return replace(joined, slot=word.slot, via=word.via + joined.via)


def _gpu_count(container: Mapping, pod: Pod) -> Located[int | AllGpus] | Unknown:
    """Return the GPUs that the container's limits name; a pod group's model spans pods."""
    if pod.grouped:
        return Unknown("the pods of a group hold the model together")
    resources = container.get("resources")
    for kind in ("limits", "requests"):
        amounts = resources.get(kind) if isinstance(resources, Mapping) else None
        if not isinstance(amounts, Mapping):
            continue
        for name, amount in amounts.items():
            if isinstance(name, Scalar) and isinstance(amount, Scalar):
                count = _amount(name.value, with_placeholders_unknown(amount.word()))
                if count is not None:
                    return count
    return NO_COUNT_CLAIM


def _amount(resource: str, amount: Word) -> Located[int | AllGpus] | Unknown | None:
    if "/mig-" in resource:
        return Unknown("the container gets slices of a GPU")
    if resource not in _GPU_RESOURCES:
        return None
    if not amount.is_known:
        return Unknown(amount.reason)
    if not amount.text.isdecimal() or amount.text == "0":
        return Unknown(f"`{resource}: {amount.text}` is not a number of GPUs")
    return Located(int(amount.text), amount.span, amount.origin, amount.via)


def _hardware(pod: Pod, gpu_count: Located[int | AllGpus] | Unknown) -> HardwareClaim:
    """Return what the pod's node selection says of the card."""
    labels = dict(_node_labels(pod.spec))
    card = next((labels[name] for name in _CARD_LABELS if name in labels), None)
    instance = next((labels[name] for name in _INSTANCE_LABELS if name in labels), None)
    return HardwareClaim(
        gpu=NO_GPU_CLAIM if card is None else _located(card),
        gpu_count=gpu_count,
        instance=None if instance is None or not instance.is_known else Located(instance.text, instance.span),
    )


def _located(word: Word) -> Located[str] | Unknown:
    return Located(word.text, word.span) if word.is_known else Unknown(word.reason)


def _node_labels(spec: Mapping) -> Iterator[tuple[str, Word]]:
    """Yield the labels that a node must have: `nodeSelector`, and required affinity with one value."""
    selector = spec.get("nodeSelector")
    for key, value in selector.items() if isinstance(selector, Mapping) else ():
        if isinstance(key, Scalar) and isinstance(value, Scalar):
            yield key.value, with_placeholders_unknown(value.word())
    node: Node | None = spec
    for name in ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"):
        node = node.get(name) if isinstance(node, Mapping) else None
    terms = node.get("nodeSelectorTerms") if isinstance(node, Mapping) else None
    if not isinstance(terms, Sequence) or len(terms) != 1:
        return
    for term in terms:
        expressions = term.get("matchExpressions") if isinstance(term, Mapping) else None
        for expression in expressions if isinstance(expressions, Sequence) else ():
            yield from _single_value(expression)


def _single_value(expression: Node) -> Iterator[tuple[str, Word]]:
    """Yield the label of `key In [value]`."""
    if not isinstance(expression, Mapping):
        return
    key, operator, values = (expression.get(name) for name in ("key", "operator", "values"))
    if not isinstance(key, Scalar) or not isinstance(operator, Scalar) or operator.value != "In":
        return
    if isinstance(values, Sequence) and len(values) == 1:
        for value in values:
            if isinstance(value, Scalar):
                yield key.value, with_placeholders_unknown(value.word())
