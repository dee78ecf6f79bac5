"""Terraform and Nomad in, launches out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.readers import Reading
from vllint.text.hcl import HclError, parse_hcl
from vllint_schemas import Launch, Located, Origin, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

INSTANCE = """\
variable "model" {
  type    = string
  default = "Q/x"
}
locals { port = 8000 }
resource "aws_instance" "llm" {
  ami           = data.aws_ami.x.id
  instance_type = "g5.12xlarge"
  user_data     = <<-EOF
    #!/bin/bash
    docker run --gpus all vllm/vllm-openai:v0.9.1 \\
      --model ${var.model} --port ${local.port} -tp ${var.tp} $${EXTRA}
  EOF
}
"""


def test_a_machine_s_script_is_read(read: Read, argv: Argv) -> None:
    [launch] = read(INSTANCE, "main.tf").launches
    assert argv(launch) == ["--model", "Q/x", "--port", "8000", "-tp", "?", "?"]
    assert (launch.kind, launch.name) == ("terraform", "llm")
    assert launch.hardware.instance is not None
    assert (launch.hardware.instance.value, launch.hardware.provider) == ("g5.12xlarge", "aws")


TASK = """\
variable "model" { default = "Q/x" }
resource "aws_ecs_task_definition" "t" {
  container_definitions = %s
}
"""
CONTAINER = """[{
      name = "llm", image = "vllm/vllm-openai:v0.9.1", essential = true
      command     = ["--model", var.model, "--port=${var.port}"]
      environment = [{ name = "A", value = "b" }]
      resourceRequirements = [{ type = "GPU", value = "4" }]
}]"""
JSON = """<<JSON
[{"name": "llm", "image": "vllm/vllm-openai:v0.9.1", "essential": true,
  "command": ["--model", "Q/x", "--port=${var.port}"], "environment": [{"name": "A", "value": "b"}],
  "resourceRequirements": [{"type": "GPU", "value": "4"}]}]
JSON"""


@pytest.mark.parametrize("definitions", [f"jsonencode({CONTAINER})", JSON])
def test_a_task_s_container_is_read(
    read: Read, argv: Argv, gpu_count: Callable[[Launch], Any], definitions: str
) -> None:
    [launch] = read(TASK % definitions, "main.tf").launches
    assert argv(launch) == ["--model", "Q/x", "--port=?"]
    assert gpu_count(launch) == 4
    assert [(one.name, one.value.text) for one in launch.env] == [("A", "b")]


def test_a_variable_s_default_may_be_overridden(read: Read) -> None:
    [launch] = read(TASK % f"jsonencode({CONTAINER})", "main.tf").launches
    assert launch.argv[1].origin is Origin.DEFAULT


POD = """\
resource "kubernetes_deployment" "llm" {
  spec { template { spec { container {
    image   = "vllm/vllm-openai:v0.9.1"
    args    = ["--model", "Q/x"]
    env {
      name  = "A"
      value = "b"
    }
    resources { limits = { "nvidia.com/gpu" = 2 } }
  } } } }
}
"""


def test_a_pod_s_container_is_read(read: Read, argv: Argv, gpu_count: Callable[[Launch], Any]) -> None:
    [launch] = read(POD, "main.tf").launches
    assert argv(launch) == ["--model", "Q/x"]
    assert gpu_count(launch) == 2


JOB = """\
job "llm" {
  group "g" {
    task "vllm" {
      driver = "docker"
      config {
        image = "vllm/vllm-openai:v0.9.1"
        args  = ["--model", "Q/x", "-tp", "2"]
      }
      env { HF_HOME = "/x" }
      resources { device "nvidia/gpu" { count = 2 } }
    }
    task "bare" {
      driver = "raw_exec"
      config {
        command = "/usr/bin/vllm"
        args    = ["serve", "Q/y"]
      }
    }
  }
}
"""


def test_a_job_s_tasks_are_read(read: Read, argv: Argv, gpu_count: Callable[[Launch], Any]) -> None:
    docker, bare = read(JOB, "llm.nomad.hcl").launches
    assert (docker.name, argv(docker), gpu_count(docker)) == ("vllm", ["--model", "Q/x", "-tp", "2"], 2)
    assert (bare.name, argv(bare), gpu_count(bare)) == ("bare", ["Q/y"], None)


@pytest.mark.parametrize(
    "text",
    ['a = "x', "a = [1, 2", "a {", "}", 'a = "${b"', "= 1", "a = <<EOF\nx\n", "a = {" * 200, "a = f(" * 200],
)
def test_what_is_no_hcl_is_refused_and_no_problem_of_the_file(read: Read, text: str) -> None:
    with pytest.raises(HclError):
        parse_hcl(Word.verbatim(text, "m.tf", 0))
    assert not read(text, "m.tf").problems


@given(
    st.lists(st.sampled_from(["a", '"', "=", "{", "}", "[", "]", "\n", "${", ",", "<<E\n", "E\n", "1", "f("]))
)
def test_any_text_is_read_or_refused(pieces: list[str]) -> None:
    try:
        parse_hcl(Word.verbatim("".join(pieces), "m.tf", 0))
    except HclError:
        return


def test_a_unit_that_a_machine_s_script_writes_is_read(read: Read, argv: Argv) -> None:
    unit = "    [Service]\n    ExecStart=/opt/bin/vllm serve Q/x --port 8001\n"
    script = f"    #!/bin/bash\n    cat > /etc/systemd/system/vllm.service <<'U'\n{unit}    U\n"
    machine = 'resource "aws_instance" "llm" {\n  instance_type = "g5.12xlarge"\n  user_data = <<-EOF\n'
    [launch] = read(f"{machine}{script}  EOF\n}}\n", "main.tf").launches
    assert argv(launch) == ["Q/x", "--port", "8001"]
    assert (launch.kind, launch.name) == ("terraform", "llm")
    assert isinstance(launch.hardware.gpu_count, Located)
    assert launch.hardware.gpu_count.value == "all"


ENDPOINT = """\
resource "aws_sagemaker_model" "chat" {
  primary_container {
    image       = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128"
    environment = { HF_MODEL_ID = "Q/x", OPTION_TENSOR_PARALLEL_DEGREE = "4" }
  }
}
resource "aws_sagemaker_endpoint_configuration" "chat" {
  production_variants {
    model_name    = aws_sagemaker_model.chat.name
    instance_type = var.machine
  }
}
"""


@pytest.mark.parametrize(
    ("beside", "machine"),
    [
        ({"variables.tf": 'variable "machine" { default = "ml.g5.12xlarge" }\n'}, "ml.g5.12xlarge"),
        (
            {
                "variables.tf": 'variable "machine" { default = "ml.g5.12xlarge" }\n',
                "terraform.tfvars": 'machine = "ml.p4d.24xlarge"\n',
            },
            "ml.p4d.24xlarge",
        ),
        ({}, None),
        ({"variables.tf": "variable {"}, None),
    ],
)
def test_a_model_of_sagemaker_runs_on_the_machine_of_its_endpoint(
    read: Read, argv: Argv, beside: dict[str, str], machine: str | None
) -> None:
    [launch] = read(ENDPOINT, "main.tf", beside).launches
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "4"]
    instance = launch.hardware.instance
    assert (instance.value if instance is not None else None) == machine


RENTED_POD = """\
variable "model" { default = "Q/x" }
variable "card" { default = "NVIDIA A100 80GB PCIe" }
resource "runpod_pod" "llm" {
  image_name   = "runpod/pytorch:2.4.0"
  gpu_type_id  = var.card
  gpu_count    = 2
  env          = { A = "b" }
  container_entrypoint = "/bin/bash"
  container_args = "-c 'pip install vllm && vllm serve ${var.model} -tp 2 --api-key ${var.key}'"
}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ('container_entrypoint = "/bin/bash"\n  container_args = "-c \'', "docker_args = \"bash -c '"),
        ('"/bin/bash"\n  container_args = "-c', '"/bin/bash -c'),
    ],
)
def test_a_rented_pod_s_command_is_one_text(
    read: Read, argv: Argv, gpu_count: Callable[[Launch], Any], old: str, new: str
) -> None:
    [launch] = read(RENTED_POD.replace(old, new), "main.tf").launches
    assert argv(launch) == ["Q/x", "-tp", "2", "--api-key", "?"]
    assert (launch.name, gpu_count(launch)) == ("llm", 2)
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "NVIDIA A100 80GB PCIe"
