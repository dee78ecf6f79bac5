"""Kubernetes manifests: the containers that start vLLM, wherever a pod's specification stands.

Follows the Kubernetes API: `command` replaces the image's entrypoint, `args` its arguments, and `$(NAME)` in
both stands for a variable of the container.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.sources.commands import Script, Start, Surroundings, container_starts
from vllint.sources.containers import claim_with_environment, image_entry_point
from vllint.sources.files import Document, Found
from vllint.sources.image_families import are_for_vllm
from vllint.sources.kubernetes.cluster import Cluster, services_around
from vllint.sources.kubernetes.container import pod_container
from vllint.sources.kubernetes.fields import field_word, filled_in_later
from vllint.sources.kubernetes.hardware import Handed, handed_out, hardware_claim
from vllint.sources.kubernetes.kustomize import is_kustomization, is_patch, overlaid_objects
from vllint.sources.kubernetes.pods import Pod, is_object, pods
from vllint.sources.kubernetes.templates import processed
from vllint.sources.kubernetes.variables import container_environment, expanded
from vllint.sources.kubernetes.volumes import mounted_text
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint.text.yaml.nodes import Sequence as YamlSequence
from vllint.vllm.tokens import config_path
from vllint.vllm.version import image_version
from vllint_schemas import ConfigFile, EntryPoint, Launch, Located, Span, Unknown, Variable, Word

_RUNS_SCRIPT = frozenset({"bash", "sh", "zsh", "dash", "ash", "exec", "source", "."})
_JOINS_CLUSTER = re.compile(
    r"\bray +(?:start|status|symmetric-run)\b|\bKUBERAY_GEN_RAY_START_CMD\b"
    r"|\bmulti-node-serving\.sh\b|\brun_cluster\.sh\b"
)
_KEEPS_SCRIPTS = re.compile(r"(?m)^\s*(?:- )?kind: ConfigMap\b")
_NO_PIN = Unknown("the container installs no release")


class _Container(NamedTuple):
    """A container, its pod, and what it refers to; `variables` are its environment."""

    node: Mapping
    pod: Pod
    cluster: Cluster
    variables: dict[str, Word]


def recognises(root: Node) -> bool:
    """Whether a document is a Kubernetes object, or a kustomization of some."""
    return is_object(root) or is_kustomization(root)


def launches(document: Document) -> Found:
    """Yield the launches of an object, or of the objects in a list."""
    root = processed(document.root)
    if not isinstance(root, Mapping):
        return
    if is_kustomization(root) or is_patch(document.file):
        yield from _overlaid_launches(document)
        return
    cluster = cluster_of(document)
    for pod in pods(root):
        yield from pod_launches(pod, cluster)
    if _KEEPS_SCRIPTS.search(document.file.text):
        from vllint.sources.kubernetes.scripts import kept_script_launches

        yield from kept_script_launches(root, cluster)


def _overlaid_launches(document: Document) -> Found:
    """Yield the launches that a kustomization changes, or a patch that one names, base and patch together."""
    made = overlaid_objects(document.file)
    cluster = Cluster((*document.roots, *made), document.file)
    for found in made:
        for pod in pods(found):
            for container in pod.containers:
                if document.root.span.holds(container.span):
                    yield from container_launches(container, pod, cluster)


def cluster_of(document: Document) -> Cluster:
    """Return what is known of the objects around those of a document."""
    return Cluster(tuple(processed(root) for root in document.roots), document.file)


def pod_launches(pod: Pod, cluster: Cluster) -> Found:
    """Yield the launches of a pod's containers."""
    for container in pod.containers:
        yield from container_launches(container, pod, cluster)


def container_launches(container: Mapping, pod: Pod, cluster: Cluster) -> Found:
    """Yield the servers that a container of a pod starts."""
    image = field_word(container.get("image"))
    if not _may_start(container, pod, image):
        return
    environment = tuple(
        Variable(name, filled_in_later(value))
        for name, value in container_environment(container, pod, cluster)
    )
    one = _Container(container, pod, cluster, {variable.name: variable.value for variable in environment})
    handed = handed_out(container, pod.spec, cluster, pod.namespace)
    seen = claim_with_environment(handed.gpu_count, one.variables, False)
    # Of an image that is to be filled in, what is written may still name vLLM's.
    written = scalar_word(container.get("image"))
    found = tuple(_starts(one, Surroundings(environment, seen, written)))
    if not found:
        return
    services = (service for service in services_around(cluster, "vllm") if service.namespace == pod.namespace)
    given = pod_container(container, pod.spec, services, handed.gpu_count)
    for start in found:
        if start.broken:
            yield broken_shell(start)
        else:
            yield _launch(start, one, image, handed)._replace(container=given)


def _may_start(container: Mapping, pod: Pod, image: Word | None) -> bool:
    """Whether the container's own words say what it starts: a patch leaves the rest to what it changes."""
    is_silent = container.get("command") is None and container.get("args") is None
    if pod.partial:
        return image is not None and not is_silent
    return not is_silent or image_entry_point(image) is not None


def _starts(one: _Container, around: Surroundings) -> Iterator[ScriptStart]:
    """Yield the servers that a container's words start, those of its scripts included."""
    command = _words(one.node.get("command"), one)
    args = _words(one.node.get("args"), one) or ()
    at = (command or args or (None,))[0]
    place = one.node.span if at is None else at.site
    found = tuple(container_starts(command, args, around, place))
    if not found and command is None and _are_for_vllm(args, around.image):
        found = (Start(EntryPoint.API_SERVER, args, place, around),)
    for start in found:
        yield from _started(start, one)
    if not found:
        script = _mounted_script((*(command or ()), *args), one, around)
        if script is not None:
            yield from inner_script_starts(script)


def _are_for_vllm(args: Sequence[Word], image: Word | None) -> bool:
    """Whether an image that is to be filled in is given a model and options that only vLLM has."""
    if image is None or filled_in_later(image).is_known:
        return False
    return any(word.text.partition("=")[0] == "--model" for word in args) and are_for_vllm(args)


def _started(found: Start | Script, one: _Container) -> Iterator[ScriptStart]:
    if isinstance(found, Start):
        argv = tuple(filled_in_later(word) for word in found.argv)
        yield ScriptStart(found._replace(argv=argv), one.node.span, _NO_PIN)
        return
    starts = tuple(inner_script_starts(found))
    yield from starts
    if not starts and "/" in found.text.text:
        for script in _scripts_run_by(found, one):
            yield from inner_script_starts(script)


def _scripts_run_by(found: Script, one: _Container) -> Iterator[Script]:
    """Yield the mounted scripts that a script runs."""
    from vllint.text.shell.commands import evaluate

    for command in evaluate(found.text, one.variables, found.parameters):
        around = found.surroundings.with_variables(command.env)
        script = _mounted_script(command.words, one, around)
        if script is not None:
            yield script


def _mounted_script(words: Sequence[Word], one: _Container, around: Surroundings) -> Script | None:
    """Return the script that the words run, if its text is a file of a ConfigMap mounted here."""
    for position, word in enumerate(words):
        runs = position == 0 or words[position - 1].text.rsplit("/", 1)[-1] in _RUNS_SCRIPT | {
            "--",
            "-x",
            "-e",
        }
        if runs and word.is_known and word.text.startswith("/"):
            text = mounted_text(word.text, one.node, one.pod, one.cluster)
            if isinstance(text, Word) and text.is_known:
                inside = around._replace(shell=around.shell or word)
                return Script(text, inside, tuple(words[position + 1 :]))
    return None


def _launch(found: ScriptStart, one: _Container, image: Word | None, handed: Handed) -> Launch:
    start, around = found.start, found.start.surroundings
    container, pod = one.node, one.pod
    name = container.get("name")
    own = name.value if isinstance(name, Scalar) else "container"
    return Launch(
        path=container.span.path,
        name=f"{pod.name}/{own}",
        kind="kubernetes",
        extent=container.span,
        at=_place(name, start, container),
        entry_point=start.entry_point,
        argv=start.argv,
        hardware=hardware_claim(pod.spec, handed, around.gpu_count),
        vllm_version=found.pinned if isinstance(found.pinned, Located) else image_version(image),
        env=around.environment,
        image=image,
        image_entry_point=around.image_entry_point,
        repeated_launcher=start.repeated_launcher,
        config=_config(start.argv, one),
        together=f"pod {pod.spec.span.start}",
        in_script=around.shell is not None,
        cut_off=start.cut_off,
        not_found=start.not_found,
        nodes=_nodes(one),
    )


def _place(name: Node | None, start: Start, container: Mapping) -> Span:
    """Return the word to point at: the container's name, if it is not another file's."""
    place = name.span if isinstance(name, Scalar) else start.at
    return place if place.path == container.span.path else container.span


def _config(argv: Sequence[Word], one: _Container) -> ConfigFile | Unknown | None:
    """Return the file of `--config`, where a ConfigMap is mounted there."""
    path = config_path(argv)
    if path is None or not path.is_known:
        return None
    text = mounted_text(path.text, one.node, one.pod, one.cluster)
    if not isinstance(text, Word):
        return text
    from vllint.vllm.config_file import read_config_text

    return read_config_text(text, path.text)


def _nodes(one: _Container) -> Located[int] | Unknown | None:
    """Return how many pods may hold the model together: those of the group, or of a Ray cluster."""
    words = (*(_words(one.node.get("command"), one) or ()), *(_words(one.node.get("args"), one) or ()))
    if one.pod.nodes is None and any(_JOINS_CLUSTER.search(word.text) for word in words):
        return Unknown("Ray may place ranks in other pods")
    return one.pod.nodes


def _words(node: Node | None, one: _Container) -> tuple[Word, ...] | None:
    if not isinstance(node, YamlSequence):
        return None
    return tuple(expanded(item, one.variables) for item in scalar_words(node))
