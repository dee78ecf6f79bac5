"""What a model's name says of its size: the last resort, which informs and proves nothing."""

from __future__ import annotations

import re
from typing import NamedTuple

_SIZE = re.compile(
    r"""
    (?<![A-Za-z0-9.]) (?:[A-Za-z]{3,})?
    (?:(?P<experts>\d{1,3})x)?
    (?P<number>\d{1,4} (?:\.\d{1,3})?)
    (?P<unit>[BbMmTt])
    (?![A-Za-z0-9])
    """,
    re.VERBOSE,
)
"""A number with its unit that is a word of its own, or ends one (`falcon40b`)."""

_UNDERSCORED = re.compile(r"(?<=-)(\d)_(\d{1,2}[Bb])(?![A-Za-z0-9])")
"""A decimal number as `internlm2-1_8b` writes it."""

_ACTIVE = re.compile(r"(?<![A-Za-z0-9.])[Aa](\d{1,3}(?:\.\d{1,3})?)[Bb](?![A-Za-z0-9])")
"""Parameters that a token uses (`A3B`), which are not the total."""

_EXPERTS = re.compile(r"(?<![A-Za-z0-9.])\d{1,4}[Ee](?![A-Za-z0-9])")
"""How many experts: a size beside it (`17B-16E`) is that of a token's."""

_BITS = re.compile(
    r"(?<![a-z0-9])(?:(?P<bits>[2-8])-?bit|(?:int|fp|nvfp|mxfp)(?P<of_type>4|6|8)|w(?P<weights>4|8)a\d{1,2}"
    r"|(?P<four>awq|gptq|bnb)|i?q(?P<gguf>[2-8])(?:_[0-9a-z]+)*)(?![a-z0-9])"
)
_BILLIONS = {"m": 1e-3, "b": 1.0, "t": 1e3}
_LEAST, _MOST = 0.005, 2000.0
_SHARED = 0.82
"""Eight experts of 7B share attention and embeddings: Mixtral-8x7B has 46.7 billion, 8x22B has 141."""


class NamedSize(NamedTuple):
    """Parameters by a model's name: all, and those a token uses; bits of a weight. `None`: not said."""

    parameters: int | None
    active: int | None = None
    bits: int | None = None


def size_from_name(model: str) -> NamedSize | None:
    """Return what an id or a path says of the size; `None` where it says nothing, or several things."""
    name = _UNDERSCORED.sub(r"\1.\2", model.rstrip("/").rpartition("/")[2].partition(":")[0][:200])
    sizes = {_billions(match) for match in _SIZE.finditer(name)}
    plain = {size for unit, size in sizes if unit == "b"} or {size for _, size in sizes}
    total = _parameters(plain.pop()) if len(plain) == 1 else None
    used = _ACTIVE.search(name)
    active = None if used is None else _parameters(float(used[1]))
    if _EXPERTS.search(name):
        total, active = None, active or total
    if total is None and active is None:
        return None
    return NamedSize(total, active, _bits(name))


def by_its_name(model: str) -> str:
    """Return the size that a name says as the rest of a sentence; empty where it says none."""
    size = size_from_name(model)
    if size is None or size.parameters is None:
        return ""
    return f"; by its name it has about {size.parameters / 1e9:,.3g} billion parameters"


def _billions(match: re.Match[str]) -> tuple[str, float]:
    unit = match["unit"].lower()
    size = float(match["number"]) * _BILLIONS[unit]
    if match["experts"] is not None:
        size *= int(match["experts"]) * _SHARED
    return unit, size


def _parameters(billions: float) -> int | None:
    return round(billions * 1e9) if _LEAST <= billions <= _MOST else None


def _bits(name: str) -> int | None:
    match = _BITS.search(name.lower())
    if match is None:
        return None
    if match["four"]:
        return 4
    return int(match["bits"] or match["of_type"] or match["weights"] or match["gguf"])
