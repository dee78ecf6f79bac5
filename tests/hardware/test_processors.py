"""A card that is stated for all files is not that of an image for other processors."""

from __future__ import annotations

from pathlib import Path

import pytest

from vllint import check_paths
from vllint_schemas import Hardware, Located, Unknown

COMPOSE = "services:\n  chat:\n    image: {image}\n    command: --model Qwen/Qwen3-8B\n"


def hardware(folder: Path, image: str, gpu: str, comment: str = "") -> Hardware:
    """Return what a Compose service of this image runs on, where the settings name a machine."""
    file = folder / "compose.yaml"
    file.write_text(comment + COMPOSE.format(image=image))
    (folder / "vllint.toml").write_text(f'gpu = "{gpu}"\n')
    [launch] = check_paths([file]).launches
    return launch.hardware


@pytest.mark.parametrize(
    "image",
    [
        "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.22.1",
        "quay.io/acme/vllm-cpu:dev",
        "intel/vllm:0.10.2-xpu",
        "rocm/vllm:latest",
        "vllm/vllm-tpu:nightly",
    ],
)
def test_an_image_for_other_processors_does_not_run_on_the_stated_card(tmp_path: Path, image: str) -> None:
    found = hardware(tmp_path, image, "A100:2")
    assert isinstance(found.gpu, Unknown)
    assert isinstance(found.gpu_count, Unknown)


@pytest.mark.parametrize("image", ["vllm/vllm-openai:v0.22.1", "acme/gpu-vllm:1"])
def test_any_other_image_does(tmp_path: Path, image: str) -> None:
    found = hardware(tmp_path, image, "A100:2")
    assert isinstance(found.gpu, Located)


def test_an_image_for_the_makers_cards_runs_on_them(tmp_path: Path) -> None:
    assert isinstance(hardware(tmp_path, "rocm/vllm:latest", "MI300X:8").gpu, Located)


def test_what_the_file_says_of_itself_holds(tmp_path: Path) -> None:
    found = hardware(tmp_path, "acme/vllm-cpu:1", "A100:2", "# vllint: gpu=L40S:1\n")
    assert isinstance(found.gpu, Located)
    assert found.gpu.value.name == "L40S 48GB"


def test_a_build_for_cpus_needs_no_card_to_be_named(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE.format(image="acme/vllm-cpu:1"))
    [launch] = check_paths([file]).launches
    assert launch.hardware.gpu == Unknown("by its name the image is a build for CPUs")
