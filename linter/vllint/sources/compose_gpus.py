"""How many GPUs a compose service gets (Compose Specification, "devices", "gpus", "runtime")."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Variables

from vllint.sources.containers import claim_with_environment, visible_devices
from vllint.sources.interpolation import interpolate
from vllint.text.yaml_nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Located, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, AllGpus

Count = Located[int | AllGpus] | Unknown


def service_gpu_count(
    service: Mapping, environment: tuple[Variable, ...], variables: Variables[str, Word]
) -> Count:
    """Return how many GPUs the service's server sees."""
    runtime = service.get("runtime")
    nvidia = isinstance(runtime, Scalar) and runtime.value == "nvidia"
    seen = {variable.name: variable.value for variable in environment}
    return claim_with_environment(_claim(service, variables), seen, nvidia)


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
    node: Node | None = service
    for key in ("deploy", "resources", "reservations", "devices"):
        node = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Sequence):
        return
    for device in node:
        if isinstance(device, Mapping) and _is_gpu(device):
            yield device


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
    if text in {"all", "-1"}:
        return Located("all", word.span, word.origin, word.via)
    if text.isdecimal():
        return Located(int(text), word.span, word.origin, word.via)
    return Unknown(f"`{text}` is not a number of GPUs")
