"""The LoRA adapters that a launch loads when it starts, as far as their folders stand beside its file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vllint.models.attributes import count, mapping
from vllint.models.json_object import json_object
from vllint.models.resolve import Surroundings
from vllint_schemas import EngineArgs, Unknown, Word

_MOST_RANKS = 4096


class Adapter(NamedTuple):
    """An adapter of `--lora-modules`: the word that names it, its folder, and its largest rank."""

    word: Word
    path: str
    rank: int


def adapters_of(args: EngineArgs, around: Surroundings | None) -> tuple[Adapter, ...]:
    """Return the adapters whose `adapter_config.json` can be read and gives a rank."""
    argument = args.given("lora_modules")
    if argument is None or around is None:
        return ()
    return tuple(_adapters(argument.values, around))


def _adapters(words: tuple[Word, ...], around: Surroundings) -> Iterator[Adapter]:
    for word in words:
        path = _path(word.text) if word.is_known else None
        place = None if path is None else around.host_path(path)
        if path is None or place is None or "://" in place:
            continue
        source = around.neighbour(f"{place.rstrip('/')}/adapter_config.json")
        config = None if source is None else json_object(source)
        rank = None if config is None or isinstance(config, Unknown) else _rank(config)
        if rank is not None:
            yield Adapter(word, path, rank)


def _path(text: str) -> str | None:
    """Return the path in `NAME=PATH`, or in an adapter's JSON."""
    if not text.lstrip().startswith("{"):
        return text.partition("=")[2] or None
    try:
        path = mapping(json.loads(text)).get("path")
    except (ValueError, RecursionError):
        return None
    return path if isinstance(path, str) and path else None


def _rank(config: Mapping[str, Any]) -> int | None:
    """Return the largest rank of an adapter's layers; `None` where one is no number."""
    patterns = mapping(config.get("rank_pattern"))
    if len(patterns) > _MOST_RANKS:
        return None
    ranks = [count(value) for value in (config.get("r"), *patterns.values())]
    known = [rank for rank in ranks if rank is not None]
    return max(known) if len(known) == len(ranks) else None
