"""Checking one command, given as text or as a list of words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vllint.checking import COMMAND_PATH, Report
from vllint.engine import Assumptions, Judged, judge_command, judge_launch
from vllint.hardware.resolve import Machine, stated_machine
from vllint.models.resolve import ModelSources
from vllint.neighbours import neighbour_of
from vllint.registry import Registry, load_rules
from vllint.settings import Settings
from vllint.sources.commands import Start, Surroundings, starts_in
from vllint.sources.readers import with_config_file
from vllint.statements import StatementError
from vllint.vllm.version import image_version, stated_version
from vllint_schemas import (
    HardwareClaim,
    Launch,
    Located,
    MemoryEstimate,
    ModelFacts,
    Origin,
    Span,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_GPU_CLAIM


def check_command(
    command: str | Sequence[str],
    *,
    gpu: str | None = None,
    gpu_count: int | None = None,
    vllm_version: str | None = None,
    model_config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Report:
    """Check a command and return the report; no settings are looked for.

    `command` is shell text or a list of words that starts with `vllm`, `serve` or a wrapper. `gpu` is
    `CARD` or `CARD:N`. `model_config` is the content of the model's config.json, or a path to it or to
    its folder; it beats the catalogue. `env` are variables of the server's process. Raises StatementError
    for cards, counts, releases and configs that cannot be understood.
    """
    assumptions = _assumptions(gpu, gpu_count, vllm_version, model_config)
    registry = load_rules()
    judged = _judged(command, env or {}, registry, assumptions)
    return Report((judged,), registry)


def estimate(
    command: str | Sequence[str],
    *,
    gpu: str | None = None,
    gpu_count: int | None = None,
    vllm_version: str | None = None,
    model_config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> MemoryEstimate | Unknown:
    """Return the GPU memory of the first server that `command` starts; arguments as `check_command`'s."""
    assumptions = _assumptions(gpu, gpu_count, vllm_version, model_config)
    judged = _judged(command, env or {}, Registry(()), assumptions)
    if not judged.launches:
        return Unknown("the command starts no vLLM server")
    return judged.launches[0].maybe_memory


def _judged(
    command: str | Sequence[str], env: Mapping[str, str], registry: Registry, assumptions: Assumptions
) -> Judged:
    variables = tuple(
        Variable(name, Word.atomic(value, Span(COMMAND_PATH, 0, 0))) for name, value in env.items()
    )
    here = neighbour_of(COMMAND_PATH, {})
    if isinstance(command, str):
        word = Word.verbatim(command, COMMAND_PATH, 0)
        return judge_command(word, variables, here, registry.rules, Settings(), assumptions)
    words, text = _words(command)
    for start in starts_in(words, Surroundings().with_variables(variables)):
        if isinstance(start, Start):
            return judge_launch(
                with_config_file(_launch(start, text), here), text, registry.rules, Settings(), assumptions
            )
        return judge_command(start.text, variables, here, registry.rules, Settings(), assumptions)
    return Judged(COMMAND_PATH, (), (), (), (), {COMMAND_PATH: text})


def _words(command: Sequence[str]) -> tuple[tuple[Word, ...], str]:
    """Return the words, standing in a text that has them with blanks between."""
    given = list(command)
    if given[:1] == ["serve"]:
        given.insert(0, "vllm")
    words: list[Word] = []
    position = 0
    for text in given:
        words.append(Word.verbatim(text, COMMAND_PATH, position))
        position += len(text) + 1
    return tuple(words), " ".join(given)


def _launch(start: Start, text: str) -> Launch:
    around = start.surroundings
    return Launch(
        path=COMMAND_PATH,
        name="vllm",
        kind="command",
        extent=Span(COMMAND_PATH, 0, len(text)),
        at=start.at,
        entry_point=start.entry_point,
        argv=start.argv,
        hardware=HardwareClaim(NO_GPU_CLAIM, around.gpu_count),
        vllm_version=image_version(around.image),
        env=around.environment,
        image=around.image,
    )


def _assumptions(
    gpu: str | None,
    gpu_count: int | None,
    vllm_version: str | None,
    model_config: Mapping[str, Any] | str | os.PathLike[str] | None,
) -> Assumptions:
    machines: list[Machine] = []
    if gpu_count is not None:
        if isinstance(gpu_count, bool) or gpu_count < 1:
            raise StatementError(f"gpu_count: {gpu_count!r} is not a number of GPUs")
        machines.append(Machine(None, Located(gpu_count, None, Origin.COMMAND_LINE)))
    if gpu is not None:
        machines.append(stated_machine(gpu, Origin.COMMAND_LINE, "gpu"))
    versions = (
        () if vllm_version is None else (stated_version(vllm_version, Origin.COMMAND_LINE, "vllm_version"),)
    )
    models = ModelSources() if model_config is None else ModelSources(_stated_model(model_config))
    return Assumptions(tuple(machines), versions, models)


def _stated_model(config: Mapping[str, Any] | str | os.PathLike[str]) -> ModelFacts | Unknown:
    from vllint.models.config import facts_from_config, load_config

    if isinstance(config, Mapping):
        return facts_from_config("model", config, "local")
    loaded = load_config(Path(config))
    if isinstance(loaded, Unknown):
        raise StatementError(f"model_config: {loaded.reason}")
    return facts_from_config("model", loaded, "local")
