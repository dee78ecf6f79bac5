"""Write the table of graphics cards.

    python scripts/tables/gpus.py ../shared/data

Reads `gpus.json` of that folder and `gpus_extra.json` beside this script, and writes
`schemas/vllint_schemas/data/gpus.json`:

cards        name, vendor, compute_capability, nvlink, `gb` (the maker's figure), `memory`: the total that
             CUDA (or HIP) reports, in bytes, as [least, likely, most], and `words`: all words of all its
             names. What is not known is left out.
names        sorted words of a name -> the numbers of the cards so called. The names in the data come
             first; a name less its memory size ("A100") counts only where no card is called that.
exact_names  names that tell the card only to the letter: a product called `nvidia-tesla-a100` has 40 GB,
             though "Tesla A100" may have 80.

Memory is the figures observed; else what nvidia-smi reports less what the driver keeps of it on the
cards that have both figures; else the vendor's figure times what is left of it on the other cards.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from vllint.hardware.cards import exact_key_of, is_memory, key_of, words_of
from vllint_schemas import GIB

HERE = Path(__file__).parent
EXTRA = HERE / "gpus_extra.json"
TARGET = HERE.parents[1] / "schemas/vllint_schemas/data/gpus.json"

Row = dict[str, Any]

# How far an observation may at least be from what another driver reports.
DRIVERS_DIFFER = 0.0025
# A smaller share than this means the vendor's figure is for several devices.
SEVERAL_DEVICES = 0.8
# With fewer observed cards, a vendor's others are judged by all vendors' cards.
ENOUGH_CARDS = 5


class Range(NamedTuple):
    """The least, the middle and the most of some figures."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Range:
        """Return the range of `figures`, at least one."""
        known = sorted(figures)
        return cls(known[0], median(known), known[-1])


class Habits(NamedTuple):
    """How the figures of the cards that have several relate.

    `kept_gib` is what the driver keeps of nvidia-smi's total, `left` the share of the vendor's figure
    that is reported, by vendor; the empty string stands for any vendor.
    """

    kept_gib: Range
    left: dict[str, Range]


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the table of graphics cards.")
    parser.add_argument("data", type=Path, help="folder that holds gpus.json")
    TARGET.write_text(text(parser.parse_args().data), encoding="utf-8")


def text(data: Path) -> str:
    """Return the table as it stands in the file."""
    rows = _rows(json.loads((data / "gpus.json").read_text())["gpus"], json.loads(EXTRA.read_text()))
    habits = _habits(rows)
    cards = [_dump(_card(row, habits)) for row in rows]
    exact_names, names = _names(rows)
    sections = {
        "cards": f"[\n{_joined(cards)}\n]",
        "exact_names": _table(exact_names),
        "names": _table(names),
    }
    return "{" + ",".join(f'"{name}":{section}' for name, section in sections.items()) + "}\n"


def _table(entries: dict[str, Any]) -> str:
    return "{\n" + _joined(f"{_dump(key)}:{_dump(entries[key])}" for key in sorted(entries)) + "\n}"


def _joined(items: Iterable[str]) -> str:
    return ",\n".join(items)


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _rows(cards: list[Row], extra: Row) -> list[Row]:
    """Return all cards, with the extra facts joined in."""
    rows = [*cards, *extra["cards"]]
    by_name = {row["name"]: row for row in rows}
    for fact in extra["facts"]:
        row = by_name[fact["name"]]
        for key in ("aliases", "cuda_total_gib_observed"):
            row[key] = [*(row.get(key) or []), *fact.get(key, [])]
        row["vendor_memory_gb"] = fact.get("vendor_memory_gb", row.get("vendor_memory_gb"))
    return rows


def _habits(rows: list[Row]) -> Habits:
    kept: list[float] = []
    left: dict[str, list[float]] = {"": []}
    for row in rows:
        observed, total = row.get("cuda_total_gib_observed"), row.get("nvidia_smi_total_mib")
        if not observed:
            continue
        if total:
            kept += [total / 1024 - figure for figure in observed]
        share = median(observed) / row["vendor_memory_gb"]
        if share > SEVERAL_DEVICES and not row.get("unified_memory"):
            left.setdefault(row["vendor"], []).append(share)
            left[""].append(share)
    telling = {vendor: shares for vendor, shares in left.items() if len(shares) >= ENOUGH_CARDS}
    return Habits(Range.of(kept), {vendor: Range.of(shares) for vendor, shares in telling.items()})


def _memory(row: Row, habits: Habits) -> Range | None:
    """Return the GiB that CUDA reports, `None` where there is no figure at all."""
    observed, total = row.get("cuda_total_gib_observed"), row.get("nvidia_smi_total_mib")
    if observed:
        found = Range.of(observed)
        least = min(found.low, found.middle * (1 - DRIVERS_DIFFER))
        most = max(found.high, found.middle * (1 + DRIVERS_DIFFER))
        return Range(least, found.middle, min(most, total / 1024 if total else most))
    if total:
        kept = habits.kept_gib
        return Range(*(total / 1024 - figure for figure in (kept.high, kept.middle, kept.low)))
    if row.get("vendor_memory_gb"):
        left = habits.left.get(row["vendor"], habits.left[""])
        low, middle, high = (row["vendor_memory_gb"] * share for share in left)
        return Range(low, middle, max(high, row["vendor_memory_gb"]))
    return None


def _card(row: Row, habits: Habits) -> Row:
    capability = row.get("compute_capability")
    memory = _memory(row, habits)
    card = {
        "name": row["name"],
        "vendor": row["vendor"],
        "memory": memory and [round(figure * GIB) for figure in memory],
        "compute_capability": capability and [int(part) for part in capability.split(".")],
        "nvlink": _nvlink(row),
        "gb": row.get("vendor_memory_gb"),
        "words": " ".join(sorted({word for name in _all_names(row) for word in words_of(name)})),
    }
    return {key: value for key, value in card.items() if value is not None}


def _nvlink(row: Row) -> bool | None:
    """Tell whether the cards of a machine are joined by NVLink: all, none, or it depends (`None`)."""
    interconnect = row.get("interconnect") or ""
    if row["vendor"] != "nvidia":
        return None
    if "NVLink" not in interconnect:
        return False
    return None if "PCIe" in interconnect else True


def _all_names(row: Row) -> list[str]:
    """Return the card's names, one with its memory size among them; `x(8)` are instances, not names."""
    names = [row["name"], *row["aliases"]]
    size = row.get("vendor_memory_gb")
    sized = any(is_memory(word) for word in words_of(row["name"]))
    if size and not sized:
        names.append(f"{row['name']} {size}GB")
    return [name for name in names if not re.search(r"\w\(\d+\)$", name)]


def _names(rows: list[Row]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """Return the exact names and the names."""
    unsized: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for words in map(words_of, _all_names(row)):
            if any(is_memory(word) for word in words):
                _add(unsized, key_of([word for word in words if not is_memory(word)]), number)
    exact: dict[str, int] = {}
    full: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for name in _all_names(row):
            key = key_of(words_of(name))
            if _has_rivals(number, unsized.get(key, []), rows):
                exact[exact_key_of(name)] = number
            else:
                _add(full, key, number)
    return exact, unsized | full


def _add(names: dict[str, list[int]], key: str, number: int) -> None:
    if number not in names.setdefault(key, []):
        names[key].append(number)


def _has_rivals(number: int, numbers: list[int], rows: list[Row]) -> bool:
    """Tell whether a name less its size also fits a card of another size."""
    size = rows[number].get("vendor_memory_gb")
    return any(rows[other].get("vendor_memory_gb") != size for other in numbers)


if __name__ == "__main__":
    main()
