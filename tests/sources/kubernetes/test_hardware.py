"""What a pod says of its cards: resources, claims, labels of nodes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]


def launch(read: Read, resources: str, spec: str = "", more: str = "") -> Launch:
    """Return the launch of a pod with these resources and keys of its specification."""
    text = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: chat}}
spec:
  containers:
    - name: c
      image: vllm/vllm-openai:v0.22.1
      args: [--model, a/b]
      resources: {resources}
{spec}{more}"""
    [found] = read(text, "chat.yaml").launches
    return found


def count(found: Launch) -> object:
    """Return the number of cards, or why it is not known."""
    claimed = found.hardware.gpu_count
    return claimed.value if isinstance(claimed, Located) else claimed.reason


def card(found: Launch) -> str:
    """Return the card's name, or why it is not known."""
    claimed = found.hardware.gpu
    return claimed.value if isinstance(claimed, Located) else claimed.reason


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ("{limits: {nvidia.com/gpu: 4}}", 4),
        ("{requests: {nvidia.com/gpu: '2'}, limits: {cpu: 8}}", 2),
        ("{limits: {amd.com/gpu: 8}}", 8),
        ("{limits: {gpu.intel.com/i915: 1}}", 1),
        ("{limits: {habana.ai/gaudi: 8}}", 8),
        ("{limits: {google.com/tpu: 4}}", 4),
        ("{limits: {nvidia.com/mig-3g.40gb: 1}}", 1),
        ("{limits: {nvidia.com/mig-3g.40gb: 2}}", "a process sees only one of its slices of a GPU"),
        ("{limits: {aws.amazon.com/neuron: 1}}", "a Neuron device runs several ranks"),
        ("{limits: {nvidia.com/gpu.shared: 1}}", "the container shares its GPUs"),
        ("{limits: {nvidia.com/gpu: '{{ .Values.gpus }}'}}", "`{{ .Values.gpus }}` is filled in later"),
        ("{limits: {nvidia.com/gpu: 0}}", "`nvidia.com/gpu: 0` is not a number of GPUs"),
        ("{limits: {cpu: 8}}", "nothing says how many GPUs there are"),
        ("7", "nothing says how many GPUs there are"),
    ],
)
def test_the_devices_that_resources_name(read: Read, resources: str, expected: object) -> None:
    assert count(launch(read, resources)) == expected


LABELS = "  nodeSelector: {%s}\n"


@pytest.mark.parametrize(
    ("resources", "labels", "expected"),
    [
        ("{limits: {nvidia.com/gpu: 1}}", "nvidia.com/gpu.product: NVIDIA-L4", "NVIDIA-L4"),
        ("{limits: {nvidia.com/gpu: 1}}", "cloud.google.com/gke-accelerator: nvidia-l4", "nvidia-l4"),
        ("{limits: {google.com/tpu: 1}}", "cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice",
         "tpu-v5-lite-podslice"),
        ("{limits: {nvidia.com/gpu: 1}}", "nvidia.com/gpu.product: '${CARD}'",
         "Kubernetes does not fill in `${CARD}`"),
        ("{limits: {nvidia.com/mig-3g.40gb: 1}}", "nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB",
         "NVIDIA-A100-SXM4-80GB MIG 3g.40gb"),
        ("{limits: {nvidia.com/mig-3g.40gb: 1}}", "a: b", "the container gets slices of a GPU"),
        ("{limits: {nvidia.com/gpu: 1, nvidia.com/gpumem: 8000}}", "nvidia.com/gpu.product: NVIDIA-L4",
         "the container gets a part of a GPU's memory"),
        ("{limits: {nvidia.com/gpu: 1}}",
         "nvidia.com/gpu.product: H100, cloud.google.com/gke-gpu-partition-size: 1g.10gb",
         "H100 MIG 1g.10gb"),
    ],
)  # fmt: skip
def test_the_card_that_labels_name(read: Read, resources: str, labels: str, expected: str) -> None:
    assert card(launch(read, resources, LABELS % labels)) == expected


AFFINITY = """\
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
          - matchExpressions:
              - {key: node.kubernetes.io/instance-type, operator: In, values: [%s]}
"""


def test_affinity_names_an_instance_where_it_leaves_one(read: Read) -> None:
    resources = "{limits: {nvidia.com/gpu: 4}}"
    instance = launch(read, resources, AFFINITY % "g6.12xlarge").hardware.instance
    assert instance is not None
    assert instance.value == "g6.12xlarge"
    assert launch(read, resources, AFFINITY % "g6.12xlarge, g5.12xlarge").hardware.instance is None


def claim(kind: str, request: str) -> str:
    """Return a claim, or a template of claims, with one request."""
    devices = f"{{devices: {{requests: [{request}]}}}}"
    spec = f"{{spec: {devices}}}" if kind == "ResourceClaimTemplate" else devices
    return f"---\napiVersion: resource.k8s.io/v1\nkind: {kind}\nmetadata: {{name: cards}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    ("kind", "request_", "expected"),
    [
        ("ResourceClaimTemplate", "{name: r, exactly: {deviceClassName: gpu.nvidia.com, count: 4}}", 4),
        ("ResourceClaimTemplate", "{name: r, deviceClassName: gpu.nvidia.com}", 1),
        ("ResourceClaim", "{name: r, exactly: {deviceClassName: gaudi.intel.com, count: 2}}", 2),
        ("ResourceClaim", "{name: r, exactly: {deviceClassName: own, count: 2}}",
         "what devices the class `own` has is not known"),
        ("ResourceClaim", "{name: r, exactly: {deviceClassName: gpu.nvidia.com, allocationMode: All}}",
         "the request `r` takes all devices of a node"),
        ("ResourceClaim", "{name: r, firstAvailable: []}", "the request `r` has alternatives"),
    ],
)  # fmt: skip
def test_claims_on_devices_are_counted_where_that_is_certain(
    read: Read, kind: str, request_: str, expected: object
) -> None:
    key = "resourceClaimTemplateName" if kind == "ResourceClaimTemplate" else "resourceClaimName"
    spec = f"  resourceClaims: [{{name: gpu, {key}: cards}}]\n"
    assert count(launch(read, "{claims: [{name: gpu}]}", spec, claim(kind, request_))) == expected


def test_a_claim_that_is_not_here_leaves_the_count_open(read: Read) -> None:
    spec = "  resourceClaims: [{name: gpu, resourceClaimTemplateName: gone}]\n"
    assert count(launch(read, "{claims: [{name: gpu}]}", spec)) == (
        "the ResourceClaimTemplate `gone` is not at hand"
    )


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("g6e", "L40S 48GB"),
        ("g6f", "instances called `g6f` have different cards"),
        ("m7i", "no card is named"),
    ],
)
def test_a_family_of_machines_names_the_card(read: Read, family: str, expected: str) -> None:
    spec = f"  nodeSelector: {{karpenter.k8s.aws/instance-family: {family}}}\n"
    assert card(launch(read, "{limits: {nvidia.com/gpu: 1}}", spec)) == expected
