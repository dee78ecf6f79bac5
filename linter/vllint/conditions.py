"""What a file is judged by: settings, and what is stated from outside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vllint.engine import Assumptions
from vllint.hardware.resolve import Machine, stated_machine
from vllint.models.resolve import ModelSources
from vllint.settings import Settings
from vllint.settings_search import stated_models
from vllint.vllm.version import stated_version
from vllint_schemas import Located, Origin

if TYPE_CHECKING:
    from vllint.checking import Request


class Conditions(NamedTuple):
    """The settings and the assumptions that a file is judged by."""

    settings: Settings
    assumptions: Assumptions


def assumptions_of(request: Request, settings: Settings) -> Assumptions:
    """Return what the command line and the settings state; raises StatementError for what is unknown."""
    machines: list[Machine] = []
    versions: list[Located[str]] = []
    if request.gpu is not None:
        machines.append(stated_machine(request.gpu, Origin.COMMAND_LINE, "--gpu"))
    if settings.gpu is not None:
        machines.append(stated_machine(settings.gpu, Origin.SETTINGS, f"{settings.source}: gpu"))
    if request.vllm_version is not None:
        versions.append(stated_version(request.vllm_version, Origin.COMMAND_LINE, "--vllm-version"))
    if settings.vllm_version is not None:
        where = f"{settings.source}: vllm-version"
        versions.append(stated_version(settings.vllm_version, Origin.SETTINGS, where))
    models = ModelSources(by_id=stated_models(settings)) if settings.models else ModelSources()
    return Assumptions(tuple(machines), tuple(versions), models, request.env_files)
