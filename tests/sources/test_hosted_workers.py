"""GPUStack, RunPod, Cerebrium and BentoML: configurations of hosted vLLM servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Origin, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

CATALOGUE = """\
model_sets:
- name: Qwen3
  specs:
  - {source: huggingface, huggingface_repo_id: Q/x, backend: vLLM, backend_version: v0.19.0,
     backend_parameters: ["--max-model-len=32768", "--tensor-parallel-size=2"], env: {A: "1"}}
  - {source: huggingface, huggingface_repo_id: Q/y, backend: SGLang}
  - {source: model_scope, model_scope_model_id: Q/z, gpu_selector: {gpu_ids: ["w:cuda:0", "w:cuda:1"]}}
  - {source: local_path, local_path: /m, gpu_selector: {gpus_per_replica: 4}, replicas: 2}
  - {source: huggingface, huggingface_repo_id: Q/u, backend: vLLM}
"""


def test_a_catalogue_holds_a_launch_for_each_model_of_vllm(read: Read, argv: Argv, gpu_count: Count) -> None:
    launches = read(CATALOGUE, "model-catalog.yaml").launches
    assert [(argv(launch), gpu_count(launch)) for launch in launches] == [
        (["Q/x", "--max-model-len=32768", "--tensor-parallel-size=2"], None),
        (["Q/z", "--tensor-parallel-size", "2"], 2),
        (["/m", "--tensor-parallel-size", "4"], 4),
        (["Q/u", "?"], None),
    ]
    first, second, *_ = launches
    assert isinstance(first.vllm_version, Located) and first.vllm_version.value == "0.19.0"
    assert second.argv[-1].origin is Origin.PLATFORM and launches[-1].argv[-1].splits


HUB: dict[str, Any] = {
    "title": "vLLM",
    "type": "serverless",
    "config": {
        "runsOn": "GPU",
        "gpuIds": "ADA_80_PRO",
        "gpuCount": 2,
        "env": [
            {"key": "ENFORCE_EAGER", "input": {"type": "boolean", "default": True}},
            {"key": "MAX_MODEL_LEN", "input": {"type": "number", "default": 4096}},
            {"key": "QUANTIZATION", "input": {"type": "string", "default": ""}},
        ],
        "presets": [
            {
                "name": "qwen",
                "defaults": {
                    "MODEL_NAME": "Q/x",
                    "MODEL_REVISION": "main",
                    "TENSOR_PARALLEL_SIZE": 2,
                    "MAX_MODEL_LEN": 8192,
                    "MAX_CONCURRENCY": 30,
                    "VLLM_EXTRA_ARGS": "--kv-cache-dtype fp8",
                },
            },
            {"name": "empty", "defaults": {}},
        ],
    },
}


def test_a_preset_is_a_launch(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(json.dumps(HUB, indent=2), ".runpod/hub.json").launches
    assert argv(launch) == [
        "Q/x", "--enforce-eager", "--revision", "main", "--tensor-parallel-size", "2", "--max-model-len",
        "8192", "--kv-cache-dtype", "fp8",
    ]  # fmt: skip
    assert (launch.kind, launch.name, gpu_count(launch)) == ("runpod", "qwen", 2)
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "H100 SXM 80GB"


@pytest.mark.parametrize("pools", ["ADA_80_PRO,AMPERE_80", "NO_SUCH_POOL"])
def test_pools_that_may_be_several_cards_are_unknown(read: Read, pools: str) -> None:
    hub = {**HUB, "config": {**HUB["config"], "gpuIds": pools}}
    [launch] = read(json.dumps(hub), "hub.json").launches
    assert isinstance(launch.hardware.gpu, Unknown)


CEREBRIUM = """\
[cerebrium.deployment]
name = "chat"
[cerebrium.hardware]
compute = "ADA_L40"
gpu_count = 2
[cerebrium.runtime.custom]
entrypoint = ["vllm", "serve", "Q/x",  # the model
  '--tensor-parallel-size', "2"]
[cerebrium.dependencies.pip]
vllm = "==0.29.0"
"""


def test_an_entry_point_in_toml_is_a_command(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(CEREBRIUM, "cerebrium.toml").launches
    assert (argv(launch), gpu_count(launch)) == (["Q/x", "--tensor-parallel-size", "2"], 2)
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "L40 48GB"
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.29.0"
    for word in launch.argv:
        span = word.text_span
        assert span is not None and CEREBRIUM[span.start : span.end] == word.text


def test_a_template_in_toml_is_not_rendered(read: Read) -> None:
    text = CEREBRIUM.replace("gpu_count = 2", "gpu_count = {gpus}")
    [problem] = read(text, "cerebrium.toml.tpl").problems
    assert problem.kind == "not_rendered"


def test_a_bento_s_arguments_are_the_server_s(read: Read, argv: Argv, gpu_count: Count) -> None:
    text = """\
[project]
name = "x"
[tool.bentoml.build.args]
name = "qwen"
model_id = "Q/x"
gpu_type = "nvidia-h100-80gb"
tp = 2
cli_args = ["--max-model-len", "32768"]
[[tool.bentoml.build.args.envs]]
name = "VLLM_LOGGING_LEVEL"
value = "DEBUG"
"""
    [launch] = read(text, "pyproject.toml").launches
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2", "--max-model-len", "32768"]
    assert (launch.kind, launch.name, gpu_count(launch)) == ("bentoml", "qwen", 2)
    assert [variable.name for variable in launch.env] == ["VLLM_LOGGING_LEVEL"]


@pytest.mark.parametrize(
    "text", ['[project]\nname = "vllm"\n', "[tool.bentoml.build\nmodel_id", "[cerebrium.x\n"]
)
def test_other_toml_is_no_launch(read: Read, text: str) -> None:
    assert read(text, "pyproject.toml").launches == ()
