"""Ansible: the tasks of playbooks and roles that start vLLM, by a command or in a container.

Follows `ansible.builtin` (`shell`, `command`), `community.docker.docker_container` and
`containers.podman.podman_container`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.ansible_variables import filled, literal_variables, role_variables
from vllint.sources.commands import Surroundings, container_starts, starts_in
from vllint.sources.containers import claim_with_environment, visible_devices
from vllint.sources.deployments import Deployment, deployed
from vllint.sources.files import Document, File, Found
from vllint.sources.kubernetes.fields import mappings_in
from vllint.sources.shell import shell_launches
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import HardwareClaim, Launch, Located, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

_COMMANDS = frozenset({"shell", "command", "raw", "script"})
_CONTAINERS = frozenset({"docker_container", "podman_container"})
_PLAY_KEYS = ("hosts", "tasks", "roles", "import_playbook", "pre_tasks", "post_tasks")
_TASK_LISTS = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")
_TASK_KEYS = frozenset(
    {
        "name", "register", "when", "become", "become_user", "tags", "notify", "changed_when", "loop",
        "with_items", "args", "environment", "vars", "delegate_to", "block", "ignore_errors", "async", "poll",
    }
)  # fmt: skip
_MAX_DEPTH = 30


class _Task(NamedTuple):
    """A task, the variables it may name, and those of its process."""

    node: Mapping
    variables: dict[str, Word]
    environment: dict[str, Node]
    file: File

    def word(self, node: Node | None) -> Word | None:
        """Return a scalar's text, variables filled in; `None` for what says nothing."""
        if not isinstance(node, Scalar) or node.resolved() is None:
            return None
        return filled(node.word(), self.variables)

    def words(self, node: Node | None) -> tuple[Word, ...] | None:
        """Return the words of a list, or of a text as the modules split it."""
        if isinstance(node, Sequence):
            return tuple(word for item in node if (word := self.word(item)) is not None)
        word = self.word(node)
        if word is None:
            return None
        from vllint.text.shell.words import CommandStringError, split_words

        try:
            return split_words(word)
        except CommandStringError as error:
            return (Word.unknown(f"the text is no command: {error}", word.site, splits=True),)

    @property
    def process_variables(self) -> tuple[Variable, ...]:
        """The variables that the task sets for what it runs."""
        return tuple(self.assigned(self.environment))

    def assigned(self, nodes: dict[str, Node]) -> Iterator[Variable]:
        """Yield the variables that nodes by their names give values."""
        for name, node in nodes.items():
            word = self.word(node)
            if word is not None:
                yield Variable(name, word)

    @property
    def name(self) -> str:
        """What the task is called."""
        name = self.node.get("name")
        return name.value if isinstance(name, Scalar) else "task"


def recognises(root: Node) -> bool:
    """Whether a document is a playbook or a list of tasks."""
    if not isinstance(root, Sequence):
        return False
    items = tuple(root)[:20]
    return bool(items) and all(isinstance(item, Mapping) and _is_play_or_task(item) for item in items)


def _is_play_or_task(item: Mapping) -> bool:
    if any(item.get(key) is not None for key in _PLAY_KEYS):
        return True
    keys = {key.value for key, _ in item.items() if isinstance(key, Scalar)}
    return bool(keys & _TASK_KEYS) and ("block" in keys or any(_module(key) or "." in key for key in keys))


def _module(key: str) -> str:
    """Return the short name of a module that may start a server; empty for other keys."""
    name = key.rpartition(".")[2]
    return name if name in _COMMANDS | _CONTAINERS else ""


def launches(document: Document) -> Found:
    """Yield what the tasks of a document start."""
    for task in _tasks(document.root, role_variables(document.file), {}, document.file, 0):
        for key, value in task.node.items():
            module = _module(key.value) if isinstance(key, Scalar) else ""
            if module in _CONTAINERS and isinstance(value, Mapping):
                yield from _container_launches(task, value)
            elif module in _COMMANDS:
                yield from _command_launches(task, value)


def _tasks(
    node: Node, variables: dict[str, Word], environment: dict[str, Node], file: File, depth: int
) -> Iterator[_Task]:
    """Yield the tasks of plays and blocks, each with what holds around it."""
    for item in mappings_in(node) if depth < _MAX_DEPTH else ():
        known = {**variables, **literal_variables(item.get("vars"))}
        given = {**environment, **_nodes(item.get("environment"))}
        lists = [item.get(name) for name in _TASK_LISTS if isinstance(item.get(name), Sequence)]
        for tasks in lists:
            if tasks is not None:
                yield from _tasks(tasks, known, given, file, depth + 1)
        if not lists:
            yield _Task(item, known, given, file)


def _nodes(node: Node | None) -> dict[str, Node]:
    if not isinstance(node, Mapping):
        return {}
    return {key.value: value for key, value in node.items() if isinstance(key, Scalar)}


def _command_launches(task: _Task, value: Node) -> Found:
    fields = value if isinstance(value, Mapping) else task.node.get("args")
    environment = task.process_variables
    text = task.word(value)
    if text is None and isinstance(fields, Mapping):
        text = task.word(fields.get("cmd") or fields.get("_raw_params"))
    if text is not None:
        for found in shell_launches(text, "ansible", environment):
            yield _named(found, task) if isinstance(found, Launch) else found
        return
    argv = task.words(fields.get("argv")) if isinstance(fields, Mapping) else None
    if argv:
        around = Surroundings().with_variables(environment)
        yield from deployed(
            _deployment(task, HardwareClaim(NO_GPU_CLAIM, around.gpu_count), environment, None),
            starts_in(argv, around),
        )


def _named(launch: Launch, task: _Task) -> Launch:
    """Return a launch under the name of its task."""
    return launch._replace(name=task.name, extent=task.node.span, path=task.file.path)


def _deployment(
    task: _Task, hardware: HardwareClaim, environment: tuple[Variable, ...], image: Word | None
) -> Deployment:
    return Deployment(
        path=task.file.path,
        name=task.name,
        kind="ansible",
        extent=task.node.span,
        hardware=hardware,
        environment=environment,
        image=image,
        release=image_version(image),
    )


def _container_launches(task: _Task, module: Mapping) -> Found:
    image = task.word(module.get("image"))
    command = task.words(module.get("command")) or ()
    entrypoint = task.words(module.get("entrypoint"))
    environment = tuple(task.assigned(_nodes(module.get("env"))))
    variables = {variable.name: variable.value for variable in environment}
    runtime = task.word(module.get("runtime"))
    nvidia = runtime is not None and runtime.text == "nvidia"
    count = claim_with_environment(_devices(task, module), variables, nvidia)
    around = Surroundings(gpu_count=count, image=image)._replace(environment=environment)
    at = task.node.span if image is None else image.site
    claim = HardwareClaim(NO_GPU_CLAIM, count)
    deployment = _deployment(task, claim, environment, image)
    for found in deployed(deployment, container_starts(entrypoint, command, around, at)):
        name = task.word(module.get("name"))
        if isinstance(found, Launch) and name is not None and name.is_known:
            found = found._replace(name=name.text)
        yield found


def _devices(task: _Task, module: Mapping) -> Located[int | AllGpus] | Unknown:
    """Return the GPUs that `device_requests`, or podman's `device` and `gpus`, hand out."""
    for request in mappings_in(module.get("device_requests")):
        ids, count = request.get("device_ids"), task.word(request.get("count"))
        if isinstance(ids, Sequence) and len(ids):
            return Located(len(ids), ids.span)
        if count is None:
            continue
        if not count.is_known:
            return Unknown(count.reason)
        if count.text == "-1":
            return Located("all", count.span, count.origin, count.via)
        if count.text.isdecimal():
            return Located(int(count.text), count.span, count.origin, count.via)
    devices = task.words(module.get("device") or module.get("devices")) or ()
    gpus = [word for word in devices if word.text.startswith("nvidia.com/gpu=")]
    if gpus:
        return (
            visible_devices(gpus[0].slice(len("nvidia.com/gpu=")))
            if len(gpus) == 1
            else Located(len(gpus), gpus[0].span)
        )
    return NO_COUNT_CLAIM
