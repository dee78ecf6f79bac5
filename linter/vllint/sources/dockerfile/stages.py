"""What the build stages of a Dockerfile come to: what each starts, in which environment, with which files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from posixpath import basename, join, normpath
from typing import NamedTuple

from vllint.neighbours import Neighbour
from vllint.sources.dockerfile.instructions import Heredoc, Instruction, instructions
from vllint.sources.dockerfile.words import filled, instruction_words, pairs
from vllint_schemas import Located, Word

_FROM = re.compile(r"(?:--\S+[ \t]+)*(\S+)(?:[ \t]+[Aa][Ss][ \t]+(\S+))?")
_PIN = re.compile(r"\bvllm(?:\[[^\]]*\])?==(\d[\w.]*|\$\{?\w+\}?)")
_WRITTEN = re.compile(r"\b(?:cat|tee)\b[^|;&\n]*?(?:>[ \t]*)?(/[^\s<>'\"]+)")
_CONTEXTS = ("", "../", "../../", "../../../")
"""Where the folder that is built may lie, seen from the Dockerfile: `docker build -f` does not tell."""


class Copied(NamedTuple):
    """Files that a stage gets: `sources` of the repository, or the text of one, put at `target`."""

    target: str
    sources: tuple[str, ...] = ()
    text: Word | None = None


class Stage(NamedTuple):
    """What a build stage has come to.

    `entrypoint` and `command` are the arguments as written, `shell` what runs them if they are no JSON
    array. `own` says that the stage itself names what it starts.
    """

    name: str = ""
    image: Word | None = None
    environment: Mapping[str, Word] = {}
    entrypoint: Word | None = None
    command: Word | None = None
    shell: Word | None = None
    folder: str = "/"
    copied: tuple[Copied, ...] = ()
    pinned: Located[str] | None = None
    own: bool = False


def final_stages(text: Word, given: Mapping[str, Word] | None = None) -> tuple[Stage, ...]:
    """Return the stages that images are built from: those that no later one starts from and are started.

    `given` are the build's arguments, which count before the defaults of ARG.
    """
    stages: dict[str, Stage] = {}
    bases: set[str] = set()
    current = ""
    globals_: dict[str, Word] = {}
    arguments: dict[str, Word] = {}
    for instruction in instructions(text):
        if instruction.name == "FROM":
            current, base, stages[current] = _from(instruction, globals_, stages)
            bases.add(base)
            arguments = {}
        elif instruction.name == "ARG":
            scope = arguments if current in stages else globals_
            declared = _declared(instruction, globals_, {**scope, **_environment(stages.get(current))})
            scope.update((name, (given or {}).get(name, value)) for name, value in declared)
            scope.update((name, given[name]) for name in _bare_names(instruction) if given and name in given)
        elif current in stages:
            stages[current] = _changed(stages[current], instruction, arguments)
    last = [current] if current in stages else []
    others = [name for name, stage in stages.items() if stage.own and name not in bases and name != current]
    return tuple(stages[name] for name in others + last)


def _environment(stage: Stage | None) -> Mapping[str, Word]:
    return {} if stage is None else stage.environment


def _declared(
    instruction: Instruction, globals_: Mapping[str, Word], known: Mapping[str, Word]
) -> Iterator[tuple[str, Word]]:
    """Yield the build arguments with values; a bare name takes the value given before the first FROM."""
    for word in instruction_words(instruction.arguments, instruction.escape):
        name, equals, _ = word.text.partition("=")
        if equals:
            yield name, filled(word.slice(len(name) + 1), known, instruction.escape)
        elif name in globals_:
            yield name, globals_[name]


def _bare_names(instruction: Instruction) -> Iterator[str]:
    """Yield the names that an ARG declares without a default."""
    for word in instruction_words(instruction.arguments, instruction.escape):
        if "=" not in word.text:
            yield word.text


def _from(
    instruction: Instruction, variables: Mapping[str, Word], stages: Mapping[str, Stage]
) -> tuple[str, str, Stage]:
    """Return a stage's name, that of the stage it starts from, and what it starts as."""
    match = _FROM.match(instruction.arguments.text)
    if match is None:
        return "#", "", Stage()
    image = filled(instruction.arguments.slice(*match.span(1)), variables, instruction.escape)
    name = (match.group(2) or f"#{len(stages)}").lower()
    base = stages.get(image.text.lower()) if image.is_known else None
    if base is None:
        return name, "", Stage(match.group(2) or "", image)
    return name, image.text.lower(), base._replace(name=match.group(2) or "", own=False)


def _changed(stage: Stage, instruction: Instruction, arguments: Mapping[str, Word]) -> Stage:
    name, text = instruction.name, instruction.arguments
    variables = {**arguments, **stage.environment}
    if name == "ENV":
        return stage._replace(environment={**stage.environment, **pairs(text, variables, instruction.escape)})
    if name == "ENTRYPOINT":
        # A new entrypoint forgets the command that came with the base image.
        return stage._replace(entrypoint=text, command=None, own=True)
    if name == "CMD":
        return stage._replace(command=text, own=True)
    if name == "SHELL":
        return stage._replace(shell=text)
    if name == "WORKDIR":
        folder = filled(text, variables, instruction.escape)
        return stage._replace(folder=_absolute(folder.text.strip(), stage) if folder.is_known else "?")
    if name in {"COPY", "ADD"}:
        return stage._replace(copied=(*stage.copied, *_copied(stage, instruction, variables)))
    if name == "RUN":
        written = _written(stage, instruction)
        return stage._replace(copied=stage.copied + written, pinned=_pinned(text, variables) or stage.pinned)
    return stage


def _pinned(text: Word, variables: Mapping[str, Word]) -> Located[str] | None:
    """Return the release that `pip install vllm==...` names."""
    match = _PIN.search(text.text)
    if match is None:
        return None
    release = filled(text.slice(*match.span(1)), variables)
    if not release.is_known or not release.text[:1].isdigit():
        return None
    return Located(release.text, release.text_span, release.origin, release.via)


def _absolute(path: str, stage: Stage) -> str:
    return normpath(join(stage.folder, path))


def _copied(stage: Stage, instruction: Instruction, variables: Mapping[str, Word]) -> Iterator[Copied]:
    """Yield what COPY and ADD put into the stage; what comes from other stages is not at hand."""
    words = [
        filled(word, variables, instruction.escape)
        for word in instruction_words(instruction.arguments, instruction.escape)
    ]
    if instruction.arguments.text.lstrip().startswith("["):
        words = [word.slice(0, len(word.text.rstrip(",]"))) for word in words]
        words = [word.slice(1) if word.text.startswith("[") else word for word in words]
    flags = [word.text for word in words if word.text.startswith("--")]
    paths = [word for word in words if not word.text.startswith("--") and word.text]
    if len(paths) < 2 or any(flag.startswith("--from") for flag in flags) or not paths[-1].is_known:
        return
    target = _absolute(paths[-1].text, stage)
    is_folder = paths[-1].text.endswith("/") or paths[-1].text in {".", "./"} or len(paths) > 2
    for heredoc in instruction.heredocs:
        place = join(target, heredoc.name) if is_folder else target
        yield Copied(place, text=_heredoc_text(heredoc, variables))
    sources = tuple(path.text for path in paths[:-1] if path.is_known and not path.text.startswith("<<"))
    if sources:
        yield Copied(target, sources)


def _heredoc_text(heredoc: Heredoc, variables: Mapping[str, Word]) -> Word:
    """Return a heredoc's text; the build replaces variables in it before the file is written."""
    if heredoc.quoted or "$" not in heredoc.text.text:
        return heredoc.text
    return _without_quotes_read(heredoc.text, variables)


def _without_quotes_read(text: Word, variables: Mapping[str, Word]) -> Word:
    """Fill in the variables of a heredoc, in which quotes are characters like others."""
    parts: list[Word] = []
    position = 0
    for match in re.finditer(r"\\\$|\$\{[^}\n]*\}|\$[A-Za-z_]\w*", text.text):
        parts.append(text.slice(position, match.start()))
        escaped = match[0][0] == "\\"
        used = text.slice(match.start() + escaped, match.end())
        parts.append(used if escaped else filled(used, variables))
        position = match.end()
    return Word.join((*parts, text.slice(position)), text.site)


def _written(stage: Stage, instruction: Instruction) -> tuple[Copied, ...]:
    """Return the script that `RUN cat <<EOF > /start.sh` writes: its shell replaces variables in it."""
    match = _WRITTEN.search(instruction.arguments.text) if len(instruction.heredocs) == 1 else None
    if match is None or not instruction.heredocs[0].quoted:
        return ()
    return (Copied(_absolute(match[1], stage), text=instruction.heredocs[0].text),)


def file_at(path: str, stage: Stage, neighbour: Neighbour) -> Word | None:
    """Return the text of a file in the image, if the Dockerfile or the repository holds it.

    A bare name is looked for among all files; `None` where two files of the repository may be meant.
    """
    for copied in reversed(stage.copied):
        place = _absolute(path, stage) if "/" in path else join(_folder_of(copied, path), path)
        if copied.text is not None:
            if copied.target == place:
                return copied.text
            continue
        for source in copied.sources:
            found = _in_repository(_source_of(place, source, copied.target), neighbour)
            if found is not None:
                return found
    return None


def _folder_of(copied: Copied, name: str) -> str:
    """Return the folder that a program named without one may stand in: what is copied names it so."""
    return copied.target.rsplit("/", 1)[0] if basename(copied.target) == name else copied.target


def _source_of(place: str, source: str, target: str) -> str | None:
    """Return which file of the repository is at `place` when `source` is copied to `target`."""
    name = basename(place)
    if place == target:
        return source.lstrip("/")
    if not place.startswith(f"{target.rstrip('/')}/"):
        return None
    inside = place[len(target.rstrip("/")) + 1 :]
    if basename(source) == inside:
        return source.lstrip("/")
    if "*" in basename(source):
        return join(source.rpartition("/")[0], name).lstrip("/") if fnmatch(name, basename(source)) else None
    return normpath(join(source.lstrip("/"), inside))


def _in_repository(path: str | None, neighbour: Neighbour) -> Word | None:
    if path is None or path.startswith("..") or path in {"", "."}:
        return None
    found = {
        source.path: source
        for source in (neighbour(normpath(f"{above}{path}")) for above in _CONTEXTS)
        if source is not None
    }
    if len(found) != 1:
        return None
    source = next(iter(found.values()))
    return Word.verbatim(source.text, source.path, 0)
