"""From an option's text to its value: vLLM's converters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.vllm.options import option_table
from vllint.vllm.values import RefusedError, convert, human_readable_int, human_readable_int_or_auto


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("32", 32),
        ("-1", -1),
        (" 32 ", 32),
        ("4_096", 4096),
        ("32k", 32_000),
        ("32K", 32_768),
        ("1.5k", 1_500),
        ("0.5m", 500_000),
        ("2M", 2 * 1024**2),
        ("25.6g", 25_600_000_000),
        ("1T", 1024**4),
        ("1t", 10**12),
    ],
)
def test_suffixes_are_decimal_when_small_and_binary_when_capital(text: str, number: int) -> None:
    assert human_readable_int(text) == number


@pytest.mark.parametrize("text", ["", "k", "1.5", "1.5K", "1e3", "0x10", "32kb", "32 k", "1,000", "auto"])
def test_other_texts_are_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        human_readable_int(text)


@pytest.mark.parametrize(
    ("text", "number"), [("auto", -1), ("AUTO", -1), ("-1", -1), (" auto ", -1), ("1k", 1000)]
)
def test_auto_is_minus_one(text: str, number: int) -> None:
    assert human_readable_int_or_auto(text) == number


@pytest.mark.parametrize(
    ("flag", "text", "value"),
    [
        ("--tensor-parallel-size", "08", 8),
        ("--tensor-parallel-size", " 8", 8),
        ("--gpu-memory-utilization", "1", 1.0),
        ("--gpu-memory-utilization", "1e-1", 0.1),
        ("--gpu-memory-utilization", "nan", None),
        ("--revision", "None", None),
        ("--revision", "", None),
        ("--revision", "main", "main"),
        ("--compilation-config", '{"mode": 3}', {"mode": 3}),
        ("--compilation-config", ' {"mode": 3} ', {"mode": 3}),
        ("--hf-overrides", "some_function", "some_function"),
        ("--hf-overrides", '{"a": null}', {"a": None}),
        ("--kv-transfer-config", '{"a": 1.5}', {"a": 1.5}),
        ("--limit-mm-per-prompt", '{"image": 2}', {"image": 2}),
    ],
)
def test_a_text_becomes_the_value_of_its_options_kind(flag: str, text: str, value: Any) -> None:
    found = convert(option_table("0.33.0").by_flag[flag], text)
    assert found == value or (text == "nan" and found != found)


@pytest.mark.parametrize(
    ("flag", "text", "message"),
    [
        ("--tensor-parallel-size", "2.0", "invalid int value: '2.0'"),
        ("--tensor-parallel-size", "", "invalid int value: ''"),
        ("--gpu-memory-utilization", "90%", "invalid float value: '90%'"),
        ("--compilation-config", "{mode: 3}", "value: '{mode: 3}'"),
        ("--compilation-config", "3", "'3'"),
        ("--compilation-config", "[]", "'[]'"),
        ("--compilation-config", "null", "'null'"),
        ("--dtype", "int4", "invalid choice: 'int4'"),
        ("--dtype", "BFLOAT16", "invalid choice: 'BFLOAT16'"),
        ("--limit-mm-per-prompt", "image=2", "'image=2'"),
        ("--allowed-origins", "*", "invalid loads value: '*'"),
    ],
)
def test_a_text_of_another_kind_is_refused_in_argparses_words(flag: str, text: str, message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        convert(option_table("0.33.0").by_flag[flag], text)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("release", "flag", "text", "value"),
    [
        ("0.8.5.post1", "--compilation-config", "3", 3),
        ("0.8.5.post1", "--limit-mm-per-prompt", "image=2,video=1", {"image": 2, "video": 1}),
        ("0.8.5.post1", "--limit-mm-per-prompt", '{"image": 2}', {"image": 2}),
    ],
)
def test_older_releases_take_older_forms(release: str, flag: str, text: str, value: Any) -> None:
    assert convert(option_table(release).by_flag[flag], text) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_json_is_read_as_json_whatever_numbers_stand_in_its_texts(value: dict[str, Any]) -> None:
    option = option_table("0.33.0").by_flag["--compilation-config"]
    assert convert(option, json.dumps(value)) == value
    assert convert(option, json.dumps(value, ensure_ascii=False)) == value


def test_bare_suffixed_numbers_are_read_outside_of_texts_only() -> None:
    option = option_table("0.33.0").by_flag["--kv-transfer-config"]
    assert convert(option, '{"size": 80g, "name": "80g", "k": [1k, 1K]}') == {
        "size": 80_000_000_000,
        "name": "80g",
        "k": [1_000, 1_024],
    }


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_taken_or_refused(text: str) -> None:
    for flag in (
        "--tensor-parallel-size",
        "--max-model-len",
        "--compilation-config",
        "--dtype",
        "--hf-overrides",
    ):
        try:
            convert(option_table("0.33.0").by_flag[flag], text)
        except RefusedError as refusal:
            assert str(refusal)


def test_json_nested_too_deep_is_refused() -> None:
    with pytest.raises(RefusedError):
        convert(option_table("0.33.0").by_flag["--compilation-config"], '{"a":' * 100_000)


def test_a_number_too_long_for_python_is_refused() -> None:
    with pytest.raises(RefusedError):
        convert(option_table("0.33.0").by_flag["--tensor-parallel-size"], "9" * 5_000)
