"""How many GPUs a compose service gets (Compose Specification, "devices", "gpus", "runtime")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Variables
from typing import NamedTuple

from vllint.sources.containers import claim_with_environment, gpu_number, listed_ids, visible_devices
from vllint.sources.interpolation import interpolate
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import split_image
from vllint_schemas import Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, AllGpus

_GPU_DEVICE = r"[a-z.]+/gpu=([\w:.-]+)$|(/dev/nvidia\d+)(?::|$)"
_SEVERAL = Unknown("the service reserves GPUs in several places")

Count = Located[int | AllGpus] | Unknown


class Handout(NamedTuple):
    """What hands GPUs to a service: its place, how many GPUs, their ids, and a count beside the ids."""

    span: Span
    gpu_count: Count
    device_ids: Located[tuple[str, ...]] | None = None
    count_key: Span | None = None


def service_gpu_count(
    service: Mapping,
    environment: tuple[Variable, ...],
    variables: Variables[str, Word],
    image: Word | None = None,
) -> Count:
    """Return how many GPUs the server sees that a service runs from `image`."""
    runtime = service.get("runtime")
    nvidia = isinstance(runtime, Scalar) and runtime.value == "nvidia"
    seen = {variable.name: variable.value for variable in environment}
    claim = _claim(service, variables)
    if claim is NO_COUNT_CLAIM and nvidia and isinstance(runtime, Scalar) and _hands_out_all(seen, image):
        claim = Located("all", runtime.span)
    return claim_with_environment(claim, seen, nvidia)


def _hands_out_all(environment: Variables[str, Word], image: Word | None) -> bool:
    """Whether the image's own NVIDIA_VISIBLE_DEVICES counts: vLLM's has `all` from nvidia/cuda."""
    if image is None or "NVIDIA_VISIBLE_DEVICES" in environment:
        return False
    return split_image(image.text).is_official


def gpu_handout(
    service: Mapping, environment: tuple[Variable, ...], variables: Variables[str, Word]
) -> Handout | None:
    """Return what hands GPUs to the service; `None` when nothing in it does."""
    several = (*_gpu_devices(service), *_gpus_entries(service))
    if len(several) > 1:
        return Handout(several[0].span.cover(several[-1].span), _SEVERAL)
    for reserved in several:
        return _reservation(reserved, variables)
    handed_out = {variable.name: variable.value for variable in environment}.get("NVIDIA_VISIBLE_DEVICES")
    unknown = Unknown("the service does not say how many GPUs it is handed")
    others = _reserved_devices(service)
    if others is not None and len(others):
        return Handout(others.span, unknown)
    for key in ("gpus", "runtime", "devices", "device_cgroup_rules"):
        node = service.get(key)
        if node is None or (isinstance(node, Sequence) and not len(node)):
            continue
        if key == "gpus" and isinstance(node, Scalar):
            return Handout(node.span, _count(interpolate(node.word(), variables)))
        listed = _listed_devices(node, variables) if key == "devices" else None
        if listed is not None:
            return Handout(node.span, listed)
        nvidia = isinstance(node, Scalar) and node.value == "nvidia" and handed_out is not None
        if nvidia and handed_out is not None:
            return Handout(node.span, visible_devices(handed_out), listed_ids(handed_out))
        return Handout(node.span, unknown)
    privileged = service.get("privileged")
    if isinstance(privileged, Scalar) and privileged.resolved() is not False:
        return Handout(privileged.span, unknown)
    # Where nvidia is the default runtime, the variable alone hands out GPUs.
    return None if handed_out is None else Handout(handed_out.site, unknown)


def _gpus_entries(service: Mapping) -> Iterator[Mapping]:
    """Yield the items of `gpus`, which read as those of `devices`."""
    gpus = service.get("gpus")
    if isinstance(gpus, Sequence):
        yield from (device for device in gpus if isinstance(device, Mapping))


def _reservation(device: Mapping, variables: Variables[str, Word]) -> Handout:
    ids = device.get("device_ids")
    count = device.entry("count")
    listed = _listed(ids, variables) if isinstance(ids, Sequence) and len(ids) else None
    key = count[0].span.cover(count[1].span) if count is not None and listed is not None else None
    return Handout(device.span, _device_count(device, variables), listed, key)


def _listed(ids: Sequence, variables: Variables[str, Word]) -> Located[tuple[str, ...]] | None:
    words = [interpolate(node.word(), variables) for node in ids if isinstance(node, Scalar)]
    if len(words) != len(ids) or not all(word.is_known for word in words):
        return None
    # One item may list several devices: "0,1".
    devices = [part.strip() for word in words for part in word.text.split(",")]
    return Located(tuple(devices), ids.span, words[0].origin)


def _claim(service: Mapping, variables: Variables[str, Word]) -> Count:
    several = (*_gpu_devices(service), *_gpus_entries(service))
    if several:
        return _device_count(several[0], variables) if len(several) == 1 else _SEVERAL
    gpus = service.get("gpus")
    if isinstance(gpus, Scalar) and gpus.resolved() is not None:
        return _count(interpolate(gpus.word(), variables))
    listed = _listed_devices(service.get("devices"), variables)
    return NO_COUNT_CLAIM if listed is None else listed


def _listed_devices(node: Node | None, variables: Variables[str, Word]) -> Count | None:
    """Count the GPUs among `devices`: names of the Container Device Interface, or the files of devices.

    `None` when none of them is a GPU.
    """
    if not isinstance(node, Sequence):
        return None
    found: dict[str, Word] = {}
    for item in node:
        source = item.get("source") if isinstance(item, Mapping) else item
        if not isinstance(source, Scalar):
            continue
        word = interpolate(source.word(), variables)
        if not word.is_known and "gpu" in source.value:
            return Unknown(word.reason)
        match = re.match(_GPU_DEVICE, word.text)
        if match is not None:
            found[match[1] or match[2]] = word
        elif word.text.startswith("/dev/kfd"):
            return Unknown("the service is given the machine's AMD GPUs, and not how many these are")
    if not found:
        return None
    first = next(iter(found.values()))
    if any(":" in name for name in found):
        return Unknown("the visible devices are slices of a GPU")
    if "all" in found:
        return Located("all", found["all"].span, first.origin, first.via)
    return Located(len(found), first.span.cover(list(found.values())[-1].span), first.origin, first.via)


def _gpu_devices(service: Mapping) -> Iterator[Mapping]:
    """Yield the device reservations that ask for GPUs."""
    for device in _reserved_devices(service) or ():
        if isinstance(device, Mapping) and _is_gpu(device):
            yield device


def _reserved_devices(service: Mapping) -> Sequence | None:
    node: Node | None = service
    for key in ("deploy", "resources", "reservations", "devices"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Sequence) else None


def _is_gpu(device: Mapping) -> bool:
    driver, capabilities = device.get("driver"), device.get("capabilities")
    if isinstance(driver, Scalar) and driver.value in {"nvidia", "cdi"}:
        return True
    names = tuple(capabilities) if isinstance(capabilities, Sequence) else ()
    return any(isinstance(name, Scalar) and name.value in {"gpu", "nvidia"} for name in names)


def _device_count(device: Mapping, variables: Variables[str, Word]) -> Count:
    """Read `device_ids` or `count`; a reservation with neither gets all GPUs."""
    ids = device.get("device_ids")
    if isinstance(ids, Sequence) and len(ids):
        words = (interpolate(node.word(), variables) for node in ids if isinstance(node, Scalar))
        comma = Word.atomic(",", ids.span)
        # One item may list several devices: "0,1".
        return visible_devices(Word.join((part for word in words for part in (word, comma)), ids.span))
    count = device.get("count")
    if isinstance(count, Scalar):
        return _count(interpolate(count.word(), variables))
    return Located("all", device.span)


def _count(word: Word) -> Count:
    if not word.is_known:
        return Unknown(word.reason)
    text = word.text.strip()
    count = gpu_number(text)
    if count is None:
        return Unknown(f"`{text}` is not a number of GPUs")
    return Located(count, word.span, word.origin, word.via)
