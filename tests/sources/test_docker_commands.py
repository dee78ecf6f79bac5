"""`docker run` and its kin: the image, the options, what the container starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located

Read = Callable[..., Reading]

Argv = Callable[[Launch], list[str]]

Count = Callable[[Launch], Any]


def only(read: Read, command: str) -> Launch:
    reading = read(f"{command}\n", "run.sh")
    assert not reading.problems
    [launch] = reading.launches
    return launch


IMAGE = "vllm/vllm-openai:v0.9.1 --model Q/x"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", None),
        ("--gpus all", "all"),
        ("--gpus=all", "all"),
        ("--gpus 2", 2),
        ("--gpus=-1", "all"),
        ("--gpus '\"device=0,1\"'", 2),
        ('--gpus "\\"device=0,1,2\\""', 3),
        ("--gpus='\"device=0\"'", 1),
        ("--gpus device=0", 1),
        ("--gpus device=GPU-3a23c669", 1),
        ("--gpus '\"device=0,1\",capabilities=utility'", 2),
        ("--gpus count=2", 2),
        ("--gpus all,capabilities=utility", "all"),
        ('--gpus "device=$GPU"', None),
        ("--gpus $N", None),
        ("--gpus 1 --gpus all", "all"),
        ("--gpus all -e CUDA_VISIBLE_DEVICES=0,1", 2),
        ("--gpus all -eCUDA_VISIBLE_DEVICES=0", 1),
        ("--gpus all --env=CUDA_VISIBLE_DEVICES=0", 1),
        ("--gpus all --env CUDA_VISIBLE_DEVICES=0,1", 2),
        ("--gpus all -e CUDA_VISIBLE_DEVICES", None),
        ("--gpus all -e CUDA_VISIBLE_DEVICES=$GPU", None),
        ("--gpus all -e CUDA_VISIBLE_DEVICES=0 -e CUDA_VISIBLE_DEVICES=0,1", 2),
        ("--gpus all -e NVIDIA_VISIBLE_DEVICES=0", "all"),
        ("--runtime nvidia -e NVIDIA_VISIBLE_DEVICES=0,1", 2),
        ("--runtime=nvidia", None),
        ("-e NVIDIA_VISIBLE_DEVICES=0,1", None),
        ("--device /dev/kfd -e HIP_VISIBLE_DEVICES=0,1", 2),
        ("-e ROCR_VISIBLE_DEVICES=0", 1),
        ("-e ASCEND_RT_VISIBLE_DEVICES=0,1,2,3", 4),
        ("--gpus 4 -e HIP_VISIBLE_DEVICES=0", 4),
        ("--gpus all -e HIP_VISIBLE_DEVICES=0", "all"),
    ],
)
def test_docker_gives_the_gpus_that_its_options_say(
    read: Read, gpu_count: Count, options: str, expected: object
) -> None:
    assert gpu_count(only(read, f"docker run {options} {IMAGE}")) == expected


def test_a_variable_passed_on_to_a_container_has_the_shells_value(read: Read, gpu_count: Count) -> None:
    command = f"export CUDA_VISIBLE_DEVICES=2,3\ndocker run --gpus all -e CUDA_VISIBLE_DEVICES {IMAGE}"
    assert gpu_count(only(read, command)) == 2


def test_the_clients_own_variables_do_not_reach_the_container(read: Read, gpu_count: Count) -> None:
    assert gpu_count(only(read, f"CUDA_VISIBLE_DEVICES=0 docker run --gpus all {IMAGE}")) == "all"


@pytest.mark.parametrize(
    "options",
    [
        "-it --rm",
        "-d --name vllm --restart unless-stopped",
        "-p 8000:8000 -v ~/.cache:/root/.cache --ipc=host --shm-size 16g",
        "-p8000:8000 -v/a:/b",
        "-itp 8000:8000",
        "-dp8000:8000",
        "--rm=true --init --privileged",
        "--ulimit memlock=-1 --ulimit stack=67108864 --cap-add SYS_ADMIN",
        "--env HF_TOKEN=$HF_TOKEN --env-file .env --network host",
        "--mount type=bind,src=/a,dst=/b --workdir /w --user 1000:1000",
        "--device /dev/kfd --device /dev/dri --group-add video --security-opt seccomp=unconfined",
        "--log-driver json-file --log-opt max-size=10m --health-cmd 'curl -f x' --pull always",
        "$DOCKER_OPTS",
        '"${OPTS[@]}"',
    ],
)
def test_docker_options_with_and_without_values_are_told_apart(read: Read, argv: Argv, options: str) -> None:
    launch = only(read, f"docker run {options} {IMAGE}")
    assert argv(launch) == ["--model", "Q/x"]
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.9.1"


@pytest.mark.parametrize(
    ("command", "entry_point", "words"),
    [
        ("docker run vllm/vllm-openai:v0.12.0 Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("podman run vllm/vllm-openai:v0.12.0 Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("docker container run vllm/vllm-openai:v0.12.0 Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("docker create vllm/vllm-openai:v0.12.0 Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("sudo docker run vllm/vllm-openai:v0.12.0 Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("docker run vllm/vllm-openai:v0.12.0", EntryPoint.SERVE, []),
        ("docker run --entrypoint vllm vllm/vllm-openai:v0.9.1 serve Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("docker run --entrypoint '' vllm/vllm-openai:v0.9.1 vllm serve Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("docker run --entrypoint bash vllm/vllm-openai -c 'vllm serve Q/x'", EntryPoint.SERVE, ["Q/x"]),
        ("docker run my/image vllm serve Q/x", EntryPoint.SERVE, ["Q/x"]),
        ("docker run my/image bash -c 'pip list && vllm serve Q/x'", EntryPoint.SERVE, ["Q/x"]),
        (
            "docker run my/image python3 -m vllm.entrypoints.openai.api_server --model Q/x",
            EntryPoint.API_SERVER,
            ["--model", "Q/x"],
        ),
    ],
)
def test_a_container_runs_its_entrypoint_and_its_words(
    read: Read, argv: Argv, command: str, entry_point: EntryPoint, words: list[str]
) -> None:
    launch = only(read, command)
    assert (launch.entry_point, argv(launch)) == (entry_point, words)


def test_another_entrypoint_of_the_official_image_starts_no_server(read: Read) -> None:
    text = "docker run --entrypoint nvidia-smi vllm/vllm-openai:v0.9.1 -L\n"
    assert read(text, "run.sh").launches == ()


def test_the_release_is_the_containers_and_not_the_scripts(read: Read) -> None:
    launch = only(read, f"pip install vllm==0.8.5\ndocker run {IMAGE}")
    assert isinstance(launch.vllm_version, Located)
    assert launch.vllm_version.value == "0.9.1"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('docker run "$I" --model a/b --max-num-seqs 9', ["--model", "a/b", "--max-num-seqs", "9"]),
        ("docker run $I --model a/b --max-num-seqs 9", ["--model", "a/b", "--max-num-seqs", "9"]),
        ("docker run $VLLM_IMAGE --model a/b -tp 2", ["--model", "a/b", "-tp", "2"]),
        ("docker run my/vllm-rocm a/b --max-model-len 9 -tp 2", ["a/b", "--max-model-len", "9", "-tp", "2"]),
        ('docker run my/vllm-rocm:"$TAG" --model a/b', ["--model", "a/b"]),
        ("singularity run --nv $VLLM_SIF --model a/b -tp 2", ["--model", "a/b", "-tp", "2"]),
        ('apptainer run --nv $SIF "$M" --max-num-seqs 8', ["?", "--max-num-seqs", "8"]),
    ],
)  # fmt: skip
def test_an_image_that_is_not_known_starts_vllm_when_it_is_given_its_options(
    read: Read, argv: Argv, command: str, words: list[str]
) -> None:
    assert argv(only(read, command)) == words


@pytest.mark.parametrize(
    "words",
    [
        "$IMAGE --model a/b --tp 2",
        "$IMAGE --model-path a/b --max-model-len 9",
        "$IMAGE --model a/b --max-model-len 9 --router-policy x",
        "$IMAGE python3 bench.py --model a/b --max-model-len 9",
        "$IMAGE ./start.sh --max-model-len 9",
        "org/sglang --model a/b --max-model-len 9",
        "my/vllm-router a/b --static-backends x",
        "$VLLM_IMAGE --model a/b --time-to-first-token 3",
    ],
)
def test_an_image_that_may_start_anything_is_no_launch(read: Read, words: str) -> None:
    assert not read(f"docker run --gpus all {words}\n", "run.sh").launches
