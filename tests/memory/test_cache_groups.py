"""Groups of caches against what the real planner of vLLM 0.33.0 makes of the same layers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.memory.cache_groups import Group, Page, cache_groups
from vllint_schemas import Unknown

FULL, WINDOW = Page("full", 65536, 16), Page("sliding", 65536, 16, 1024)


def grouped(layers: Sequence[tuple[Page, ...]], packed: bool = False) -> tuple[Group, ...]:
    groups = cache_groups(layers, packed)
    assert not isinstance(groups, Unknown)
    return groups


def test_layers_of_one_type_share_one_block_table_whatever_their_pages() -> None:
    (group,) = grouped([(FULL,), (FULL._replace(bytes=8448.0),)])
    assert sum(cache.page.bytes for cache in group) == 65536 + 8448


def test_gemma_3_of_62_layers_makes_seven_groups_of_ten() -> None:
    layers = [(FULL if (place + 1) % 6 == 0 else WINDOW,) for place in range(62)]
    assert len(grouped(layers)) == 7


def test_kinds_of_about_equal_number_make_one_group_each() -> None:
    groups = grouped([(FULL,)] * 13 + [(WINDOW,)] * 12)
    assert [len(group) for group in groups] == [13, 12]


def test_a_smaller_page_holds_more_tokens_where_that_divides_evenly_and_is_padded_elsewhere() -> None:
    half, odd = WINDOW._replace(bytes=32768.0), WINDOW._replace(bytes=50000.0)
    assert grouped([(FULL,), (half,)])[1][0].page == WINDOW._replace(tokens=32)
    assert grouped([(FULL,), (odd,)])[1][0].page == WINDOW


def test_latents_are_not_padded() -> None:
    latent = Page("full", 1152 * 64, 64, latent=True)
    assert isinstance(cache_groups([(latent,), (WINDOW._replace(bytes=100000.0),)], False), Unknown)


def test_deepseek_v4_packs_pages_of_four_sizes_into_blocks_of_a_megabyte() -> None:
    window = Page("sliding", 37440, 64, 128, latent=True)
    four = (
        window,
        Page("full", 37440, 256, latent=True),
        Page("sliding", 32832, 4, 8, latent=True),
        Page("full", 8640, 256, latent=True),
        Page("sliding", 8640, 4, 8, latent=True),
    )
    other = (window, Page("full", 1728, 256, latent=True), Page("sliding", 32832, 8, 128, latent=True))
    layers: list[tuple[Page, ...]] = [(window,), (window,)] + [four] * 21 + [other] * 20
    groups = grouped(layers, packed=True)
    widths = sorted(sum(cache.page.bytes for cache in group) for group in groups)
    assert widths[-1] == 21 * 37440 + 21 * 8640 + 20 * 1728
    assert sorted(len(group) for group in groups) == [20, 21, 22, 42, 62]


@given(
    st.lists(st.sampled_from([(FULL,), (WINDOW,), (FULL, WINDOW), ()]), max_size=40),
    st.booleans(),
)
def test_every_cache_stands_in_one_group(layers: list[tuple[Page, ...]], packed: bool) -> None:
    placed = [(place, page.kind) for place, pages in enumerate(layers) for page in pages]
    found = [(cache.place, cache.page.kind) for group in grouped(layers, packed) for cache in group]
    assert sorted(found) == sorted(placed)


@pytest.mark.parametrize("packed", [True, False])
def test_a_model_without_caches_has_no_groups(packed: bool) -> None:
    assert grouped([(), ()], packed) == ()
