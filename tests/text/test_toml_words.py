"""TOML's scalars: the values Python reads, at the places where they stand."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.text.toml_words import Path, TomlError, toml_words

KEYS = st.sampled_from(["a", "b-c", '"d e"', "'f'", "g.h"])
STRINGS = st.sampled_from(
    ['"x"', "'y\\n'", '"\\u00e9\\t\\""', '"""\nlong\\\n   one "q" """', "'''raw\n'''", '""', '"é # no"']
)
PLAIN = st.sampled_from(["1", "-2", "1_000", "true", "false", "2.5", "1979-05-27"])
VALUES = st.recursive(
    STRINGS | PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ " + " , # c\n".join(items) + " ]")
        | inner.map(lambda value: f"{{ k = {value}, l.m = 1 }}" if "\n" not in value else "[]")
    ),
    max_leaves=4,
)
LINES = st.lists(
    st.one_of(
        st.tuples(KEYS, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]} # comment"),
        KEYS.map(lambda key: f"[{key}]"),
        KEYS.map(lambda key: f"[[ {key} ]]"),
        st.just("# comment [x]"),
    )
)


def leaves(data: Any, path: Path = ()) -> dict[Path, Any]:
    if isinstance(data, dict):
        items = [leaves(value, (*path, key)) for key, value in data.items()]
    elif isinstance(data, list):
        items = [leaves(value, (*path, number)) for number, value in enumerate(data)]
    else:
        return {path: data}
    return {place: value for part in items for place, value in part.items()}


@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_every_scalar_is_found_where_it_stands(lines: list[str], end: str) -> None:
    text = "\n".join([*lines, ""]).replace("\n", end)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(TomlError):
            toml_words(text, "a.toml")
        return
    expected = leaves(data)
    words = toml_words(text, "a.toml")
    texts = {place for place, value in expected.items() if isinstance(value, str | int | float)}
    assert texts <= set(words) | {
        place for place in texts if isinstance(expected[place], str) and end != "\n"
    }
    for place, word in words.items():
        for run in word.runs:
            if run.verbatim:
                there = text[run.source.start : run.source.end]
                assert there == word.text[run.start : run.start + run.length]
        if isinstance(expected[place], str):
            assert word.text.replace("\r\n", "\n") == expected[place].replace("\r\n", "\n")


def test_arrays_of_tables_are_counted() -> None:
    words = toml_words("[[a]]\nx = 1\n[a.b]\ny = 2\n[[a]]\nx = 3\n[[a.c]]\nz = 4\n", "a.toml")
    assert {place: word.text for place, word in words.items()} == {
        ("a", 0, "x"): "1",
        ("a", 0, "b", "y"): "2",
        ("a", 1, "x"): "3",
        ("a", 1, "c", 0, "z"): "4",
    }


@pytest.mark.parametrize("text", ["a = ", "a = [" * 500, "[a", "= 1", "a = {gpu}", '"'])
def test_what_is_not_toml_is_a_problem(text: str) -> None:
    with pytest.raises(TomlError):
        toml_words(text, "a.toml")
