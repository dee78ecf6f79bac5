"""A file of weights in a few words of JSON, so that it can be read, compared and kept like a text.

`{"bytes": N, "dtypes": {...}, "components": {...}}` of safetensors, with `[elements, bytes]` each;
`{"bytes": N, "metadata": {...}, "tensors": N, "elements": N, "has_head": ...}` of GGUF; `{"bytes": N}` of an
index, `{"pointer": N}` of a Git LFS pointer to a file of N bytes; `{"problem": "..."}` of anything else.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from vllint.checkpoints.gguf import gguf_header
from vllint.checkpoints.safetensors_header import safetensors_weights
from vllint_schemas import Unknown

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?size (\d{1,18})\n")
_TOTAL = re.compile(rb'"total_size"\s*:\s*(\d{1,18})(?:\.0)?\s*[,}]')
_POINTER_SIZE = 1024
_INDEX_HEAD = 64 * 1024


def weights_summary(file: Path, name: str) -> str:
    """Return what the header of a regular file says, which by its name holds weights or an index of such.

    Raises OSError.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _POINTER_SIZE and (pointer := _POINTER.match(stream.read(_POINTER_SIZE))):
            return _written({"pointer": int(pointer[1])})
        stream.seek(0)
        if name.endswith(".index.json"):
            return _written(_index(stream.read(_INDEX_HEAD)))
        if name.endswith(".gguf"):
            return _written(_gguf(gguf_header(stream, size)))
        weights = safetensors_weights(stream, size)
        return _written({"problem": weights.reason} if isinstance(weights, Unknown) else weights._asdict())


def _index(head: bytes) -> dict[str, Any]:
    """Return the total of an index, which writers put first."""
    total = _TOTAL.search(head)
    return {"problem": "gives no total size"} if total is None else {"bytes": int(total[1])}


def _gguf(header: Any) -> dict[str, Any]:
    if isinstance(header, Unknown):
        return {"problem": header.reason}
    return {
        "bytes": header.bytes,
        "metadata": header.metadata,
        "tensors": len(header.tensors),
        "elements": sum(header.tensors.values()),
        "has_head": "output.weight" in header.tensors if header.tensors else None,
    }


def _written(summary: dict[str, Any]) -> str:
    return json.dumps(summary, separators=(",", ":"))
