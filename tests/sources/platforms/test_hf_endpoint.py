"""Hugging Face Inference Endpoints: payloads and describe dumps in, launches out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, Origin, SlotKind

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

PAYLOAD: dict[str, Any] = {
    "name": "chat",
    "type": "authenticated",
    "provider": {"vendor": "aws", "region": "us-east-1"},
    "compute": {
        "accelerator": "gpu",
        "instanceType": "nvidia-a10g",
        "instanceSize": "x4",
        "scaling": {"minReplica": 0, "maxReplica": 1},
    },
    "model": {
        "repository": "Qwen/Qwen2.5-7B-Instruct",
        "framework": "custom",
        "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000, "tensorParallelSize": 2}},
        "args": ["--max-model-len", "8192"],
        "env": {"VLLM_LOGGING_LEVEL": "DEBUG"},
    },
}


def changed(**values: Any) -> dict[str, Any]:
    """Return the payload with values set by dotted path (`__` for `.`); `...` takes a key away."""
    payload = copy.deepcopy(PAYLOAD)
    for path, value in values.items():
        *parents, last = path.split("__")
        node = payload
        for parent in parents:
            node = node.setdefault(parent, {})
        if value is ...:
            node.pop(last, None)
        else:
            node[last] = value
    return payload


def only(read: Read, payload: dict[str, Any]) -> Launch:
    [launch] = read(json.dumps(payload, indent=2), "endpoint.json").launches
    return launch


FORMS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "indented JSON": ("endpoint.json", lambda payload: json.dumps(payload, indent=2)),
    "one line of JSON": ("endpoint.json", json.dumps),
    "block YAML": ("endpoint.yaml", lambda payload: yaml.safe_dump(payload, sort_keys=False)),
    "flow YAML": ("endpoint.yml", lambda payload: yaml.safe_dump(payload, default_flow_style=True)),
    "JSON in a YAML file": ("endpoint.yaml", lambda payload: json.dumps(payload, indent=2)),
    "windows line breaks": ("e.yaml", lambda payload: yaml.safe_dump(payload).replace("\n", "\r\n")),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_payload_gives_the_same_launch(
    read: Read, argv: Argv, gpu_count: Count, form: str
) -> None:
    path, dump = FORMS[form]
    reading = read(dump(PAYLOAD), path)
    [launch] = reading.launches
    assert reading.kinds == ("hf_endpoint",)
    assert launch.name == "chat"
    assert launch.entry_point is EntryPoint.SERVE
    assert argv(launch)[0] == "Qwen/Qwen2.5-7B-Instruct"
    assert argv(launch)[1:] == ["--tensor-parallel-size", "2", "--max-model-len", "8192"]
    assert gpu_count(launch) == 4
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.23.0"
    assert [(variable.name, variable.value.text) for variable in launch.env] == [
        ("VLLM_LOGGING_LEVEL", "DEBUG")
    ]


def test_the_instance_is_claimed_by_type_size_and_vendor(read: Read) -> None:
    text = json.dumps(PAYLOAD)
    [launch] = read(text, "endpoint.json").launches
    instance, count = launch.hardware.instance, launch.hardware.gpu_count
    assert instance is not None and instance.span is not None
    assert instance.value == "nvidia-a10g x4"
    assert text[instance.span.start : instance.span.end].strip('"') == "nvidia-a10g"
    assert isinstance(count, Located) and count.span is not None
    assert text[count.span.start : count.span.end] == "4"
    assert launch.hardware.provider == "aws"


def test_fields_of_the_vllm_image_become_options_that_stand_at_the_fields(read: Read) -> None:
    payload = changed(model__image__vLLM__maxNumSeqs=64, model__image__vLLM__maxNumBatchedTokens=4096)
    payload["model"]["image"]["vLLM"]["kvCacheDtype"] = "fp8"
    text = json.dumps(payload, indent=2)
    [launch] = read(text, "endpoint.json").launches
    texts = [word.text for word in launch.argv]
    expected = {
        "--tensor-parallel-size": ("tensorParallelSize", "2"),
        "--max-num-seqs": ("maxNumSeqs", "64"),
        "--max-num-batched-tokens": ("maxNumBatchedTokens", "4096"),
        "--kv-cache-dtype": ("kvCacheDtype", "fp8"),
    }
    for option, (field, value) in expected.items():
        place = texts.index(option)
        flag, word = launch.argv[place], launch.argv[place + 1]
        assert text[flag.site.start : flag.site.end] == f'"{field}"'
        assert word.text == value
        assert word.text_span is not None
        assert text[word.text_span.start : word.text_span.end] == value
        assert word.slot is not None and word.slot.kind is SlotKind.FIELD


@pytest.mark.parametrize("unset", [..., None])
def test_without_a_size_the_platform_takes_the_instances_gpus(read: Read, argv: Argv, unset: object) -> None:
    launch = only(read, changed(model__image__vLLM__tensorParallelSize=unset))
    place = argv(launch).index("--tensor-parallel-size")
    assert argv(launch)[place + 1] == "4"
    assert launch.argv[place].origin is Origin.PLATFORM
    assert launch.argv[place + 1].origin is Origin.PLATFORM


@pytest.mark.parametrize(
    "args",
    [
        ["-tp", "2"],
        ["-tp=2"],
        ["--tensor-parallel-size", "2"],
        ["--tensor_parallel_size=2"],
        ["--tensor-parallel", "2"],
        ["-dp", "2"],
        ["--data-parallel-size=2"],
        ["-pp", "2"],
        ["--pipeline-parallel-size", "2"],
    ],
)
def test_a_size_among_the_arguments_is_the_payloads_own_word(read: Read, argv: Argv, args: list[str]) -> None:
    launch = only(read, changed(model__image__vLLM__tensorParallelSize=..., model__args=args))
    assert argv(launch) == ["Qwen/Qwen2.5-7B-Instruct", *args]


def test_a_data_parallel_field_is_the_payloads_own_word(read: Read, argv: Argv) -> None:
    payload = changed(
        model__image__vLLM__tensorParallelSize=..., model__image__vLLM__dataParallelSize=4, model__args=[]
    )
    assert argv(only(read, payload))[1:] == ["--data-parallel-size", "4"]


@pytest.mark.parametrize("size", ["small", "4", 4, "x", "xlarge", "x-1"])
def test_a_size_that_names_no_number_leaves_the_count_unknown(
    read: Read, gpu_count: Count, size: object
) -> None:
    launch = only(read, changed(compute__instanceSize=size, model__image__vLLM__tensorParallelSize=...))
    assert gpu_count(launch) is None
    assert not launch.argv[2].is_known


def test_a_payload_without_a_size_is_still_a_launch(read: Read, gpu_count: Count) -> None:
    launch = only(read, changed(compute__instanceSize=...))
    assert gpu_count(launch) is None
    assert launch.hardware.instance is not None and launch.hardware.instance.value == "nvidia-a10g"


def test_an_instance_that_no_table_has_is_claimed_as_it_is_written(read: Read) -> None:
    launch = only(read, changed(compute__instanceType="nvidia-z9000", compute__instanceSize="x3"))
    assert launch.hardware.instance is not None and launch.hardware.instance.value == "nvidia-z9000 x3"


@pytest.mark.parametrize(
    ("command", "entry_point"),
    [
        (["vllm", "serve", "/repository"], EntryPoint.SERVE),
        (["bash", "-c", "cd / && vllm serve /repository"], EntryPoint.SERVE),
        (["bash", "-c", "vllm serve '/repository"], None),
        (["python3", "-m", "vllm.entrypoints.openai.api_server"], EntryPoint.API_SERVER),
        (["text-generation-launcher"], None),
    ],
)
def test_a_command_replaces_what_the_image_starts(
    read: Read, command: list[str], entry_point: EntryPoint | None
) -> None:
    payload = changed(model__command=command)
    launches = read(json.dumps(payload), "endpoint.json").launches
    assert [launch.entry_point for launch in launches] == ([entry_point] if entry_point else [])


@pytest.mark.parametrize(
    ("image", "entry_point", "words"),
    [
        (
            {"custom": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000, "healthRoute": "/health"}},
            EntryPoint.SERVE,
            ["--model", "/repository"],
        ),
        ({"custom": {"url": "vllm/vllm-openai:v0.9.1"}}, EntryPoint.API_SERVER, ["--model", "/repository"]),
        ({"url": "vllm/vllm-openai:v0.9.1"}, EntryPoint.API_SERVER, ["--model", "/repository"]),
    ],
)
def test_a_custom_image_has_only_its_arguments(
    read: Read, argv: Argv, image: dict[str, Any], entry_point: EntryPoint, words: list[str]
) -> None:
    launch = only(read, changed(model__image=image, model__args=words))
    assert (launch.entry_point, launch.platform) == (entry_point, None)
    assert argv(launch) == ["--model", "Qwen/Qwen2.5-7B-Instruct"]


@pytest.mark.parametrize(
    "image",
    [
        {"huggingface": {}},
        {"tgi": {"url": "ghcr.io/huggingface/text-generation-inference:3.0"}},
        {"sGLang": {"url": "lmsysorg/sglang:latest", "tensorParallelSize": 4}},
        {"tei": {}},
        {"custom": {"url": "ghcr.io/acme/llm:1"}},
        {"vLLM": None},
        [],
    ],
)
def test_other_engines_are_no_launch(read: Read, image: object) -> None:
    assert read(json.dumps(changed(model__image=image)), "endpoint.json").launches == ()


def test_a_describe_dump_is_a_payload(read: Read, argv: Argv) -> None:
    payload = changed(
        model__image__vLLM__tensorParallelSize=None,
        status={"state": "running", "url": "https://x.endpoints.huggingface.cloud", "readyReplica": 1},
        compute__id="aws-us-east-1-nvidia-a10g-x4",
        model__secrets={},
    )
    launch = only(read, payload)
    assert argv(launch)[:3] == ["Qwen/Qwen2.5-7B-Instruct", "--tensor-parallel-size", "4"]


@pytest.mark.parametrize(
    "dump",
    [
        lambda payloads: json.dumps(payloads),
        lambda payloads: json.dumps({"items": payloads}),
        lambda payloads: yaml.safe_dump(payloads),
        lambda payloads: yaml.safe_dump_all(payloads),
    ],
)
def test_several_payloads_are_launches_of_their_own(read: Read, dump: Callable[[Any], str]) -> None:
    text = dump([PAYLOAD, {"name": "not ours"}, changed(name="other"), PAYLOAD])
    names = [launch.name for launch in read(text, "e.yaml").launches]
    assert names == ["chat", "other", "chat-2"]


def test_a_payload_without_a_name_is_called_endpoint(read: Read) -> None:
    assert only(read, changed(name=...)).name == "endpoint"


@pytest.mark.parametrize(
    "values",
    [
        {"model__args": None},
        {"model__args": "--max-model-len 8192"},
        {"model__args": [["a"], {"b": 1}, None]},
        {"model__env": []},
        {"model__env": {"A": None, "B": [1]}},
        {"model__repository": None},
        {"model__repository": ["a"]},
        {"provider": "aws"},
        {"compute__instanceType": ["a"]},
        {"compute__instanceSize": {"a": 1}},
        {"model__image__vLLM__tensorParallelSize": [2]},
        {"model__image__vLLM__url": 5},
        {"name": ["x"]},
        {"compute": []},
        {"model": "x"},
    ],
)
def test_shapes_that_the_platform_does_not_know_do_not_stop_the_reader(
    read: Read, values: dict[str, Any]
) -> None:
    read(json.dumps(changed(**values)), "endpoint.json")
    read(yaml.safe_dump(changed(**values)), "endpoint.yaml")


@pytest.mark.parametrize("key", ["vllm", "VLLM"])
def test_an_engine_in_the_wrong_case_is_a_problem_and_read_as_meant(read: Read, key: str) -> None:
    image = {key: PAYLOAD["model"]["image"]["vLLM"]}
    text = json.dumps(changed(model__image=image), indent=2)
    reading = read(text, "endpoint.json")
    assert [launch.name for launch in reading.launches] == ["chat"]
    [problem] = reading.problems
    assert text[problem.span.start : problem.span.end] == key and "`vLLM`" in problem.message
    assert [edit.text for edit in problem.edits] == ["vLLM"]


@pytest.mark.parametrize(
    ("image", "ignored"),
    [
        (
            {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "gpuMemoryUtilization": 0.9}},
            ["gpuMemoryUtilization"],
        ),
        ({"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "tensor_parallel_size": 4}}, ["tensor_parallel_size"]),
        ({"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "kvCacheDtype": "fp8", "port": 8000}}, []),
        ({"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "maxModelLen": None, "newField": 1}}, []),
        ({"custom": {"url": "vllm/vllm-openai:v0.23.0", "tensorParallelSize": 4}}, ["tensorParallelSize"]),
    ],
)
def test_options_in_fields_that_the_platform_has_not_are_told(
    read: Read, image: dict[str, Any], ignored: list[str]
) -> None:
    launch = only(read, changed(model__image=image))
    assert [field.value for field in launch.ignored_fields] == ignored
