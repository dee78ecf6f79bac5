"""Machines by name: which card, how many, at what price."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from vllint.hardware.cards import find_card
from vllint.hardware.instances import find_hf_instance, find_instance, hf_instances
from vllint_schemas import GIB, Gpu, Instance, Unknown

SHARED = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[3] / "shared"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")

HUGGING_FACE = "huggingface-inference-endpoints"


@pytest.mark.parametrize(
    ("name", "provider", "gpu", "count"),
    [
        ("g5.12xlarge", None, "A10G 24GB", 4),
        ("G5.12XLARGE", "aws", "A10G 24GB", 4),
        ("ml.g5.12xlarge", "aws-ec2", "A10G 24GB", 4),
        ("p5.48xlarge", None, "H100 SXM 80GB", 8),
        ("a2-highgpu-4g", "gcp", "A100 40GB", 4),
        ("NC24ads_A100_v4", "azure", "A100 SXM 80GB", 1),
        ("BM.GPU.H100.8", None, "H100 SXM 80GB", 8),
        ("gpu_1x_gh200", "lambda", "GH200 96GB", 1),
        ("H100_40GB", "baseten", "H100 SXM 80GB MIG 3g.40gb", 1),
        ("nvidia-gpu-l4:2", "kubeai", "L4 24GB", 2),
        ("aws/nvidia-l4/x4", None, "L4 24GB", 4),
        ("aws-us-east-1-nvidia-l4-x4", None, "L4 24GB", 4),
    ],
)
def test_an_instance_is_found_by_name_and_alias(
    name: str, provider: str | None, gpu: str, count: int
) -> None:
    found = find_instance(name, provider)
    assert isinstance(found, Instance)
    assert (found.gpu, found.gpu_count) == (gpu, count)


def test_a_fraction_of_a_card_has_the_fractions_memory() -> None:
    found = find_instance("g6f.xlarge")
    assert isinstance(found, Instance)
    assert (found.gpu, found.memory_gib) == ("L4 24GB@2861MiB", 2861 / 1024)
    card = find_card(found.gpu)
    assert isinstance(card, Gpu)
    assert (card.memory_bytes, card.compute_capability) == (2861 * 1024**2, (8, 9))


def test_a_whole_card_has_the_cards_memory_whatever_the_price_list_says() -> None:
    found = find_hf_instance("aws", "nvidia-b200", "x1")
    assert isinstance(found, Instance)
    assert found.memory_gib is None
    card = find_card(found.gpu)
    assert isinstance(card, Gpu)
    assert isinstance(card.memory_bytes, int)
    assert card.memory_bytes / GIB < 180


@pytest.mark.parametrize(
    ("name", "provider", "reason"),
    [
        ("g5.13xlarge", None, "no instance called `g5.13xlarge` is known"),
        ("g5.xlarge", "gcp", "no instance called `g5.xlarge` is known at gcp"),
        ("AMPERE_24", "runpod", "`AMPERE_24` may be any of L4, A5000, 3090"),
        ("xeon6", None, "`xeon6` has no GPU"),
        ("A100", None, "`A100` means different machines: 1 x A100 40GB, 1 x A100 SXM 80GB, 1 x A100"),
    ],
)
def test_a_name_that_tells_no_machine_is_unknown_with_a_reason(
    name: str, provider: str | None, reason: str
) -> None:
    assert find_instance(name, provider) == Unknown(reason)


def test_a_fraction_of_which_no_source_tells_the_size_is_unknown() -> None:
    found = find_instance("Standard_NC24lds_xl_RTXPRO6000BSE_v6")
    assert isinstance(found, Unknown)
    assert "no source says how much" in found.reason


def test_an_endpoints_machine_has_card_count_and_price() -> None:
    assert find_hf_instance("aws", "nvidia-a10g", "x4") == Instance(
        "aws/nvidia-a10g/x4", HUGGING_FACE, "A10G 24GB", 4, None, 5.0
    )
    assert find_hf_instance("AWS", "p4de", "2xlarge") == find_hf_instance("aws", "nvidia-a100", "x2")


def test_without_a_vendor_the_vendors_agree_on_the_machine_but_not_on_its_price() -> None:
    expected = Instance("nvidia-l4/x1", HUGGING_FACE, "L4 24GB", 1)
    assert find_hf_instance(None, "nvidia-l4", "x1") == expected


def test_a_vendor_that_the_table_lacks_has_the_same_machines() -> None:
    found = find_hf_instance("azure", "nvidia-h100", "x2")
    assert found == Instance("azure/nvidia-h100/x2", HUGGING_FACE, "H100 SXM 80GB", 2)


def test_a_size_that_the_table_lacks_means_as_many_cards() -> None:
    found = find_hf_instance("aws", "nvidia-a10g", "x2")
    assert found == Instance("aws/nvidia-a10g/x2", HUGGING_FACE, "A10G 24GB", 2)


@pytest.mark.parametrize(
    ("kind", "size", "reason"),
    [
        ("intel-spr", "x1", "no Hugging Face instance type `intel-spr` is known"),
        ("nvidia-a10g", "huge", "no size `huge` of the Hugging Face instance `nvidia-a10g` is known"),
        ("nvidia-a10g", "x0", "no size `x0` of the Hugging Face instance `nvidia-a10g` is known"),
    ],
)
def test_an_endpoint_that_the_table_cannot_tell_is_unknown(kind: str, size: str, reason: str) -> None:
    assert find_hf_instance("aws", kind, size) == Unknown(reason)


def test_endpoint_machines_come_cheapest_first_and_without_retired_ones() -> None:
    offered = hf_instances()
    prices = [instance.price_usd_hour for instance in offered if instance.price_usd_hour is not None]
    assert prices == sorted(prices)
    assert offered[-1].price_usd_hour is None
    names = {instance.name for instance in offered}
    assert "gcp/nvidia-h100/x8" in names
    assert "aws/nvidia-h100/x8" not in names
    assert all(isinstance(find_card(instance.gpu), Gpu) for instance in offered)


def machines() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((SHARED / "data/instances.json").read_text())["rows"]
    return [row for row in rows if row["provider"] != "kubernetes-label" and "*" not in row["instance"]]


@needs_shared
def test_every_machine_of_the_data_is_found_with_its_count_and_a_card_that_is_known() -> None:
    unknown = []
    for row in machines():
        found = find_instance(row["instance"].replace(":<n>", ":1"), row["provider"])
        if isinstance(found, Unknown):
            unknown.append(row["instance"])
            continue
        assert found.gpu_count == row["gpu_count"], row["instance"]
        assert isinstance(find_card(found.gpu), Gpu), row["instance"]
    assert len(unknown) <= 11, unknown


@needs_shared
def test_machines_have_about_the_memory_that_the_data_says() -> None:
    for row in machines():
        found = find_instance(row["instance"].replace(":<n>", ":1"), row["provider"])
        card = find_card(found.gpu) if isinstance(found, Instance) else found
        stated = row["gpu_memory_gib"]
        if isinstance(card, Unknown) or isinstance(card.memory_bytes, Unknown) or not stated:
            continue
        if "b200" not in row["instance"]:
            assert 0.85 < card.memory_bytes / GIB / stated < 1.05, row["instance"]
