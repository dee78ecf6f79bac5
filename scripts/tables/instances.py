"""Write the table of machines that clouds and platforms rent out.

    python scripts/tables/instances.py ../shared/data

Reads `instances.json` of that folder and writes `schemas/vllint_schemas/data/instances.json`: provider ->
machines, each with `name`, `aliases`, `gpu` (a name that `vllint.hardware.cards.find_card` understands),
`count`, `price` (US dollars an hour), `retired` (known, but no longer on offer), `counted` (the name is
followed by `:` and the number of cards). What is not known or does not apply is left out.

Of a machine that gets a fraction of a card, `gpu` is `card@memory` and `memory_gib` says how much; other
machines have the whole card's memory, whatever the provider's price list says. `unknown` is the reason
why a name does not tell a card: a pool of several, a fraction that no source states, a CPU.
Node labels are not machines: their values are card names.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from vllint.hardware.cards import find_card
from vllint_schemas import GIB, Gpu, Unknown

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/instances.json"

Row = dict[str, Any]

# Less than this share of the card's memory is a fraction of the card.
WHOLE_CARD = 0.85


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the table of machines.")
    parser.add_argument("data", type=Path, help="folder that holds instances.json")
    TARGET.write_text(text(parser.parse_args().data), encoding="utf-8")


def text(data: Path) -> str:
    """Return the table as it stands in the file."""
    by_provider: dict[str, list[str]] = {}
    for row in json.loads((data / "instances.json").read_text())["rows"]:
        if _is_machine(row):
            entry = json.dumps(_entry(row), separators=(",", ":"), ensure_ascii=False)
            by_provider.setdefault(row["provider"], []).append(entry)
    blocks = [f'"{provider}":[\n' + ",\n".join(entries) + "\n]" for provider, entries in by_provider.items()]
    return "{" + ",\n".join(blocks) + "}\n"


def _is_machine(row: Row) -> bool:
    """Leave out node labels and combinations (`n1-* + 1x ...`) that are no names."""
    return row["provider"] != "kubernetes-label" and "*" not in row["instance"]


def _entry(row: Row) -> Row:
    name = row["instance"]
    counted = name.endswith(":<n>")
    entry: Row = {"name": name.removesuffix(":<n>"), "gpu": "", "count": row["gpu_count"]}
    aliases = [alias for alias in map(_alias, row["aliases"]) if alias]
    if aliases:
        entry["aliases"] = aliases
    entry |= _card(row)
    if row.get("price_usd_hour") is not None:
        entry["price"] = row["price_usd_hour"]
    if row.get("deprecated"):
        entry["retired"] = True
    if counted:
        entry["counted"] = True
    return entry


def _alias(alias: str) -> str | None:
    """Return the name in an alias: some hold a remark, some only a pattern."""
    former = re.match(r"pre-2024 name: (\S+)", alias)
    if former:
        return former[1]
    return None if "<" in alias else alias


def _card(row: Row) -> Row:
    """Return `gpu`, and `memory_gib` for a fraction of a card, or `unknown`."""
    model, gib = row["gpu_model"], row["gpu_memory_gib"]
    card = _find(model, gib)
    if isinstance(card, Unknown):
        card = find_card(row["instance"])
    if isinstance(card, Unknown):
        return {"unknown": _reason(row)}
    if gib is None and "fractional" in (row.get("note") or ""):
        return {"unknown": f"`{row['instance']}` has a fraction of a card, and no source says how much"}
    if " MIG " in card.name:
        return {"gpu": card.name, "memory_gib": gib}
    if isinstance(card.memory_bytes, Unknown) or gib is None or gib * GIB >= WHOLE_CARD * card.memory_bytes:
        return {"gpu": card.name}
    exact = row.get("memory_mib_in_source")
    amount = f"{exact:g}MiB" if exact else f"{gib:g}GiB"
    return {"gpu": f"{card.name}@{amount}", "memory_gib": exact / 1024 if exact else gib}


def _find(model: str, gib: float | None) -> Gpu | Unknown:
    """Find the card, by its memory too where the name alone is not enough."""
    plain = re.sub(r"\b(\d+x|NVL\d+)$", "", model).strip()
    card = find_card(plain)
    if gib is None or (isinstance(card, Gpu) and not isinstance(card.memory_bytes, Unknown)):
        return card
    sized = find_card(f"{plain} {gib:g}GB")
    return card if isinstance(sized, Unknown) else sized


def _reason(row: Row) -> str:
    if "," in row["gpu_model"]:
        return f"`{row['instance']}` may be any of {row['gpu_model']}"
    if row["gpu_model"].startswith("Xeon"):
        return f"`{row['instance']}` has no GPU"
    return f"`{row['instance']}` has a card that is not known: {row['gpu_model']}"


if __name__ == "__main__":
    main()
