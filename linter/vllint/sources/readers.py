"""Which reader a file is for, decided by its content, and what it finds there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from vllint.neighbours import Neighbour
from vllint.sources.files import Document, File
from vllint.sources.formats import DOCUMENT_FORMATS, TEXT_FORMATS, reader
from vllint.sources.shell import shell_launches
from vllint.sources.templates import is_template
from vllint.text.source import SourceText
from vllint.text.tree_builder import YamlProblem
from vllint.text.yaml_nodes import Node
from vllint.text.yaml_tree import parse_yaml
from vllint.vllm.tokens import config_path
from vllint_schemas import ConfigFile, Launch, SourceProblem, Span, Unknown, Variable, Word

_STARTS_SERVER = re.compile(r"\bvllm serve\b|\bvllm\.entrypoints\.|\bvllm/vllm-openai\b")
_SHEBANG = re.compile(r"#!.*\b(?:ba|da|z|k)?sh\b")
_YAML_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_TEMPLATE_SUFFIXES = frozenset({".j2", ".tpl", ".tmpl", ".template", ".example", ".sample"})
_SHELL_SUFFIXES = frozenset({".sh", ".bash"})


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
    if reading.launches or reading.problems or not _STARTS_SERVER.search(source.text):
        return reading
    return reading._replace(unread=_why_unread(source, reading))


def _why_unread(source: SourceText, reading: Reading) -> str:
    """Say why a file that names vLLM's server gave no launch."""
    if reading.kinds:
        return f"nothing in this {reading.kinds[0]} file starts vLLM in a way that is read"
    suffix = _suffix(source.path)
    return f"there is no reader for this {suffix} file" if suffix else "there is no reader for such a file"


def _read(file: File) -> Reading:
    suffix = _suffix(file.path)
    if _SHEBANG.match(file.text) or suffix in _SHELL_SUFFIXES:
        return _read_script(file)
    if suffix in _YAML_SUFFIXES:
        return _read_documents(file, json=suffix == ".json")
    name = file.path.rpartition("/")[2].lower()
    for form in TEXT_FORMATS:
        if form.name.search(name) and reader(form.module).recognises(file):
            return _reading((form.kind,), reader(form.module).launches(file))
    if suffix:
        return Reading()
    # A name without a suffix, standard input's too, promises nothing: what reads as ours is ours.
    documents = _read_documents(file, json=False)
    return documents if documents.kinds else _read_script(file)


def _suffix(path: str) -> str:
    """Return what a file's name says it is, below what says that it is a template."""
    name = path.rpartition("/")[2].lower()
    # `.env` is all suffix, which pathlib takes for a name.
    suffixes = [] if name.endswith(".") else [f".{suffix}" for suffix in name.split(".")[1:]]
    while suffixes and suffixes[-1] in _TEMPLATE_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _read_script(file: File) -> Reading:
    return _reading(("shell",), shell_launches(file.whole, "shell"))


def read_command(
    command: Word, environment: tuple[Variable, ...] = (), neighbour: Neighbour = lambda name: None
) -> Reading:
    """Return the launches of a command given as text, in an environment."""
    reading = _reading(("command",), shell_launches(command, "command", environment))
    return _with_config_files(reading, neighbour)


def _with_config_files(reading: Reading, neighbour: Neighbour) -> Reading:
    return reading._replace(
        launches=tuple(with_config_file(launch, neighbour) for launch in reading.launches)
    )


def with_config_file(launch: Launch, neighbour: Neighbour) -> Launch:
    """Return the launch with the file that its `--config` names."""
    path = config_path(launch.argv)
    return launch if path is None else launch._replace(config=_config_file(launch, path, neighbour))


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
    try:
        roots = (_json(file),) if json else tuple(parse_yaml(file.whole))
    except YamlProblem as problem:
        return Reading(problems=(_unreadable(file, problem),))
    formats = [form for form in DOCUMENT_FORMATS if form.may_be(file.text)]
    kinds: list[str] = []
    found: list[Launch | SourceProblem] = []
    for root in roots:
        form = next((form for form in formats if reader(form.module).recognises(root)), None)
        if form is not None:
            kinds.append(form.kind)
            found.extend(reader(form.module).launches(Document(root, roots, file)))
    return _reading(tuple(dict.fromkeys(kinds)), found)


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
