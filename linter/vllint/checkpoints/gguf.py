"""The header of a GGUF file: its metadata and the sizes of its tensors, without reading the weights.

The format is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import math
import struct
from typing import Any, BinaryIO, NamedTuple

from vllint_schemas import Unknown

MOST_READ = 24 * 2**20
"""Bytes that are read: vocabularies stand before the tensors' sizes."""

_MOST_STRINGS = 1_000_000
_MOST_PAIRS = 4096
_MOST_TENSORS = 65536
_LONGEST_TEXT = 256
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9


class GgufHeader(NamedTuple):
    """Metadata by key (of arrays the length), elements by tensor; no tensors where these were not reached.

    `bytes` is the size of the whole file.
    """

    metadata: dict[str, Any]
    tensors: dict[str, int]
    bytes: int


class _BrokenError(Exception):
    """The bytes are no GGUF header; the message completes "the file ..."."""


class _TooLongError(Exception):
    """The header goes on beyond what is read."""


class _Reader:
    def __init__(self, content: bytes, whole: bool) -> None:
        self._content = content
        self._whole = whole
        self._at = 0
        self._strings = 0

    def number(self, form: str) -> Any:
        layout = f"<{form}"
        end = self._at + struct.calcsize(layout)
        if end > len(self._content):
            raise self._ended()
        (value,) = struct.unpack_from(layout, self._content, self._at)
        self._at = end
        return value

    def skip(self, length: int) -> bytes:
        """Pass over `length` bytes and return the first of them."""
        if self._at + length > len(self._content):
            raise self._ended()
        start, self._at = self._at, self._at + length
        return self._content[start : start + min(length, _LONGEST_TEXT)]

    def text(self) -> str:
        return self.skip(self.number("Q")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self.text()
        if kind == _ARRAY:
            return self._array()
        if kind not in _FORMATS:
            raise _BrokenError(f"holds metadata of the unknown type {kind}")
        return self.number(_FORMATS[kind])

    def _array(self) -> dict[str, int] | list[int]:
        """Return the length of an array, of short ones of numbers the items."""
        kind, length = self.number("I"), self.number("Q")
        if kind == _TEXT:
            self._strings += length
            if self._strings > _MOST_STRINGS:
                raise _TooLongError
            for _ in range(length):
                self.skip(self.number("Q"))
        elif kind in _FORMATS:
            if length <= _LONGEST_TEXT:
                return [self.number(_FORMATS[kind]) for _ in range(length)]
            self.skip(length * struct.calcsize(f"<{_FORMATS[kind]}"))
        else:
            raise _BrokenError(f"holds an array of the unknown type {kind}")
        return {"length": length}

    def _ended(self) -> Exception:
        return _BrokenError("is cut off within its header") if self._whole else _TooLongError()


def gguf_header(stream: BinaryIO, size: int) -> GgufHeader | Unknown:
    """Return the header of a file of `size` bytes; the reason of an `Unknown` completes "the file ..."."""
    content = stream.read(MOST_READ)
    if content[:4] != b"GGUF":
        return Unknown("is no GGUF file")
    reader = _Reader(content, size <= MOST_READ)
    metadata: dict[str, Any] = {}
    tensors: dict[str, int] = {}
    try:
        reader.skip(4)
        version = reader.number("I")
        if version not in (2, 3):
            return Unknown(f"is GGUF of version {version}, which is not known")
        count, pairs = reader.number("Q"), reader.number("Q")
        if pairs > _MOST_PAIRS or count > _MOST_TENSORS:
            return Unknown(f"announces {pairs:,} metadata and {count:,} tensors")
        for _ in range(pairs):
            key = reader.text()
            metadata[key] = reader.value(reader.number("I"))
        for _ in range(count):
            name, elements = _tensor(reader)
            tensors[name] = elements
    except _BrokenError as error:
        return Unknown(str(error))
    except _TooLongError:
        # What stands first is enough for the sizes of layers.
        tensors = {}
    return GgufHeader(metadata, tensors, size)


def _tensor(reader: _Reader) -> tuple[str, int]:
    name, dimensions = reader.text(), reader.number("I")
    if dimensions > 8:
        raise _BrokenError(f"gives the tensor `{name[:80]}` {dimensions:,} dimensions")
    elements = math.prod(reader.number("Q") for _ in range(dimensions))
    reader.skip(12)
    return name, elements
