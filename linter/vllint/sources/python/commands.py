"""Commands that Python programs start: `subprocess.Popen([...])`, `os.system("...")` and their kin."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from vllint.sources.commands import Script, Start, Surroundings, starts_in
from vllint.sources.containers import no_claim
from vllint.sources.deployments import Deployment, deployed
from vllint.sources.files import Found
from vllint.sources.python.builtins import is_true
from vllint.sources.python.flow import Flow, Site
from vllint.sources.python.placement import placement
from vllint.sources.python.values import Constant, Items, Opaque, Table, Text, Value
from vllint_schemas import Variable

_STARTERS = re.compile(
    r"(?i)run|start|spawn|launch|exec|popen|system|serve|^(?:check_)?call$|check_output|getoutput"
)
"""Names of functions that are given a command to start."""

_REST_ARE_WORDS = frozenset({"create_subprocess_exec", "execlp", "execl", "exec", "spawnlp"})
_PROGRAM_FIRST = ("execv", "spawnv", "posix_spawn")
_SHEBANG = re.compile(r"\s*#!.*\b(?:ba|da|z|k)?sh\b")
_MENTIONS = re.compile(r"vllm")


def command_launches(flow: Flow, site: Site) -> Found:
    """Yield the servers that the command in a call starts, if the call starts a command."""
    name = flow.module.dotted(site.call.func).rpartition(".")[2]
    if not _STARTERS.search(name):
        return
    command = _command(flow, site, name)
    if command is None:
        return
    place = placement(flow, site)
    deployment = Deployment(
        path=flow.module.path,
        name=_name(site),
        kind="python",
        extent=flow.module.span(site.call),
        hardware=place.hardware,
        environment=(*place.environment, *_environment(flow, site)),
        image=place.image,
        release=place.release,
    )
    yield from deployed(deployment, _starts(command, deployment.surroundings))


def script_launches(flow: Flow) -> Found:
    """Yield the servers of shell scripts that stand in the program as texts."""
    for node in _whole_texts(flow.module.tree):
        value = flow.evaluator.value(node, {})
        if isinstance(value, Text) and _MENTIONS.search(value.word.text):
            extent = flow.module.span(node)
            deployment = Deployment(flow.module.path, "script", "python", extent, no_claim())
            yield from deployed(deployment, (Script(value.word, deployment.surroundings),))


def _whole_texts(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the texts that begin as a shell script does."""
    pieces: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pieces.update(id(piece) for piece in node.values)
            head = node.values[0] if node.values else node
        elif isinstance(node, ast.Constant) and id(node) not in pieces:
            head = node
        else:
            continue
        if isinstance(head, ast.Constant) and isinstance(head.value, str) and _SHEBANG.match(head.value):
            yield node


def _name(site: Site) -> str:
    """Return the name of the function or class that starts the server."""
    classes = [outer.name for outer in site.inside if isinstance(outer, ast.ClassDef)]
    if classes:
        return classes[-1]
    return site.inside[0].name if site.inside else "server"


def _command(flow: Flow, site: Site, name: str) -> Value | None:
    """Return the words or the text that a call starts."""
    arguments = [argument for argument in site.call.args if not isinstance(argument, ast.Starred)]
    if name in _REST_ARE_WORDS and len(site.call.args) > 1:
        place = 1 if name.startswith(("execl", "spawnl")) else 0
        words = ast.Tuple(list(site.call.args[place:]), ast.Load())
        return flow.evaluator.value(ast.copy_location(words, site.call), site.state)
    if name.startswith(_PROGRAM_FIRST):
        arguments = arguments[1:]
    keywords = [keyword.value for keyword in site.call.keywords if keyword.arg in {"args", "cmd", "command"}]
    shell = is_true(_keyword(flow, site, "shell"))
    for argument in [*arguments[:3], *keywords]:
        value = flow.evaluator.value(argument, site.state)
        if isinstance(value, Items) and any(_MENTIONS.search(word.text) for word in value.words):
            return Text(value.words[0]) if shell and value.words else value
        if isinstance(value, Text) and _MENTIONS.search(value.word.text):
            return value
    return None


def _keyword(flow: Flow, site: Site, name: str) -> Value | None:
    for keyword in site.call.keywords:
        if keyword.arg == name:
            return flow.evaluator.value(keyword.value, site.state)
    return None


def _starts(command: Value, around: Surroundings) -> Iterator[Start | Script]:
    if isinstance(command, Items):
        yield from starts_in(command.words, around)
    elif isinstance(command, Text):
        yield Script(command.word, around)


def _environment(flow: Flow, site: Site) -> Iterator[Variable]:
    """Yield the variables of the process: those of the program, then those that the call gives."""
    given = _keyword(flow, site, "env")
    own = site.state.get("os.environ")
    if isinstance(own, Table) and (given is None or isinstance(given, Constant | Opaque)):
        yield from variables_of(flow, own)
    if isinstance(given, Table):
        yield from variables_of(flow, given)


def variables_of(flow: Flow, table: Table) -> Iterator[Variable]:
    """Yield the variables that a table names."""
    for name, value, span in table.entries:
        word = flow.evaluator.word(value, span)
        yield Variable(name, word)
