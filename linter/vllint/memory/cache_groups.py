"""How vLLM groups the caches of layers: one block table for each group, blocks as large as the widest.

Follows `get_kv_cache_groups` (vLLM 0.33.0 `v1/core/kv_cache_planning.py:1113`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import Literal, NamedTuple

from vllint_schemas import Unknown

CacheKind = Literal["full", "sliding", "chunked", "state", "cross"]


class Page(NamedTuple):
    """A block of one layer's cache: its bytes, the tokens it holds, how far back the layer looks.

    A `latent` page is read row by row, so that it can't be padded to the size of another layer's.
    """

    kind: CacheKind
    bytes: float
    tokens: int
    window: int = 0
    latent: bool = False

    @property
    def type(self) -> tuple[object, ...]:
        """What caches share that always hold the same number of tokens."""
        return self.kind, self.tokens, self.window, self.bytes if self.kind == "state" else 0


class Cache(NamedTuple):
    """A layer's cache: the layer's place in the model, and the page."""

    place: int
    page: Page


Group = tuple[Cache, ...]
"""Caches that share one block table."""


def cache_groups(layers: Sequence[tuple[Page, ...]], packed: bool) -> tuple[Group, ...] | Unknown:
    """Return the groups of a whole model's caches, given the pages of each layer.

    `packed` says that pages of several sizes stand side by side in one block.
    """
    caches = [Cache(place, page) for place, pages in enumerate(layers) for page in pages]
    if not caches:
        return ()
    if len({cache.page.type for cache in caches}) == 1:
        return (tuple(caches),)
    if packed and len({cache.page.bytes for cache in caches}) > 1:
        return _packed(caches)
    equal = _unified(caches)
    return equal if isinstance(equal, Unknown) else _of_equal_length(equal)


def _unified(caches: Sequence[Cache]) -> list[Cache] | Unknown:
    """Make pages equal: smaller ones hold more tokens where that divides evenly, else are padded."""
    largest = max(cache.page.bytes for cache in caches)
    if any(cache.page.latent and largest % cache.page.bytes for cache in caches):
        return Unknown("caches of latents beside larger pages are not modelled")
    return [cache._replace(page=_enlarged(cache.page, largest)) for cache in caches]


def _enlarged(page: Page, size: float) -> Page:
    times = 1 if page.kind == "state" or size % page.bytes else int(size // page.bytes)
    return page._replace(bytes=size, tokens=page.tokens * times)


def _of_equal_length(caches: Sequence[Cache]) -> tuple[Group, ...]:
    """Split the caches into groups of one page and about equal length."""
    buckets: dict[Page, list[Cache]] = {}
    for cache in caches:
        buckets.setdefault(cache.page, []).append(cache)
    least, most = min(map(len, buckets.values())), max(map(len, buckets.values()))
    length = most if most < least * 1.5 else least
    return tuple(
        tuple(held[number :: ceil(len(held) / length)])
        for held in buckets.values()
        for number in range(ceil(len(held) / length))
    )


class _Bucket(NamedTuple):
    """Caches of one type, by the size of their pages."""

    sizes: dict[float, list[Cache]]

    @property
    def balanced(self) -> bool:
        """Whether a layer has one page of each size."""
        return len(set(map(len, self.sizes.values()))) == 1

    @property
    def repeats(self) -> int:
        """How often the commonest size occurs."""
        return Counter({size: len(held) for size, held in self.sizes.items()}).most_common(1)[0][1]

    @property
    def all(self) -> list[Cache]:
        """The caches in order."""
        return sorted((cache for held in self.sizes.values() for cache in held), key=lambda one: one.place)

    def widest(self, groups: int) -> float:
        """Return the bytes of the largest of so many groups."""
        return sum(ceil(len(held) / groups) * size for size, held in self.sizes.items())


def _packed(caches: Sequence[Cache]) -> tuple[Group, ...]:
    """Group pages of several sizes that stand side by side in a block (`_get_packed_kv_cache_groups`)."""
    types: dict[object, _Bucket] = {}
    for cache in caches:
        bucket = types.setdefault(cache.page.type, _Bucket({}))
        bucket.sizes.setdefault(cache.page.bytes, []).append(cache)
    buckets = list(types.values())
    floor = max((one.repeats for one in buckets if one.balanced and len(one.sizes) > 1), default=0)
    repeats = _least_padding([one.repeats for one in buckets if one.balanced], floor) if floor else None
    split = [ceil(one.repeats / repeats) if one.balanced and repeats else 1 for one in buckets]
    anchor = max(
        bucket.widest(len(bucket.all) if _holds_states(bucket, repeats) else number)
        for bucket, number in zip(buckets, split, strict=True)
    )
    groups: list[Group] = []
    for bucket, number in zip(buckets, split, strict=True):
        if _holds_states(bucket, repeats):
            fitting = max(int(anchor // bucket.all[0].page.bytes), 1)
            number = max(number, ceil(len(bucket.all) / fitting))
        if number == 1:
            groups.append(tuple(bucket.all))
            continue
        patterns = list(zip(*bucket.sizes.values(), strict=False))
        groups += [
            tuple(cache for pattern in patterns[one::number] for cache in pattern) for one in range(number)
        ]
    return tuple(groups)


def _holds_states(bucket: _Bucket, repeats: int | None) -> bool:
    kind = bucket.all[0].page.kind
    return kind == "state" or (repeats is None and kind == "sliding")


def _least_padding(values: Sequence[int], least: int) -> int:
    """Return the length, of those from `least` on, whose multiples the values miss by least."""

    def padding(length: int) -> int:
        return sum(-value % length for value in values)

    return min(range(least, max(values) + 1), key=lambda length: (padding(length), -length))
