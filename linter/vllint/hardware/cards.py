"""Graphics cards by name, however it is written.

The table `vllint_schemas/data/gpus.json` is written by `scripts/tables/gpus.py`, which describes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from vllint.tables import table_path
from vllint_schemas import GIB, Gpu, Unknown

# Words that tell cards of one number apart: without them in the name, those cards are not meant.
_QUALIFIERS = frozenset({"ti", "super", "laptop", "d", "sff"})
# Words that say nothing about which card it is.
_VENDOR_WORDS = {"nvidia", "amd", "intel", "google", "aws", "huawei", "tesla", "geforce", "instinct"}
_FORM_WORDS = {"server", "workstation", "edition", "generation", "gen", "oam", "hgx", "ac", "nvlink"}
_NOISE = frozenset(_VENDOR_WORDS | _FORM_WORDS | {"gpu", "gpus", "graphics", "card", "shared"})
_SPACED = re.compile(r"[a-z0-9.]+")
_NOISE_PATTERN = re.compile(r"hbm\d?e?|gddr\d?x?|nvl\d+")
_GLUED_BEFORE = re.compile(r"(?:rtx|gtx)(?=[a-z]?\d|pro)|(?:pro|ascend)(?=\d)")
_GLUED_AFTER = re.compile(r"(?<=\d)(?=(?:nvl|sxm\d?|pcie|ti|super|ada)\b)")
_PARTED_UNIT = re.compile(r"(?<=\d) (?=gi?b?\b)")
_MEMORY = re.compile(r"(\d+)gi?b?")
# A word that can tell a card: `a100`, `6000`.
_TELLING = r"[a-z]\d|\d{3}"
_SLICE = re.compile(r"(?:mig[-_ .]*)?\d+(?:c\.\d+)?g\.(\d+)gb(?:\+\w+)?(?:[-_ .]*mig)?")
_GIVEN = re.compile(r"(?P<name>.+?)\s*@\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]*)", re.IGNORECASE)
_UNITS = {"gib": GIB, "gi": GIB, "gb": 10**9, "mib": 1024**2, "mi": 1024**2}

# A MIG slice reports a few percent less than its profile's name says.
_SLICE_BAND = (0.93, 0.975, 1.0)
# Candidates whose memory differs by less than this are one card as far as memory goes.
_SAME_MEMORY = 1.02


class _Catalogue(NamedTuple):
    """The table: `sizes` are the makers' GB; `names` lead from a name to the numbers of the cards."""

    cards: tuple[Gpu, ...]
    sizes: tuple[float | None, ...]
    words: tuple[frozenset[str], ...]
    exact_names: dict[str, int]
    names: dict[str, list[int]]


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a card's name that tell which card it is, in order.

    Case, punctuation, the vendor and glue do not count: `NVIDIA-A100-SXM4-80GB`, `a100 sxm 80G` and
    `A100_SXM_80GB` have the same words.
    """
    text = exact_key_of(name.lower().replace("pci-e", "pcie"))
    text = _PARTED_UNIT.sub("", _GLUED_AFTER.sub(" ", _GLUED_BEFORE.sub(r"\g<0> ", text)))
    words: list[str] = []
    for raw in text.split():
        word = raw.strip(".")
        memory = _MEMORY.fullmatch(word)
        if memory:
            word = f"{memory[1]}gb"
        elif word.startswith("sxm"):
            word = "sxm"
        if word and word not in _NOISE and not _NOISE_PATTERN.fullmatch(word) and word not in words:
            words.append(word)
    return tuple(words)


def exact_key_of(name: str) -> str:
    """Return what remains of a name when only case and punctuation do not count."""
    return " ".join(_SPACED.findall(name.lower()))


def key_of(words: Sequence[str]) -> str:
    """Return what two names of the same words, in whatever order, have in common."""
    return " ".join(sorted(words))


def is_memory(word: str) -> bool:
    """Tell whether a word of a name states a memory size."""
    return _MEMORY.fullmatch(word) is not None


def find_card(name: str) -> Gpu | Unknown:
    """Return the card called `name`, or `Unknown` with the reason.

    A name that several cards share gives what they have in common: "A100" has a known compute
    capability and unknown memory. `name@48GiB` gives a card of exactly that memory, even under a name
    that is not known; `GiB`, `MiB` and `GB` (10^9 bytes; the upper bound then allows for a maker's GB
    that is a GiB) are the units. A MIG profile in the name (`3g.40gb`) gives a slice of the card.
    """
    name = name.strip()
    given = _GIVEN.fullmatch(name)
    if given:
        return _with_memory(given["name"], float(given["number"]), given["unit"])
    part = _SLICE.search(name.lower())
    if part:
        return _slice(name, part)
    return _named(name)


def cards() -> tuple[Gpu, ...]:
    """Return all cards of the table."""
    return _catalogue().cards


def suggest_cards(name: str) -> tuple[str, ...]:
    """Return up to three names of cards that `name` may have meant, likeliest first."""
    from difflib import get_close_matches

    wanted = [word for word in words_of(name.partition("@")[0]) if not is_memory(word)]
    catalogue = _catalogue()
    telling = {word for word in wanted if re.search(_TELLING, word)}
    sharing = [
        card.name for card, words in zip(catalogue.cards, catalogue.words, strict=True) if telling & words
    ]
    spelled = {
        key.replace(" ", ""): [catalogue.cards[number].name for number in numbers]
        for key, numbers in catalogue.names.items()
    }
    for card in catalogue.cards:
        short = "".join(word for word in words_of(card.name) if not is_memory(word))
        spelled.setdefault(short, []).append(card.name)
    close = get_close_matches("".join(wanted), spelled, n=3) if wanted else []
    return tuple(dict.fromkeys(sharing + [found for short in close for found in spelled[short]]))[:3]


def _with_memory(name: str, number: float, unit: str) -> Gpu | Unknown:
    size = _UNITS.get(unit.lower())
    if size is None:
        return Unknown(f"`{number:g}{unit}` has no unit of memory: write `{name}@{number:g}GiB`")
    memory = round(number * size)
    if memory <= 0:
        return Unknown(f"`{name}` cannot have no memory")
    high = round(number * GIB) if size == 10**9 else memory
    base = find_card(name)
    full_name = f"{name if isinstance(base, Unknown) else base.name}@{number:g}{unit}"
    if isinstance(base, Unknown):
        return Gpu(full_name, "unknown", memory, memory, high, None)
    return Gpu(full_name, base.vendor, memory, memory, high, base.compute_capability, base.nvlink)


def _slice(name: str, part: re.Match[str]) -> Gpu | Unknown:
    base_name = name[: part.start()].strip("-_ .") or name[part.end() :].strip("-_ .")
    base = _named(base_name) if base_name else Unknown(f"`{name}` does not say what it is a slice of")
    if isinstance(base, Unknown):
        return base
    low, middle, high = (round(int(part[1]) * GIB * share) for share in _SLICE_BAND)
    full_name = f"{base.name} MIG {part[0].removeprefix('mig').strip('-_ .')}"
    return Gpu(full_name, base.vendor, middle, low, high, base.compute_capability, False)


def _named(name: str) -> Gpu | Unknown:
    catalogue = _catalogue()
    exact = catalogue.exact_names.get(exact_key_of(name))
    if exact is not None:
        return catalogue.cards[exact]
    words = words_of(name)
    numbers = catalogue.names.get(key_of(words))
    if numbers is None and not any(re.search(_TELLING, word) and not is_memory(word) for word in words):
        return Unknown(f"`{name}` does not name a card")
    numbers = numbers or _holding(frozenset(words), catalogue)
    if not numbers:
        return Unknown(f"no card called `{name}` is known")
    if len(numbers) == 1:
        return catalogue.cards[numbers[0]]
    return _common(" ".join(words).upper(), numbers, catalogue)


def _holding(words: frozenset[str], catalogue: _Catalogue) -> list[int]:
    """Return the cards that have all of `words` in their names, plain ones before qualified ones."""
    holding = [number for number, known in enumerate(catalogue.words) if words <= known]
    plain = [number for number in holding if not (catalogue.words[number] - words) & _QUALIFIERS]
    return plain or holding


def _common(name: str, numbers: Sequence[int], catalogue: _Catalogue) -> Gpu | Unknown:
    """Return what the cards have in common, as a card called `name`."""
    candidates = [catalogue.cards[number] for number in numbers]
    vendors = {card.vendor for card in candidates}
    if len(vendors) > 1:
        return Unknown(f"`{name}` may be {_either([card.name for card in candidates])}")
    sizes = sorted({size for number in numbers if (size := catalogue.sizes[number]) is not None})
    unknown = Unknown(f"`{name}` has {_either([f'{size:g}' for size in sizes])} GB")
    low, middle, high = _common_memory(candidates) or (unknown, unknown, unknown)
    capabilities = {card.compute_capability for card in candidates}
    links = {card.nvlink for card in candidates}
    return Gpu(
        name,
        vendors.pop(),
        middle,
        low,
        high,
        capabilities.pop() if len(capabilities) == 1 else None,
        links.pop() if len(links) == 1 else None,
    )


def _either(items: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(items[:-1]), items[-1])))


def _common_memory(candidates: Sequence[Gpu]) -> tuple[int, int, int] | None:
    """Return the least, likely and most memory of `candidates`, `None` where it tells them apart."""
    lows = [card.memory_low_bytes for card in candidates if isinstance(card.memory_low_bytes, int)]
    middles = [card.memory_bytes for card in candidates if isinstance(card.memory_bytes, int)]
    highs = [card.memory_high_bytes for card in candidates if isinstance(card.memory_high_bytes, int)]
    if len(middles) < len(candidates) or max(middles) > min(middles) * _SAME_MEMORY:
        return None
    return min(lows), sorted(middles)[len(middles) // 2], max(highs)


@cache
def _catalogue() -> _Catalogue:
    path = table_path("gpus.json")
    table = json.loads(path.read_text(encoding="utf-8"))
    rows = table["cards"]
    return _Catalogue(
        tuple([_card(row) for row in rows]),
        tuple([row.get("gb") for row in rows]),
        tuple([frozenset(row["words"].split()) for row in rows]),
        table["exact_names"],
        table["names"],
    )


def _card(row: dict[str, Any]) -> Gpu:
    name = row["name"]
    low, middle, high = row.get("memory") or (Unknown(f"no source tells the memory of `{name}`"),) * 3
    capability = row.get("compute_capability")
    return Gpu(
        name,
        row["vendor"],
        middle,
        low,
        high,
        None if capability is None else (capability[0], capability[1]),
        row.get("nvlink"),
    )
