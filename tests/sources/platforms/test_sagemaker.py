"""SageMaker: CloudFormation, serving.properties, and what the containers make of their variables."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, Origin, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

LMI = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.34.0-lmi16.0.0-cu128"
DLC = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.20.2-gpu-py312-cu130-ubuntu22.04-sagemaker"


def template(environment: dict[str, str], image: str = LMI, machine: str = "ml.g6e.12xlarge") -> str:
    model = {"PrimaryContainer": {"Image": image, "Environment": environment}}
    variant = {"ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}, "InstanceType": machine}
    resources = {
        "Model": {"Type": "AWS::SageMaker::Model", "Properties": model},
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
    }
    return json.dumps({"Resources": resources}, indent=1)


def only(read: Read, text: str) -> Launch:
    [launch] = read(text, "template.json").launches
    return launch


def test_the_lmi_container_s_options_are_vllm_s(read: Read, argv: Argv, gpu_count: Count) -> None:
    environment = {
        "HF_MODEL_ID": "Qwen/Qwen3-32B",
        "OPTION_ROLLING_BATCH": "vllm",
        "OPTION_TENSOR_PARALLEL_DEGREE": "max",
        "OPTION_MAX_MODEL_LEN": "16384",
        "OPTION_DTYPE": "bf16",
        "OPTION_MAX_ROLLING_BATCH_SIZE": "32",
        "OPTION_ENABLE_PREFIX_CACHING": "false",
        "OPTION_MODEL_LOADING_TIMEOUT": "900",
    }
    launch = only(read, template(environment))
    assert argv(launch) == [
        "Qwen/Qwen3-32B", "--tensor-parallel-size", "4", "--max-model-len", "16384", "--dtype", "bfloat16",
        "--max-num-seqs", "32", "--no-enable-prefix-caching",
    ]  # fmt: skip
    assert (gpu_count(launch), launch.kind, launch.name) == (4, "sagemaker", "Model")
    assert launch.argv[2].origin is Origin.PLATFORM


def test_a_degree_below_the_cards_starts_several_copies(read: Read, gpu_count: Count) -> None:
    launch = only(read, template({"HF_MODEL_ID": "Q/x", "TENSOR_PARALLEL_DEGREE": "2"}))
    assert gpu_count(launch) is None
    assert isinstance(launch.hardware.gpu_count, Unknown) and "copies" in launch.hardware.gpu_count.reason


def test_the_vllm_image_s_variables_are_options(read: Read, argv: Argv) -> None:
    environment = {
        "SM_VLLM_MODEL": "Q/x",
        "SM_VLLM_TENSOR_PARALLEL_SIZE": "4",
        "SM_VLLM_ENFORCE_EAGER": "true",
        "SM_VLLM_TRUST_REMOTE_CODE": "false",
        "SM_VLLM_ALLOWED_ORIGINS": '["a", "b"]',
        "SM_VLLM_LIMIT_MM_PER_PROMPT": '{"image": 6}',
    }
    launch = only(read, template(environment, DLC))
    assert launch.entry_point is EntryPoint.API_SERVER
    assert argv(launch) == [
        "--model", "Q/x", "--tensor-parallel-size", "4", "--enforce-eager", "--allowed-origins", "a", "b",
        "--limit-mm-per-prompt", '{"image": 6}',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "image"),
    [
        ({"HF_MODEL_ID": "Q/x", "OPTION_ROLLING_BATCH": "trtllm"}, LMI),
        ({"HF_MODEL_ID": "Q/x"}, "1.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.30.0-tensorrtllm0.12.0"),
        ({"HF_MODEL_ID": "Q/x", "SM_NUM_GPUS": "4"}, "1.dkr.ecr.x.amazonaws.com/huggingface-pytorch-tgi:2"),
        ({"OPTION_ROLLING_BATCH": "vllm"}, LMI),
    ],
)
def test_other_engines_are_no_launch(read: Read, environment: dict[str, str], image: str) -> None:
    assert read(template(environment, image) + " ", "vllm.json").launches == ()


def test_the_short_forms_of_functions_are_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    text = f"""\
Parameters:
  Machine: {{Type: String, Default: ml.g5.12xlarge}}
  Model: {{Type: String}}
Resources:
  M:
    Type: AWS::SageMaker::Model
    Properties:
      PrimaryContainer:
        Image: !Sub "{LMI.replace("us-east-1", "${AWS::Region}")}"
        Environment: {{HF_MODEL_ID: !Ref Model, TENSOR_PARALLEL_DEGREE: max, OPTION_SEED: !If [a, b]}}
  C:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants: [{{ModelName: !GetAtt M.ModelName, InstanceType: !Ref Machine}}]
"""
    [launch] = read(text, "template.yaml").launches
    assert argv(launch) == ["?", "--seed", "?", "--tensor-parallel-size", "4"]
    assert gpu_count(launch) == 4
    assert launch.hardware.instance is not None and launch.hardware.instance.origin is Origin.DEFAULT


def test_variants_on_different_machines_leave_the_cards_unknown(read: Read, gpu_count: Count) -> None:
    data = json.loads(template({"HF_MODEL_ID": "Q/x"}))
    variants = data["Resources"]["Config"]["Properties"]["ProductionVariants"]
    variants.append({**variants[0], "InstanceType": "ml.g6e.48xlarge"})
    assert gpu_count(only(read, json.dumps(data))) is None


PROPERTIES = """\
# LMI
engine=Python
option.model_id = Qwen/Qwen3-32B
option.rolling_batch=vllm
option.tensor_parallel_degree=4
option.dtype=fp16
option.enforce_eager: true
"""


def test_serving_properties_are_options(read: Read, argv: Argv) -> None:
    [launch] = read(PROPERTIES, "code/serving.properties").launches
    assert argv(launch) == [
        "Qwen/Qwen3-32B", "--tensor-parallel-size", "4", "--dtype", "float16", "--enforce-eager",
    ]  # fmt: skip
    place = launch.argv[0].text_span
    assert place is not None and PROPERTIES[place.start : place.end] == "Qwen/Qwen3-32B"
    assert isinstance(launch.hardware.gpu_count, Unknown) and not isinstance(launch.hardware.gpu, Located)


def test_properties_of_another_engine_are_no_launch(read: Read) -> None:
    text = PROPERTIES.replace("=vllm", "=trtllm")
    assert read(text, "serving.properties").launches == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"Resources": {"M": {"Type": "AWS::SageMaker::Model", "Properties": {"Containers": [1, {}]}}}}',
        '{"Resources": {"M": {"Type": "AWS::SageMaker::Model", "Properties": {"PrimaryContainer": '
        '{"Image": {"Fn::Sub": []}, "Environment": {"HF_MODEL_ID": {"Ref": []}, "SM_VLLM_SEED": "1"}}}}}}',
        '{"Resources": {"M": {"Type": "AWS::SageMaker::Model", "Properties": {"Environment": 3}}}}',
    ],
)
def test_shapes_that_cloudformation_does_not_know_do_not_stop_the_reader(read: Read, text: str) -> None:
    read(text, "template.json")
    read(text, "template.yaml")
