"""Kubernetes manifests: which containers start vLLM, and with which words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, Origin, Unknown

Read = Callable[..., Reading]
Texts = Callable[[Launch], list[str]]

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: server
      image: vllm/vllm-openai:v0.22.1
"""
ARGS = """\
      args: ["--model", "Qwen/Qwen3-8B"]
"""


def one(read: Read, text: str, beside: dict[str, str] | None = None) -> Launch:
    """Return the one launch of a manifest."""
    reading = read(text, "chat.yaml", beside)
    assert not reading.problems
    [found] = reading.launches
    return found


def launches(
    read: Read, text: str, path: str = "chat.yaml", beside: dict[str, str] | None = None
) -> list[str]:
    """Return the names of a manifest's launches."""
    return [found.name for found in read(text, path, beside).launches]


def workload(kind: str, version: str, spec: str) -> str:
    """Return an object with a pod template below some keys of its specification."""
    keys = spec.split(".")
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
    depth = len(keys)
    inner = ["containers:", "- name: server", "  image: vllm/vllm-openai:v0.22.1", "  args: [--model, a/b]"]
    body = "\n".join([*lines, *(f"{'  ' * depth}{line}" for line in inner)])
    selector = "  selector: {}\n" if version == "apps/v1" else ""
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: chat}}\n" + body.replace(
        "spec:\n", f"spec:\n{selector}", 1
    )


@pytest.mark.parametrize(
    ("kind", "version", "spec"),
    [
        ("Pod", "v1", "spec"),
        ("PodTemplate", "v1", "template.spec"),
        ("Deployment", "apps/v1", "spec.template.spec"),
        ("StatefulSet", "apps/v1", "spec.template.spec"),
        ("DaemonSet", "apps/v1", "spec.template.spec"),
        ("ReplicaSet", "apps/v1", "spec.template.spec"),
        ("Job", "batch/v1", "spec.template.spec"),
        ("CronJob", "batch/v1", "spec.jobTemplate.spec.template.spec"),
        ("Rollout", "argoproj.io/v1alpha1", "spec.template.spec"),
    ],
)
def test_a_pod_is_found_in_every_kind_of_workload(read: Read, kind: str, version: str, spec: str) -> None:
    assert one(read, workload(kind, version, spec)).name == "chat/server"


def test_objects_of_a_list_keep_their_own_names(read: Read) -> None:
    pods = "".join(
        f"  - {{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers:"
        " [{name: c, image: vllm/vllm-openai, args: [--model, a/b]}]}}\n"
        for name in "xy"
    )
    assert launches(read, f"apiVersion: v1\nkind: List\nitems:\n{pods}") == ["x/c", "y/c"]


def test_an_official_image_without_words_starts_a_server(read: Read, argv: Texts) -> None:
    found = one(read, POD)
    assert (found.entry_point, argv(found)) == (EntryPoint.SERVE, [])


def test_init_containers_that_start_a_server_are_read_and_ephemeral_ones_are_not(read: Read) -> None:
    text = POD + ARGS
    started = "    - {name: %s, image: own, restartPolicy: Always, command: [vllm, serve, a/b]}\n"
    text += "  initContainers:\n" + started % "beside" + "  ephemeralContainers:\n" + started % "later"
    assert launches(read, text) == ["chat/beside", "chat/server"]


def test_a_number_without_quotes_is_a_word_as_it_reads(read: Read, argv: Texts) -> None:
    found = one(read, POD + "      args: [--model, a/b, --port, 8000, --seed, 0x10]\n")
    assert argv(found)[2:] == ["--port", "8000", "--seed", "0x10"]


def test_a_block_scalar_is_a_script(read: Read, argv: Texts) -> None:
    script = (
        "      command: [sh, -c]\n      args:\n        - |\n          set -e\n          vllm serve a/b \\\n"
    )
    found = one(read, POD + script + '            --port "${PORT:-9000}"\n')
    assert argv(found) == ["a/b", "--port", "9000"]


def test_what_is_filled_in_before_is_not_known(read: Read, argv: Texts) -> None:
    keys = """\
      args: ["--model", "${MODEL}", "--served-model-name", "$NAME", "--tensor-parallel-size", "${TP:-2}"]
      resources: {limits: {nvidia.com/gpu: "${GPUS}"}}
"""
    found = one(read, POD + keys)
    assert argv(found) == ["--model", "?", "--served-model-name", "?", "--tensor-parallel-size", "2"]
    assert found.argv[-1].origin is Origin.DEFAULT
    assert found.hardware.gpu_count == Unknown("Kubernetes does not fill in `${GPUS}`")
    [template] = read(POD + keys, "pod.yaml.tpl").launches
    assert template.hardware.gpu_count == Unknown("`${GPUS}` is filled in when the template is rendered")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("vllm/vllm-openai:${TAG}", True),
        ("${REGISTRY}/vllm-openai:v0.22.1", True),
        ("${IMAGE}", True),
        ("'{{ .Values.image }}'", True),
        ("own/server", False),
    ],
)
def test_an_image_to_be_filled_in_is_vllms_if_its_options_are(read: Read, image: str, found: bool) -> None:
    args = "      args: [--model, a/b, --max-model-len, '4096']\n"
    text = POD.replace("vllm/vllm-openai:v0.22.1", image) + args
    assert bool(launches(read, text)) is found


def test_the_same_text_in_a_script_is_the_shells(read: Read, argv: Texts) -> None:
    script = '      env: [{name: MODEL, value: a/b}]\n      command: [bash, -c, "vllm serve ${MODEL}"]\n'
    assert argv(one(read, POD + script)) == ["a/b"]


def test_a_template_of_openshift_has_the_values_of_its_parameters(read: Read, argv: Texts) -> None:
    text = """\
apiVersion: template.openshift.io/v1
kind: Template
objects:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "${NAME}"}
    spec:
      selector: {}
      template:
        spec:
          containers:
            - name: c
              image: vllm/vllm-openai:${TAG}
              args: ["--model", "${MODEL}", "--port", "${{PORT}}", "--seed=${OTHER}", "--swap=${NONE}"]
              resources: {limits: {nvidia.com/gpu: "${{GPUS}}"}}
parameters:
  - {name: NAME, value: llm}
  - {name: TAG, value: v0.22.1}
  - {name: MODEL, value: a/b}
  - {name: PORT, value: "9000"}
  - {name: GPUS, value: "2"}
  - {name: NONE, required: true}
"""
    found = one(read, text)
    assert found.name == "llm/c"
    assert argv(found) == ["--model", "a/b", "--port", "9000", "--seed=?", "--swap=?"]
    assert isinstance(found.vllm_version, Located)
    assert found.vllm_version.value == "0.22.1"
    count = found.hardware.gpu_count
    assert isinstance(count, Located)
    assert (count.value, count.origin) == (2, Origin.DEFAULT)
    assert count.span is not None
    assert text[count.span.start : count.span.end] == "2"
    assert "has no value here" in found.argv[-1].reason


LWS = """\
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: big}
spec:
  leaderWorkerTemplate:
    size: %s
    leaderTemplate:
      spec:
        containers:
          - name: leader
            image: vllm/vllm-openai:v0.22.1
            command: [sh, -c]
            args:
              - vllm serve a/b -tp 8 -pp $(LWS_GROUP_SIZE) --host $(LWS_LEADER_ADDRESS)
            resources: {limits: {nvidia.com/gpu: 8}}
    workerTemplate:
      spec:
        containers:
          - {name: worker, image: "vllm/vllm-openai:v0.22.1", command: [sh, -c, join]}
"""


def test_a_group_of_pods_has_the_gpus_of_each_and_its_size(read: Read, argv: Texts) -> None:
    text = LWS % 2
    found = one(read, text)
    assert argv(found) == ["a/b", "-tp", "8", "-pp", "2", "--host", "?"]
    assert isinstance(found.nodes, Located)
    assert found.nodes.value == 2
    count = found.hardware.gpu_count
    assert isinstance(count, Located)
    assert count.value == 8
    size = found.argv[4].text_span
    assert size is not None
    assert text[: size.start].endswith("size: ")


@pytest.mark.parametrize(("size", "nodes"), [("1", None), ("${N}", "?"), ("'3'", 3)])
def test_the_size_of_a_group(read: Read, size: str, nodes: object) -> None:
    found = one(read, LWS % size).nodes
    assert (found.value if isinstance(found, Located) else "?" if found is not None else None) == nodes


def test_a_server_that_joins_a_ray_cluster_may_span_pods(read: Read) -> None:
    found = one(read, POD + '      command: [sh, -c, "ray start --head; vllm serve a/b -tp 16"]\n')
    assert isinstance(found.nodes, Unknown)


def test_the_runner_of_a_serving_runtime_is_a_container(read: Read) -> None:
    text = """\
apiVersion: ome.io/v1beta1
kind: ClusterServingRuntime
metadata: {name: rt}
spec:
  engineConfig:
    runner:
      name: engine
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "$(MODEL_PATH)"]
      resources: {limits: {nvidia.com/gpu: 4}}
"""
    found = one(read, text)
    assert found.name == "rt/engine"
    assert not found.argv[1].is_known


WITHOUT_SELECTOR = """\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: llm}}
spec:
  template:
    spec:
      containers:
        - name: server
"""
IMAGE = "          image: vllm/vllm-openai:v0.22.1\n"


@pytest.mark.parametrize(
    "lines",
    [
        "          args: [--model, a/b]\n",
        "          command: [vllm, serve, a/b]\n",
        "          command: [bash, -c]\n          args: [vllm serve a/b]\n",
    ],
)
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_an_object_without_its_selector_starts_what_its_container_says(
    read: Read, kind: str, lines: str
) -> None:
    found = one(read, WITHOUT_SELECTOR.format(kind=kind) + IMAGE + lines)
    assert found.name == "llm/server"
    assert found.argv[-1].text == "a/b"


@pytest.mark.parametrize(
    "lines",
    [
        IMAGE,
        "          args: [--model, a/b]\n",
        "          command: [vllm, serve, a/b]\n",
        "          env: []\n",
    ],
)
def test_a_patch_that_leaves_out_the_image_or_the_words_starts_nothing_alone(read: Read, lines: str) -> None:
    assert launches(read, WITHOUT_SELECTOR.format(kind="Deployment") + lines) == []


def test_services_of_files_beside_count_by_their_name(read: Read) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: vllm\nspec: {}\n"
    beside = {"./": "chat.yaml\nservice.yaml", "service.yaml": service}
    container = one(read, POD + ARGS, beside).container
    assert container is not None
    [name] = container.services
    assert (name.value, name.span.path if name.span else None) == ("vllm", "service.yaml")
    unlinked = one(read, POD + ARGS + "  enableServiceLinks: false\n", beside).container
    assert unlinked is not None
    assert unlinked.services == ()
