"""What a compose service runs: its own words, else those of the image that it builds.

Rules: Compose Specification, "command", "entrypoint" and "build".
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping as Variables
from typing import TYPE_CHECKING, NamedTuple

from vllint.sources.compose.environment import environment_entries
from vllint.sources.compose.project import Project
from vllint.sources.compose.volumes import config_text, mounts
from vllint.sources.interpolation import interpolate, interpolated
from vllint.text.source import SourceText
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Located, Word

if TYPE_CHECKING:
    from vllint.sources.dockerfile.stages import Stage

Words = tuple[Word, ...]


class Process(NamedTuple):
    """What a container starts with: `entrypoint` is `None` where it is the image's own.

    `parts` are what Compose's variables put into the words. `image` is the image that the container comes
    from in the end, `stage` what a Dockerfile at hand makes of it;
    `context` is the folder that is built.
    """

    entrypoint: Words | None
    command: Words
    image: Word | None
    parts: Words = ()
    stage: Stage | None = None
    context: str = ""

    @property
    def words(self) -> Words:
        """All words."""
        return (self.entrypoint or ()) + self.command

    @property
    def image_environment(self) -> Variables[str, Word]:
        """The variables that the Dockerfile sets."""
        return {} if self.stage is None else self.stage.environment

    @property
    def pinned(self) -> Located[str] | None:
        """The release that the Dockerfile installs."""
        return None if self.stage is None else self.stage.pinned


def service_process(service: Mapping, project: Project) -> Process:
    """Return what a service runs. Raises `CommandStringError` for strings that Compose refuses."""
    variables = project.variables
    own_entrypoint = _said(service.get("entrypoint"), variables)
    own_command = _said(service.get("command"), variables)
    entrypoint, command = own_entrypoint.words, own_command.words
    parts = own_entrypoint.parts + own_command.parts
    image = interpolated_word(service.get("image"), variables)
    context, stage = _built(service.get("build"), project)
    if stage is None:
        return Process(entrypoint, command or (), image, parts)
    from vllint.sources.dockerfile.forms import form_words

    if command is None and entrypoint is None and stage.command is not None:
        command = form_words(stage.command, stage)
    if entrypoint is None and stage.entrypoint is not None:
        entrypoint = form_words(stage.entrypoint, stage)
    return Process(entrypoint, command or (), stage.image, parts, stage, context)


def file_of(path: str, service: Mapping, process: Process, project: Project) -> Word | None:
    """Return the text of a file that the container sees, if it stands in the repository."""
    folder = service.get("working_dir")
    built = "/" if process.stage is None else process.stage.folder
    here = folder.value if isinstance(folder, Scalar) else built
    place = posixpath.normpath(posixpath.join("/", here, path))
    for mount in sorted(mounts(service, project), key=lambda mount: -len(mount.target)):
        target = mount.target.rstrip("/")
        if place == target or place.startswith(f"{target}/"):
            source = f"{mount.source.rstrip('/')}{place[len(target) :]}"
            return _file(source, project) if source.startswith(".") else None
    held = config_text(service, place, project)
    if held is not None or process.stage is None:
        return held
    from vllint.sources.dockerfile.stages import file_at

    def in_context(name: str) -> SourceText | None:
        return None if name.startswith("..") else project.read(posixpath.join(process.context, name))

    return file_at(path, process.stage, in_context)


def _file(place: str, project: Project) -> Word | None:
    source = project.read(place)
    return None if source is None else Word.verbatim(source.text, source.path, 0)


def _built(build: Node | None, project: Project) -> tuple[str, Stage | None]:
    """Return the folder that a service builds, and what the Dockerfile makes of it if that concerns vLLM."""
    if build is None:
        return "", None
    given = build if isinstance(build, Mapping) else None
    context = _text(build if given is None else given.get("context"), ".", project)
    name = _text(None if given is None else given.get("dockerfile"), "Dockerfile", project)
    if context is None or name is None:
        return "", None
    context = project.place(build, context)
    text = _dockerfile(given, posixpath.join(context, name), project)
    if text is None or "vllm" not in text.text.lower():
        return context, None
    from vllint.sources.dockerfile.stages import final_stages

    arguments = {} if given is None else _arguments(given, project)
    stages = final_stages(text, arguments)
    target = _text(None if given is None else given.get("target"), "", project)
    named = [stage for stage in stages if target and stage.name.lower() == target.lower()]
    return context, next(iter(named), None) if target or not stages else stages[-1]


def _arguments(build: Mapping, project: Project) -> Variables[str, Word]:
    entries = environment_entries(build.get("args"), project.variables)
    return {variable.name: variable.value for variable in entries}


def _dockerfile(build: Mapping | None, place: str, project: Project) -> Word | None:
    inline = None if build is None else build.get("dockerfile_inline")
    if isinstance(inline, Scalar):
        return interpolate(inline.word(), project.variables)
    return _file(place, project)


def _text(node: Node | None, default: str, project: Project) -> str | None:
    """Return a scalar's text, variables replaced; `None` where it is not known."""
    if not isinstance(node, Scalar) or node.resolved() is None:
        return default
    word = interpolate(node.word(), project.variables)
    return word.text if word.is_known else None


def interpolated_word(node: Node | None, variables: Variables[str, Word]) -> Word | None:
    """Return a scalar with its variables replaced; `None` where there is none."""
    return interpolate(node.word(), variables) if isinstance(node, Scalar) else None


class _Said(NamedTuple):
    """The words of `command` or `entrypoint`, `None` where it is not said, and what variables put there."""

    words: Words | None = None
    parts: Words = ()


def _said(node: Node | None, variables: Variables[str, Word]) -> _Said:
    """Read `command` or `entrypoint`: a list as it stands, a string split as Compose does."""
    if node is None or node.tag == "!reset":
        return _Said()
    if isinstance(node, Scalar):
        if node.resolved() is None:
            return _Said()
        from vllint.text.shell.words import split_words

        whole = interpolated(node.word(), variables, splits=True)
        return _Said(split_words(whole.as_written), whole.parts)
    if not isinstance(node, Sequence):
        return _Said()
    items = [interpolated(item.word(), variables) for item in node if isinstance(item, Scalar)]
    return _Said(
        tuple(item.as_written for item in items), tuple(part for item in items for part in item.parts)
    )
