"""Checking one command, given as text or as a list of words."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vllint.checking import COMMAND_PATH, Report
from vllint.engine import Assumptions, Judged, judge_command
from vllint.hardware.resolve import Machine, stated_machine
from vllint.models.resolve import ModelSources
from vllint.neighbours import neighbour_of
from vllint.registry import Registry, list_rules
from vllint.settings import Settings
from vllint.statements import StatementError
from vllint.vllm.version import stated_version
from vllint_schemas import (
    Located,
    MemoryEstimate,
    Origin,
    Span,
    Unknown,
    Variable,
    Word,
)

if TYPE_CHECKING:
    from vllint.rule_index import AnyRule


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
    registry = list_rules()
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
    command: str | Sequence[str],
    env: Mapping[str, str],
    registry: Registry[AnyRule],
    assumptions: Assumptions,
) -> Judged:
    variables = tuple(
        Variable(name, Word.atomic(value, Span(COMMAND_PATH, 0, 0))) for name, value in env.items()
    )
    word = Word.verbatim(_text(command), COMMAND_PATH, 0)
    return judge_command(
        word, variables, neighbour_of(COMMAND_PATH, {}), registry.rules, Settings(), assumptions
    )


def _text(command: str | Sequence[str]) -> str:
    """Return a command as shell text; a list of words may leave out `vllm` before `serve`."""
    if isinstance(command, str):
        return command
    words = list(command)
    return shlex.join(["vllm", *words] if words[:1] == ["serve"] else words)


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
    models = ModelSources() if model_config is None else _stated_model(model_config)
    return Assumptions(tuple(machines), versions, models)


def _stated_model(config: Mapping[str, Any] | str | os.PathLike[str]) -> ModelSources:
    from vllint.models.config import facts_from_config, load_config

    loaded = config if isinstance(config, Mapping) else load_config(Path(config))
    if isinstance(loaded, Unknown):
        raise StatementError(f"model_config: {loaded.reason}")
    return ModelSources(facts_from_config("model", loaded, "local"), config=loaded)
