"""Variables of a container: where they come from, and `$(NAME)` as the kubelet expands it."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.kubernetes.variables import expanded
from vllint.sources.readers import Reading
from vllint_schemas import Launch, Word

Read = Callable[..., Reading]
Texts = Callable[[Launch], list[str]]

NAMES = {"A": "one", "LONG_NAME": "$(A)", "a.b-c": "x"}


def kubelet_expands(text: str, values: dict[str, str]) -> str:
    """Expand as `expansion.Expand` of the kubelet does, line by line after its Go source."""
    out = ""
    cursor = checkpoint = 0
    while cursor < len(text):
        if text[cursor] == "$" and cursor + 1 < len(text):
            out += text[checkpoint:cursor]
            rest = text[cursor + 1 :]
            if rest[0] == "$":
                read, advance = "$", 1
            elif rest[0] == "(" and ")" in rest:
                name = rest[1 : rest.index(")")]
                read, advance = values.get(name, f"$({name})"), rest.index(")") + 1
            elif rest[0] == "(":
                read, advance = "$(", 1
            else:
                read, advance = f"${rest[0]}", 1
            out += read
            cursor += advance
            checkpoint = cursor + 1
        cursor += 1
    return out + text[checkpoint:]


def as_written(word: Word) -> str:
    """Return a word's text with holes filled by what the kubelet leaves standing."""
    text = word.text
    for hole in reversed(word.holes):
        name = hole.reason.split("`")[1]
        text = f"{text[: hole.at]}{name}{text[hole.at :]}"
    return text


@given(
    st.lists(
        st.sampled_from(["$", "$$", "(", ")", "$(A)", "$(LONG_NAME)", "$(NO)", "$(a.b-c)", "A", " ", "x"])
    )
)
def test_references_are_expanded_as_the_kubelet_does(parts: list[str]) -> None:
    text = "".join(parts)
    variables = {name: Word.verbatim(value, "f", 1000) for name, value in NAMES.items()}
    assert as_written(expanded(Word.verbatim(text, "f", 0), variables)) == kubelet_expands(text, NAMES)


def manifest(container: str, rest: str = "") -> str:
    """Return a pod with these keys of its container, and other documents."""
    lines = "".join(f"      {line}\n" for line in container.strip("\n").split("\n"))
    head = "apiVersion: v1\nkind: Pod\nmetadata: {name: chat}\nspec:\n  containers:\n"
    return f"{head}    - name: c\n      image: vllm/vllm-openai:v0.22.1\n{lines}{rest}"


def one(read: Read, text: str, beside: dict[str, str] | None = None) -> Launch:
    """Return the one launch of a manifest."""
    [found] = read(text, "chat.yaml", beside).launches
    return found


def environment(launch: Launch) -> dict[str, str | None]:
    """Return the variables as text; those that are not known are `None`."""
    return {item.name: item.value.text if item.value.is_known else None for item in launch.env}


CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  MODEL: a/b
  TP: "2"
  not-a-name: x
"""
FROM = """\
args: ["--model", "$(P_MODEL)", "--tensor-parallel-size", "$(TP)"]
envFrom:
  - {prefix: P_, configMapRef: {name: settings}}
env:
  - {name: TP, valueFrom: {configMapKeyRef: {name: settings, key: TP}}}
"""


@pytest.mark.parametrize("beside", [False, True])
def test_a_configmap_gives_its_values_with_their_places(read: Read, argv: Texts, beside: bool) -> None:
    text = manifest(FROM, "" if beside else "---\n" + CONFIG)
    files = {"./": "chat.yaml\nconfig.yaml", "config.yaml": CONFIG} if beside else None
    found = one(read, text, files)
    assert argv(found) == ["--model", "a/b", "--tensor-parallel-size", "2"]
    assert environment(found) == {"P_MODEL": "a/b", "P_TP": "2", "TP": "2"}
    place = found.argv[1].text_span
    assert place is not None
    assert place.path == ("config.yaml" if beside else "chat.yaml")


def test_later_variables_name_earlier_ones_and_none_that_come_after(read: Read) -> None:
    env = """\
args: ["--model", "$(A)"]
env:
  - {name: A, value: "$(B)-$(C)"}
  - {name: B, value: b}
  - {name: D, value: "$(B)$$(B)"}
"""
    assert environment(one(read, manifest(env))) == {"A": None, "B": "b", "D": "b$(B)"}


def test_what_only_the_cluster_knows_is_unknown_and_says_why(read: Read) -> None:
    env = """\
args: ["--model", a/b]
env:
  - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  - {name: TOKEN, valueFrom: {secretKeyRef: {name: hf, key: token, optional: true}}}
  - {name: M, valueFrom: {configMapKeyRef: {name: settings, key: nothing}}}
"""
    reasons = [item.value.reason for item in one(read, manifest(env, "---\n" + CONFIG)).env]
    assert reasons == [
        "`IP` is the pod's own `status.podIP`",
        "`TOKEN` comes from elsewhere: the Secret `hf` is not at hand",
        "the ConfigMap `settings` here has no `nothing`",
    ]


def test_a_secret_gives_what_is_not_called_a_secret(read: Read, argv: Texts) -> None:
    encoded = base64.b64encode(b"a/b").decode()
    secret = f"""\
---
apiVersion: v1
kind: Secret
metadata: {{name: s}}
data: {{MODEL: {encoded}, BAD: "*"}}
stringData: {{API_KEY: abcdefgh, PORT: "9000"}}
"""
    keys = (
        'args: ["--model", "$(MODEL)", "--port", "$(PORT)", "--seed", "$(BAD)", "--api-key", "$(API_KEY)"]\n'
    )
    found = one(read, manifest(keys + "envFrom: [{secretRef: {name: s}}]", secret))
    assert argv(found)[1::2] == ["a/b", "9000", "?", "?"]
    assert "abcdefgh" not in repr(found)


def test_two_objects_of_one_name_are_not_told_apart(read: Read) -> None:
    files = {"./": "chat.yaml\ndev.yaml\nprod.yaml", "dev.yaml": CONFIG, "prod.yaml": CONFIG}
    found = one(read, manifest(FROM), files)
    assert not found.argv[1].is_known
    assert "several objects" in found.argv[3].reason


def test_a_configmap_of_another_namespace_is_another_one(read: Read) -> None:
    text = manifest(FROM, "---\n" + CONFIG.replace("settings}", "settings, namespace: other}"))
    text = text.replace("{name: chat}", "{name: chat, namespace: here}")
    assert not one(read, text).argv[3].is_known


def test_a_kustomization_generates_configmaps(read: Read, argv: Texts) -> None:
    kustomization = """\
kind: Kustomization
configMapGenerator:
  - name: settings
    envs: [model.env]
    literals: [TP=4]
"""
    files = {"kustomization.yaml": kustomization, "model.env": "MODEL=a/b\n"}
    assert argv(one(read, manifest(FROM), files)) == ["--model", "a/b", "--tensor-parallel-size", "4"]
