"""docker-compose files: the services that start vLLM.

Follows the Compose Specification: entrypoint and command, interpolation, GPU reservations.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vllint.sources.commands import Start, Surroundings, container_starts
from vllint.sources.compose.company import Company, running_together
from vllint.sources.compose.environment import service_environment
from vllint.sources.compose.gpus import service_gpu_count
from vllint.sources.compose.process import Process, file_of, service_process
from vllint.sources.compose.project import Project, Service, read_projects
from vllint.sources.compose.volumes import mounts
from vllint.sources.files import Document, Found
from vllint.sources.interpolation import from_variables
from vllint.sources.script_files import script_files
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint.vllm.version import image_version, split_image
from vllint_schemas import HardwareClaim, Launch, Located, SourceProblem, Unknown, Word
from vllint_schemas.launch import NO_GPU_CLAIM

_OWN_OPTIONS = ("--gpu-memory-utilization", "--max-model-len", "--max-num-batched-tokens")
"""Options of vLLM that no other server has, so that they tell what an unnamed image starts."""

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
    for project in read_projects(document):
        company = Company(project)
        for service in project.services:
            if not service.owned:
                continue
            try:
                yield from _service_launches(service, project, company)
            except ValueError as error:
                from vllint.text.shell.words import CommandStringError

                if not isinstance(error, CommandStringError):
                    raise
                yield SourceProblem("not_parsed", str(error), error.span)


def _service_launches(
    service: Service, project: Project, company: Company
) -> Iterator[Launch | SourceProblem]:
    process = service_process(service.node, project)
    if not _may_start(service, process, project):
        return
    environment = service_environment(service.node, project, process.image_environment)
    count = service_gpu_count(service.node, environment, project.variables, process.image)
    around = Surroundings(environment, count, process.image)
    for number, found in enumerate(_starts(service, process, project, around), start=1):
        if found.broken:
            yield broken_shell(found)
        else:
            name = service.key.value if number == 1 else f"{service.key.value}-{number}"
            yield _launch(name, found, service, process, project, company)


def _may_start(service: Service, process: Process, project: Project) -> bool:
    """Whether it is worth asking what else a service says: most start no vLLM."""
    image = process.image
    if image is not None and "vllm" in image.text:
        return True
    if not process.words:
        return False
    return any(True for _ in _starts(service, process, project, Surroundings(image=image)))


def _launch(
    name: str, found: ScriptStart, service: Service, process: Process, project: Project, company: Company
) -> Launch:
    from vllint.sources.compose.container import service_container

    key, node = service.key, service.node
    around = found.start.surroundings
    return Launch(
        path=key.span.path,
        name=name,
        kind="compose",
        extent=key.span.cover(node.span),
        at=key.span,
        entry_point=found.start.entry_point,
        argv=_with_origins(found.start.argv, process),
        hardware=HardwareClaim(NO_GPU_CLAIM, around.gpu_count),
        vllm_version=_version(found, process),
        env=around.environment,
        image=process.image,
        image_entry_point=around.image_entry_point,
        mounts=tuple(mounts(node, project)),
        repeated_launcher=found.start.repeated_launcher,
        container=service_container(service, project, company, around.environment),
        together=running_together(node),
        in_script=around.shell is not None,
        cut_off=found.start.cut_off,
        not_found=found.start.not_found,
    )


def _with_origins(words: tuple[Word, ...], process: Process) -> tuple[Word, ...]:
    if not process.parts:
        return words
    return tuple(from_variables(word, process.parts) for word in words)


def _version(found: ScriptStart, process: Process) -> Located[str] | Unknown:
    """Return the release that the script installs, else the Dockerfile, else the image's."""
    if isinstance(found.pinned, Located):
        return found.pinned
    return image_version(process.image) if process.pinned is None else process.pinned


def _starts(
    service: Service, process: Process, project: Project, around: Surroundings
) -> Iterator[ScriptStart]:
    """Yield the servers that a service starts, those of its scripts included."""
    node, words = service.node, process.words
    file_at = partial(file_of, service=node, process=process, project=project)
    environment = {variable.name: variable.value for variable in around.environment}
    scripted = False
    for script in script_files(words, around, environment, file_at):
        for start in inner_script_starts(script):
            scripted = True
            yield start
    at = words[0].site if words else node.span
    likely = _likely_image(service, process)
    around = around if likely is None else around._replace(image=likely)
    for found in container_starts(process.entrypoint, process.command, around, at):
        if not isinstance(found, Start):
            yield from inner_script_starts(found)
        elif not scripted and (found.argv or found.launcher or service.partial is None):
            # Without words the image starts its default, unless another file brings them.
            yield ScriptStart(found, node.span, Unknown("the service installs no release"))


def _likely_image(service: Service, process: Process) -> Word | None:
    """Return the name of the image that words without a launcher are for, where the file leaves it open.

    `${VLLM_IMAGE}` and images that are built elsewhere start vLLM when they are given vLLM's options.
    """
    image = process.image
    if process.entrypoint is not None or not process.command or (image is not None and not _is_open(image)):
        return None
    node = service.node.get("image")
    names = f"{service.key.value} {node.value if isinstance(node, Scalar) else ''}".lower()
    options = {word.text.partition("=")[0].replace("_", "-") for word in process.command}
    if options.isdisjoint(_OWN_OPTIONS) and not ("vllm" in names and "--model" in options):
        return None
    return Word.atomic("built/vllm-openai", process.command[0].site)


def _is_open(image: Word) -> bool:
    """Whether a variable stands in an image's name, as in `${REGISTRY}/llm`; its tag does not matter."""
    repository = split_image(image.text).repository
    return any(hole.at <= len(repository) for hole in image.holes)
