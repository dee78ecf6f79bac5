from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from vllint.settings_file import read_settings

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "schemas/vllint_schemas/data/settings.schema.json").read_text(encoding="utf-8"))
EVERY_KEY = """\
required-version = ">=0.1"
vllm-version = "0.22.1"
gpu = "H100"
gpus = 8
select = ["PAR", "MEM001"]
ignore = ["gpus-idle"]
exclude = ["vendor/"]
fail-on = "error"
preview = true

[severity]
MEM = "warning"

[models."acme/chat-70b"]
like = "meta-llama/Llama-3.3-70B-Instruct"

[[overrides]]
paths = ["staging/"]
vllm-version = "0.33.0"
gpu = "L40S:4"
select = ["ALL"]
ignore = ["PAR005"]
severity = {PAR = "info"}
"""


def errors(settings: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(settings)]


def test_the_published_settings_schema_is_the_one_its_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts/tables/settings_schema.py"))
    assert script["text"]() == script["TARGET"].read_text(encoding="utf-8")


def test_the_settings_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_setting_says_what_it_is() -> None:
    tables = [SCHEMA, *(table for table in SCHEMA["$defs"].values() if "properties" in table)]
    silent = [key for table in tables for key, entry in table["properties"].items() if not entry["description"]]
    assert silent == []


def test_a_file_that_sets_every_key_fits_the_schema_and_is_read(tmp_path: Path) -> None:
    path = tmp_path / "vllint.toml"
    path.write_text(EVERY_KEY, encoding="utf-8")
    assert set(tomllib.loads(EVERY_KEY)) == set(SCHEMA["properties"])
    assert errors(tomllib.loads(EVERY_KEY)) == []
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
def test_a_file_that_vllint_refuses_does_not_fit_the_schema(text: str) -> None:
    assert errors(tomllib.loads(text))
