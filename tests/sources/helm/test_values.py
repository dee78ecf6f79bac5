"""Helm values: what charts make of them, by their schema, their templates, or what they say themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Origin

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

STACK = """
    servingEngineSpec:
      modelSpec:
        - name: chat
          repository: vllm/vllm-openai
          tag: v0.10.0
          modelURL: Qwen/Qwen2.5-7B-Instruct
          requestGPU: 2
          vllmConfig:
            enablePrefixCaching: true
            enableChunkedPrefill: false
            maxModelLen: 8192
            tensorParallelSize: 2
            extraArgs: ["--max-num-seqs", "64"]
          env:
            - name: VLLM_LOGGING_LEVEL
              value: DEBUG
          nodeSelectorTerms:
            - matchExpressions:
                - {key: nvidia.com/gpu.product, operator: In, values: [NVIDIA-L40S]}
"""


def text(values: str) -> str:
    return textwrap.dedent(values).lstrip("\n")


def only(read: Read, values: str, beside: dict[str, str] | None = None, path: str = "values.yaml") -> Launch:
    reading = read(text(values), path, beside)
    assert reading.kinds == ("helm_values",)
    [launch] = reading.launches
    assert launch.kind == "helm_values"
    return launch


def test_the_production_stack_turns_its_fields_into_options(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(read, STACK)
    assert argv(launch) == [
        "Qwen/Qwen2.5-7B-Instruct",
        "--no-enable-chunked-prefill",
        "--enable-prefix-caching",
        *("--max-model-len", "8192"),
        *("--tensor-parallel-size", "2"),
        *("--max-num-seqs", "64"),
    ]
    assert (launch.name, gpu_count(launch)) == ("chat", 2)
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "NVIDIA-L40S"
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.10.0"
    assert [(one.name, one.value.text) for one in launch.env] == [("VLLM_LOGGING_LEVEL", "DEBUG")]


def test_a_field_of_the_production_stack_is_edited_where_it_stands(read: Read) -> None:
    launch = only(read, STACK)
    size = launch.argv[6]
    place = size.text_span
    assert place is not None
    assert text(STACK)[place.start - 20 : place.end] == "tensorParallelSize: 2"
    assert size.slot is None, "an option cannot be added beside a field"


def test_prefix_caching_is_off_in_the_production_stack_unless_it_is_set(read: Read, argv: Argv) -> None:
    launch = only(read, STACK.replace("            enablePrefixCaching: true\n", ""))
    assert "--no-enable-prefix-caching" in argv(launch)


def test_a_model_of_the_production_stack_that_is_off_is_no_launch(read: Read) -> None:
    off = STACK.replace("- name: chat", "- name: chat\n          enabled: false")
    assert read(text(off), "values.yaml").launches == ()


def test_ray_nodes_of_the_production_stack_hold_the_model_together(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    values = STACK.replace(
        "          env:",
        "            pipelineParallelSize: 2\n          raySpec: {enabled: true}\n          env:",
    )
    launch = only(read, values)
    assert argv(launch)[1:3] == ["--distributed-executor-backend", "ray"]
    assert argv(launch)[-4:-2] == ["--pipeline-parallel-size", "2"]
    assert gpu_count(launch) is None


MODELSERVICE = """
    modelArtifacts:
      uri: hf://Qwen/Qwen3-32B
      name: Qwen/Qwen3-32B
    decode:
      parallelism: {tensor: 4, data: 2}
      containers:
        - name: vllm
          image: ghcr.io/llm-d/llm-d:v0.2.0
          modelCommand: vllmServe
          args: ["--max-model-len", "16384"]
    prefill:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.10.0
          modelCommand: imageDefault
        - name: sidecar
          image: ghcr.io/llm-d/llm-d-routing-sidecar:v1
          command: [run]
"""


def test_the_modelservice_makes_the_command_and_the_gpus_of_its_parallelism(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    decode, prefill = read(text(MODELSERVICE), "values.yaml").launches
    assert argv(decode) == [
        "Qwen/Qwen3-32B",
        *("--tensor-parallel-size", "4"),
        *("--data-parallel-size", "2"),
        *("--data-parallel-size-local", "2"),
        *("--max-model-len", "16384"),
    ]
    assert gpu_count(decode) == 8
    assert argv(prefill) == ["--model", "Qwen/Qwen3-32B"]
    assert gpu_count(prefill) == 1


@pytest.mark.parametrize(
    "uri, model", [("hf://a/b", "a/b"), ("pvc+hf://claim/cache/a/b", "a/b"), ("pvc://claim/some/where", "?")]
)
def test_the_modelservice_finds_its_model_by_protocol(read: Read, argv: Argv, uri: str, model: str) -> None:
    values = MODELSERVICE.replace("hf://Qwen/Qwen3-32B", uri)
    assert argv(read(text(values), "values.yaml").launches[0])[0] == model


def test_a_command_in_an_own_charts_values_is_the_whole_launch(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    launch = only(
        read,
        """
        image:
          repository: vllm/vllm-openai
          tag: v0.10.0
          command: ["vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len", "4096"]
        resources: {limits: {nvidia.com/gpu: 1}}
        """,
    )
    assert argv(launch) == ["Qwen/Qwen3-8B", "--max-model-len", "4096"]
    assert gpu_count(launch) == 1


def test_options_alone_leave_room_for_those_of_the_template(read: Read, argv: Argv) -> None:
    launch = only(
        read,
        """
        vllm:
          enabled: true
          image: {repository: opea/vllm-gaudi}
          LLM_MODEL_ID: meta-llama/Meta-Llama-3-8B-Instruct
          extraCmdArgs: ["--tensor-parallel-size", "2"]
        """,
    )
    assert argv(launch) == [
        "?",
        *("--model", "meta-llama/Meta-Llama-3-8B-Instruct"),
        *("--tensor-parallel-size", "2"),
    ]
    assert launch.argv[0].splits
    assert launch.image is not None and not launch.image.is_known, "the tag is the chart's"


@pytest.mark.parametrize(
    "fields", ["model: {name: qwen, path: /models/qwen}", "model: qwen3", "model: {id: a/b, path: /models/b}"]
)
def test_a_model_that_may_be_another_one_is_not_known(read: Read, argv: Argv, fields: str) -> None:
    launch = only(read, f"image: vllm/vllm-openai:v0.10.0\nmaxModelLen: 4096\n{fields}\n")
    assert argv(launch) == ["?", "--max-model-len", "4096"]


def test_several_models_share_the_image_beside_them(read: Read, argv: Argv) -> None:
    reading = read(
        text("""
        image: {repository: vllm/vllm-openai, tag: v0.10.0}
        models:
          - name: one
            model: Qwen/Qwen3-8B
          - name: two
            model: Qwen/Qwen3-4B
            args: --max-model-len 4096
        """),
        "values.yaml",
    )
    assert [launch.name for launch in reading.launches] == ["one", "two"]
    assert argv(reading.launches[1]) == ["?", "--model", "Qwen/Qwen3-4B", "--max-model-len", "4096"]


def test_what_works_beside_vllm_starts_no_server(read: Read) -> None:
    values = (
        "vllm:\n  image: {repository: ghcr.io/llm-d/llm-d-inference-sim, tag: v1}\n  args: [--model, a/b]\n"
    )
    assert read(values, "values.yaml").launches == ()


RELEASES = {
    "HelmRelease": "spec:\n  values:\n{}",
    "Application": "spec:\n  source:\n    helm:\n      valuesObject:\n{}",
    "HelmChart": "spec:\n  valuesContent: |\n{}",
}


@pytest.mark.parametrize("kind", RELEASES)
def test_releases_hold_values(read: Read, argv: Argv, kind: str) -> None:
    values = textwrap.indent(text(STACK), " " * 8)
    launch = only(
        read, f"apiVersion: x/v1\nkind: {kind}\n" + RELEASES[kind].format(values), path="release.yaml"
    )
    assert argv(launch)[0] == "Qwen/Qwen2.5-7B-Instruct"


def test_a_helmfile_holds_values(read: Read, argv: Argv) -> None:
    values = textwrap.indent(text(STACK), " " * 8)
    launch = only(read, f"releases:\n  - name: vllm\n    values:\n      -\n{values}", path="helmfile.yaml")
    assert argv(launch)[0] == "Qwen/Qwen2.5-7B-Instruct"


def test_the_only_server_gets_the_gpus_that_the_values_as_a_whole_ask_for(
    read: Read, gpu_count: Count
) -> None:
    text = (
        "deployment:\n  image: {repository: vllm/vllm-openai, tag: v0.9.1}\n  maxModelLen: 8192\n"
        "resources: {limits: {nvidia.com/gpu: 2}}\nnodeSelector: {nvidia.com/gpu.product: NVIDIA-L4}\n"
    )
    [launch] = read(text, "values.yaml").launches
    assert gpu_count(launch) == 2
    assert isinstance(launch.hardware.gpu, Located)
    [launch] = read(text.replace("nvidia.com/gpu: 2", "cpu: 2"), "values.yaml").launches
    assert gpu_count(launch) is None


def test_what_the_stack_s_chart_adds_is_told_apart_from_what_the_values_say(read: Read, argv: Argv) -> None:
    text = (
        "servingEngineSpec:\n  modelSpec:\n  - name: x\n    repository: vllm/vllm-openai\n    tag: v0.9.1\n"
        "    modelURL: Q/x\n    vllmConfig: {extraArgs: [--no-enable-prefix-caching]}\n"
    )
    [launch] = read(text, "values.yaml").launches
    own = [word.origin for word in launch.argv if word.text == "--no-enable-prefix-caching"]
    assert own == [Origin.PLATFORM, Origin.LITERAL]


def test_a_parameter_of_argo_counts_before_its_values(read: Read, argv: Argv, gpu_count: Count) -> None:
    application = """\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata: {name: chat}
        spec:
          source:
            chart: vllm-stack
            helm:
              parameters:
                - {name: "servingEngineSpec.modelSpec[0].tag", value: v0.11.0}
                - {name: "servingEngineSpec.modelSpec[0].vllmConfig.maxModelLen", value: "4096"}
                - {name: "servingEngineSpec.modelSpec[7].tag", value: v0.1.0}
                - {name: "servingEngineSpec.modelSpec[0].requestGPU", value: "4"}
              valuesObject:
    """
    launch = only(read, text(application) + textwrap.indent(text(STACK), " " * 8), path="app.yaml")
    words = argv(launch)
    assert words[words.index("--max-model-len") + 1] == "4096"
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.11.0"
    assert gpu_count(launch) == 4
