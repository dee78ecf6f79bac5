"""Launches of commands that a program runs without a shell: a service manager, a scheduler."""

from __future__ import annotations

from collections.abc import Iterable

from vllint.sources.commands import Script, Start
from vllint.sources.files import Found
from vllint.sources.shell import ScriptStart, broken_shell, inner_script_starts, started_launch
from vllint_schemas import HardwareClaim, Kind, Launch, Span, Unknown
from vllint_schemas.launch import NO_GPU_CLAIM

_NO_RELEASE = Unknown("the file does not name a vLLM release")


def process_launches(
    starts: Iterable[Start | Script], kind: Kind, name: str, extent: Span, claim: HardwareClaim | None = None
) -> Found:
    """Yield the launches of what a command starts, scripts within it included.

    `extent` is the part of the file that holds the command; `claim` states the machine, if the file does.
    """
    for found in starts:
        if isinstance(found, Start):
            yield _launch(ScriptStart(found, extent, _NO_RELEASE), kind, name, extent, claim)
            continue
        for inner in inner_script_starts(found):
            if inner.broken:
                yield broken_shell(inner)
            else:
                yield _launch(inner, kind, name, extent, claim)


def _launch(found: ScriptStart, kind: Kind, name: str, extent: Span, claim: HardwareClaim | None) -> Launch:
    start, around = found.start, found.start.surroundings
    stated = claim or HardwareClaim(NO_GPU_CLAIM, around.gpu_count)
    if not isinstance(around.gpu_count, Unknown):
        stated = stated._replace(gpu_count=around.gpu_count)
    at = start.at if start.at.path == extent.path else extent
    return started_launch(start, kind, extent.path, name, extent, stated, found.pinned)._replace(at=at)
