"""How many GPUs a compose service gets (Compose Specification, "devices", "gpus", "runtime")."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Variables
from typing import NamedTuple

from vllint.sources.containers import claim_with_environment, gpu_number, listed_ids, visible_devices
from vllint.sources.interpolation import interpolate
from vllint.text.yaml_nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, AllGpus

Count = Located[int | AllGpus] | Unknown


class Handout(NamedTuple):
    """What hands GPUs to a service: its place, how many GPUs, their ids, and a count beside the ids."""

    span: Span
    gpu_count: Count
    device_ids: Located[tuple[str, ...]] | None = None
    count_key: Span | None = None


def service_gpu_count(
    service: Mapping, environment: tuple[Variable, ...], variables: Variables[str, Word]
) -> Count:
    """Return how many GPUs the service's server sees."""
    runtime = service.get("runtime")
    nvidia = isinstance(runtime, Scalar) and runtime.value == "nvidia"
    seen = {variable.name: variable.value for variable in environment}
    return claim_with_environment(_claim(service, variables), seen, nvidia)


def gpu_handout(
    service: Mapping, environment: tuple[Variable, ...], variables: Variables[str, Word]
) -> Handout | None:
    """Return what hands GPUs to the service; `None` when nothing in it does."""
    for reserved in (*_gpu_devices(service), *_gpus_entries(service)):
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
    reserved = next(_gpu_devices(service), None)
    if reserved is not None:
        return _device_count(reserved, variables)
    gpus = service.get("gpus")
    if isinstance(gpus, Scalar):
        return _count(interpolate(gpus.word(), variables))
    if isinstance(gpus, Sequence):
        for device in gpus:
            if isinstance(device, Mapping):
                return _device_count(device, variables)
    return NO_COUNT_CLAIM


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
    if isinstance(driver, Scalar) and driver.value == "nvidia":
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
