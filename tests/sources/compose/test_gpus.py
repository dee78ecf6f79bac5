"""How many GPUs a compose service gets: `deploy`, `gpus`, `runtime`, and the variables that hide GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Origin

IMAGE = "image: vllm/vllm-openai:v0.9.1\n"
Service = Callable[..., Launch]
Read = Callable[..., Reading]
Count = Callable[[Launch], Any]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", None),
        ("gpus: all", "all"),
        ("gpus: 2", 2),
        ("gpus: -1", "all"),
        ("gpus:\n  - driver: nvidia\n    count: 2", 2),
        ("gpus:\n  - driver: nvidia\n    device_ids: ['0', '3']", 2),
        ("runtime: nvidia", "all"),
        ("runtime: nvidia\nimage: my/vllm:1\nentrypoint: vllm serve", None),
        ("runtime: runc", None),
        ("devices: ['nvidia.com/gpu=all']", "all"),
        ("devices: ['nvidia.com/gpu=0', nvidia.com/gpu=1]", 2),
        ("devices: ['nvidia.com/gpu=0:1']", None),
        ("devices: ['nvidia.com/gpu=${GPU:-0}']", 1),
        ("devices: ['nvidia.com/gpu=${GPU}']", None),
        ("devices: ['/dev/nvidia0:/dev/nvidia0', '/dev/nvidiactl', '/dev/nvidia-uvm', /dev/nvidia2]", 2),
        ("devices: ['/dev/kfd', '/dev/dri']", None),
        ("devices: ['/dev/fuse']", None),
        ("runtime: nvidia\nenvironment:\n  NVIDIA_VISIBLE_DEVICES: 0,1", 2),
        ("runtime: nvidia\nenvironment: [NVIDIA_VISIBLE_DEVICES=all]", "all"),
        ("runtime: nvidia\nenvironment: [NVIDIA_VISIBLE_DEVICES=none]", None),
        ("environment: [NVIDIA_VISIBLE_DEVICES=0]", None),
        ("environment: [CUDA_VISIBLE_DEVICES=1]", 1),
        ("environment: ['CUDA_VISIBLE_DEVICES=0,1, 2']", 3),
        ("environment: {CUDA_VISIBLE_DEVICES: 'GPU-aa,GPU-bb'}", 2),
        ("environment: {CUDA_VISIBLE_DEVICES: MIG-aa}", None),
        ("environment: {CUDA_VISIBLE_DEVICES: ''}", None),
        ("environment: [CUDA_VISIBLE_DEVICES]", None),
        ("environment: {CUDA_VISIBLE_DEVICES: }", None),
        ("environment: ['CUDA_VISIBLE_DEVICES=${GPUS:-0,1}']", 2),
        ("environment: ['CUDA_VISIBLE_DEVICES=${GPUS}']", None),
        ("gpus: all\nenvironment: [CUDA_VISIBLE_DEVICES=1]", 1),
        ("gpus: 1\nenvironment: ['CUDA_VISIBLE_DEVICES=0,1']", 1),
        ("gpus: 4\nenvironment: ['CUDA_VISIBLE_DEVICES=${GPUS}']", None),
    ],
)
def test_gpus_are_counted_from_the_services_own_words(
    service: Service, gpu_count: Count, keys: str, expected: object
) -> None:
    image = "" if "image:" in keys else IMAGE
    assert gpu_count(service(image + "command: --model Q/x\n" + keys)) == expected


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("count: 2", 2),
        ("count: '2'", 2),
        ("count: all", "all"),
        ("count: -1", "all"),
        ("count: ${N:-3}", 3),
        ("count: ${N}", None),
        ("count: many", None),
        ("options: {}", "all"),
        ("device_ids: []", "all"),
        ("device_ids: ['0']", 1),
        ("device_ids: ['0', '3']", 2),
        ("device_ids: ['0,3']", 2),
        ("device_ids: ['${FIRST:-0}', '1']", 2),
        ("device_ids: ['${GPUS:-0,1,2}']", 3),
        ("device_ids: ['${GPU}']", None),
        ("device_ids: [all]", "all"),
        ("device_ids: ['nvidia.com/gpu=all']", "all"),
        ("device_ids: ['nvidia.com/gpu=0', 'nvidia.com/gpu=1']", 2),
        ("device_ids: ['0:1']", None),
        ("device_ids: ['MIG-11c29e81-e611-50b5-b5ef-609c0a0fe58b']", None),
    ],
)
def test_reserved_devices_are_counted(
    service: Service, gpu_count: Count, device: str, expected: object
) -> None:
    found = service(
        f"{IMAGE}command: --model Q/x\ndeploy:\n  resources:\n    reservations:\n      devices:\n"
        f"        - driver: nvidia\n          capabilities: [gpu]\n          {device}"
    )
    assert gpu_count(found) == expected


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ("- capabilities: [gpu]\n  count: 2", 2),
        ("- capabilities: ['gpu', 'utility']\n  count: 2", 2),
        ("- driver: nvidia\n  count: 2", 2),
        ("- capabilities: [tpu]\n  count: 2", None),
        ("- capabilities: [tpu]\n  count: 4\n- capabilities: [gpu]\n  count: 2", 2),
    ],
)
def test_only_devices_with_a_gpus_capability_count(
    service: Service, gpu_count: Count, devices: str, expected: object
) -> None:
    listed = "".join(f"        {line}\n" for line in devices.splitlines())
    keys = f"deploy:\n  resources:\n    reservations:\n      devices:\n{listed}"
    assert gpu_count(service(IMAGE + "command: --model Q/x\n" + keys)) == expected


def test_a_count_points_at_its_number(read: Read) -> None:
    text = (
        "services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model Q/x\n    deploy:\n"
        "      resources:\n        reservations:\n          devices:\n            - capabilities: [gpu]\n"
        "              count: ${N:-4}\n"
    )
    [launch] = read(text, "compose.yaml").launches
    count = launch.hardware.gpu_count
    assert isinstance(count, Located) and count.span is not None
    assert text[count.span.start : count.span.end] == "4"
    assert count.origin is Origin.DEFAULT
