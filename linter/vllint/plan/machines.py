"""The cards that a plan may use: some of each kind, on one machine or on several alike, maybe partly used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from vllint.hardware.cards import find_card
from vllint.hardware.resolve import stated_machine
from vllint.statements import StatementError
from vllint_schemas import GIB, Gpu, Origin, Unknown

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]*)", re.IGNORECASE)
_UNITS = {"": GIB, "gib": GIB, "gi": GIB, "g": GIB, "gb": 10**9, "mib": 1024**2, "mi": 1024**2}

_CONTEXT_BYTES = 0.55 * GIB
"""What is not free on an idle card once vLLM has opened it: the logs say 78.68 of 79.19 GiB are."""


class CardGroup(NamedTuple):
    """Cards of one kind in a machine; `name` is what the user calls them, `first` the number of the first."""

    name: str
    card: Gpu
    gpu_count: int
    first: int = 0


class Machines(NamedTuple):
    """`nodes` machines with the same cards, the largest first; `used` bytes of each are taken already."""

    groups: tuple[CardGroup, ...]
    nodes: int = 1
    used: float = 0.0

    @property
    def gpus_per_node(self) -> int:
        """GPUs in one machine."""
        return sum(group.gpu_count for group in self.groups)

    @property
    def gpus(self) -> int:
        """GPUs in all machines."""
        return self.gpus_per_node * self.nodes

    def smallest_of(self, gpus: int) -> CardGroup:
        """Return the kind with the least memory among the `gpus` largest cards of a machine."""
        left = gpus
        for group in self.groups:
            left -= group.gpu_count
            if left <= 0:
                return group
        return self.groups[-1]

    def differ_among(self, gpus: int) -> bool:
        """Whether the `gpus` largest cards of a machine are of several kinds."""
        return self.smallest_of(gpus) is not self.groups[0]

    def taken(self, gpus: int) -> str:
        """Say which cards the `gpus` largest of a machine are."""
        parts: list[str] = []
        left = gpus
        for group in self.groups:
            if left > 0:
                parts.append(f"{min(left, group.gpu_count)} x {group.name}")
            left -= group.gpu_count
        return " and ".join(parts)

    def chosen(self, gpus: int) -> tuple[int, ...]:
        """Return the numbers of the `gpus` largest cards; nothing where any cards will do."""
        if len(self.groups) == 1 or gpus == self.gpus_per_node:
            return ()
        numbers = [group.first + number for group in self.groups for number in range(group.gpu_count)]
        return tuple(sorted(numbers[:gpus]))

    def free_share(self, card: Gpu) -> float | None:
        """Return the `--gpu-memory-utilization` that what is used leaves, `None` where nothing is used.

        vLLM refuses to start when less than that share is free (`v1/worker/utils.py`, request_memory).
        """
        total = card.memory_low_bytes
        if not self.used or isinstance(total, Unknown):
            return None
        return int(max(0.0, total - self.used - _CONTEXT_BYTES) / total * 100) / 100


def stated_machines(gpus: Sequence[str], nodes: int, used: str | None) -> Machines:
    """Return the machines that the user states; raises StatementError for what cannot be understood."""
    groups: list[CardGroup] = []
    for text in gpus:
        groups.append(_group(text)._replace(first=sum(group.gpu_count for group in groups)))
    groups.sort(key=lambda group: -_memory(group.card))
    if len({group.card.vendor for group in groups} - {"unknown"}) > 1:
        raise StatementError("--gpu: one server does not run on cards of several makers")
    return Machines(tuple(groups), nodes, 0.0 if used is None else _bytes(used))


def _group(text: str) -> CardGroup:
    machine = stated_machine(text, Origin.COMMAND_LINE, "--gpu")
    name = machine.gpu.value if machine.gpu is not None else text
    card = find_card(name)
    if isinstance(card, Unknown):
        raise StatementError(f"--gpu: {card.reason}")
    if isinstance(card.memory_bytes, Unknown):
        raise StatementError(
            f"--gpu: {card.memory_bytes.reason}: say which, as `{name}-80GB` or `{name}@80GB`"
        )
    if card.vendor not in {"nvidia", "unknown"}:
        raise StatementError(
            f"--gpu: memory on `{card.name}` is not modelled, so nothing can be planned on it"
        )
    return CardGroup(name, card, machine.gpu_count.value if machine.gpu_count is not None else 1)


def _memory(card: Gpu) -> float:
    return 0.0 if isinstance(card.memory_bytes, Unknown) else card.memory_bytes


def _bytes(text: str) -> float:
    found = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(found["unit"].lower()) if found else None
    if found is None or unit is None:
        raise StatementError(f"--gpu-used: `{text}` is not a size, as `20GiB`")
    return float(found["number"]) * unit
