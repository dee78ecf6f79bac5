"""The committed fact tables are what their scripts make of the data they come from."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared"))

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/tables/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["options", "gpus", "instances", "removed_options", "value_names"])
def test_a_table_is_what_its_script_writes_today(name: str) -> None:
    module = script(name)
    assert module.TARGET.read_text(encoding="utf-8") == module.text(SHARED / "data")


@pytest.mark.parametrize("name", ["options", "gpus", "instances", "removed_options", "value_names"])
def test_a_script_writes_the_same_every_time(name: str) -> None:
    module = script(name)
    assert module.text(SHARED / "data") == module.text(SHARED / "data")
