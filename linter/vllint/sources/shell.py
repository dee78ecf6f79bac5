"""Shell scripts: the servers that their commands start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from vllint.sources.commands import Script, Start, Surroundings, starts_in
from vllint.vllm.version import image_version
from vllint_schemas import (
    HardwareClaim,
    Kind,
    Launch,
    Located,
    SourceProblem,
    Span,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_GPU_CLAIM

if TYPE_CHECKING:
    from vllint.text.shell_walk import Command

_MAX_DEPTH = 6
# fmt: off
_ENDERS = frozenset(
    {
        "wait", "kill", "pkill", "killall", "fuser", "fg", "stop", "rm", "down", "restart", "quit",
        "kill-session", "kill-server", "kill-window",
    }
)
# fmt: on
"""Commands, of the shell and of docker, that may end servers started before them."""

_ELSEWHERE = frozenset(
    {"ssh", "pdsh", "clush", "srun", "mpirun", "mpiexec", "kubectl", "oc", "docker", "podman", "nerdctl"}
)
"""Commands that may start what they are given on another machine, or in a container of its own."""

_PIN = re.compile(r"^vllm(?:\[[^\]]*\])?==([0-9][0-9A-Za-z.]*)$")


class ScriptStart(NamedTuple):
    """A server start in a script, the command it stands in, and the release the script installs.

    `broken` says that the shell text there is not valid, so that the words may be wrong; `together` is as
    in Launch.
    """

    start: Start
    extent: Span
    pinned: Located[str] | Unknown
    broken: bool = False
    together: str | None = None


def script_starts(script: Script, variables: Mapping[str, Word], depth: int = 0) -> Iterator[ScriptStart]:
    """Yield the servers that `script` may start, those of scripts within it included."""
    # Most files hold no shell text, and the evaluator is many modules.
    from vllint.text.shell_commands import evaluate

    pinned: Located[str] | Unknown = Unknown("the script does not name a vLLM release")
    period = 0
    for command in evaluate(script.text, variables, script.parameters):
        pinned = _pinned(command) or pinned
        period += any(word.text in _ENDERS for word in command.words[:3])
        around = script.surroundings.with_variables(command.env)
        for found in starts_in(command.words, around):
            together = f"period {period}" if command.certain and _is_here(command, found) else None
            if isinstance(found, Start):
                yield ScriptStart(found, command.extent, pinned, command.broken, together)
            elif depth < _MAX_DEPTH:
                for start in _inner_starts(found, variables, command, depth):
                    yield start._replace(together=together if start.together is not None else None)
            period += not _is_left_running(command, found, script.text)


def _is_here(command: Command, found: Start | Script) -> bool:
    """Whether the server runs on the machine of the script, beside what else it starts."""
    if found.surroundings.container is not None:
        return True
    return not any(word.text.rsplit("/", 1)[-1] in _ELSEWHERE for word in command.words)


def _is_left_running(command: Command, found: Start | Script, script: Word) -> bool:
    """Whether the script goes on while the server runs: behind `&`, or in a detached container."""
    if found.surroundings.detached:
        return True
    whole = script.text_span
    if whole is None or command.extent.path != whole.path:
        return False
    following = script.text[command.extent.end - whole.start :].lstrip(" \t")
    return following.startswith("&") and not following.startswith("&&")


def _inner_starts(
    found: Script, variables: Mapping[str, Word], command: Command, depth: int
) -> Iterator[ScriptStart]:
    inner = {**variables, **{variable.name: variable.value for variable in found.surroundings.environment}}
    for start in script_starts(found, inner, depth + 1):
        extent = start.extent.cover(command.extent)
        yield start._replace(extent=extent, broken=start.broken or command.broken)


def _pinned(command: Command) -> Located[str] | None:
    """Return the release that `pip install vllm==...` names."""
    for word in command.words[1:]:
        match = _PIN.match(word.text)
        if match and word.is_known and any(earlier.text == "install" for earlier in command.words):
            part = word.slice(*match.span(1))
            return Located(match.group(1), part.span, part.origin, part.via)
    return None


def inner_script_starts(found: Script) -> Iterator[ScriptStart]:
    """Yield the starts of a script that a container runs, in the container's environment."""
    variables = {variable.name: variable.value for variable in found.surroundings.environment}
    yield from script_starts(found, variables)


def broken_shell(found: ScriptStart) -> SourceProblem:
    """Return what to say about a start in shell text that is not valid."""
    return SourceProblem("not_parsed", "the shell text that starts vLLM here is not valid", found.extent)


def shell_launches(
    script: Word, kind: Kind, environment: tuple[Variable, ...] = ()
) -> Iterator[Launch | SourceProblem]:
    """Yield the launches of a script, or of a command given on vllint's own command line."""
    variables = {variable.name: variable.value for variable in environment}
    for found in script_starts(Script(script, Surroundings().with_variables(environment)), variables):
        if found.broken:
            yield broken_shell(found)
            continue
        start, around = found.start, found.start.surroundings
        yield Launch(
            path=script.site.path,
            name="vllm",
            kind=kind,
            extent=found.extent,
            at=start.at,
            entry_point=start.entry_point,
            argv=start.argv,
            hardware=HardwareClaim(NO_GPU_CLAIM, around.gpu_count),
            vllm_version=found.pinned if around.image is None else image_version(around.image),
            env=around.environment,
            image=around.image,
            image_entry_point=around.image_entry_point,
            repeated_launcher=start.repeated_launcher,
            container=around.container,
            together=found.together,
            in_script=around.shell is not None,
        )
