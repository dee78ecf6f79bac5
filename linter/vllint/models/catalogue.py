"""The embedded catalogue: facts of well-known models by their Hugging Face id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from vllint.tables import table_path
from vllint_schemas import ModelFacts, Quantization


class _Catalogue(NamedTuple):
    """The file, the same in lower case, its header, and the lines of shapes and details."""

    content: bytes
    lowered: bytes
    header: dict[str, Any]
    lines: list[bytes]


@lru_cache(maxsize=1024)
def find_model(model_id: str) -> ModelFacts | None:
    """Return the facts of a model by its id, in any case, or by the id it had before a renaming."""
    catalogue = _catalogue()
    line = _line(catalogue.content, model_id) or _line(catalogue.content, model_id.lower(), catalogue.lowered)
    if line is None:
        return None
    entry = json.loads(line)
    fields: dict[str, Any] = {"id": entry[3] if len(entry) > 3 else entry[0], "source": "catalogue"}
    shape, detail = entry[1], catalogue.header["shapes"] + entry[2]
    fields |= _fields(catalogue.header["shape"], catalogue.lines[shape])
    fields |= _fields(catalogue.header["detail"], catalogue.lines[detail])
    written = fields.get("quantization")
    if written is not None:
        fields["quantization"] = _quantization(written)
    fields.setdefault("text_model_type", fields.get("model_type"))
    return ModelFacts(**fields)


def model_ids() -> Iterator[str]:
    """Return the ids of all models in the catalogue, old names left out, in alphabetical order."""
    for line in _catalogue().content.splitlines()[-_catalogue().header["ids"] :]:
        entry = json.loads(line)
        if len(entry) == 3:
            yield entry[0]


def _line(content: bytes, model_id: str, searched: bytes | None = None) -> bytes | None:
    try:
        key = f"\n[{json.dumps(model_id)},".encode("ascii")
    except UnicodeEncodeError:
        return None
    found = (content if searched is None else searched).find(key)
    return None if found < 0 else content[found + 1 : content.index(b"\n", found + 1)]


def _fields(groups: dict[str, list[str]], line: bytes) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for names, values in zip(groups.values(), json.loads(line), strict=True):
        known.update(
            (name, value) for name, value in zip(names, values or (), strict=False) if value is not None
        )
    return known


def _quantization(written: dict[str, Any]) -> Quantization:
    block, ignored = written.pop("block", None), written.pop("ignored", None)
    how = Quantization(block=tuple(block) if block else None, **written)
    return how if ignored is None else how._replace(ignored=tuple(ignored))


@cache
def _catalogue() -> _Catalogue:
    content = table_path("models.jsonl").read_bytes()
    first, rest = content.split(b"\n", 1)
    header = json.loads(first)
    return _Catalogue(
        content, content.lower(), header, rest.split(b"\n", header["shapes"] + header["details"])
    )
