"""The table of environment variables, through its reading door."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vllint.tables import PACKAGED
from vllint.vllm.environment import (
    environment_names,
    environment_release,
    environment_releases,
    environment_variable,
    similar_variables,
    variable_refusal,
    variable_standing,
)
from vllint.vllm.options import option_table, releases
from vllint_schemas import Unknown

VLLM = Path(os.environ.get("VLLINT_VLLM_SOURCE", "no folder"))
NAMES = tuple(json.loads((PACKAGED / "environment.json").read_text())["variables"])


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("0.33.0", "0.33.0"),
        ("v0.19.1+cu128", "0.19.1"),
        ("0.8.5.post1", "0.8.5"),
        ("0.6.6.post1", "0.6.6"),
        ("0.10.1", "0.10.0"),
        ("0.10.1.1", "0.10.1.1"),
        ("0.33.4", "0.33.0"),
        ("0.20.0", "0.20.2"),
        ("0.15.0", None),
        ("0.4.3", None),
        ("nightly", None),
    ],
)
def test_a_version_stands_for_the_last_tabled_release_before_it_in_its_minor(
    version: str, release: str | None
) -> None:
    assert environment_release(version) == release


def test_every_release_with_options_from_0_6_on_has_its_variables() -> None:
    assert [release for release in releases() if environment_release(release) is None] == ["0.4.3", "0.5.5"]


def test_a_variable_is_known_from_its_first_to_its_last_release() -> None:
    for name in NAMES:
        variable = environment_variable(name)
        assert variable is not None
        holding = [
            release for release in environment_releases() if name in (environment_names(release) or ())
        ]
        assert (holding[0], holding[-1]) == (variable.first, variable.last)
        assert (variable.gone_by is None) == (variable.last == environment_releases()[-1])


def test_variables_that_went_lead_to_what_took_their_place() -> None:
    backend = environment_variable("VLLM_ATTENTION_BACKEND")
    assert backend is not None
    assert (backend.last, backend.gone_by) == ("0.14.1", "0.16.0")
    assert backend.successor is not None
    assert (backend.successor.flag, backend.successor.since) == ("--attention-backend", "0.13.0")
    assert backend.successor.values is not None
    assert backend.successor.values["FLASH_ATTN_VLLM_V1"] == "FLASH_ATTN"
    engine = environment_variable("VLLM_USE_V1")
    assert engine is not None
    assert engine.gone_by == "0.11.2"
    assert engine.successor is not None
    assert engine.successor.drop == ("1",)


def test_successors_exist_when_the_variable_is_gone() -> None:
    for name in NAMES:
        variable = environment_variable(name)
        assert variable is not None
        successor = variable.successor
        if successor is None:
            continue
        assert variable.gone_by is not None
        if successor.flag:
            assert successor.flag.partition(".")[0] in option_table(releases()[-1]).by_flag
        if successor.variable:
            assert successor.variable in (environment_names("0.33.0") or ())


def test_what_a_text_is_read_as_is_known_for_every_variable_of_the_newest_release() -> None:
    for name in environment_names("0.33.0") or ():
        variable = environment_variable(name)
        assert variable is not None
        assert variable.kind != "unknown"
        assert (variable.kind == "words") == bool(variable.on or variable.off)
    computed = environment_variable("VLLM_CACHE_ROOT")
    assert computed is not None
    assert isinstance(computed.default, Unknown)


def test_a_typing_mistake_is_near_its_variable() -> None:
    assert similar_variables("VLLM_ATENTION_BACKEND") == ("VLLM_ATTENTION_BACKEND",)
    assert "VLLM_ATTENTION_BACKEND" not in similar_variables("VLLM_ATTENTION_BACKEND", "0.33.0")
    assert similar_variables("vllm-api-key", "0.33.0") == ("VLLM_API_KEY",)
    assert similar_variables("VLLM_IMAGE_TO_RUN_HERE_AT_HOME", "0.33.0") == ()


NEEDS_VLLM = {
    "VLLM_PORT",
    "VLLM_USE_AOT_COMPILE",
    "VLLM_USE_MEGA_AOT_ARTIFACT",
    "VLLM_RUST_FRONTEND_PATH",
    "VLLM_DBO_COMM_SMS",
    "VLLM_DP_RANK_LOCAL",
}
"""Variables whose reading takes torch, or the module in its package."""

JUDGED_ELSEWHERE = {"VLLM_LOGGING_LEVEL"}
"""Variables that `envs.py` reads as any text, and that what is made of them refuses later."""

READ = """
import importlib.util, json, os, sys, types
from urllib.parse import urlparse
urllib3 = types.ModuleType("urllib3"); util = types.ModuleType("urllib3.util")
util.parse_url = urlparse; urllib3.util = util
sys.modules.update({"urllib3": urllib3, "urllib3.util": util})
spec = importlib.util.spec_from_file_location("envs", sys.argv[1])
envs = importlib.util.module_from_spec(spec); spec.loader.exec_module(envs)
read = {}
for name, text in json.loads(sys.stdin.read()):
    os.environ[name] = text
    try:
        value = envs.environment_variables[name]()
        read[f"{name}={text}"] = value if isinstance(value, bool | int | float | str | None) else str(value)
    except Exception as error:
        read[f"{name}={text}"] = ["refused", type(error).__name__]
    del os.environ[name]
print(json.dumps(read))
"""


@pytest.mark.skipif(not VLLM.is_dir(), reason="VLLINT_VLLM_SOURCE does not name vLLM's package folder")
def test_the_real_module_reads_texts_as_the_table_says() -> None:
    kinds = {name: environment_variable(name) for name in sorted(environment_names("0.33.0") or ())}
    texts = ("0", "1", "true", "TRUE", "2.5", "abc")
    left_out = NEEDS_VLLM | JUDGED_ELSEWHERE
    asked = [(name, text) for name in kinds if name not in left_out for text in texts]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(VLLM / "envs.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    read = json.loads(done.stdout)
    wrong = []
    for name, text in asked:
        variable = kinds[name]
        assert variable is not None
        found = read[f"{name}={text}"]
        refused = isinstance(found, list)
        if variable.kind == "switch":
            expected = text in ("0", "1")
            agrees = refused != expected and (refused or found == (text == "1"))
        elif variable.kind == "words":
            folded = text.lower() if variable.any_case else text
            agrees = found == (folded in variable.on if variable.on else folded not in variable.off)
        elif variable.kind in ("int", "float"):
            agrees = refused == (
                text in ("true", "TRUE", "abc") or (text == "2.5" and variable.kind == "int")
            )
        elif variable.kind in ("choice", "choices"):
            folded = text.lower() if variable.any_case else text
            choices = [choice.lower() if variable.any_case else choice for choice in variable.choices]
            agrees = refused == (folded not in choices)
        else:
            agrees = not refused or variable.kind == "json-or-file"
        if variable.kind != "json-or-file":
            agrees = agrees and refused == bool(variable_refusal(variable, text))
        if not agrees:
            wrong.append((name, variable.kind, text, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "version", "standing"),
    [
        ("VLLM_USE_V1", "0.6.6.post1", "reads"),
        ("VLLM_USE_V1", "0.11.0", "reads"),
        ("VLLM_USE_V1", "0.11.1", "unknown"),
        ("VLLM_USE_V1", "0.11.2", "retired"),
        ("VLLM_USE_V1", "0.34.0", "retired"),
        ("VLLM_USE_V1", "nightly", "unknown"),
        ("VLLM_ATTENTION_BACKEND", "0.15.0", "unknown"),
        ("VLLM_DEEP_GEMM_WARMUP", "0.11.0", "not yet"),
        ("VLLM_DEEP_GEMM_WARMUP", "0.11.1", "unknown"),
        ("VLLM_DEEP_GEMM_WARMUP", "0.34.0", "reads"),
        ("VLLM_HOST_IP", "0.5.0", "unknown"),
    ],
)
def test_a_variable_is_read_between_its_first_and_its_last_release(
    name: str, version: str, standing: str
) -> None:
    variable = environment_variable(name)
    assert variable is not None
    assert variable_standing(variable, version) == standing


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("VLLM_SERVER_DEV_MODE", ("0", "1", " 1 ", "-1", "1_0"), ("", "true", "1.0", "on")),
        ("VLLM_LOG_STATS_INTERVAL", ("10", "1.5", "1e3", "inf"), ("", "10s")),
        ("VLLM_KV_CACHE_LAYOUT", ("NHD", "HND"), ("nhd", "")),
        ("VLLM_ALLOW_LONG_MAX_MODEL_LEN", ("true", "1", "on", ""), ()),
        ("VLLM_HOST_IP", ("", "no address"), ()),
    ],
)
def test_a_text_is_refused_that_the_kind_of_variable_cannot_be(
    name: str, taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    variable = environment_variable(name)
    assert variable is not None
    assert [text for text in taken if variable_refusal(variable, text)] == []
    assert [text for text in refused if not variable_refusal(variable, text)] == []


@pytest.mark.parametrize(
    ("text", "is_taken"), [("debug", True), ("WARN", True), ("trace", False), ("", False)]
)
def test_a_level_is_one_of_those_of_pythons_logging(text: str, is_taken: bool) -> None:
    variable = environment_variable("VLLM_LOGGING_LEVEL")
    assert variable is not None
    assert (variable_refusal(variable, text) == "") is is_taken
    assert (text.upper() in logging.getLevelNamesMapping()) is is_taken
