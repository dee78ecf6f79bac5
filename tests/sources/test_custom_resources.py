"""Resources that operators turn into servers: KubeAI, KAITO, NVIDIA Dynamo, NIM, among plain ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

KUBEAI = """\
apiVersion: kubeai.org/v1
kind: Model
metadata: {name: llama}
spec:
  features: [TextGeneration]
  url: hf://meta-llama/Llama-3.3-70B-Instruct
  engine: VLLM
  resourceProfile: nvidia-gpu-l40s:4
  args: [--tensor-parallel-size=4, --max-model-len=8192]
  env: {VLLM_LOGGING_LEVEL: DEBUG}
"""


def test_a_kubeai_model_starts_vllms_server(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(KUBEAI, "model.yaml").launches
    assert (launch.name, launch.entry_point) == ("llama", EntryPoint.API_SERVER)
    assert argv(launch) == [
        "--model", "meta-llama/Llama-3.3-70B-Instruct", "--tensor-parallel-size=4", "--max-model-len=8192",
    ]  # fmt: skip
    assert gpu_count(launch) == 4
    instance = launch.hardware.instance
    assert instance is not None and instance.value == "nvidia-gpu-l40s:4"
    assert [variable.name for variable in launch.env] == ["VLLM_LOGGING_LEVEL"]


def test_a_profile_of_ones_own_says_nothing_certain(read: Read, gpu_count: Count) -> None:
    [launch] = read(KUBEAI.replace("nvidia-gpu-l40s:4", "big-box:2"), "model.yaml").launches
    assert gpu_count(launch) is None
    assert isinstance(launch.hardware.gpu, Unknown)


def test_a_kubeai_model_of_another_engine_is_no_launch(read: Read) -> None:
    assert read(KUBEAI.replace("VLLM\n", "OLlama\n"), "model.yaml").launches == ()


def test_a_kubeai_model_from_storage_is_not_known(read: Read, argv: Argv) -> None:
    [launch] = read(
        KUBEAI.replace("hf://meta-llama/Llama-3.3-70B-Instruct", "pvc://models/x"), "m.yaml"
    ).launches
    assert argv(launch)[:2] == ["--model", "?"]


KAITO = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  inference_config.yaml: |
    max_probe_steps: 6
    vllm:
      gpu-memory-utilization: 0.9
      max-model-len: 4096
      tensor-parallel-size: 2
---
apiVersion: kaito.sh/v1beta1
kind: Workspace
metadata: {name: space}
resource: {instanceType: Standard_NC24ads_A100_v4}
inference: {preset: {name: phi-4-mini-instruct}, config: settings}
"""


def test_a_kaito_preset_runs_with_the_options_of_its_config_map(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    [launch] = read(KAITO, "workspace.yaml").launches
    assert argv(launch) == [
        "--model", "microsoft/Phi-4-mini-instruct", "--gpu-memory-utilization", "0.9", "--max-model-len",
        "4096", "--tensor-parallel-size", "2",
    ]  # fmt: skip
    size = launch.argv[-1]
    assert KAITO[size.span.start : size.span.end] == "2"
    assert gpu_count(launch) == 1


def test_what_kaito_chooses_by_itself_is_not_known(read: Read, argv: Argv) -> None:
    text = """\
apiVersion: kaito.sh/v1alpha1
kind: InferenceSet
metadata: {name: set}
spec:
  template:
    resource: {instanceType: Standard_NC48ads_A100_v4, count: 2}
    inference: {preset: {name: Qwen/Qwen3-32B}}
"""
    [launch] = read(text, "set.yaml").launches
    assert argv(launch)[:2] == ["--model", "Qwen/Qwen3-32B"]
    assert argv(launch)[2::2] == [
        "--gpu-memory-utilization", "--max-model-len", "--tensor-parallel-size", "--data-parallel-size",
        "--pipeline-parallel-size",
    ]  # fmt: skip
    assert set(argv(launch)[3::2]) == {"?"}
    assert isinstance(launch.nodes, Located) and launch.nodes.value == 2


def test_a_config_map_that_is_not_at_hand_may_hold_options(read: Read, argv: Argv) -> None:
    [launch] = read(KAITO.partition("---\n")[2], "workspace.yaml").launches
    assert launch.argv[-1].splits
    assert launch.argv[-1].reason == "the ConfigMap `settings` is not at hand"


def test_a_preset_that_is_not_listed_is_no_known_model(read: Read, argv: Argv) -> None:
    [launch] = read(KAITO.replace("phi-4-mini-instruct", "brand-new"), "workspace.yaml").launches
    assert argv(launch)[:2] == ["--model", "?"]


def test_a_preset_on_another_runtime_is_no_launch(read: Read) -> None:
    other = KAITO.replace("{name: space}", "{name: space, annotations: {kaito.sh/runtime: transformers}}")
    assert read(other, "workspace.yaml").launches == ()


DYNAMO = """\
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {name: graph}
spec:
  envs: [{name: A, value: "1"}]
  services:
    Frontend:
      extraPodSpec: {mainContainer: {image: "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.1"}}
    decode:
      resources: {limits: {gpu: "4"}}
      multinode: {nodeCount: 2}
      extraPodSpec:
        nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
        mainContainer:
          image: nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.1
          command: [python3, -m, dynamo.vllm]
          args: [--model, Qwen/Qwen3-32B, --is-prefill-worker, --connector, nixl, --tensor-parallel-size, "8"]
"""


def test_a_dynamo_worker_keeps_options_of_its_own(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(DYNAMO, "graph.yaml").launches
    assert (launch.name, launch.entry_point) == ("graph/decode", EntryPoint.DYNAMO)
    assert argv(launch) == ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "8"]
    assert gpu_count(launch) == 4
    assert isinstance(launch.nodes, Located) and launch.nodes.value == 2
    assert [variable.name for variable in launch.env] == ["A"]
    assert launch.container is not None and isinstance(launch.container.shared_memory, Unknown)


def test_a_dynamo_worker_in_a_shells_text_is_read(read: Read, argv: Argv) -> None:
    text = DYNAMO.replace("[python3, -m, dynamo.vllm]", "[/bin/sh, -c]").replace(
        '[--model, Qwen/Qwen3-32B, --is-prefill-worker, --connector, nixl, --tensor-parallel-size, "8"]',
        '["python3 -m dynamo.vllm --model Qwen/Qwen3-8B --connector none 2>&1 | tee log"]',
    )
    [launch] = read(text, "graph.yaml").launches
    assert argv(launch) == ["--model", "Qwen/Qwen3-8B"]


def test_components_of_a_dynamo_graph_have_pod_templates(read: Read, argv: Argv, gpu_count: Count) -> None:
    text = """\
apiVersion: nvidia.com/v1beta1
kind: DynamoGraphDeployment
metadata: {name: graph}
spec:
  components:
  - name: worker
    podTemplate:
      spec:
        containers:
        - name: main
          command: [python3, -m, dynamo.vllm]
          args: [--model, Qwen/Qwen3-8B]
          resources: {limits: {nvidia.com/gpu: "2"}}
"""
    [launch] = read(text, "graph.yaml").launches
    assert (launch.name, argv(launch), gpu_count(launch)) == ("graph/worker", ["--model", "Qwen/Qwen3-8B"], 2)


def test_nim_is_said_to_choose_by_itself(read: Read) -> None:
    text = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata: {name: llama}
spec: {env: [{name: NIM_MODEL_PROFILE, value: vllm-bf16-tp4}]}
"""
    reading = read(text, "nim.yaml")
    assert reading.launches == ()
    assert reading.unread == "NVIDIA NIM takes the engine and its options from a profile of its image"


def test_plain_objects_in_a_list_with_others_are_read_too(read: Read, argv: Argv) -> None:
    model = KUBEAI.replace("\n", "\n  ").rstrip()
    text = f"""\
apiVersion: v1
kind: List
items:
- {model}
- apiVersion: v1
  kind: Pod
  metadata: {{name: pod}}
  spec: {{containers: [{{name: vllm, image: "vllm/vllm-openai:v0.19.1", args: [--model, Qwen/Qwen3-8B]}}]}}
"""
    assert [launch.name for launch in read(text, "list.yaml").launches] == ["llama", "pod/vllm"]


@pytest.mark.parametrize("keys", ["{multinode: {nodeCount: 4}}", "{workers: 3}", "{leader: {}}"])
def test_pods_that_an_unknown_operator_makes_may_hold_a_model_together(read: Read, keys: str) -> None:
    text = f"""
apiVersion: example.org/v1
kind: Profile
metadata: {{name: p}}
spec:
  layout: {keys}
  podTemplate:
    spec:
      containers:
        - name: engine
          image: vllm/vllm-openai:v0.10.0
          args: [a/b, --pipeline-parallel-size, "4"]
          resources: {{limits: {{nvidia.com/gpu: 8}}}}
"""
    [launch] = read(text, "p.yaml").launches
    assert isinstance(launch.nodes, Unknown)
    [alone] = read(text.replace(keys, "{replicas: 2}"), "p.yaml").launches
    assert alone.nodes is None
