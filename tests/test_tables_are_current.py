"""The committed fact tables are what their scripts make of the data they come from."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts/tables"
SHARED = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared"))

VLLM = Path(os.environ.get("VLLINT_VLLM_SOURCE", "no folder"))
NEWEST = "0.33.0"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
needs_vllm = pytest.mark.skipif(
    not VLLM.is_dir(), reason=f"VLLINT_VLLM_SOURCE does not name the package's folder of vLLM {NEWEST}"
)


def script(name: str) -> ModuleType:
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_shared
@pytest.mark.parametrize("name", ["options", "gpus", "instances", "removed_options", "value_names"])
def test_a_table_is_what_its_script_writes_today(name: str) -> None:
    module = script(name)
    assert module.TARGET.read_text(encoding="utf-8") == module.text(SHARED / "data")


@needs_shared
@pytest.mark.parametrize("name", ["options", "gpus", "instances", "removed_options", "value_names"])
def test_a_script_writes_the_same_every_time(name: str) -> None:
    module = script(name)
    assert module.text(SHARED / "data") == module.text(SHARED / "data")


def test_the_table_of_computed_defaults_is_what_its_script_writes_today() -> None:
    module = script("computed_defaults")
    assert module.TARGET.read_text(encoding="utf-8") == module.text()


@needs_shared
@needs_vllm
def test_the_environment_is_that_of_the_data_and_of_the_newest_source() -> None:
    module = script("environment")
    assert module.TARGET.read_text(encoding="utf-8") == module.text(SHARED / "data", VLLM, NEWEST)


@needs_vllm
def test_reading_the_newest_source_finds_what_its_real_parser_has() -> None:
    release, reader, source = script("release"), script("vllm_options"), script("vllm_source")
    read = reader.options_of(source.Source(VLLM))
    assert read.notes == []
    assert dict(release.differences(release.tables()[NEWEST], read.records)) == {}


@needs_vllm
def test_a_release_that_is_read_in_stands_as_it_was_read() -> None:
    options, release = script("options"), script("release")
    read = script("vllm_options").options_of(script("vllm_source").Source(VLLM))
    known = release.tables()
    assert options.written(known) == options.TARGET.read_text(encoding="utf-8")
    lines = options.written({**known, "0.34.0": read.records}).splitlines()
    assert lines[0].endswith('"0.33.0","0.34.0"]')
    listings = lines[2 + len(known) - 1], lines[2 + len(known)]
    assert sorted(json.loads(listings[0])) == sorted(json.loads(listings[1]))


@needs_vllm
def test_the_bounds_are_those_of_the_newest_source() -> None:
    module = script("option_bounds")
    fields = script("vllm_options").options_of(script("vllm_source").Source(VLLM)).fields
    assert module.TARGET.read_text(encoding="utf-8") == module.text(VLLM, NEWEST, fields)


@needs_vllm
def test_the_requirements_stand_where_the_newest_source_has_them() -> None:
    module = script("option_requirements")
    assert module.TARGET.read_text(encoding="utf-8") == module.text(VLLM, NEWEST)
