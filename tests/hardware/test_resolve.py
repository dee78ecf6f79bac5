"""What a launch runs on: who is heard first, and what stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from vllint.hardware.resolve import Machine, parse_machine, resolve_hardware, stated_machine
from vllint.statements import StatementError
from vllint_schemas import GIB, Gpu, Hardware, HardwareClaim, Located, Origin, Span, Unknown
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

NOTHING = HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
PLACE = Span("f", 0, 3)


def claim(gpu: str | None = None, count: Any = None, instance: str | None = None) -> HardwareClaim:
    return HardwareClaim(
        NO_GPU_CLAIM if gpu is None else Located(gpu, PLACE),
        NO_COUNT_CLAIM if count is None else Located(count, PLACE),
        None if instance is None else Located(instance, PLACE),
        "aws" if instance else None,
    )


def machine(text: str, origin: Origin = Origin.COMMAND_LINE) -> Machine:
    found = parse_machine(text, None, origin)
    assert found is not None
    return found


def told(hardware: Hardware) -> tuple[str | None, int | None]:
    gpu, count = hardware.gpu, hardware.gpu_count
    return (
        gpu.value.name if isinstance(gpu, Located) else None,
        count.value if isinstance(count, Located) else None,
    )


@pytest.mark.parametrize(
    ("text", "gpu", "count"),
    [
        ("H100", "H100", None),
        ("H100:8", "H100", 8),
        ("name@48GiB:2", "name@48GiB", 2),
        ("NVIDIA A100-SXM4-80GB:4", "NVIDIA A100-SXM4-80GB", 4),
        ("a:b:4", "a:b", 4),
    ],
)
def test_a_machine_is_a_card_and_perhaps_a_count(text: str, gpu: str, count: int | None) -> None:
    found = machine(text)
    assert found.gpu is not None and found.gpu.value == gpu
    assert (found.gpu_count.value if found.gpu_count else None) == count


@pytest.mark.parametrize("text", ["H100:0", "H100:-1", "H100:many", "H100:", ":8", "H100:1.5"])
def test_a_count_that_is_no_number_is_refused(text: str) -> None:
    assert parse_machine(text, None, Origin.DIRECTIVE) is None
    with pytest.raises(StatementError, match="--gpu"):
        stated_machine(text, Origin.COMMAND_LINE, "--gpu")


def test_both_parts_of_a_directive_stand_where_they_are_written() -> None:
    text = "gpu=A10G:16"
    found = parse_machine("A10G:16", Span("f", 4, 11), Origin.DIRECTIVE)
    assert found is not None and found.gpu is not None and found.gpu_count is not None
    assert found.gpu.span is not None and text[found.gpu.span.start : found.gpu.span.end] == "A10G"
    assert found.gpu_count.span is not None
    assert text[found.gpu_count.span.start : found.gpu_count.span.end] == "16"


@pytest.mark.parametrize("name", ["H100-80GB:8", "L40S", "h100 sxm", "A10G:4", "thing@48GiB:8"])
def test_a_known_card_may_be_stated(name: str) -> None:
    assert stated_machine(name, Origin.SETTINGS, "vllint.toml: gpu").gpu is not None


@pytest.mark.parametrize(("name", "suggested"), [("H1000:8", "H100"), ("L40Z", "L40"), ("A10GG:2", "A10G")])
def test_an_unknown_card_is_refused_with_suggestions(name: str, suggested: str) -> None:
    with pytest.raises(StatementError) as refused:
        stated_machine(name, Origin.COMMAND_LINE, "--gpu")
    assert suggested in str(refused.value)
    assert "@48GiB" in str(refused.value)


def test_nothing_said_is_nothing_known() -> None:
    found = resolve_hardware(NOTHING, None, ())
    assert found.gpu == NO_GPU_CLAIM
    assert found.gpu_count == NO_COUNT_CLAIM


@pytest.mark.parametrize(
    ("own", "launch", "machines", "expected"),
    [
        (claim(count=2), None, (), (None, 2)),
        (claim(), None, ("L4:8",), ("L4", 8)),
        (claim(count=2), None, ("L4:8",), ("L4", 2)),
        (claim(count="all"), None, ("L4:8",), ("L4", 8)),
        (claim(count="all"), None, ("L4",), ("L4", None)),
        (claim(count="all"), None, (), (None, None)),
        (claim(), None, ("L4", "T4:4"), ("L4", 4)),
        (claim(), None, ("L4:2", "T4:4"), ("L4", 2)),
        (claim("L40S", 4), None, ("L4:8",), ("L40S", 4)),
        (claim("L40S", 4), "A10G:2", ("L4:8",), ("A10G", 2)),
        (claim("L40S", 4), "A10G", ("L4:8",), ("A10G", 4)),
        (claim(count="all"), "A10G", ("L4:8",), ("A10G", 8)),
        (claim(instance="nvidia-a10g x4"), None, (), ("A10G", None)),
        (claim(instance="nvidia-a10g x4", count=4), None, ("H100-80GB:8",), ("A10G", 4)),
        (claim(instance="nvidia-a10g x4", count="all"), None, (), ("A10G", 4)),
        (claim(instance="nvidia-a10g x4", count="all"), None, ("L4:2",), ("A10G", 2)),
        (claim(instance="nvidia-a10g x4", count=4), "L4:2", (), ("L4", 2)),
        (claim("no such card", 2), None, (), (None, 2)),
        (claim("no such card", 2), None, ("L4",), (None, 2)),
        (claim(instance="nvidia-z9 x4", count=4), None, (), (None, 4)),
    ],
)
def test_the_nearest_word_counts(
    own: HardwareClaim, launch: str | None, machines: tuple[str, ...], expected: tuple[Any, Any]
) -> None:
    stated = None if launch is None else machine(launch, Origin.DIRECTIVE)
    found = told(resolve_hardware(own, stated, tuple(machine(text) for text in machines)))
    assert found[1] == expected[1]
    if expected[0] is None:
        assert found[0] is None
    else:
        assert found[0] is not None and found[0].startswith(expected[0])


def test_a_count_that_the_file_leaves_to_its_environment_is_not_the_machines() -> None:
    own = HardwareClaim(NO_GPU_CLAIM, Unknown("`$GPUS` is not set"))
    gpu, count = told(resolve_hardware(own, None, (machine("L4:8"),)))
    assert gpu is not None
    assert count is None
    assert told(resolve_hardware(own, machine("L4:8", Origin.DIRECTIVE), ()))[1] == 8


def test_a_directive_for_the_file_beats_the_files_card_but_not_its_count() -> None:
    stated = machine("L4:8", Origin.DIRECTIVE)
    gpu, count = told(resolve_hardware(claim("L40S", 2), None, (stated,)))
    assert gpu is not None and gpu.startswith("L4") and not gpu.startswith("L40S")
    assert count == 2


def test_an_endpoints_instance_gives_its_price_and_memory() -> None:
    found = resolve_hardware(claim(instance="nvidia-a10g x1", count=1), None, ())
    assert found.instance is not None
    assert isinstance(found.gpu, Located)
    assert isinstance(found.gpu.value, Gpu)
    assert found.price_usd_hour == found.instance.price_usd_hour


def test_an_unnamed_card_has_the_memory_that_is_written() -> None:
    found = resolve_hardware(NOTHING, None, (machine("mine@48GiB:2"),))
    assert isinstance(found.gpu, Located)
    assert found.gpu.value.memory_bytes == 48 * GIB


def test_the_reason_names_the_instance_that_no_table_has() -> None:
    found = resolve_hardware(claim(instance="nvidia-z9 x4"), None, ())
    assert isinstance(found.gpu, Unknown)
    assert "nvidia-z9" in found.gpu.reason
