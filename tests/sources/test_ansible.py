"""Ansible: the tasks of playbooks and roles that start vLLM."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]


def play(tasks: str, variables: str = "") -> str:
    head = "- hosts: gpu\n" + (f"  vars:\n{textwrap.indent(variables, '    ')}\n" if variables else "")
    body = textwrap.dedent(tasks).strip("\n")
    return head + "  tasks:\n" + textwrap.indent(body, "    ") + "\n"


def only(read: Read, text: str, path: str = "site.yml", beside: dict[str, str] | None = None) -> Launch:
    reading = read(text, path, beside)
    assert reading.kinds == ("ansible",)
    [launch] = reading.launches
    assert launch.kind == "ansible"
    return launch


@pytest.mark.parametrize(
    "task",
    [
        "ansible.builtin.shell: nohup vllm serve {{ model }} -tp {{ tp }} > log 2>&1 &",
        "command: vllm serve {{ model }} -tp {{ tp }}",
        'command:\n    argv: [vllm, serve, "{{ model }}", -tp, "{{ tp }}"]',
        "shell:\n    cmd: |\n      vllm serve {{ model }} \\\n        -tp {{ tp }}",
    ],
)
def test_commands_are_read_with_the_variables_of_the_play(read: Read, argv: Argv, task: str) -> None:
    launch = only(read, play(f"- name: Serve\n  {task}", "model: a/b\ntp: 2"))
    assert argv(launch) == ["a/b", "-tp", "2"]
    assert launch.name == "Serve"


def test_variables_from_elsewhere_are_holes(read: Read, argv: Argv) -> None:
    launch = only(read, play("- shell: vllm serve {{ model }} --port {{ port }}", "port: 8000"))
    assert argv(launch) == ["?", "--port", "8000"]


CONTAINER = """
- name: Run
  community.docker.docker_container:
    name: llm
    image: "vllm/vllm-openai:{{ tag }}"
    command: --model a/b --tensor-parallel-size 2
    env:
      VLLM_LOGGING_LEVEL: DEBUG
    device_requests:
      - driver: nvidia
        count: 2
        capabilities: [[gpu]]
"""


def test_a_container_is_read_with_its_image_and_gpus(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(read, play(CONTAINER, "tag: v0.10.0"))
    assert argv(launch) == ["--model", "a/b", "--tensor-parallel-size", "2"]
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.10.0"
    assert (launch.name, gpu_count(launch)) == ("llm", 2)
    assert [(one.name, one.value.text) for one in launch.env] == [("VLLM_LOGGING_LEVEL", "DEBUG")]


@pytest.mark.parametrize(
    "request_, count", [("count: -1", "all"), ('device_ids: ["0", "1", "3"]', 3), ('count: "{{ n }}"', None)]
)
def test_the_gpus_that_a_container_is_handed(
    read: Read, gpu_count: Count, request_: str, count: object
) -> None:
    text = play(CONTAINER.replace("count: 2", request_), "tag: v0.10.0")
    assert gpu_count(only(read, text)) == count


def test_blocks_hold_tasks_and_variables(read: Read, argv: Argv) -> None:
    text = play("- block:\n    - shell: vllm serve {{ model }}\n  vars:\n    model: a/b")
    assert argv(only(read, text)) == ["a/b"]


def test_tasks_of_a_role_know_its_defaults(read: Read, argv: Argv) -> None:
    text = "- name: Serve\n  shell: vllm serve {{ vllm_model }}\n"
    beside = {"../defaults/main.yml": "vllm_model: a/b\n"}
    launch = only(read, text, "roles/vllm/tasks/main.yml", beside)
    assert argv(launch) == ["a/b"]
    place = launch.argv[0].text_span
    assert place is not None and place.path == "../defaults/main.yml"


def test_other_lists_are_no_playbooks(read: Read) -> None:
    assert read("- name: vllm serve\n  value: x\n", "list.yml").kinds != ("ansible",)
