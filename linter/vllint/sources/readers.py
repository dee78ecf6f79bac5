"""Which reader a file is for, decided by its content, and what it finds there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from vllint.neighbours import Neighbour
from vllint.sources.files import Document, File
from vllint.sources.formats import DOCUMENT_FORMATS, TEXT_FORMATS, DocumentFormat, reader
from vllint.sources.shell import NO_RELEASE_IN_SCRIPT, shell_launches
from vllint.sources.templates.tags import (
    MAX_TAGS,
    is_template,
    is_to_render,
    tags_in,
    with_placeholders_unknown,
)
from vllint.sources.written_files import may_write, written_launches
from vllint.text.source import SourceText
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Node, Sequence
from vllint.text.yaml.tree import parse_yaml
from vllint.vllm.tokens import config_path
from vllint_schemas import (
    ConfigFile,
    Launch,
    SourceProblem,
    Span,
    Unknown,
    Variable,
    Word,
)

T = TypeVar("T")

_STARTS_SERVER = r"\bvllm serve\b|\bvllm\.entrypoints\.|\bvllm/vllm-openai\b"
_SETS_VARIABLE = r"\s*(?:#|$|(?:export\s+)?[A-Za-z_]\w*=)"
_LAUNCHER = (
    r"(?<![\w$}/.-])/?(?:[\w.-]+/)*[\w-]*(?:entry|start|run|serve|launch|vllm)[\w-]*\.(?:sh|bash|py)\b"
)
"""The name of a script that is there to start something."""

_NIM = r"\bnvcr\.io/nim/|\bNIM_MODEL_PROFILE\b|(?m:^\s*kind: NIMService\b)"
_NIM_CHOOSES = "NVIDIA NIM takes the engine and its options from a profile of its image"
_NO_RELEASE_IN_COMMAND = Unknown("the command does not name a vLLM release")
_SHEBANG = re.compile(r"#!.*\b(?:ba|da|z|k)?sh\b")
_JINJA_LINE = r"(?m)^[ \t]*\{%-?\s*(?:if|for|block|extends|set)\b[^\n]*%\}"
_YAML_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_ENGINE_SUFFIXES = frozenset({".j2", ".jinja", ".jinja2", ".tpl", ".tmpl", ".gotmpl", ".template"})
_TEMPLATE_SUFFIXES = _ENGINE_SUFFIXES | {".example", ".sample"}
_WITH_MARKS = frozenset({"systemd", "dockerfile"})
"""Kinds whose readers make holes of what stands for the parts of a template."""

_SHELL_SUFFIXES = frozenset({".sh", ".bash"})
_STARTS_NOTHING = {
    ".env": "variables start nothing: they are read with the compose file, script or unit that takes them",
}
"""Why files of some suffixes hold no launch that is read."""


class Reading(NamedTuple):
    """What a file holds: the kinds of source found in it, its launches, and why it could not be read.

    `unread` says why nothing was found in a file that names vLLM's server.
    """

    kinds: tuple[str, ...] = ()
    launches: tuple[Launch, ...] = ()
    problems: tuple[SourceProblem, ...] = ()
    unread: str = ""

    def same_launches(self, changed: Reading) -> bool:
        """Whether a changed file reads as this one: the same launches, and no new problem."""
        names = [launch.id for launch in self.launches]
        return not changed.problems and [launch.id for launch in changed.launches] == names


def read_source(
    source: SourceText, neighbour: Neighbour, env_files: tuple[SourceText, ...] | None = None
) -> Reading:
    """Return the launches of a file.

    `env_files` are read for Compose's variables; without them the `.env` beside the file is.
    """
    reading = _with_config_files(_read(File(source, neighbour, env_files)), neighbour)
    if reading.launches or reading.problems:
        return reading
    if re.search(_NIM, source.text):
        return reading._replace(unread=_NIM_CHOOSES)
    if not re.search(_STARTS_SERVER, source.text):
        return reading
    return reading._replace(unread=_why_unread(source, reading))


def _why_unread(source: SourceText, reading: Reading) -> str:
    """Say why a file that names vLLM's server gave no launch."""
    if reading.kinds:
        why = f"nothing in this {reading.kinds[0]} file starts vLLM in a way that is read"
        script = re.search(_LAUNCHER, source.text)
        return f"{why}; what `{script[0]}` starts is not known" if script else why
    suffix = _suffix(source.path)
    if suffix not in _STARTS_NOTHING and all(
        re.match(_SETS_VARIABLE, line) for line in source.text.splitlines()
    ):
        suffix = ".env"
    unread = f"there is no reader for this {suffix} file" if suffix else "there is no reader for such a file"
    return _STARTS_NOTHING.get(suffix, unread)


def _read(file: File) -> Reading:
    suffix = _suffix(file.path)
    if suffix not in _YAML_SUFFIXES and file.rendered is None and _is_text_template(file):
        return _read_template(file)
    if _SHEBANG.match(file.text) or suffix in _SHELL_SUFFIXES:
        return _read_script(file)
    if suffix in _YAML_SUFFIXES:
        return _read_documents(file, json=suffix == ".json")
    name = file.path.rpartition("/")[2].lower()
    for form in TEXT_FORMATS:
        if re.search(form.name, name) and reader(form.module).recognises(file):
            given = file if form.kind in _WITH_MARKS else _unmarked(file)
            return _reading((form.kind,), reader(form.module).launches(given))
    if suffix:
        return Reading()
    # A name without a suffix, standard input's too, promises nothing: what reads as ours is ours.
    documents = _read_documents(file, json=False)
    return documents if documents.kinds else _read_script(file)


def _is_text_template(file: File) -> bool:
    """Whether a file's name or its lines say that a template engine fills it in."""
    text = file.text
    if not 0 < tags_in(text) <= MAX_TAGS:
        return False
    last = file.path.rpartition(".")[2].lower()
    return f".{last}" in _ENGINE_SUFFIXES or re.search(_JINJA_LINE, text) is not None


def _read_template(file: File) -> Reading:
    """Return what the renderings of a template that is no YAML hold."""
    from vllint.sources.templates.reading import launches_once
    from vllint.sources.templates.text import renderings

    readings = tuple(_read(file._replace(rendered=word)) for word in renderings(file.whole))
    launches = launches_once(file.text, (reading.launches for reading in readings))
    return readings[0]._replace(launches=_unique(launches))


def _suffix(path: str) -> str:
    """Return what a file's name says it is, below what says that it is a template."""
    name = path.rpartition("/")[2].lower()
    # `.env` is all suffix, which pathlib takes for a name.
    suffixes = [] if name.endswith(".") else [f".{suffix}" for suffix in name.split(".")[1:]]
    while suffixes and suffixes[-1] in _TEMPLATE_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _read_script(file: File) -> Reading:
    from vllint.sources.kept_commands import with_kept_run

    script = _unmarked(file).whole
    found = tuple(shell_launches(script, "shell", neighbour=file.neighbour))
    kept = with_kept_run(script) if not found and re.search(_STARTS_SERVER, script.text) else None
    if kept is not None:
        held = shell_launches(kept, "shell", neighbour=file.neighbour)
        found = tuple(one._replace(together=None) for one in held if isinstance(one, Launch))
    kind = next((one.kind for one in found if isinstance(one, Launch)), "shell")
    written = written_launches(script, file) if may_write(script.text) else ()
    return _reading((kind,), (*found, *written))


def _unmarked(file: File) -> File:
    """Return a template's rendering in which holes alone stand for what is filled in."""
    if file.rendered is None:
        return file
    return file._replace(rendered=with_placeholders_unknown(file.rendered))


def read_command(
    command: Word, environment: tuple[Variable, ...] = (), neighbour: Neighbour = lambda name: None
) -> Reading:
    """Return the launches of a command given as text, in an environment."""
    found = shell_launches(command, "command", environment)
    reading = _reading(("command",), found)
    launches = tuple(_of_command(launch) for launch in reading.launches)
    return _with_config_files(reading._replace(launches=launches), neighbour)


def _of_command(launch: Launch) -> Launch:
    """Return a launch of a command, where it is not a script that names no release."""
    unnamed = launch.vllm_version == NO_RELEASE_IN_SCRIPT
    return launch._replace(vllm_version=_NO_RELEASE_IN_COMMAND) if unnamed else launch


def _with_config_files(reading: Reading, neighbour: Neighbour) -> Reading:
    return reading._replace(
        launches=tuple(with_config_file(launch, neighbour) for launch in reading.launches)
    )


def with_config_file(launch: Launch, neighbour: Neighbour) -> Launch:
    """Return the launch with the file that its `--config` names."""
    path = config_path(launch.argv)
    if path is None or launch.config is not None:
        return launch
    return launch._replace(config=_config_file(launch, path, neighbour))


def _config_file(launch: Launch, path: Word, neighbour: Neighbour) -> ConfigFile | Unknown:
    if not path.is_known:
        return Unknown(path.reason)
    place = launch.host_path(path.text)
    source = None if place is None else neighbour(place)
    if source is None:
        return Unknown(f"the config file `{path.text}` is not at hand")
    from vllint.vllm.config_file import read_config_file

    return read_config_file(source)


def _read_documents(file: File, *, json: bool) -> Reading:
    to_render = not json and is_to_render(file.text)
    try:
        roots = (_json(file),) if json else tuple(parse_yaml(file.whole))
    except YamlProblem as problem:
        rendered = _read_rendered(file) if to_render else None
        if rendered is not None and rendered.kinds:
            return rendered
        return Reading(problems=(_unreadable(file, problem),))
    # Playbooks are lists, and their reader knows the variables that their placeholders name.
    if to_render and not all(isinstance(root, Sequence) for root in roots):
        rendered = _read_rendered(file)
        if rendered is not None and rendered.launches:
            return rendered
    return _read_roots(file, roots)


def _read_rendered(file: File) -> Reading | None:
    """Return what a template's renderings hold; `None` when none of them is YAML."""
    from vllint.sources.templates.reading import launches_once, template_kind
    from vllint.sources.templates.text import renderings

    readings = tuple(_readings(file, renderings(file.whole))) or tuple(
        _readings(file, renderings(file.whole, lean=True))
    )
    if not readings:
        return None
    kinds = dict.fromkeys(kind for reading in readings for kind in reading.kinds)
    return Reading(
        tuple(template_kind(kind, file.text) for kind in kinds),
        _unique(launches_once(file.text, (reading.launches for reading in readings))),
        readings[0].problems,
    )


def _readings(file: File, rendered: Iterable[Word]) -> Iterator[Reading]:
    for word in rendered:
        try:
            roots = tuple(parse_yaml(word))
        except YamlProblem:
            # The texts of a template that do not go together, or are no YAML.
            continue
        yield _read_roots(file, roots)


def _read_roots(file: File, roots: tuple[Node, ...]) -> Reading:
    formats: list[DocumentFormat] = []
    others = (form for form in DOCUMENT_FORMATS if form.may_be(file.text))
    kinds: list[str] = []
    found: list[Launch | SourceProblem] = []
    for root in roots:
        for form in _once_found(formats, others):
            if not reader(form.module).recognises(root):
                continue
            read = list(reader(form.module).launches(Document(root, roots, file)))
            if read or not form.by_name:
                kinds.append(form.kind)
            found.extend(read)
            # Much looks like values for a chart that only holds a command of its own.
            if read or form.kind != "helm_values":
                break
    return _reading(tuple(dict.fromkeys(kinds)), found)


def _once_found(found: list[T], others: Iterator[T]) -> Iterator[T]:
    """Yield what is `found`, then the others, which are looked for once and are found from then on."""
    yield from found
    for other in others:
        found.append(other)
        yield other


def _json(file: File) -> Node:
    from vllint.text.json_tree import parse_json

    return parse_json(file.whole)


def _reading(kinds: tuple[str, ...], found: Iterable[Launch | SourceProblem]) -> Reading:
    launches: list[Launch] = []
    problems: list[SourceProblem] = []
    for one in found:
        if isinstance(one, Launch):
            launches.append(one)
        else:
            problems.append(one)
    return Reading(kinds, _unique(launches), tuple(problems))


def _unreadable(file: File, problem: YamlProblem) -> SourceProblem:
    if is_template(file.text):
        message = "the file is a template that has not been rendered"
        return SourceProblem("not_rendered", message, Span(file.path, 0, 0))
    return SourceProblem("not_parsed", f"the file cannot be read: {problem.message}", problem.span)


def _unique(launches: Iterable[Launch]) -> tuple[Launch, ...]:
    """Give each launch of a file a name of its own."""
    seen: dict[str, int] = {}
    named: list[Launch] = []
    for launch in launches:
        number = seen.get(launch.name, 0) + 1
        seen[launch.name] = number
        named.append(launch if number == 1 else launch._replace(name=f"{launch.name}-{number}"))
    return tuple(named)
