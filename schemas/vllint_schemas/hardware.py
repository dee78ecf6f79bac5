"""Graphics cards and machines."""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

from typing import NamedTuple

from vllint_schemas.known import Located, Unknown

GIB = 1024**3


class Gpu(NamedTuple):
    """A card: `memory_bytes` is what CUDA reports as total, between `memory_low` and `memory_high`.

    `None` and `Unknown` fields are not known. `compute_capability` is `(9, 0)` for Hopper; it is
    `None` for cards that are not NVIDIA's.
    """

    name: str
    vendor: str
    memory_bytes: int | Unknown
    memory_low_bytes: int | Unknown
    memory_high_bytes: int | Unknown
    compute_capability: tuple[int, int] | None
    nvlink: bool | None = None


class Instance(NamedTuple):
    """A machine one can rent: card name, number of cards, and its price where it is known."""

    name: str
    provider: str
    gpu: str
    gpu_count: int
    memory_gib: float | None = None
    price_usd_hour: float | None = None


class Hardware(NamedTuple):
    """What a launch runs on; card and count are known or unknown separately.

    `gpu_count` is what the launch may use, `shared` whether other launches may use the same cards.
    """

    gpu: Located[Gpu] | Unknown
    gpu_count: Located[int] | Unknown
    instance: Instance | None = None
    price_usd_hour: float | None = None
