from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLISHED = (
    ".gitignore",
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "linter",
    "pyproject.toml",
    "rules",
    "schemas",
    "tests",
    "scripts",
)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree that packages can be built from."""
    copy = tmp_path_factory.mktemp("project")
    for name in PUBLISHED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An environment in which pip installs vllint and nothing else, and never asks the network.

    What vllint depends on, and hatchling to build it, are those of the environment the tests run in, minus
    vllint itself and pip.
    """
    packages = tmp_path_factory.mktemp("packages")
    for kind in ("purelib", "platlib"):
        for entry in Path(sysconfig.get_path(kind)).iterdir():
            ours = entry.name.startswith(("vllint", "_vllint", "pip"))
            if not ours and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(packages),
        # pip reads this variable as the value of `build_isolation`: 0 turns isolation off.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
