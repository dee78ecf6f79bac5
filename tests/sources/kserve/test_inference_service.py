"""KServe's services and runtimes: joined, alone, and with the server that has options of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, Origin, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

RUNTIME = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: our-runtime}
spec:
  supportedModelFormats: [{name: vLLM, autoSelect: true}]
  containers:
  - name: kserve-container
    image: vllm/vllm-openai:v0.19.1
    command: [python, -m, vllm.entrypoints.openai.api_server]
    args:
    - --port=8080
    - --model=/mnt/models
    - --served-model-name={{.Name}}
    resources: {limits: {nvidia.com/gpu: "1"}}
  volumes: [{name: shm, emptyDir: {medium: Memory}}]
"""

SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: chat}
spec:
  predictor:
    nodeSelector: {nvidia.com/gpu.product: NVIDIA-L40S}
    model:
      modelFormat: {name: vLLM}
      runtime: our-runtime
      storageUri: hf://Qwen/Qwen3-8B:main
      args: ["--tensor-parallel-size=2", --max-model-len, "8192"]
      env: [{name: VLLM_LOGGING_LEVEL, value: DEBUG}]
      resources: {limits: {nvidia.com/gpu: "2"}}
"""


def test_a_services_args_stand_behind_those_of_the_runtime_it_names(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    [launch] = read(f"{SERVICE}---\n{RUNTIME}", "serve.yaml").launches
    assert launch.name == "chat/kserve-container"
    assert launch.entry_point is EntryPoint.API_SERVER
    assert argv(launch) == [
        "--port=8080", "--model=Qwen/Qwen3-8B", "--served-model-name=chat", "--tensor-parallel-size=2",
        "--max-model-len", "8192", "--revision", "main",
    ]  # fmt: skip
    assert gpu_count(launch) == 2
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "NVIDIA-L40S"
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.19.1"
    assert [variable.name for variable in launch.env] == ["VLLM_LOGGING_LEVEL"]


def test_what_the_runtime_says_is_written_elsewhere_and_may_be_overruled(read: Read) -> None:
    [launch] = read(f"{SERVICE}---\n{RUNTIME}", "serve.yaml").launches
    assert [word.origin for word in launch.argv[:1]] == [Origin.VARIABLE]
    assert launch.argv[3].origin is Origin.LITERAL


def test_the_runtime_is_found_in_a_file_beside(read: Read, argv: Argv) -> None:
    beside = {"./": "runtime.yaml\nservice.yaml", "runtime.yaml": RUNTIME}
    [launch] = read(SERVICE, "service.yaml", beside).launches
    assert argv(launch)[:2] == ["--port=8080", "--model=Qwen/Qwen3-8B"]
    assert launch.argv[0].site.path == "runtime.yaml"
    assert launch.extent.path == launch.at.path == "service.yaml"


def test_a_service_without_a_runtimes_name_gets_the_one_that_takes_its_format(read: Read, argv: Argv) -> None:
    service = SERVICE.replace("      runtime: our-runtime\n", "")
    [launch] = read(f"{service}---\n{RUNTIME}", "serve.yaml").launches
    assert argv(launch)[0] == "--port=8080"


def test_two_runtimes_for_a_format_leave_it_open_which_serves(read: Read, argv: Argv) -> None:
    service = SERVICE.replace("      runtime: our-runtime\n", "")
    other = RUNTIME.replace("our-runtime", "their-runtime")
    launches = read(f"{service}---\n{RUNTIME}---\n{other}", "serve.yaml").launches
    assert [launch.name for launch in launches] == [
        "chat/kserve-container",
        "our-runtime/kserve-container",
        "their-runtime/kserve-container",
    ]
    assert argv(launches[0])[:2] == ["Qwen/Qwen3-8B", "?"]
    assert launches[0].argv[1].splits
    assert launches[0].argv[1].reason == "KServe chooses the runtime"


def test_without_its_runtime_a_service_has_a_model_and_options_that_may_not_be_all(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    [launch] = read(SERVICE, "service.yaml").launches
    assert launch.entry_point is EntryPoint.SERVE
    assert argv(launch) == [
        "Qwen/Qwen3-8B", "?", "--tensor-parallel-size=2", "--max-model-len", "8192", "--revision", "main",
    ]  # fmt: skip
    assert launch.argv[1].reason == "the runtime `our-runtime` is not at hand"
    assert gpu_count(launch) == 2
    assert launch.container is not None and isinstance(launch.container.shared_memory, Unknown)


def test_a_model_from_a_volume_is_the_folder_it_is_mounted_at(read: Read, argv: Argv) -> None:
    service = SERVICE.replace("hf://Qwen/Qwen3-8B:main", "pvc://models/qwen")
    [launch] = read(service, "service.yaml").launches
    assert argv(launch)[0] == "/mnt/models"


def test_a_runtime_alone_has_words_and_no_known_name(read: Read, argv: Argv) -> None:
    [launch] = read(RUNTIME, "runtime.yaml").launches
    assert argv(launch) == ["--port=8080", "--model=/mnt/models", "--served-model-name=?"]
    assert not launch.argv[2].splits


def test_runtimes_in_a_template_of_openshift_are_read(read: Read, argv: Argv) -> None:
    indented = RUNTIME.replace("\n", "\n  ").rstrip()
    head = "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: t}\nobjects:\n"
    text = f"{head}- {indented}\n"
    [launch] = read(text, "template.yaml").launches
    assert argv(launch)[1] == "--model=/mnt/models"


def test_the_sizes_of_a_group_of_workers_are_variables_of_its_containers(read: Read, argv: Argv) -> None:
    text = RUNTIME.replace(
        "    resources:",
        "    - --tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)\n"
        "    - --pipeline-parallel-size=$(PIPELINE_PARALLEL_SIZE)\n    resources:",
    )
    text += """\
  workerSpec:
    pipelineParallelSize: 2
    tensorParallelSize: 4
    containers:
    - name: worker-container
      image: vllm/vllm-openai:v0.19.1
      command: [bash, -c, 'vllm serve "$@" --headless', --]
      args: [/mnt/models, --tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)]
"""
    head, worker = read(text, "runtime.yaml").launches
    assert argv(head)[3:] == ["--tensor-parallel-size=4", "--pipeline-parallel-size=2"]
    assert argv(worker) == ["/mnt/models", "--tensor-parallel-size=4", "--headless"]
    assert isinstance(head.nodes, Located) and head.nodes.value == 2
    count = worker.hardware.gpu_count
    assert isinstance(count, Located) and (count.value, count.origin) == (4, Origin.PLATFORM)


def test_a_predictors_own_containers_are_a_pods(read: Read, argv: Argv) -> None:
    text = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: own}
spec:
  predictor:
    containers:
    - name: kserve-container
      image: vllm/vllm-openai:v0.19.1
      args: [--model, Qwen/Qwen3-8B]
"""
    [launch] = read(text, "service.yaml").launches
    assert argv(launch) == ["--model", "Qwen/Qwen3-8B"]


def test_containers_of_ones_own_get_their_model_from_a_uri_too(read: Read, argv: Argv) -> None:
    text = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: own}
spec:
  predictor:
    containers:
    - name: kserve-container
      image: vllm/vllm-openai:v0.19.1
      args: [--model, /mnt/models]
      env: [{name: STORAGE_URI, value: "hf://Qwen/Qwen3-8B"}]
"""
    [launch] = read(text, "service.yaml").launches
    assert argv(launch) == ["--model", "Qwen/Qwen3-8B"]


HUGGING_FACE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: chat}
spec:
  predictor:
    model:
      modelFormat: {name: huggingface}
      args:
      - --model_name=chat
      - --model_id=Qwen/Qwen3-8B
      - --max_length=4096
      - --backend=vllm
      - --dtype=bfloat16
      resources: {limits: {nvidia.com/gpu: "1"}}
"""


def test_options_of_the_huggingface_server_are_vllms_or_its_own(read: Read, argv: Argv) -> None:
    [launch] = read(HUGGING_FACE, "service.yaml").launches
    assert launch.entry_point is EntryPoint.HUGGINGFACE_SERVER
    assert argv(launch) == [
        "--served-model-name=chat", "--model=Qwen/Qwen3-8B", "--max-model-len=4096", "--dtype=bfloat16",
    ]  # fmt: skip


def test_the_huggingface_server_takes_the_storages_model_when_it_is_given_none(
    read: Read, argv: Argv
) -> None:
    text = HUGGING_FACE.replace("      - --model_id=Qwen/Qwen3-8B\n", "").replace(
        "      args:", "      storageUri: hf://Qwen/Qwen3-0.6B\n      args:"
    )
    [launch] = read(text, "service.yaml").launches
    assert argv(launch)[:2] == ["--model", "Qwen/Qwen3-0.6B"]


def test_the_huggingface_server_starts_no_vllm_for_another_backend_or_without_a_gpu(read: Read) -> None:
    other = HUGGING_FACE.replace("--backend=vllm", "--backend=huggingface")
    on_cpu = HUGGING_FACE.replace("      - --backend=vllm\n", "").replace("nvidia.com/gpu", "cpu")
    assert read(other, "service.yaml").launches == read(on_cpu, "service.yaml").launches == ()


def test_a_model_for_another_engine_is_no_launch(read: Read) -> None:
    assert (
        read(SERVICE.replace("name: vLLM", "name: onnx").replace("our-runtime", "triton"), "s.yaml").launches
        == ()
    )


def test_options_that_only_vllm_has_tell_the_engine_of_a_model_without_a_format(
    read: Read, argv: Argv
) -> None:
    text = SERVICE.replace("      modelFormat: {name: vLLM}\n      runtime: our-runtime\n", "")
    [launch] = read(text, "service.yaml").launches
    assert argv(launch)[:3] == ["Qwen/Qwen3-8B", "?", "--tensor-parallel-size=2"]


def test_nothing_is_written_beside_a_container_that_no_list_holds(read: Read) -> None:
    [launch] = read(f"{SERVICE}---\n{RUNTIME}", "serve.yaml").launches
    container = launch.container
    assert container is not None
    assert (container.anchor, container.mount_place, container.volume_place) == (None, None, None)
