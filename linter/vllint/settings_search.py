"""Which settings hold for a file: those of the nearest settings file at or above it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vllint.discover import repository_root
from vllint.settings import ModelStatement, Settings, SettingsError

if TYPE_CHECKING:
    from vllint_schemas import ModelFacts, Unknown

NAMES = (".vllint.toml", "vllint.toml", "pyproject.toml")
LOCK_NAME = "vllint.lock.json"


class SettingsSearch:
    """Finds settings files, reading each once. `version` is vllint's own."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._by_name: dict[str, Settings] = {}
        self._by_folder: dict[Path, Settings] = {}

    def of_folder(self, folder: str) -> Settings:
        """Return the settings that hold in a folder, before overrides; raises SettingsError."""
        known = self._by_name.get(folder)
        if known is None:
            known = self._by_name[folder] = self._of_folder(Path(folder).absolute())
        return known

    def read(self, path: Path) -> Settings:
        """Return the settings of a file that the user names; raises SettingsError."""
        from vllint.settings_file import read_settings

        settings = read_settings(path, self._version)
        if settings is None:
            raise SettingsError(f"{path}: has no `[tool.vllint]` table")
        return settings._replace(is_named=True)

    def _of_folder(self, folder: Path) -> Settings:
        known = self._by_folder.get(folder)
        if known is not None:
            return known
        settings = self._own(folder)
        if settings is None:
            is_top = folder.parent == folder or os.path.lexists(f"{folder}/.git")
            settings = Settings() if is_top else self._of_folder(folder.parent)
        self._by_folder[folder] = settings
        return settings

    def _own(self, folder: Path) -> Settings | None:
        for name in NAMES:
            # Most folders have none of them, and the names are asked for in each.
            if not os.path.lexists(f"{folder}/{name}"):
                continue
            path = folder / name
            if not path.is_file() or (name == "pyproject.toml" and not _mentions_vllint(path)):
                continue
            from vllint.settings_file import read_settings

            settings = read_settings(path, self._version)
            if settings is not None:
                return settings
        return None


class LockSearch:
    """Finds the lock file of models that holds in a folder: the nearest at or above it in the repository."""

    def __init__(self) -> None:
        self._by_name: dict[str, Path | None] = {}
        self._by_folder: dict[str, Path | None] = {}

    def of_folder(self, folder: str) -> Path | None:
        """Return the lock file that holds in a folder, `None` if there is none."""
        if folder not in self._by_name:
            self._by_name[folder] = self._of_folder(str(Path(folder).absolute()))
        return self._by_name[folder]

    def _of_folder(self, folder: str) -> Path | None:
        if folder not in self._by_folder:
            own, above = f"{folder.rstrip('/')}/{LOCK_NAME}", folder.rpartition("/")[0] or "/"
            is_top = above == folder or os.path.lexists(f"{folder}/.git")
            found = None if is_top else self._of_folder(above)
            self._by_folder[folder] = Path(own) if os.path.lexists(own) else found
        return self._by_folder[folder]


def relative_to_root(path: str, settings: Settings) -> str:
    """Return a path as the settings' patterns see it."""
    absolute = Path(path).absolute()
    root = Path(settings.root).absolute()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else absolute.as_posix()


def _mentions_vllint(path: Path) -> bool:
    """Whether a pyproject.toml is worth parsing."""
    try:
        return b"tool.vllint" in path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error


def stated_models(settings: Settings) -> Mapping[str, ModelFacts | Unknown]:
    """Return the facts of the models that settings describe."""
    return {name: _stated_model(name, model, settings) for name, model in settings.models.items()}


def _stated_model(name: str, model: ModelStatement, settings: Settings) -> ModelFacts | Unknown:
    from vllint.models.catalogue import find_model
    from vllint_schemas import Unknown

    if model.like is not None:
        alike = find_model(model.like)
        if alike is None:
            raise SettingsError(
                f"{settings.source}: models.{name}: like: `{model.like}` is not in the catalogue"
            )
        return alike._replace(id=name, source="settings")
    path = Path(settings.root) / str(model.config)
    if not settings.is_named and not _inside_repository(path, Path(settings.root)):
        raise SettingsError(f"{settings.source}: models.{name}: config: {path} is outside of the repository")
    found = _facts_at(name, path, settings.is_named)
    if isinstance(found, Unknown):
        raise SettingsError(f"{settings.source}: models.{name}: config: {found.reason}")
    return found


def _facts_at(name: str, path: Path, anywhere: bool) -> ModelFacts | Unknown:
    """Return the facts of a config.json or a model's folder, read within its repository or `anywhere`."""
    from vllint.models.config import facts_from_config, load_config
    from vllint.models.local import Folder, folder_facts
    from vllint.neighbours import folder_reader, neighbour_of
    from vllint_schemas import Unknown

    if not path.is_dir():
        config = load_config(path)
        return config if isinstance(config, Unknown) else facts_from_config(name, config, "settings")
    read = folder_reader(path) if anywhere else neighbour_of(str(path / "config.json"), {})
    listed = read("./")
    names = frozenset() if listed is None else frozenset(listed.text.splitlines())
    return folder_facts(name, Folder(str(path), names, read), "settings")


def _inside_repository(path: Path, root: Path) -> bool:
    top = Path(repository_root(str(root)) or root).resolve()
    return path.resolve().is_relative_to(top)
