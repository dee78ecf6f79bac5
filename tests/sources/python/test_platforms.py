"""Python programs that build engines, and endpoints and containers on platforms."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located

Read = Callable[..., Reading]

Argv = Callable[[Launch], list[str]]

Count = Callable[[Launch], Any]


def only(read: Read, code: str) -> Launch:
    [launch] = read(textwrap.dedent(code), "deploy.py").launches
    return launch


MODAL = """
import modal, subprocess
N_GPU = 2
image = (
    modal.Image.debian_slim()
    .pip_install("vllm==0.13.0", "hf-transfer")
    .env({"VLLM_LOGGING_LEVEL": "DEBUG"})
)
app = modal.App("x")

@app.function(image=image, gpu=CARDS)
@modal.web_server(port=8000)
def serve():
    subprocess.Popen(["vllm", "serve", "Q/x", "-tp", str(N_GPU)])
"""


@pytest.mark.parametrize(
    ("gpu", "card", "count"),
    [
        ('"H100:8"', "H100 SXM 80GB", 8),
        ('"H100!:8"', "H100 SXM 80GB", 8),
        ('"A100"', "A100 40GB", 1),
        ('f"L40S:{N_GPU}"', "L40S 48GB", 2),
        ('modal.gpu.A100(size="80GB", count=4)', "A100 SXM 80GB", 4),
        ("modal.gpu.H100()", "H100 SXM 80GB", 1),
        ('["H100", "A100"]', None, 1),
        ('os.environ.get("GPU")', None, None),
        ("None", None, None),
    ],
)
def test_modal_s_decorator_gives_the_cards(
    read: Read, argv: Argv, gpu_count: Count, gpu: str, card: str | None, count: int | None
) -> None:
    launch = only(read, MODAL.replace("CARDS", gpu))
    found = launch.hardware.gpu
    assert (found.value if isinstance(found, Located) else None, gpu_count(launch)) == (card, count)
    assert argv(launch) == ["Q/x", "-tp", "2"]
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.13.0"
    assert (launch.name, [variable.name for variable in launch.env]) == ("serve", ["VLLM_LOGGING_LEVEL"])


def test_a_method_sees_what_its_class_says(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        import modal, subprocess
        @app.cls(gpu="L4:2")
        class Server:
            model = "Q/x"
            other = "Q/y"
            @modal.enter()
            def start(self):
                self.other = ask()
                subprocess.Popen(["vllm", "serve", self.model, "--served-model-name", self.other])
    """
    launch = only(read, code)
    assert argv(launch) == ["Q/x", "--served-model-name", "?"]
    assert gpu_count(launch) == 2


def test_an_engine_s_arguments_are_its_options(read: Read, argv: Argv) -> None:
    code = """
        from vllm import LLM
        OPTIONS = {"max_model_len": 4096, "enforce_eager": True, "seed": None}
        llm = LLM("Q/x", tensor_parallel_size=2, hf_overrides={"a": {"b": 1}, "c": True}, **OPTIONS)
    """
    launch = only(read, code)
    assert launch.entry_point is EntryPoint.LLM
    overrides = ["--hf-overrides", '{"a": {"b": 1}, "c": true}']
    options = ["--max-model-len", "4096", "--enforce-eager"]
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2", *overrides, *options]


def test_ray_data_builds_engines(read: Read, argv: Argv) -> None:
    code = """
        from ray.data.llm import vLLMEngineProcessorConfig
        config = vLLMEngineProcessorConfig(
            model_source="Q/x", engine_kwargs=dict(tensor_parallel_size=2, enable_chunked_prefill=True)
        )
    """
    assert argv(only(read, code)) == ["Q/x", "--tensor-parallel-size", "2", "--enable-chunked-prefill"]


def test_a_hugging_face_endpoint_mounts_its_repository(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        from huggingface_hub import create_inference_endpoint
        create_inference_endpoint(
            "chat", repository="Q/x", framework="pytorch", accelerator="gpu", vendor="aws",
            instance_type="nvidia-l40s", instance_size="x4",
            custom_image={"url": "vllm/vllm-openai:v0.12.0", "health_route": "/health"},
            container_args=["--model", "/repository", "--tensor-parallel-size", "4"],
        )
    """
    launch = only(read, code)
    assert argv(launch) == ["--model", "Q/x", "--tensor-parallel-size", "4"]
    assert (launch.name, gpu_count(launch)) == ("chat", 4)


def test_a_sagemaker_model_runs_on_the_machine_it_is_deployed_to(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    code = """
        from sagemaker.model import Model
        env = {"HF_MODEL_ID": "Q/x", "OPTION_ROLLING_BATCH": "vllm", "TENSOR_PARALLEL_DEGREE": "max"}
        model = Model(image_uri=image, env=env, role=role)
        model.deploy(instance_type="ml.g6e.12xlarge", initial_instance_count=1)
    """
    launch = only(read, code)
    assert (argv(launch), gpu_count(launch)) == (["Q/x", "--tensor-parallel-size", "4"], 4)


def test_a_vertex_model_s_words_are_its_container_s(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        from google.cloud import aiplatform
        model = aiplatform.Model.upload(
            serving_container_image_uri="us-docker.pkg.dev/x/pytorch-vllm-serve:1",
            serving_container_args=["python", "-m", "vllm.entrypoints.api_server", "--model=Q/x"],
        )
        model.deploy(machine_type="g2-standard-24", accelerator_type="NVIDIA_L4", accelerator_count=2)
    """
    launch = only(read, code)
    assert (argv(launch), gpu_count(launch)) == (["--model=Q/x"], 2)


def test_a_pod_of_runpod_is_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(
        read,
        """
        import runpod
        MODEL = "Q/x"
        runpod.create_pod(
            name="llm", image_name="vllm/vllm-openai:v0.9.1", gpu_type_id="NVIDIA GeForce RTX 4090",
            gpu_count=2, docker_args=f"--model {MODEL} --port 80", env={"A": "1"},
        )
        """,
    )
    assert argv(launch) == ["--model", "Q/x", "--port", "80"]
    assert isinstance(launch.hardware.gpu, Located) and gpu_count(launch) == 2
    assert [variable.name for variable in launch.env] == ["A"]


LLM_CONFIG = """
from ray.serve.llm import LLMConfig, build_openai_app

config = LLMConfig(
    model_loading_config=dict(model_id="chat", model_source="Q/x"),
    accelerator_type="L40S",
    deployment_config=dict(autoscaling_config=dict(min_replicas=1)),
    engine_kwargs=dict(tensor_parallel_size=4, enforce_eager=True, max_model_len=8192),
    runtime_env=dict(env_vars={"A": "1"}, pip=["vllm==0.9.1"]),
)
app = build_openai_app({"llm_configs": [config]})
"""


def test_a_config_of_ray_serve_is_a_server(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(read, LLM_CONFIG)
    assert argv(launch) == [
        "Q/x", "--distributed-executor-backend", "ray", "--tensor-parallel-size", "4", "--enforce-eager",
        "--max-model-len", "8192",
    ]  # fmt: skip
    assert isinstance(launch.hardware.gpu, Located) and gpu_count(launch) == 4
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.1"
    assert [variable.name for variable in launch.env] == ["A"]


@pytest.mark.parametrize(
    ("old", "new", "model", "count"),
    [
        ('model_source="Q/x"', "model_source=None", "chat", 4),
        ('model_source="Q/x"', 'model_source="s3://bucket/x"', "?", 4),
        ('model_source="Q/x"', 'model_source={"bucket_uri": "s3://x"}', "?", 4),
        ("tensor_parallel_size=4", "tensor_parallel_size=tp", "Q/x", None),
        ("accelerator_type", 'placement_group_config={"bundles": []}, accelerator_type', "Q/x", None),
        ("engine_kwargs=dict(tensor_parallel_size=4, ", "other=dict(", "Q/x", 1),
        ("engine_kwargs=dict(", "engine_kwargs=load(), other=dict(", "Q/x", None),
    ],
)
def test_what_a_config_of_ray_serve_leaves_open_is_not_known(
    read: Read, argv: Argv, gpu_count: Count, old: str, new: str, model: str, count: int | None
) -> None:
    launch = only(read, LLM_CONFIG.replace(old, new))
    assert argv(launch)[0] == model
    assert gpu_count(launch) == count


def test_a_config_of_ray_serve_for_another_engine_is_no_launch(read: Read) -> None:
    text = LLM_CONFIG.replace("accelerator_type", 'llm_engine="SGLang", accelerator_type')
    assert read(text, "deploy.py").launches == ()
