"""`cerebrium.toml`: the command of a custom runtime, and the cards it gets."""

from __future__ import annotations

import re

from vllint.sources.commands import Script, Start, starts_in
from vllint.sources.deployments import Deployment, deployed, platform_card, whole_number
from vllint.sources.files import File, Found
from vllint.text.toml_words import Path, TomlError, toml_words
from vllint_schemas import HardwareClaim, Located, SourceProblem, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_GPU_CLAIM

_PINNED = re.compile(r"={2,3}\s*([0-9][0-9A-Za-z.+]*)")
_TO_FILL_IN = re.compile(r"=\s*\{\w+\}")
_RUNTIME: Path = ("cerebrium", "runtime", "custom")
_HARDWARE: Path = ("cerebrium", "hardware")


def recognises(file: File) -> bool:
    """Whether the file configures an app of Cerebrium."""
    return "[cerebrium." in file.text


def launches(file: File) -> Found:
    """Yield the server that the runtime's entry point starts."""
    try:
        words = toml_words(file.text, file.path)
    except TomlError as problem:
        place = Span(file.path, 0, 0)
        if _TO_FILL_IN.search(file.text):
            yield SourceProblem("not_rendered", "the file is a template that has not been rendered", place)
        else:
            yield SourceProblem("not_parsed", f"the file cannot be read: {problem}", place)
        return
    command = _listed(words, (*_RUNTIME, "entrypoint"))
    script = words.get((*_RUNTIME, "entrypoint"))
    name = words.get(("cerebrium", "deployment", "name"))
    deployment = Deployment(
        path=file.path,
        name=name.text if name is not None and name.text else "app",
        kind="cerebrium",
        extent=Span(file.path, 0, len(file.text)),
        hardware=_hardware(words),
        environment=_environment(words),
        release=_release(words),
    )
    around = deployment.surroundings
    found: tuple[Start | Script, ...] = tuple(starts_in(command, around))
    if script is not None:
        found = (Script(script, around),)
    yield from deployed(deployment, found)


def _listed(words: dict[Path, Word], path: Path) -> tuple[Word, ...]:
    listed: list[Word] = []
    while (*path, len(listed)) in words:
        listed.append(words[(*path, len(listed))])
    return tuple(listed)


def _environment(words: dict[Path, Word]) -> tuple[Variable, ...]:
    return tuple(
        Variable(str(path[-1]), word)
        for path, word in words.items()
        if path[:-1] in {("cerebrium", "runtime", "env"), ("cerebrium", "environment")}
    )


def _release(words: dict[Path, Word]) -> Located[str] | Unknown:
    pinned = words.get(("cerebrium", "dependencies", "pip", "vllm"))
    match = _PINNED.fullmatch(pinned.text.strip()) if pinned is not None else None
    if pinned is None or match is None:
        return Unknown("the file does not name a vLLM release")
    start = pinned.text.index(match[1])
    part = pinned.slice(start, start + len(match[1]))
    return Located(part.text, part.text_span)


def _hardware(words: dict[Path, Word]) -> HardwareClaim:
    compute = words.get((*_HARDWARE, "compute")) or words.get((*_HARDWARE, "gpu"))
    card = platform_card(compute, "cerebrium") if compute is not None else NO_GPU_CLAIM
    count = words.get((*_HARDWARE, "gpu_count"))
    if count is None and compute is not None:
        return HardwareClaim(card, Located(1, compute.span))
    return HardwareClaim(card, whole_number(count))
