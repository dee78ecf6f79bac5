"""Which processors an image's build of vLLM is for, by the words in its name and tag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from vllint_schemas import Hardware, Located, Origin, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

OTHER_PROCESSORS = "by its name the image is a build for"
"""How the reason begins for which no card of the machine counts."""


class Processors(NamedTuple):
    """A kind of processors, and who makes those of them that are cards in the table."""

    name: str
    vendor: str = ""


_CPU, _GAUDI, _INTEL = Processors("CPUs"), Processors("Gaudi", "intel"), Processors("Intel's GPUs", "intel")
_ASCEND = Processors("Ascend", "huawei")
BY_WORD: Mapping[str, Processors] = {
    "cpu": _CPU, "openvino": _CPU, "hpu": _GAUDI, "gaudi": _GAUDI, "xpu": _INTEL, "ipex": _INTEL,
    "tpu": Processors("TPUs", "google"), "neuron": Processors("Neuron", "aws"),
    "rocm": Processors("AMD's GPUs", "amd"), "ascend": _ASCEND, "npu": _ASCEND,
}  # fmt: skip
"""Words of vLLM's own image names (`docker/Dockerfile.*`), and of those that the makers publish."""

_OUTSIDE = frozenset({Origin.COMMAND_LINE, Origin.SETTINGS})
_WORD = re.compile(r"[a-z]+")


def built_for(image: Word | None) -> Processors | None:
    """Return the processors that an image names; `None` where it names none, as those for CUDA do."""
    if image is None or not image.is_known:
        return None
    words = _WORD.findall(image.text.lower())
    return next((BY_WORD[word] for word in words if word in BY_WORD), None)


def without_other_cards(hardware: Hardware, image: Word | None) -> Hardware:
    """Return the hardware without a card that is stated for all files and that the image does not run on.

    Of an image that runs on no cards it says so, where none is named.
    """
    gpu, count, processors = hardware.gpu, hardware.gpu_count, built_for(image)
    if processors is None:
        return hardware
    unknown = Unknown(f"{OTHER_PROCESSORS} {processors.name}")
    if isinstance(gpu, Unknown):
        if processors.vendor or gpu != NO_GPU_CLAIM:
            return hardware
        return hardware._replace(gpu=unknown, gpu_count=unknown if count == NO_COUNT_CLAIM else count)
    if gpu.origin not in _OUTSIDE or gpu.value.vendor == processors.vendor:
        return hardware
    stated = isinstance(count, Located) and count.origin in _OUTSIDE
    return hardware._replace(gpu=unknown, gpu_count=unknown if stated else count)
