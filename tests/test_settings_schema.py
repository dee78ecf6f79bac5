from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from vllint.settings import SettingsError
from vllint.settings_file import read_settings

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "schemas/vllint_schemas/data/settings.schema.json").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
[EVERY_KEY] = re.findall(r"(?ms)^```toml\n(.*?)^```$", README)


def errors(settings: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(settings)]


def test_the_published_settings_schema_is_the_one_its_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts/tables/settings_schema.py"))
    assert script["text"]() == script["TARGET"].read_text(encoding="utf-8")


def test_the_settings_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_setting_says_what_it_is() -> None:
    tables = [SCHEMA, *(table for table in SCHEMA["$defs"].values() if "properties" in table)]
    silent = [
        key for table in tables for key, entry in table["properties"].items() if not entry["description"]
    ]
    assert silent == []


def test_the_settings_in_the_readme_set_every_key_fit_the_schema_and_are_read(tmp_path: Path) -> None:
    path = tmp_path / "vllint.toml"
    path.write_text(EVERY_KEY, encoding="utf-8")
    settings = tomllib.loads(EVERY_KEY)
    [override] = settings["overrides"]
    assert set(settings) == set(SCHEMA["properties"])
    assert set(override) == set(SCHEMA["$defs"]["OverrideTable"]["properties"])
    assert {key for model in settings["models"].values() for key in model} == set(
        SCHEMA["$defs"]["ModelTable"]["properties"]
    )
    assert errors(settings) == []
    assert read_settings(path, "0.1.0") is not None


@pytest.mark.parametrize(
    "text",
    [
        'vllm-versoin = "0.22.1"',
        "gpus = 0",
        'fail-on = "never"',
        "[[overrides]]\ngpu = 'H100'",
        "[models.x]\nlike = ''",
    ],
)
def test_a_file_that_vllint_refuses_does_not_fit_the_schema(text: str, tmp_path: Path) -> None:
    path = tmp_path / "vllint.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError):
        read_settings(path, "0.1.0")
    assert errors(tomllib.loads(text))
