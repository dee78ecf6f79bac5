"""What a file is judged by: settings, and what is stated from outside of it."""

from __future__ import annotations

from pathlib import Path
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
    from vllint.models.hub import Hub


class Conditions(NamedTuple):
    """The settings and the assumptions that a file is judged by."""

    settings: Settings
    assumptions: Assumptions


def assumptions_of(
    request: Request, settings: Settings, lock: Path | None = None, hub: Hub | None = None
) -> Assumptions:
    """Return what the command line, the settings and the lock file state; `hub` is asked for models.

    Raises StatementError for what is unknown, and for a lock file that cannot be used.
    """
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
    models = _models(settings, lock, hub)
    return Assumptions(tuple(machines), tuple(versions), models, request.env_files, request.heeds_comments)


def _models(settings: Settings, lock: Path | None, hub: Hub | None) -> ModelSources:
    models = ModelSources(by_id=stated_models(settings)) if settings.models else ModelSources()
    if lock is not None:
        from vllint.models.lock import read_lock

        models = models._replace(lock=read_lock(lock))
    return models if hub is None else models._replace(hub=hub)
