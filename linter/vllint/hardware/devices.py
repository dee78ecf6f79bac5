"""Which of its machine's GPUs a launch uses."""

from __future__ import annotations

from functools import cache

from vllint_schemas import Launch, Located, Unknown
from vllint_schemas.parallel import Parallel

_MOST = 4096
"""More GPUs than any machine has: a slip of the keyboard asks for millions."""

_OTHER_SELECTORS = {
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
    "ONEAPI_DEVICE_SELECTOR",
    "HABANA_VISIBLE_DEVICES",
    "ASCEND_RT_VISIBLE_DEVICES",
}


def used_gpus(launch: Launch, layout: Parallel) -> tuple[str, ...] | Unknown:
    """Return the GPUs that a launch uses, by the names or numbers the machine gives them.

    A container gets its GPUs in order: docker hands out `0` to `n-1` for a count of n. Of what it sees, or
    of what `CUDA_VISIBLE_DEVICES` leaves, vLLM takes the first ones.
    """
    names = {variable.name for variable in launch.env}
    if names & _OTHER_SELECTORS:
        return Unknown("variables of another vendor choose the GPUs")
    needed = layout.gpus_needed_here
    handed = _handed_out(launch, needed)
    if isinstance(handed, Unknown):
        return handed
    values = [variable.value for variable in launch.env if variable.name == "CUDA_VISIBLE_DEVICES"]
    if values and not values[-1].is_known:
        return Unknown(values[-1].reason)
    text = values[-1].text if values and values[-1].text.strip() != "all" else ""
    visible = [part.strip() for part in text.split(",") if part.strip()]
    used = [_named(device, handed) for device in visible[:needed]] if visible else list(handed[:needed])
    named = tuple(device for device in used if device is not None)
    return named if len(named) == needed else Unknown("the launch does not see the GPUs it needs")


def _handed_out(launch: Launch, needed: int) -> tuple[str, ...] | Unknown:
    """Return the GPUs that the process could see; of all GPUs, as many as might matter."""
    everything = _numbered(max(needed, 64))
    container = launch.container
    if container is None:
        return everything if launch.image is None else Unknown("what the container is given is not known")
    if container.kind == "kubernetes":
        return Unknown("the cluster chooses the GPUs")
    if container.device_ids is not None:
        return container.device_ids.value
    count = container.gpu_count
    if not isinstance(count, Located):
        return count if isinstance(count, Unknown) else Unknown("the file does not hand out GPUs")
    return everything if count.value == "all" else everything[: count.value]


@cache
def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(min(count, _MOST))))


def _named(visible: str, handed: tuple[str, ...]) -> str | None:
    """Return the machine's name of a device that `CUDA_VISIBLE_DEVICES` names."""
    if not visible.isdecimal():
        return visible if visible.startswith("GPU-") else None
    number = int(visible)
    return handed[number] if number < len(handed) else None
