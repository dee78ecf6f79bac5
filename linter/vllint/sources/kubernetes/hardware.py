"""What a pod says of its machine: extended resources, claims on devices, labels of nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.kubernetes.claims import claimed_devices
from vllint.sources.kubernetes.cluster import Cluster
from vllint.sources.kubernetes.fields import field_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import HardwareClaim, Located, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

_CARD_LABELS = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "eks.amazonaws.com/instance-gpu-name",
    "k8s.amazonaws.com/accelerator",
    "gpu.nvidia.com/model",
    "gpu.nvidia.com/class",
    "amd.com/gpu.product-name",
    "beta.amd.com/gpu.product-name",
)
"""Node labels whose value is a card's name (NFD and device plugins, GKE, Karpenter, EKS, CoreWeave)."""

_SLICE_LABEL = "cloud.google.com/gke-gpu-partition-size"
_INSTANCE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_FAMILY_LABELS = (
    "karpenter.k8s.aws/instance-family",
    "karpenter.sh/instance-family",
    "eks.amazonaws.com/instance-family",
)
"""Node labels whose value is what AWS' instance types begin with: `g6e` of `g6e.12xlarge`."""

_GPU_RESOURCES = frozenset(
    {
        "nvidia.com/gpu",
        "amd.com/gpu",
        "gpu.intel.com/i915",
        "gpu.intel.com/xe",
        "habana.ai/gaudi",
        "google.com/tpu",
    }
)
"""Resources that count devices of which each runs one rank."""

_PARTS = {
    "nvidia.com/gpu.shared": "the container shares its GPUs",
    "nvidia.com/gpumem": "the container gets a part of a GPU's memory",
    "nvidia.com/gpumem-percentage": "the container gets a part of a GPU's memory",
    "nvidia.com/gpucores": "the container gets a part of a GPU",
    "volcano.sh/vgpu-number": "the container gets a part of a GPU's memory",
    "volcano.sh/vgpu-memory": "the container gets a part of a GPU's memory",
    "aliyun.com/gpu-mem": "the container gets a part of a GPU's memory",
    "tencent.com/vcuda-core": "the container gets a part of a GPU",
    "aws.amazon.com/neuron": "a Neuron device runs several ranks",
    "aws.amazon.com/neurondevice": "a Neuron device runs several ranks",
    "aws.amazon.com/neuroncore": "Neuron joins cores by a setting of its own",
}
"""Resources that say nothing certain about whole devices."""

_MIG = re.compile(r"nvidia\.com/mig-(\d+g\.\d+gb(?:\.me)?)")
_TWO_DEVICES_EACH = "tpu7"
"""The beginning of GKE's names for TPUs of which each chip is two devices."""


class Handed(NamedTuple):
    """The devices that a container is given; `slice` names the part of a card that each of them is."""

    gpu_count: Located[int | AllGpus] | Unknown
    slice: Located[str] | None = None
    whole: Unknown | None = None


def handed_out(container: Mapping, spec: Mapping, cluster: Cluster, namespace: str) -> Handed:
    """Return the devices that the container's resources name, or the claims on devices of its pod."""
    resources = container.get("resources")
    if not isinstance(resources, Mapping):
        return Handed(NO_COUNT_CLAIM)
    for kind in ("limits", "requests"):
        amounts = resources.get(kind)
        found = _of_amounts(amounts, spec) if isinstance(amounts, Mapping) else None
        if found is not None:
            return found
    claims = resources.get("claims")
    if isinstance(claims, Sequence) and len(claims):
        return Handed(claimed_devices(claims, spec, cluster, namespace))
    return Handed(NO_COUNT_CLAIM)


def _of_amounts(amounts: Mapping, spec: Mapping) -> Handed | None:
    """Read `limits` or `requests`; `None` where they name no devices."""
    named = {
        key.value: (key, word)
        for key, value in amounts.items()
        if isinstance(key, Scalar) and (word := field_word(value)) is not None
    }
    for name, reason in _PARTS.items():
        if name in named and "nvidia.com/gpu" not in named:
            return Handed(Unknown(reason), whole=Unknown(reason))
    for name, (key, word) in named.items():
        if name in _GPU_RESOURCES:
            part = next((Unknown(reason) for part, reason in _PARTS.items() if part in named), None)
            return Handed(_devices(name, word, spec), whole=part)
        size = _MIG.fullmatch(name)
        if size is not None or "/mig-" in name:
            sliced = Located(size[1], key.span) if size is not None else None
            return Handed(_slices(name, word), sliced, Unknown("the container gets slices of a GPU"))
    return None


def _devices(resource: str, amount: Word, spec: Mapping) -> Located[int | AllGpus] | Unknown:
    if resource == "google.com/tpu":
        kind = dict(_node_labels(spec)).get("cloud.google.com/gke-tpu-accelerator")
        if kind is not None and kind.text.startswith(_TWO_DEVICES_EACH):
            return Unknown("each chip of this TPU is two devices")
    return _number(resource, amount)


def _slices(resource: str, amount: Word) -> Located[int | AllGpus] | Unknown:
    """Read a number of MIG slices: a process sees one of them (CUDA, "Multi-Instance GPU")."""
    number = _number(resource, amount)
    if isinstance(number, Located) and number.value != 1:
        return Unknown("a process sees only one of its slices of a GPU")
    return number


def _number(resource: str, amount: Word) -> Located[int | AllGpus] | Unknown:
    if not amount.is_known:
        return Unknown(amount.reason)
    if not amount.text.isdecimal() or amount.text == "0":
        return Unknown(f"`{resource}: {amount.text}` is not a number of GPUs")
    return Located(int(amount.text), amount.span, amount.origin, amount.via)


def hardware_claim(
    spec: Mapping, handed: Handed, gpu_count: Located[int | AllGpus] | Unknown
) -> HardwareClaim:
    """Return what the pod's node selection says of the card; `gpu_count` is what the process sees."""
    labels = dict(_node_labels(spec))
    card = next((labels[name] for name in _CARD_LABELS if name in labels), None)
    instance = next((labels[name] for name in _INSTANCE_LABELS if name in labels), None)
    gpu = _of_family(labels) if card is None else _located(card)
    part = handed.slice or _labelled_slice(labels)
    if part is not None and isinstance(gpu, Located):
        gpu = gpu._replace(value=f"{gpu.value} MIG {part.value}")
    elif handed.whole is not None:
        gpu = handed.whole
    named = None if instance is None or not instance.is_known else Located(instance.text, instance.span)
    return HardwareClaim(gpu, gpu_count, None if handed.whole is not None else named)


def _of_family(labels: dict[str, Word]) -> Located[str] | Unknown:
    """Return the card that all machines of a family have."""
    family = next((labels[name] for name in _FAMILY_LABELS if name in labels), None)
    if family is None or not family.is_known:
        return NO_GPU_CLAIM
    from vllint.hardware.instances import family_card

    card = family_card(family.text, "aws")
    if card is None:
        return NO_GPU_CLAIM
    return card if isinstance(card, Unknown) else Located(card, family.span)


def _labelled_slice(labels: dict[str, Word]) -> Located[str] | None:
    size = labels.get(_SLICE_LABEL)
    return None if size is None or not size.is_known else Located(size.text, size.span)


def _located(word: Word) -> Located[str] | Unknown:
    return Located(word.text, word.span) if word.is_known else Unknown(word.reason)


def _node_labels(spec: Mapping) -> Iterator[tuple[str, Word]]:
    """Yield the labels that a node must have: `nodeSelector`, and required affinity with one value."""
    selector = spec.get("nodeSelector")
    for key, value in selector.items() if isinstance(selector, Mapping) else ():
        word = field_word(value)
        if isinstance(key, Scalar) and word is not None:
            yield key.value, word
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
            word = field_word(value)
            if word is not None:
                yield key.value, word
