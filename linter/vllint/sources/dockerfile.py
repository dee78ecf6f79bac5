"""Dockerfiles: what an image built from one starts, by the Dockerfile reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vllint.sources.commands import Start, Surroundings, container_starts
from vllint.sources.containers import claim_with_environment
from vllint.sources.files import File, Found
from vllint.sources.interpolation import interpolate
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts
from vllint.text.json_tree import parse_json
from vllint.text.tree_builder import YamlProblem
from vllint.text.yaml_nodes import Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import HardwareClaim, Launch, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)[ \t]+")
_FROM = re.compile(r"(?:--\S+[ \t]+)*(\S+)(?:[ \t]+[Aa][Ss][ \t]+(\S+))?")
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:[^\s\\]|\\.)*)")
_OLD_ENV = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]+(.*\S)", re.DOTALL)
_PIN = re.compile(r"\bvllm(?:\[[^\]]*\])?==([0-9][0-9A-Za-z.]*)")


class Instruction(NamedTuple):
    """One instruction: its name in capitals, and its arguments without continuations and comments."""

    name: str
    arguments: Word


class Stage(NamedTuple):
    """What a build stage has come to: what it starts, and in which environment."""

    image: Word | None = None
    environment: Mapping[str, Word] = {}
    entrypoint: Word | None = None
    command: Word | None = None
    pinned: Located[str] | None = None


def recognises(file: File) -> bool:
    """Whether the first instruction is FROM, after comments and ARG."""
    for line in file.text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            name = stripped.split(None, 1)[0].upper()
            if name != "ARG":
                return name == "FROM"
    return False


def launches(file: File) -> Found:
    """Yield what a container of the last stage starts."""
    text = file.whole
    stage = _last_stage(text)
    if stage is None or (stage.entrypoint is None and stage.command is None):
        return
    environment = tuple(Variable(name, value) for name, value in stage.environment.items())
    count = claim_with_environment(NO_COUNT_CLAIM, stage.environment, False)
    around = Surroundings(environment, count, stage.image)
    entrypoint = None if stage.entrypoint is None else _words(stage.entrypoint)
    command = () if stage.command is None else _words(stage.command)
    at = (stage.command or stage.entrypoint or text).site
    for found in container_starts(entrypoint, command, around, at):
        if isinstance(found, Start):
            yield _launch(ScriptStart(found, at, Unknown("")), stage, text)
            continue
        for start in inner_script_starts(found):
            yield broken_shell(start) if start.broken else _launch(start, stage, text)


def _launch(found: ScriptStart, stage: Stage, text: Word) -> Launch:
    start, around = found.start, found.start.surroundings
    pinned = found.pinned if isinstance(found.pinned, Located) else stage.pinned
    return Launch(
        path=text.site.path,
        name="image",
        kind="dockerfile",
        extent=found.extent,
        at=start.at,
        entry_point=start.entry_point,
        argv=start.argv,
        hardware=HardwareClaim(NO_GPU_CLAIM, around.gpu_count),
        vllm_version=pinned or image_version(stage.image),
        env=around.environment,
        image=stage.image,
        image_entry_point=around.image_entry_point,
        repeated_launcher=start.repeated_launcher,
    )


def _last_stage(text: Word) -> Stage | None:
    """Run through the instructions; a stage that starts from another one inherits it."""
    stages: dict[str, Stage] = {}
    current = ""
    variables: dict[str, Word] = {}
    for name, arguments in _instructions(text):
        if name == "ARG":
            variables.update(_pairs(arguments, variables))
        elif name == "FROM":
            current, stage = _from(arguments, variables, stages)
            stages[current] = stage
        elif current in stages:
            stages[current] = _changed(stages[current], name, arguments, variables)
    return stages.get(current)


def _from(arguments: Word, variables: Mapping[str, Word], stages: Mapping[str, Stage]) -> tuple[str, Stage]:
    """Return a stage's name and what it starts from: an image, or an earlier stage."""
    match = _FROM.match(arguments.text)
    if match is None:
        return "", Stage()
    image = interpolate(arguments.slice(*match.span(1)), variables)
    base = stages.get(image.text.lower()) if image.is_known else None
    return (match.group(2) or f"#{len(stages)}").lower(), base or Stage(image)


def _changed(stage: Stage, name: str, arguments: Word, variables: Mapping[str, Word]) -> Stage:
    if name == "ENV":
        pairs = _pairs(arguments, {**variables, **stage.environment})
        return stage._replace(environment={**stage.environment, **pairs})
    if name == "ENTRYPOINT":
        # A new entrypoint forgets the command that came with the base image.
        return stage._replace(entrypoint=arguments, command=None)
    if name == "CMD":
        return stage._replace(command=arguments)
    if name == "RUN":
        match = _PIN.search(arguments.text)
        if match is not None:
            part = arguments.slice(*match.span(1))
            return stage._replace(pinned=Located(match.group(1), part.span))
    return stage


def _pairs(arguments: Word, variables: Mapping[str, Word]) -> dict[str, Word]:
    """Return the variables of `NAME=value ...`, or of the old `ENV NAME value`."""
    found: dict[str, Word] = {}
    matches = list(_PAIR.finditer(arguments.text))
    old = None if matches else _OLD_ENV.match(arguments.text)
    if old is not None:
        return {old[1]: interpolate(arguments.slice(*old.span(2)), variables)}
    for match in matches:
        start, end = match.span(2)
        quoted = end - start >= 2 and arguments.text[start] in "\"'"
        value = arguments.slice(start + 1, end - 1) if quoted else arguments.slice(start, end)
        found[match[1]] = interpolate(value, variables)
    return found


def _words(arguments: Word) -> tuple[Word, ...]:
    """Return the words of the exec form (a JSON array), else those of the shell that runs the text."""
    if arguments.text.lstrip().startswith("["):
        try:
            root = parse_json(arguments)
        except YamlProblem:
            root = None
        if isinstance(root, Sequence):
            return tuple(item.word() for item in root if isinstance(item, Scalar))
    site = Span(arguments.site.path, arguments.site.start, arguments.site.start)
    return (Word.atomic("/bin/sh", site), Word.atomic("-c", site), arguments)


def _instructions(text: Word) -> Iterator[Instruction]:
    """Yield the instructions; a backslash at the end of a line continues, comment lines are left out."""
    parts: list[Word] = []
    name = ""
    for start, end in _lines(text.text):
        line = text.text[start:end]
        if line.lstrip().startswith("#") or (not line.strip() and parts):
            continue
        if not parts:
            match = _INSTRUCTION.match(line)
            if match is None:
                continue
            name = match[1].upper()
            start += match.end()
        continued = line.rstrip().endswith("\\")
        stop = start + text.text[start:end].rstrip().rfind("\\") if continued else end
        parts.append(text.slice(start, stop))
        if not continued:
            yield _instruction(name, parts)
            parts = []
    if parts:
        yield _instruction(name, parts)


def _instruction(name: str, parts: list[Word]) -> Instruction:
    site = parts[0].site.cover(parts[-1].site)
    return Instruction(name, Word.join(parts, site))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    for line in text.splitlines(keepends=True):
        yield position, position + len(line.rstrip("\r\n"))
        position += len(line)
