"""Measured constants of vLLM's overheads, by release, kind of card and number of ranks.

The table `vllint_schemas/data/memory_overheads.json` is written by `scripts/tables/memory_overheads.py`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal, NamedTuple

from vllint.release_order import version_key
from vllint.tables import table_path
from vllint_schemas import Band, EngineArgs, Gpu

CardKind = Literal["hopper", "blackwell", "unified", "other"]

_UNIFIED = frozenset({(7, 2), (8, 7), (11, 0), (12, 1)})
"""Compute capabilities of chips that share their memory with the host: Xavier, Orin, Thor, GB10."""


class Constant(NamedTuple):
    """One number with its band: for which releases, cards and ranks, from how many start-ups.

    `until` is the first release it no longer holds for. Without `points` it is a guess, wide on purpose.
    """

    name: str
    since: str
    until: str | None
    cards: str
    ranks: tuple[int, int]
    low: float
    mid: float
    high: float
    unit: str
    points: int
    spread: float | None
    source: str


class DummyItem(NamedTuple):
    """The largest picture that profiling feeds: its tokens, patches per token, numbers per patch."""

    tokens: int
    patches: int
    numbers: int


def card_kind(gpu: Gpu) -> CardKind:
    """Return the kind of card that overheads depend on."""
    capability = gpu.compute_capability
    if capability in _UNIFIED:
        return "unified"
    if capability is not None and capability[0] == 9:
        return "hopper"
    if capability is not None and capability[0] == 10:
        return "blackwell"
    return "other"


def constant(name: str, args: EngineArgs, cards: str = "any", ranks: int = 1) -> Band:
    """Return a constant's band in its own unit: that of the first row that holds."""
    release = version_key(args.vllm_version)
    for row in constants():
        if row.name != name or row.cards not in {"any", cards}:
            continue
        if row.ranks[0] <= ranks <= row.ranks[1] and _holds(row, release):
            return Band(row.low, row.mid, row.high)
    raise LookupError(f"no row of `{name}` holds for {cards} and {ranks} ranks in {args.vllm_version}")


def _holds(row: Constant, release: tuple[int, ...]) -> bool:
    return version_key(row.since) <= release and (row.until is None or release < version_key(row.until))


def _is_between(release: str, since: str, until: str | None) -> bool:
    key = version_key(release)
    return version_key(since) <= key and (until is None or key < version_key(until))


@cache
def constants() -> tuple[Constant, ...]:
    """Return all rows, those that hold for less first."""
    return tuple(Constant(**{**row, "ranks": tuple(row["ranks"])}) for row in _table()["constants"])


class _DummyVideo(NamedTuple):
    """The video that profiling feeds from one release on, until another; `last` is the last that did."""

    item: DummyItem
    since: str
    until: str | None
    last: str | None


def dummy_item(model_type: str | None, release: str, videos: bool = True) -> DummyItem | None:
    """Return what profiling feeds a type of model: a picture, once a video where `videos` may come.

    `None` where nobody looked.
    """
    video = _dummy_video(model_type)
    if video is not None and videos and _is_between(release, video.since, video.until):
        return video.item
    row = _table()["dummy_items"].get(model_type)
    return None if row is None else DummyItem(*row)


def last_with_videos(model_type: str | None) -> str | None:
    """Return the last release that fed a type of model longer videos while profiling."""
    video = _dummy_video(model_type)
    return None if video is None else video.last


def _dummy_video(model_type: str | None) -> _DummyVideo | None:
    row = _table()["dummy_videos"].get(model_type)
    return (
        None if row is None else _DummyVideo(DummyItem(*row["item"]), row["since"], row["until"], row["last"])
    )


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(table_path("memory_overheads.json").read_text(encoding="utf-8"))
    return table


def forget_table() -> None:
    """Read the table anew when it is next needed: another folder of facts was named."""
    _table.cache_clear()
    constants.cache_clear()
