"""Dockerfiles: what an image built from one starts, by the Dockerfile reference."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vllint.neighbours import Neighbour
from vllint.sources.commands import Start, Surroundings, container_starts
from vllint.sources.containers import claim_with_environment
from vllint.sources.dockerfile.forms import form_words
from vllint.sources.dockerfile.stages import Stage, file_at, final_stages
from vllint.sources.files import File, Found
from vllint.sources.script_files import script_files
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts
from vllint.vllm.version import image_version
from vllint_schemas import HardwareClaim, Launch, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_NAMES_MODEL = ("--model", "--config")
_COMMAND_TO_COME = "what comes behind the image's name is given when a container is run"


def recognises(file: File) -> bool:
    """Whether the first instruction is FROM, after comments and ARG."""
    return is_dockerfile(file.text)


def is_dockerfile(text: str) -> bool:
    """Whether the first instruction of a text is FROM, after comments and ARG."""
    for line in text.removeprefix("\ufeff").splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            name = stripped.split(None, 1)[0].upper()
            if name != "ARG":
                return name == "FROM" and " " in stripped
    return False


def launches(file: File) -> Found:
    """Yield what containers of the images start that can be built from the file."""
    yield from image_launches(file.whole, file.neighbour)


def image_launches(text: Word, neighbour: Neighbour) -> Found:
    """Yield what containers start whose image is built from the Dockerfile `text`."""
    stages = final_stages(text)
    for stage in stages:
        if stage.entrypoint is None and stage.command is None:
            continue
        name = stage.name if stage is not stages[-1] and stage.name else "image"
        for found in _starts(stage, neighbour):
            yield broken_shell(found) if found.broken else _launch(found, stage, name, text)


def _starts(stage: Stage, neighbour: Neighbour) -> Iterator[ScriptStart]:
    environment = tuple(Variable(name, value) for name, value in stage.environment.items())
    count = claim_with_environment(NO_COUNT_CLAIM, stage.environment, False)
    around = Surroundings(environment, count, stage.image)
    entrypoint = None if stage.entrypoint is None else form_words(stage.entrypoint, stage)
    command = () if stage.command is None else form_words(stage.command, stage)
    at = (stage.command or stage.entrypoint or Word.unknown("", Span("", 0, 0))).site
    file_of_image = partial(file_at, stage=stage, neighbour=neighbour)
    words = (entrypoint or ()) + command
    scripts = script_files(words, around, stage.environment, file_of_image) if stage.copied else ()
    found_in_scripts = [inner for script in scripts for inner in inner_script_starts(script)]
    if found_in_scripts:
        yield from (inner._replace(extent=at) for inner in found_in_scripts)
        return
    for found in container_starts(entrypoint, command, around, at):
        if isinstance(found, Start):
            yield ScriptStart(_completed(found, stage), at, Unknown(""))
            continue
        yield from inner_script_starts(found)


def _completed(start: Start, stage: Stage) -> Start:
    """Return the start with words to come, where the image leaves the model to who runs it."""
    given = stage.command or stage.entrypoint
    if given is None or start.surroundings.shell is not None or _names_model(start.argv):
        return start
    site = given.site
    to_come = Word.unknown(_COMMAND_TO_COME, Span(site.path, site.end, site.end), splits=True)
    return start._replace(argv=(*start.argv, to_come))


def _names_model(argv: tuple[Word, ...]) -> bool:
    if argv and not argv[0].text.startswith("-"):
        return True
    return any(word.text.startswith(_NAMES_MODEL) for word in argv)


def _launch(found: ScriptStart, stage: Stage, name: str, text: Word) -> Launch:
    start, around = found.start, found.start.surroundings
    pinned = found.pinned if isinstance(found.pinned, Located) else stage.pinned
    own_file = start.at.path == text.site.path
    return Launch(
        path=text.site.path,
        name=name,
        kind="dockerfile",
        extent=found.extent,
        at=start.at if own_file else found.extent,
        entry_point=start.entry_point,
        argv=start.argv,
        hardware=HardwareClaim(NO_GPU_CLAIM, around.gpu_count),
        vllm_version=pinned or image_version(stage.image),
        env=around.environment,
        image=stage.image,
        image_entry_point=around.image_entry_point,
        repeated_launcher=start.repeated_launcher,
        not_found=start.not_found,
        in_script=not own_file or (around.shell is not None and bool(stage.copied)),
    )
