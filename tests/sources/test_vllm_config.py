"""vLLM's own config files and recipes in, launches out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import ConfigFile, Launch

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

CONFIG = "model: Q/x\ntensor-parallel-size: 2\nmax_model_len: 4096\nenable-prefix-caching: false\n"


def test_a_config_file_that_nothing_names_is_a_launch(read: Read) -> None:
    [launch] = read(CONFIG, "vllm.yaml").launches
    assert launch.kind == "vllm_config"
    assert isinstance(launch.config, ConfigFile)
    assert [word.text for word in launch.config.words][:4] == [
        "--model",
        "Q/x",
        "--tensor-parallel-size",
        "2",
    ]
    assert [word.text for word in launch.config.dropped] == ["enable-prefix-caching"]


def test_a_config_file_without_a_model_waits_for_one(read: Read) -> None:
    [launch] = read("kv-cache-dtype: fp8\nmax-num-seqs: 8\n", "vllm.yaml").launches
    assert launch.argv[0].splits


@pytest.mark.parametrize(
    "text",
    [
        "model: gpt-4\nport: 8000\nseed: 1\napi_key: x\n",
        "name: C4\nmodel: Q/x\nmax_model_len: 8192\nextra_args: [--max-num-seqs, '8']\n",
        "model_path: x\ntensor_parallel_size: 1\ngpu_memory_utilization: 0.9\n",
        "max_model_len: 8192\n",
        "- max-model-len\n- tensor-parallel-size\n",
        "--max-model-len: 131072\n--max-num-seqs: 64\n",
    ],
)
def test_a_project_s_own_schema_is_not_taken_for_one(read: Read, text: str) -> None:
    assert not read(text, "vllm.yaml").launches


@pytest.mark.parametrize("folder", ["./", "../"])
def test_a_config_file_that_a_script_names_is_read_with_the_script(read: Read, folder: str) -> None:
    prefix = folder.removeprefix("./")
    beside = {folder: "serve.sh\nREADME", f"{folder}serve.sh": "vllm serve --config conf/vllm.yaml\n"}
    reading = read(CONFIG, "vllm.yaml", {**beside, f"{prefix}serve.sh": beside[f"{folder}serve.sh"]})
    assert reading.kinds == ("vllm_config",)
    assert not reading.launches


RECIPE = """\
model:
  model_id: Q/x
  base_args: ["--trust-remote-code"]
  base_env: {A: b}
variants:
  default: {precision: bf16}
  fp8:
    model_id: Q/x-FP8
    extra_args: ["--kv-cache-dtype", "fp8"]
guide: |
  # Serve

  ```bash
  vllm serve Q/x -tp 2
  ```
"""


def test_a_recipe_has_a_launch_for_each_variant(read: Read, argv: Argv) -> None:
    launches = read(RECIPE, "models/Q/x.yaml").launches
    assert [(launch.name, argv(launch)) for launch in launches] == [
        ("default", ["Q/x", "--trust-remote-code", "?"]),
        ("fp8", ["Q/x-FP8", "--trust-remote-code", "--kv-cache-dtype", "fp8", "?"]),
        ("vllm", ["Q/x", "-tp", "2"]),
    ]
    assert {launch.kind for launch in launches} == {"recipe"}
    assert launches[0].env[0].value.text == "b"


RUN_RECIPE = """\
recipe_version: '1'
name: x
container: vllm-node
defaults: {port: 8000, tp: 2}
env: {A: '1'}
command: |
  vllm serve Q/x \\
    --port {port} -tp {tp} --seed {seed} \\
    --default-chat-template-kwargs '{{"a": true}}'
"""


def test_a_recipe_s_command_is_filled_with_its_defaults(read: Read, argv: Argv) -> None:
    [launch] = read(RUN_RECIPE, "recipes/x.yaml").launches
    assert argv(launch)[:7] == ["Q/x", "--port", "8000", "-tp", "2", "--seed", "?"]
    assert argv(launch)[8] == '{"a": true}'
