"""docker-compose files: the services that start vLLM.

Follows the Compose Specification: entrypoint and command, interpolation, GPU reservations.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Variables
from typing import NamedTuple

from vllint.sources.commands import Script, Start, Surroundings, container_starts
from vllint.sources.compose_gpus import service_gpu_count
from vllint.sources.containers import variable_of
from vllint.sources.env_files import project_variables
from vllint.sources.files import Document, Found
from vllint.sources.interpolation import interpolate
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts
from vllint.text.yaml_nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import (
    HardwareClaim,
    Launch,
    Located,
    Mount,
    SourceProblem,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_GPU_CLAIM


class _ServiceWords(NamedTuple):
    """A service's entrypoint, `None` where it is the image's own, and its command."""

    entrypoint: tuple[Word, ...] | None
    command: tuple[Word, ...]


_SERVICE_KEYS = ("image", "build", "command", "entrypoint", "extends")


def recognises(root: Node) -> bool:
    """Whether a document is a compose file: `services` that look like services."""
    services = root.get("services") if isinstance(root, Mapping) else None
    if not isinstance(services, Mapping):
        return False
    return any(
        isinstance(service, Mapping) and any(service.get(key) is not None for key in _SERVICE_KEYS)
        for _, service in services.items()
    )


def launches(document: Document) -> Found:
    """Yield the launches of a compose file."""
    services = document.root.get("services") if isinstance(document.root, Mapping) else None
    if not isinstance(services, Mapping):
        return
    variables = project_variables(document.file)
    for key, service in services.items():
        if isinstance(service, Mapping) and isinstance(key, Scalar):
            try:
                yield from _service_launches(key, service, services, variables)
            except ValueError as error:
                from vllint.text.shell_words import CommandStringError

                if not isinstance(error, CommandStringError):
                    raise
                yield SourceProblem("not_parsed", str(error), error.span)


def _service_launches(
    key: Scalar, service: Mapping, services: Mapping, variables: Variables[str, Word]
) -> Iterator[Launch | SourceProblem]:
    image = _word(service.get("image"), variables)
    words = _ServiceWords(
        _words(service.get("entrypoint"), variables), _words(service.get("command"), variables) or ()
    )
    if not any(True for _ in _found(words, Surroundings(image=image), service)):
        # Most services start no vLLM, and what else they say is not asked for.
        return
    environment = tuple(_environment(service.get("environment"), variables))
    gpu_count = service_gpu_count(service, environment, variables)
    surroundings = Surroundings(environment, gpu_count, image)
    from vllint.sources.compose_container import running_together, service_container

    container = service_container(key, service, services, environment, variables)
    for number, found in enumerate(_starts(words, surroundings, service), start=1):
        if found.broken:
            yield broken_shell(found)
            continue
        around = found.start.surroundings
        yield Launch(
            path=key.span.path,
            name=key.value if number == 1 else f"{key.value}-{number}",
            kind="compose",
            extent=key.span.cover(service.span),
            at=key.span,
            entry_point=found.start.entry_point,
            argv=found.start.argv,
            hardware=HardwareClaim(NO_GPU_CLAIM, around.gpu_count),
            vllm_version=_version(image, found),
            env=around.environment,
            image=image,
            image_entry_point=around.image_entry_point,
            mounts=tuple(_mounts(service.get("volumes"), variables)),
            repeated_launcher=found.start.repeated_launcher,
            container=container,
            together=running_together(service),
            in_script=around.shell is not None,
        )


def _version(image: Word | None, found: ScriptStart) -> Located[str] | Unknown:
    """Return the release that the script installs, else the image's."""
    if isinstance(found.pinned, Located):
        return found.pinned
    return image_version(image)


def _found(words: _ServiceWords, around: Surroundings, service: Mapping) -> Iterator[Start | Script]:
    """Yield the servers and scripts that a service's words start."""
    first = next(iter((words.entrypoint or ()) + words.command), None)
    at = service.span if first is None else first.site
    return container_starts(words.entrypoint, words.command, around, at)


def _starts(words: _ServiceWords, around: Surroundings, service: Mapping) -> Iterator[ScriptStart]:
    """Yield the servers that a service starts, those of its scripts included."""
    for found in _found(words, around, service):
        if isinstance(found, Start):
            yield ScriptStart(found, service.span, Unknown("the service installs no release"))
        else:
            yield from inner_script_starts(found)


def _word(node: Node | None, variables: Variables[str, Word]) -> Word | None:
    if not isinstance(node, Scalar):
        return None
    return interpolate(node.word(), variables)


def _words(node: Node | None, variables: Variables[str, Word]) -> tuple[Word, ...] | None:
    """Return the words of `command` or `entrypoint`: a list as it stands, a string split as Compose does."""
    if isinstance(node, Scalar):
        if node.resolved() is None:
            return None
        from vllint.text.shell_words import split_words

        return split_words(interpolate(node.word(), variables, splits=True))
    if isinstance(node, Sequence):
        return tuple(interpolate(item.word(), variables) for item in node if isinstance(item, Scalar))
    return None


def _environment(node: Node | None, variables: Variables[str, Word]) -> Iterator[Variable]:
    """Yield the variables of `environment`, a mapping or a list of `NAME=value`."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(key, Scalar) and isinstance(value, Scalar):
                if value.resolved() is None:
                    yield Variable(key.value, _passed_on(key, variables))
                else:
                    yield Variable(key.value, interpolate(value.word(), variables))
    elif isinstance(node, Sequence):
        for item in node:
            if isinstance(item, Scalar):
                variable = variable_of(interpolate(item.word(), variables))
                known = variables.get(variable.name) if "=" not in item.value else None
                yield variable if known is None else Variable(variable.name, known)


def _passed_on(key: Scalar, variables: Variables[str, Word]) -> Word:
    known = variables.get(key.value)
    if known is not None:
        return known
    return Word.unknown(f"`{key.value}` is passed on from the environment", key.span)


def _mounts(node: Node | None, variables: Variables[str, Word]) -> Iterator[Mount]:
    """Yield the bind mounts of `volumes`, in the short form `SOURCE:TARGET` and the long one."""
    for item in node if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar):
            source, colon, rest = interpolate(item.word(), variables).text.partition(":")
            if colon and source.startswith((".", "/", "~")):
                yield Mount(source, rest.partition(":")[0])
        elif isinstance(item, Mapping):
            origin, target = (_word(item.get(key), variables) for key in ("source", "target"))
            if origin is not None and target is not None:
                yield Mount(origin.text, target.text)
