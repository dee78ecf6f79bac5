"""Machines by the names that clouds and platforms give them.

The table `vllint_schemas/data/instances.json` is written by `scripts/tables/instances.py`, which
describes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from vllint.tables import table_path
from vllint_schemas import Instance, Unknown

HUGGING_FACE = "huggingface-inference-endpoints"

_SIZE = re.compile(r"x(\d+)")
_COUNTED = re.compile(r"(.+):(\d+)")
_ENDPOINT_COMPUTE = re.compile(r"(?P<vendor>aws|gcp|azure)-.+?-(?P<type>nvidia-.+|inf\d)-(?P<size>x\d+)")


class _Row(NamedTuple):
    """A row of the table: `unknown` says why it does not tell a card; `retired` that it is not sold."""

    instance: Instance
    names: tuple[str, ...]
    counted: bool
    retired: bool
    unknown: str | None


def find_instance(name: str, provider: str | None = None) -> Instance | Unknown:
    """Return the machine called `name`, or `Unknown` with the reason.

    `provider` narrows the search: a name of the table (`aws-ec2`) or its first part (`aws`). Without it,
    providers that use one name for different machines make it `Unknown`. Names that carry their number
    of cards, as `nvidia-gpu-l4:2`, are understood.
    """
    wanted = name.strip().lower()
    rows = [row for row in _by_name().get(wanted, ()) if _is_of(row, provider)]
    if rows:
        return _agreed(name, rows)
    counted = _COUNTED.fullmatch(wanted)
    if counted:
        rows = [row for row in _by_name().get(counted[1], ()) if row.counted and _is_of(row, provider)]
    if counted and rows:
        return _renamed(rows[0].instance, name.strip(), int(counted[2]))
    compute = _ENDPOINT_COMPUTE.fullmatch(wanted)
    if compute and _hugging_face_counts(provider):
        return find_hf_instance(compute["vendor"], compute["type"], compute["size"])
    return Unknown(f"no instance called `{name}` is known{f' at {provider}' if provider else ''}")


def family_card(family: str, provider: str) -> str | Unknown | None:
    """Return the card of a family of machines, as `g6e`: `Unknown` where they differ, `None` for others."""
    start = f"{family.strip().lower()}."
    rows = [row for row in _rows() if row.instance.name.lower().startswith(start) and _is_of(row, provider)]
    cards = sorted({row.instance.gpu if row.unknown is None else "" for row in rows})
    if len(cards) == 1 and cards[0] and all(row.instance.memory_gib is None for row in rows):
        return cards[0]
    return None if not cards else Unknown(f"instances called `{family}` have different cards")


def find_hf_instance(vendor: str | None, instance_type: str, instance_size: str) -> Instance | Unknown:
    """Return the machine of a Hugging Face Inference Endpoint, as `aws`, `nvidia-a10g`, `x4`.

    Where the vendor is not known or not in the table, all vendors that have the machine must agree on
    its card and count; the price is then not known. A size `x<N>` that the table
    lacks for a type it has means N of that type's cards.
    """
    kind, size = instance_type.strip().lower(), instance_size.strip().lower()
    of_type = [row for row in _rows() if row.instance.provider == HUGGING_FACE and _has_type(row, kind)]
    if not of_type:
        return Unknown(f"no Hugging Face instance type `{instance_type}` is known")
    of_vendor = [row for row in of_type if row.instance.name.startswith(f"{(vendor or '').lower()}/")]
    rows = [
        row for row in of_vendor or of_type if any(name.endswith(f"/{kind}/{size}") for name in row.names)
    ]
    if rows and of_vendor:
        return _agreed(f"{instance_type} {instance_size}", rows)
    name = "/".join(filter(None, ((vendor or "").lower(), kind, size)))
    if rows:
        found = _agreed(name, rows)
        return found if isinstance(found, Unknown) else _renamed(found, name, found.gpu_count)
    number = _SIZE.fullmatch(size)
    if number is None or int(number[1]) == 0:
        return Unknown(f"no size `{instance_size}` of the Hugging Face instance `{instance_type}` is known")
    cards = {row.instance.gpu for row in of_vendor or of_type}
    if len(cards) > 1:
        return Unknown(f"`{name}` may have any of the cards {', '.join(sorted(cards))}")
    return _renamed(of_type[0].instance, name, int(number[1]))


def hf_instances() -> tuple[Instance, ...]:
    """Return the Hugging Face endpoint machines on offer, cheapest first, those without a price last."""
    offered = [row.instance for row in _rows() if row.instance.provider == HUGGING_FACE and not row.retired]
    return tuple(sorted(offered, key=_price_order))


def _price_order(instance: Instance) -> tuple[bool, float, str]:
    price = instance.price_usd_hour
    return price is None, price or 0.0, instance.name


def _agreed(name: str, rows: Sequence[_Row]) -> Instance | Unknown:
    """Return the machine that all `rows` describe."""
    for row in rows:
        if row.unknown is not None:
            return Unknown(row.unknown)
    first = rows[0].instance
    if any((row.instance.gpu, row.instance.gpu_count) != (first.gpu, first.gpu_count) for row in rows):
        described = dict.fromkeys(f"{row.instance.gpu_count} x {row.instance.gpu}" for row in rows)
        return Unknown(f"`{name}` means different machines: {', '.join(described)}")
    prices = {row.instance.price_usd_hour for row in rows}
    return first if len(prices) == 1 else _renamed(first, first.name, first.gpu_count)


def _renamed(instance: Instance, name: str, count: int) -> Instance:
    """Return such a machine under another name; what it costs is not known."""
    return Instance(name, instance.provider, instance.gpu, count, instance.memory_gib)


def _is_of(row: _Row, provider: str | None) -> bool:
    if provider is None:
        return True
    known = row.instance.provider
    return provider.lower() in {known, known.split("-")[0]}


def _hugging_face_counts(provider: str | None) -> bool:
    return provider is None or provider.lower() in {HUGGING_FACE, "huggingface"}


def _has_type(row: _Row, kind: str) -> bool:
    return any(name.split("/")[1:2] == [kind] for name in row.names)


@cache
def _by_name() -> dict[str, tuple[_Row, ...]]:
    found: dict[str, list[_Row]] = {}
    for row in _rows():
        for name in row.names:
            found.setdefault(name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


@cache
def _rows() -> tuple[_Row, ...]:
    path = table_path("instances.json")
    return tuple(_read(json.loads(path.read_text(encoding="utf-8"))))


def _read(table: dict[str, Iterable[dict[str, Any]]]) -> Iterator[_Row]:
    for provider, entries in table.items():
        for entry in entries:
            name = entry["name"]
            instance = Instance(
                name, provider, entry["gpu"], entry["count"], entry.get("memory_gib"), entry.get("price")
            )
            names = (name.lower(), *(alias.lower() for alias in entry.get("aliases", ())))
            yield _Row(
                instance,
                names,
                entry.get("counted", False),
                entry.get("retired", False),
                entry.get("unknown"),
            )
