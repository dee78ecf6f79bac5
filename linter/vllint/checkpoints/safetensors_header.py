"""The header of a safetensors file: how many elements and bytes of each type, and of each component.

The format is that of https://huggingface.co/docs/safetensors: eight bytes with the header's length, a JSON
header that gives each tensor's type, shape and place, then the tensors. Only the header is read.
"""

from __future__ import annotations

import json
import math
import re
from typing import BinaryIO, NamedTuple, TypeGuard

from vllint_schemas import Unknown

LARGEST_HEADER = 4 * 2**20
"""Bytes of a header that is parsed; of a larger one only the size of the tensors is told."""

MOST_COMPONENTS = 4096
_MOST_DIMENSIONS = 16

DTYPE_BITS = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "I64": 64,
    "U64": 64,
    "F64": 64,
}
"""Bits of an element. safetensors 0.8, `safetensors/src/tensor.rs`."""

_COMPONENT = re.compile(r"(?:[^.]+\.)*?\d+(?=\.)")


class Amount(NamedTuple):
    """Elements and the bytes they take."""

    elements: int = 0
    bytes: int = 0

    def plus(self, other: Amount) -> Amount:
        """Return both together."""
        return Amount(self.elements + other.elements, self.bytes + other.bytes)


class Weights(NamedTuple):
    """What files of weights hold: all bytes, and amounts by type and by component where these are known.

    A component is a layer (`model.layers.3`) or the name of a tensor outside of layers. `header` is how many
    bytes were parsed.
    """

    bytes: int
    dtypes: dict[str, Amount]
    components: dict[str, Amount]
    header: int = 0


def safetensors_weights(stream: BinaryIO, size: int) -> Weights | Unknown:
    """Return what a file of `size` bytes holds; the reason of an `Unknown` completes "the file ..."."""
    first = stream.read(8)
    if len(first) < 8:
        return Unknown("is too short for a safetensors file")
    length = int.from_bytes(first, "little")
    data = size - 8 - length
    if data < 0:
        return Unknown(f"announces a header of {length:,} bytes and has {size:,} in all")
    if length > LARGEST_HEADER:
        return Weights(data, {}, {})
    return weights_of_header(stream.read(length), data)


def weights_of_header(header: bytes, data: int) -> Weights | Unknown:
    """Return what the JSON of a header says of `data` bytes of tensors."""
    try:
        tensors = json.loads(header)
    except RecursionError:
        return Unknown("has a header that is nested too deeply")
    except ValueError:
        return Unknown("has a header that is not valid JSON")
    if not isinstance(tensors, dict):
        return Unknown("has a header that is not a JSON object")
    tensors.pop("__metadata__", None)
    dtypes: dict[str, Amount] = {}
    components: dict[str, Amount] = {}
    end = 0
    for name, tensor in tensors.items():
        found = _tensor(tensor)
        if found is None:
            return Unknown(f"has a header that describes the tensor `{name[:80]}` wrongly")
        dtype, amount, last = found
        end = max(end, last)
        dtypes[dtype] = dtypes.get(dtype, Amount()).plus(amount)
        if len(components) < MOST_COMPONENTS:
            component = component_of(name)
            components[component] = components.get(component, Amount()).plus(amount)
    if end > data:
        return Unknown(f"is cut off: its header announces {end:,} bytes of tensors, {data:,} are there")
    return Weights(end, dtypes, components if len(components) < MOST_COMPONENTS else {}, len(header))


def component_of(name: str) -> str:
    """Return the layer that a tensor belongs to; the tensor's own name outside of layers."""
    layer = _COMPONENT.match(name)
    return name if layer is None else layer[0]


def _tensor(described: object) -> tuple[str, Amount, int] | None:
    """Return a tensor's type, size and end; `None` if these do not go together."""
    if not isinstance(described, dict):
        return None
    dtype, shape, place = (described.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or not _counts(shape) or not _counts(place) or len(place) != 2:
        return None
    elements = math.prod(shape)
    start, end = place
    bits = DTYPE_BITS.get(dtype)
    if start > end or len(dtype) > 20 or (bits is not None and elements * bits != (end - start) * 8):
        return None
    return dtype, Amount(elements, end - start), end


def _counts(value: object) -> TypeGuard[list[int]]:
    if not isinstance(value, list) or len(value) > _MOST_DIMENSIONS:
        return False
    return all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**63 for item in value)


def joined(parts: list[Weights]) -> Weights:
    """Return several files' weights together; types and components only where all files tell them."""
    dtypes: dict[str, Amount] = {}
    components: dict[str, Amount] = {}
    for part in parts:
        for name, amount in part.dtypes.items():
            dtypes[name] = dtypes.get(name, Amount()).plus(amount)
        for name, amount in part.components.items():
            components[name] = components.get(name, Amount()).plus(amount)
    total = sum(part.bytes for part in parts)
    known_types = all(part.dtypes or not part.bytes for part in parts)
    known_components = all(part.components or not part.bytes for part in parts)
    header = sum(part.header for part in parts)
    return Weights(total, dtypes if known_types else {}, components if known_components else {}, header)
