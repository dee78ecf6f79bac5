"""Cards are found under whatever name files use, and nothing is claimed that the name does not tell."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.hardware.cards import cards, find_card, suggest_cards
from vllint_schemas import GIB, Gpu, Unknown

SHARED = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[3] / "shared"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")


def card(name: str) -> Gpu:
    found = find_card(name)
    assert isinstance(found, Gpu), found
    return found


def gib(found: Gpu) -> tuple[float, float, float]:
    low, middle, high = found.memory_low_bytes, found.memory_bytes, found.memory_high_bytes
    assert isinstance(low, int)
    assert isinstance(middle, int)
    assert isinstance(high, int)
    return low / GIB, middle / GIB, high / GIB


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("NVIDIA-A100-SXM4-80GB", "A100 SXM 80GB"),
        ("nvidia-a100-80gb", "A100 SXM 80GB"),
        ("A100-80G", "A100 SXM 80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 PCIe 80GB"),
        ("NVIDIA-A100-PCIE-40GB", "A100 40GB"),
        ("nvidia-tesla-a100", "A100 40GB"),
        ("H100", "H100 SXM 80GB"),
        ("H100_80GB", "H100 SXM 80GB"),
        ("H100-80GB-HBM3", "H100 SXM 80GB"),
        ("NVIDIA H100 80GB HBM3", "H100 SXM 80GB"),
        ("H100NVL", "H100 NVL 94GB"),
        ("nvidia-l40s", "L40S 48GB"),
        ("a10g", "A10G 24GB"),
        ("A10", "A10 24GB"),
        ("Tesla-T4", "T4 16GB"),
        ("RTX 4090", "RTX 4090 24GB"),
        ("rtx4090", "RTX 4090 24GB"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090 24GB"),
        ("4090", "RTX 4090 24GB"),
        ("RTX 3090 Ti", "RTX 3090 Ti 24GB"),
        ("RTX PRO 6000", "RTX PRO 6000 Blackwell 96GB"),
        ("RTXPRO6000", "RTX PRO 6000 Blackwell 96GB"),
        ("rtx-pro-server-6000", "RTX PRO 6000 Blackwell 96GB"),
        ("RTX A6000 48 GB", "RTX A6000 48GB"),
        ("NVIDIA-H20", "H20 96GB"),
        ("MI300X", "Instinct MI300X"),
        ("AMD-Instinct-MI300X-OAM", "Instinct MI300X"),
        ("habana.ai/gaudi", "Gaudi 2"),
        ("tpu-v5-lite-podslice", "TPU v5e"),
    ],
)
def test_a_card_is_found_however_its_name_is_written(written: str, name: str) -> None:
    assert card(written).name == name


def test_memory_is_what_cuda_reports_and_not_what_is_advertised() -> None:
    low, middle, high = gib(card("H100"))
    assert low < 79.11 < middle < 79.33 < high < 79.65
    assert gib(card("A10G"))[2] < 22.5
    assert gib(card("T4"))[1] < 15
    assert 178 < gib(card("B200"))[1] < 179


def test_a_card_without_a_reported_figure_has_a_wide_band_up_to_the_advertised_size() -> None:
    low, middle, high = gib(card("V100 16GB"))
    assert high == 16
    assert low < 15.77 < high, "what PyTorch reports for this card"
    assert low < middle < high


@pytest.mark.parametrize("found", cards(), ids=lambda found: found.name)
def test_every_card_has_an_ordered_band_below_its_own_name(found: Gpu) -> None:
    low, middle, high = gib(found)
    assert low <= middle <= high
    assert card(found.name) == found
    assert (found.compute_capability is not None) == (found.vendor == "nvidia")


@pytest.mark.parametrize(
    ("written", "reason", "capability"),
    [
        ("A100", "`A100` has 40 or 80 GB", (8, 0)),
        ("nvidia-a100", "`A100` has 40 or 80 GB", (8, 0)),
        ("a100-sxm4", "`A100 SXM` has 40 or 80 GB", (8, 0)),
        ("Tesla V100", "`V100` has 16 or 32 GB", (7, 0)),
        ("GH200", "`GH200` has 96 or 144 GB", (9, 0)),
        ("H20", "`H20` has 96 or 141 GB", (9, 0)),
        ("RTX 4060 Ti", "`RTX 4060 TI` has 8 or 16 GB", (8, 9)),
        ("RTX 6000", "`RTX 6000` has 24, 48 or 96 GB", None),
    ],
)
def test_a_name_that_cards_share_tells_only_what_they_have_in_common(
    written: str, reason: str, capability: tuple[int, int] | None
) -> None:
    found = card(written)
    assert found.memory_bytes == found.memory_low_bytes == found.memory_high_bytes == Unknown(reason)
    assert found.compute_capability == capability


def test_nvlink_is_known_only_where_the_form_of_the_card_tells() -> None:
    assert card("H100").nvlink is True
    assert card("L4").nvlink is False
    assert card("A6000").nvlink is None
    assert card("A100-40GB").nvlink is None
    assert card("MI300X").nvlink is None


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("nvidia", "`nvidia` does not name a card"),
        ("", "`` does not name a card"),
        ("80GB", "`80GB` does not name a card"),
        ("blackwell", "`blackwell` does not name a card"),
        ("H1000", "no card called `H1000` is known"),
        ("A100 48GB", "no card called `A100 48GB` is known"),
        ("4g.71gb", "`4g.71gb` does not say what it is a slice of"),
        ("mycard@48", "`48` has no unit of memory: write `mycard@48GiB`"),
        ("mycard@0GiB", "`mycard` cannot have no memory"),
    ],
)
def test_a_name_that_tells_no_card_is_unknown_with_a_reason(written: str, reason: str) -> None:
    assert find_card(written) == Unknown(reason)


def test_a_memory_given_with_the_name_is_exact() -> None:
    unknown = card("mycard@48GiB")
    assert unknown == Gpu("mycard@48GiB", "unknown", 48 * GIB, 48 * GIB, 48 * GIB, None)
    assert card("a100@40960MiB").memory_bytes == 40 * GIB
    assert card("a100@40960MiB").compute_capability == (8, 0)
    assert card("mycard@48GB").memory_bytes == 48 * 10**9
    assert card("mycard@48GB").memory_high_bytes == 48 * GIB


def test_a_mig_profile_makes_a_slice_of_the_card() -> None:
    part = card("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb")
    assert (part.name, part.compute_capability) == ("A100 SXM 80GB MIG 1g.10gb", (8, 0))
    low, _, high = gib(part)
    assert low < 9.5 < high <= 10
    assert card(part.name) == part


def test_suggestions_are_close_names() -> None:
    assert suggest_cards("A100 48GB") == ("A100 SXM 80GB", "A100 PCIe 80GB", "A100 40GB")
    assert "L40S 48GB" in suggest_cards("l4os")
    assert "Instinct MI300X" in suggest_cards("MI300")
    assert suggest_cards("80GB") == ()


@given(
    number=st.integers(1, 4096),
    unit=st.sampled_from(["GiB", "MiB", "GB"]),
    name=st.from_regex(r"[A-Za-z][A-Za-z0-9 -]{0,15}[A-Za-z0-9]", fullmatch=True),
)
def test_any_name_with_a_memory_gives_a_card_of_that_memory(name: str, number: int, unit: str) -> None:
    size = {"GiB": GIB, "MiB": 1024**2, "GB": 10**9}[unit]
    found = card(f"{name}@{number}{unit}")
    assert found.memory_bytes == number * size
    assert card(found.name) == found


@given(st.sampled_from(cards()), st.sampled_from([" ", "-", "_", "  "]), st.booleans())
def test_case_punctuation_and_vendor_do_not_count(found: Gpu, glue: str, upper: bool) -> None:
    name = glue.join([found.vendor, *found.name.split()])
    assert find_card(name.upper() if upper else name.lower()) == found


@given(st.text(max_size=30))
def test_no_text_makes_the_search_fail(text: str) -> None:
    assert isinstance(find_card(text), Gpu | Unknown)
    assert len(suggest_cards(text)) <= 3


@needs_shared
def test_every_name_in_the_card_data_leads_to_its_card_or_to_one_it_is_shared_with() -> None:
    for row in json.loads((SHARED / "data/gpus.json").read_text())["gpus"]:
        for name in [row["name"], *row["aliases"]]:
            if "xlarge" not in name:
                found = card(name)
                assert isinstance(found.memory_bytes, Unknown) or found.name == row["name"], name


@needs_shared
def test_node_labels_name_cards_of_the_size_that_the_label_data_says() -> None:
    for row in json.loads((SHARED / "data/instances.json").read_text())["rows"]:
        if row["provider"] == "kubernetes-label" and row["gpu_memory_gib"]:
            found = card(row["label_value"])
            assert 0.9 < gib(found)[1] / row["gpu_memory_gib"] < 1.03, row["instance"]
