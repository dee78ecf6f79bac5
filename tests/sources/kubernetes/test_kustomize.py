"""Kustomizations: a base and what is laid over it, judged together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]
Texts = Callable[[Launch], list[str]]

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  selector: {}
  template:
    spec:
      containers:
        - name: proxy
          image: nginx
        - name: server
          image: vllm/vllm-openai:v0.21.0
          args: ["--model", "$(MODEL)", "--tensor-parallel-size", "1"]
          env:
            - {name: MODEL, value: a/b}
            - {name: OLD, value: x}
          resources: {limits: {nvidia.com/gpu: 1}}
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-L4}
      containers:
        - name: server
          args: ["--model", "$(MODEL)", "--tensor-parallel-size", "2"]
          env: [{name: MODEL, value: c/d}, {name: OLD, $patch: delete}]
          resources: {limits: {nvidia.com/gpu: 2}}
"""
HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n"
TREE = {
    "../base/kustomization.yaml": "kind: Kustomization\nresources: [deploy.yaml]\n",
    "../base/deploy.yaml": BASE,
}


def of_kustomization(read: Read, text: str, beside: dict[str, str] | None = None) -> list[Launch]:
    """Return the launches that a kustomization changes."""
    files = {**TREE, **(beside or {}), "kustomization.yaml": HEAD + text}
    return list(read(HEAD + text, "kustomization.yaml", files).launches)


def of_patch(read: Read, kustomization: str, patch: str = PATCH, base: str = BASE) -> list[Launch]:
    """Return the launches of a patch in a file of its own."""
    files = {
        **TREE,
        "../base/deploy.yaml": base,
        "kustomization.yaml": HEAD + kustomization,
        "patch.yaml": patch,
    }
    return list(read(patch, "patch.yaml", files).launches)


@pytest.mark.parametrize(
    "names", ["patches: [{path: patch.yaml}]\n", "patchesStrategicMerge: [./patch.yaml]\n"]
)
def test_a_patch_is_judged_together_with_its_base(read: Read, argv: Texts, names: str) -> None:
    [found] = of_patch(read, names)
    assert argv(found) == ["--model", "c/d", "--tensor-parallel-size", "2"]
    assert {item.name for item in found.env} == {"MODEL"}
    assert found.image is not None
    assert found.image.text_span is not None
    assert found.image.text_span.path == "../base/deploy.yaml"
    count, card = found.hardware.gpu_count, found.hardware.gpu
    assert isinstance(count, Located)
    assert isinstance(card, Located)
    assert (count.value, card.value, found.path) == (2, "NVIDIA-L4", "patch.yaml")


def test_a_patch_that_leaves_the_server_alone_starts_nothing(read: Read) -> None:
    patch = PATCH.replace("name: server", "name: proxy")
    assert of_patch(read, "patches: [{path: patch.yaml}]\n", patch) == []


def test_a_patch_without_its_base_starts_nothing(read: Read) -> None:
    assert of_patch(read, "patches: [{path: patch.yaml}]\n", base=BASE.replace("llm", "other")) == []


def test_two_bases_of_one_name_are_not_told_apart(read: Read) -> None:
    assert of_patch(read, "patches: [{path: patch.yaml}]\n", base=f"{BASE}---\n{BASE}") == []


def test_a_patch_written_in_the_kustomization(read: Read, argv: Texts) -> None:
    lines = "".join(f"      {line}\n" for line in PATCH.split("\n"))
    [found] = of_kustomization(read, f"patches:\n  - target: {{kind: Deployment}}\n    patch: |-\n{lines}")
    assert argv(found)[-1] == "2"
    place = found.argv[-1].text_span
    assert place is not None
    assert place.path == "kustomization.yaml"


OPERATIONS = """\
patches:
  - target: {kind: Deployment, name: llm}
    patch: |-
      - {op: add, path: /spec/template/spec/containers/1/args/-, value: --enforce-eager}
      - {op: replace, path: /spec/template/spec/containers/1/args/3, value: "4"}
      - {op: add, path: /spec/template/spec/nodeSelector, value: {nvidia.com/gpu.product: NVIDIA-L4}}
      - {op: remove, path: /spec/template/spec/containers/0}
      - {op: replace, path: /spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu, value: 4}
"""


def test_json_operations_change_the_base(read: Read, argv: Texts) -> None:
    [found] = of_kustomization(read, OPERATIONS)
    assert argv(found) == ["--model", "a/b", "--tensor-parallel-size", "4", "--enforce-eager"]
    count = found.hardware.gpu_count
    assert isinstance(count, Located)
    assert count.value == 4


@pytest.mark.parametrize("bad", ["/spec/nothing/here/0", "/spec/template/spec/containers/9/args/-"])
def test_operations_that_lead_nowhere_leave_the_base_alone(read: Read, bad: str) -> None:
    text = f"patches:\n  - target: {{kind: Deployment}}\n    patch: '[{{op: add, path: {bad}, value: x}}]'\n"
    assert of_kustomization(read, text) == []


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("{name: vllm/vllm-openai, newTag: v0.22.1}", "vllm/vllm-openai:v0.22.1"),
        ("{name: vllm/vllm-openai, newName: mirror/vllm-openai}", "mirror/vllm-openai:v0.21.0"),
    ],
)
def test_a_kustomization_names_another_image(read: Read, image: str, expected: str) -> None:
    [found] = of_kustomization(read, f"images: [{image}]\n")
    assert found.image is not None
    assert found.image.text == expected


def test_kustomizations_that_name_each_other_end(read: Read) -> None:
    loop = {"../base/kustomization.yaml": "kind: Kustomization\nresources: [../over, deploy.yaml]\n"}
    loop["../over/kustomization.yaml"] = "kind: Kustomization\nresources: [../base, ../base]\n"
    assert len(of_kustomization(read, "images: [{name: vllm/vllm-openai, newTag: v0.22.1}]\n", loop)) >= 1
