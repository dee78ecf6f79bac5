"""Ray Serve LLM: configuration files, RayServices, and builders of one's own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Origin

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

CONFIG = """\
applications:
- name: llm
  import_path: ray.serve.llm:build_openai_app
  runtime_env: {env_vars: {A: "1"}, pip: ["vllm==0.19.1"]}
  args:
    llm_configs:
    - model_loading_config: {model_id: chat, model_source: Qwen/Qwen3-32B}
      accelerator_type: H100
      runtime_env: {env_vars: {VLLM_USE_V1: "1"}}
      engine_kwargs:
        tensor_parallel_size: 4
        max_model_len: 8192
        enable_prefix_caching: true
        enable_chunked_prefill: false
        enforce_eager: false
        hf_overrides: {rope: [1]}
        revision: null
"""


def test_engine_kwargs_are_the_engines_options(read: Read, argv: Argv) -> None:
    [launch] = read(CONFIG, "config.yaml").launches
    assert (launch.kind, launch.name) == ("ray_serve", "chat")
    assert argv(launch) == [
        "Qwen/Qwen3-32B", "--distributed-executor-backend", "ray", "--tensor-parallel-size", "4",
        "--max-model-len", "8192", "--enable-prefix-caching", "--no-enable-chunked-prefill",
        "--no-enforce-eager", "--hf-overrides", '{"rope": [1]}',
    ]  # fmt: skip
    assert [variable.name for variable in launch.env] == ["A", "VLLM_USE_V1"]
    assert isinstance(launch.hardware.gpu, Located)


def test_ray_gives_a_replica_one_gpu_for_each_rank(read: Read) -> None:
    [launch] = read(CONFIG, "config.yaml").launches
    count = launch.hardware.gpu_count
    assert isinstance(count, Located) and (count.value, count.origin) == (4, Origin.PLATFORM)


def test_bundles_say_how_many_gpus_a_replica_gets(read: Read, gpu_count: Count) -> None:
    bundles = "      placement_group_config: {bundles: [{GPU: 1, CPU: 2}, {GPU: 1}]}\n"
    assert gpu_count(read(CONFIG + bundles, "config.yaml").launches[0]) == 2
    parts = "      placement_group_config: {bundles: [{GPU: 0.5}]}\n"
    assert gpu_count(read(CONFIG + parts, "config.yaml").launches[0]) is None


def test_the_model_is_the_served_name_when_no_source_is_given(read: Read, argv: Argv) -> None:
    text = CONFIG.replace("model_id: chat, model_source: Qwen/Qwen3-32B", "model_id: Qwen/Qwen3-8B")
    assert argv(read(text, "config.yaml").launches[0])[0] == "Qwen/Qwen3-8B"


def test_a_model_in_a_bucket_is_not_known(read: Read, argv: Argv) -> None:
    text = CONFIG.replace("model_source: Qwen/Qwen3-32B", "model_source: {bucket_uri: s3://b/m}")
    assert argv(read(text, "config.yaml").launches[0])[0] == "?"


def test_prefill_and_decode_servers_are_two_launches(read: Read) -> None:
    text = """\
applications:
- import_path: ray.serve.llm:build_pd_openai_app
  args:
    prefill_config: {model_loading_config: {model_id: p}, engine_kwargs: {tensor_parallel_size: 1}}
    decode_config: {model_loading_config: {model_id: d}}
"""
    assert [launch.name for launch in read(text, "pd.yaml").launches] == ["p", "d"]


def test_a_file_may_hold_one_server_alone(read: Read, argv: Argv) -> None:
    text = """\
model_loading_config: {model_id: q, model_source: Qwen/Qwen3-8B}
engine_kwargs: {max_model_len: 1024}
"""
    [launch] = read(text, "models/q.yaml").launches
    assert argv(launch)[-2:] == ["--max-model-len", "1024"]


def test_another_engine_is_no_launch(read: Read) -> None:
    text = CONFIG.replace("      accelerator_type: H100", "      llm_engine: SGLang")
    assert read(text, "config.yaml").launches == ()


def test_an_anyscale_service_names_its_image_and_workers(read: Read) -> None:
    text = (
        CONFIG
        + "image_uri: anyscale/ray-llm:2.56\ncompute_config: {worker_nodes: [{instance_type: p5.48xlarge}]}\n"
    )
    [launch] = read(text, "service.yaml").launches
    assert launch.image is not None and launch.image.text == "anyscale/ray-llm:2.56"
    assert launch.hardware.instance is not None and launch.hardware.instance.value == "p5.48xlarge"


SERVICE = """\
apiVersion: ray.io/v1
kind: RayService
metadata: {name: service}
spec:
  serveConfigV2: |
%s
  rayClusterConfig:
    workerGroupSpecs:
    - replicas: 2
      template:
        spec:
          nodeSelector: {nvidia.com/gpu.product: NVIDIA-L40S}
          containers:
          - name: worker
            image: rayproject/ray-llm:2.56.0-py312-cu130
            resources: {limits: {nvidia.com/gpu: "1"}}
"""


def service(config: str) -> str:
    return SERVICE % textwrap.indent(config, "    ").rstrip()


def test_a_rayservices_configuration_is_read_in_place(read: Read, argv: Argv) -> None:
    text = service(CONFIG)
    [launch] = read(text, "service.yaml").launches
    assert (launch.kind, launch.name) == ("kubernetes", "service/chat")
    size = launch.argv[4]
    assert text[size.span.start : size.span.end] == "4"
    assert text[: size.span.start].endswith("tensor_parallel_size: ")
    assert launch.image is not None and launch.image.text.startswith("rayproject/ray-llm")


def test_a_replica_gets_no_more_gpus_than_the_workers_have(read: Read, gpu_count: Count) -> None:
    assert gpu_count(read(service(CONFIG), "service.yaml").launches[0]) == 2


def test_the_workers_card_holds_where_the_server_names_none(read: Read) -> None:
    config = CONFIG.replace("      accelerator_type: H100\n", "")
    [launch] = read(service(config), "service.yaml").launches
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "NVIDIA-L40S"


def test_a_configuration_that_is_no_yaml_is_said_to_be_none(read: Read) -> None:
    reading = read(service("applications: [1\n"), "service.yaml")
    assert [problem.kind for problem in reading.problems] == ["not_parsed"]


def test_kuberays_own_sample_takes_its_model_from_variables(read: Read, argv: Argv) -> None:
    text = """\
applications:
- name: llm
  import_path: ray-operator.config.samples.vllm.serve:model
  runtime_env:
    pip: ["vllm==0.5.4"]
    env_vars: {MODEL_ID: meta-llama/Meta-Llama-3-8B-Instruct, TENSOR_PARALLELISM: "2"}
"""
    [launch] = read(text, "config.yaml").launches
    assert argv(launch) == ["meta-llama/Meta-Llama-3-8B-Instruct", "--tensor-parallel-size", "2"]
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.5.4"


def test_a_builders_arguments_are_options_as_far_as_vllm_has_them(read: Read, argv: Argv) -> None:
    text = """\
applications:
- import_path: llm:build_app
  args: {model: Qwen/Qwen3-8B, tensor-parallel-size: 2, accelerator: GPU}
"""
    [launch] = read(text, "config.yaml").launches
    assert argv(launch) == ["Qwen/Qwen3-8B", "--tensor-parallel-size", "2"]


@given(
    st.dictionaries(
        st.sampled_from(["max_model_len", "max_num_seqs", "dtype", "seed", "revision"]),
        st.integers(0, 9999) | st.sampled_from(["auto", "a'b", 'a"b', "x: y", "ü"]),
        min_size=1,
    )
)
def test_values_read_as_yaml_has_them(read: Read, values: dict[str, int | str]) -> None:
    config = {"model_loading_config": {"model_id": "q"}, "engine_kwargs": values}
    [launch] = read(yaml.safe_dump(config, allow_unicode=True), "q.yaml").launches
    words = [word.text for word in launch.argv[3:]]
    assert dict(zip(words[::2], words[1::2], strict=True)) == {
        f"--{name.replace('_', '-')}": str(value) for name, value in values.items()
    }
