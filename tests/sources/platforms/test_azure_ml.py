"""Azure ML online deployments: variables of the image's entry point, and the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

DEPLOYMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: llm
environment: {image: acr.azurecr.io/serving:1}
environment_variables:
  MODEL_NAME: Qwen/Qwen3-32B
  VLLM_ARGS: "--tensor-parallel-size 2  --served-model-name 'a b'"
instance_type: Standard_NC48ads_A100_v4
"""


def test_the_variables_are_the_server_s_words(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(DEPLOYMENT, "deployment.yml").launches
    words = ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "2", "--served-model-name", "'a", "b'"]
    assert argv(launch) == words
    assert (launch.entry_point, launch.kind, launch.name) == (EntryPoint.API_SERVER, "azure_ml", "blue")
    assert launch.hardware.instance is not None
    assert launch.hardware.instance.value == "Standard_NC48ads_A100_v4"
    assert gpu_count(launch) == 2


@pytest.mark.parametrize("name", ["MODEL", "MODEL_PATH"])
def test_the_model_goes_by_several_names(read: Read, argv: Argv, name: str) -> None:
    [launch] = read(DEPLOYMENT.replace("MODEL_NAME", name), "deployment.yml").launches
    assert argv(launch)[:2] == ["--model", "Qwen/Qwen3-32B"]


def test_an_image_that_says_vllm_may_have_options_of_its_own_where_none_are_given(
    read: Read, argv: Argv
) -> None:
    text = DEPLOYMENT.replace("serving:1", "vllm:1").replace("VLLM_ARGS", "OTHER")
    [launch] = read(text, "deployment.yml").launches
    assert argv(launch) == ["--model", "Qwen/Qwen3-32B", "?"]
    assert launch.argv[-1].splits


def test_a_kubernetes_deployment_counts_its_cards(read: Read, gpu_count: Count) -> None:
    text = DEPLOYMENT.replace(
        "instance_type: Standard_NC48ads_A100_v4",
        "type: kubernetes\nresources: {limits: {nvidia.com/gpu: 4}}",
    )
    [launch] = read(text, "deployment.yml").launches
    assert gpu_count(launch) == 4


@pytest.mark.parametrize(
    "text",
    [
        DEPLOYMENT.replace("VLLM_ARGS", "OTHER"),
        "$schema: x/managedOnlineEndpoint.schema.json\nname: vllm\nauth_mode: key\n",
        "endpoint_name: [vllm]\ninstance_type: {}\nenvironment_variables: 3\n",
        "endpoint_name: vllm\ninstance_type: x\nenvironment_variables: {MODEL_NAME: [1]}\n",
    ],
)
def test_other_deployments_are_no_launch(read: Read, text: str) -> None:
    assert read(text, "deployment.yml").launches == ()
