"""KServe's LLMInferenceService: which option comes from which field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

SERVICE = """\
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata: {name: chat}
spec:
  model: {uri: "hf://meta-llama/Llama-3.3-70B-Instruct", name: llama}
  parallelism: {tensor: 4, expert: true}
  template:
    containers:
    - name: main
      env:
      - name: VLLM_ADDITIONAL_ARGS
        value: "--max-model-len 16384 --kv_transfer_config '{\\"kv_role\\": \\"kv_both\\"}'"
      args: [--enforce-eager]
      resources: {limits: {nvidia.com/gpu: "4"}}
"""


def test_options_come_from_fields_then_the_variable_then_the_args(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    [launch] = read(SERVICE, "service.yaml").launches
    assert launch.name == "chat/main"
    assert argv(launch) == [
        "meta-llama/Llama-3.3-70B-Instruct", "--served-model-name", "llama", "--tensor-parallel-size", "4",
        "--enable-expert-parallel", "--max-model-len", "16384", "--kv_transfer_config",
        '{"kv_role": "kv_both"}', "--enforce-eager",
    ]  # fmt: skip
    assert gpu_count(launch) == 4
    assert launch.container is not None and isinstance(launch.container.shared_memory, Unknown)


def test_with_workers_the_sizes_over_several_machines_count_too(read: Read, argv: Argv) -> None:
    text = SERVICE.replace("tensor: 4, expert: true", "data: 16, dataLocal: 8, tensor: 1")
    text += "  worker:\n    containers: [{name: main}]\n"
    [launch] = read(text, "service.yaml").launches
    assert argv(launch)[3:9] == [
        "--tensor-parallel-size", "1", "--data-parallel-size", "16", "--data-parallel-size-local", "8",
    ]  # fmt: skip


def test_without_workers_it_is_not_known_what_becomes_of_those_sizes(read: Read, argv: Argv) -> None:
    [launch] = read(SERVICE.replace("expert: true", "data: 2"), "service.yaml").launches
    assert argv(launch)[5:7] == ["--data-parallel-size", "?"]


def test_pods_that_prefill_are_launches_of_their_own(read: Read, argv: Argv, gpu_count: Count) -> None:
    text = (
        SERVICE
        + """\
  prefill:
    parallelism: {tensor: 2}
    template:
      containers: [{name: main, resources: {limits: {nvidia.com/gpu: "2"}}}]
"""
    )
    decode, prefill = read(text, "service.yaml").launches
    assert (decode.name, prefill.name) == ("chat/main", "chat/prefill-main")
    assert argv(prefill)[3:] == ["--tensor-parallel-size", "2"]
    assert gpu_count(prefill) == 2


def test_a_command_of_its_own_replaces_the_preset(read: Read, argv: Argv) -> None:
    text = SERVICE.replace(
        "      args: [--enforce-eager]", "      command: [vllm, serve, /mnt/models, -tp, '2']"
    )
    [launch] = read(text, "service.yaml").launches
    assert argv(launch) == ["meta-llama/Llama-3.3-70B-Instruct", "-tp", "2"]


BASE = """\
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceServiceConfig
metadata: {name: base}
spec:
  parallelism: {tensor: 2}
  template:
    containers:
    - name: main
      env: [{name: VLLM_ADDITIONAL_ARGS, value: --enforce-eager}]
"""


def test_what_a_named_configuration_says_holds_unless_the_service_says_otherwise(
    read: Read, argv: Argv
) -> None:
    text = """\
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata: {name: chat}
spec:
  baseRefs: [{name: base}]
  model: {uri: "hf://Qwen/Qwen3-8B"}
"""
    beside = {"./": "base.yaml\nservice.yaml", "base.yaml": BASE}
    [launch] = read(text, "service.yaml", beside).launches
    assert argv(launch) == ["Qwen/Qwen3-8B", "--tensor-parallel-size", "2", "--enforce-eager"]
    [alone] = read(text, "service.yaml").launches
    assert argv(alone) == ["Qwen/Qwen3-8B", "?"]
    assert alone.argv[1].reason == "the LLMInferenceServiceConfig `base` is not at hand"


def test_an_open_quote_in_the_variable_makes_its_words_unknown(read: Read, argv: Argv) -> None:
    [launch] = read(SERVICE.replace("'{", "{", 1), "service.yaml").launches
    assert "?" in argv(launch)


def test_another_engine_is_no_launch(read: Read) -> None:
    text = SERVICE.replace("    - name: main\n", "    - name: main\n      image: lmsysorg/sglang:v0.5\n")
    assert read(text, "service.yaml").launches == ()


def test_the_preset_for_replicas_on_several_machines_names_their_leader(read: Read, argv: Argv) -> None:
    text = SERVICE.replace("{tensor: 4, expert: true}", "{tensor: 4, data: 8, dataLocal: 4}") + (
        "  worker:\n    containers: [{name: main}]\n"
    )
    [launch] = read(text, "service.yaml").launches
    words = argv(launch)
    start = words.index("--data-parallel-size")
    assert words[start : start + 6] == [
        "--data-parallel-size", "8", "--data-parallel-size-local", "4", "--data-parallel-address", "?",
    ]  # fmt: skip
