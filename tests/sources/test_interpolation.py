"""Compose's `${VARIABLE}` rules (Compose Specification, "Interpolation")."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.sources.interpolation import interpolate
from vllint.sources.readers import Reading
from vllint_schemas import Origin, Span, Word

PATH = "compose.yaml"
VARIABLES = {
    "SET": Word.verbatim("value", ".env", 4),
    "EMPTY": Word.verbatim("", ".env", 20),
}


def word(text: str) -> Word:
    return Word.verbatim(text, PATH, 10)


def expanded(text: str) -> str:
    """Return the text after interpolation, with `?` for what is not known."""
    found = interpolate(word(text), VARIABLES)
    shown = found.text
    for hole in reversed(found.holes):
        shown = f"{shown[: hole.at]}?{shown[hole.at :]}"
    return shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a${SET}b$SET", "avaluebvalue"),
        ("$SETX", "?"),
        ("${SET}X", "valueX"),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("$$$SET", "$value"),
        ("$$$$", "$$"),
        ("${NONE}", "?"),
        ("${NONE:-default}", "default"),
        ("${NONE-default}", "default"),
        ("${NONE:-}", ""),
        ("${SET:-default}", "value"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${NONE:-${SET}}", "value"),
        ("${NONE:-${NADA:-deep}}", "deep"),
        ("${NONE:-a${NADA:-b}c}d", "abcd"),
        ('${NONE:-{"a":1}}', '{"a":1}'),
        ('${SET:-{"a":1}}', "value"),
        ("${NONE:-$$5}", "$5"),
        ("${NONE:?must be set}", "?"),
        ("${NONE?}", "?"),
        ("${SET:?must be set}", "value"),
        ("${EMPTY:?must be set}", "?"),
        ("${EMPTY?must be set}", ""),
        ("${SET:+other}", "other"),
        ("${SET+other}", "other"),
        ("${EMPTY+other}", "other"),
        ("${NONE:+other}", "?"),
        ("${SET:+--flag ${SET}}", "--flag value"),
        ("${unclosed", "?"),
        ("${}", "?"),
        ("${1}", "?"),
        ("${a b}", "?"),
    ],
)
def test_a_variable_is_replaced_as_compose_does(text: str, expected: str) -> None:
    assert expanded(text) == expected


def test_a_default_that_the_env_file_empties_is_taken_only_with_a_colon() -> None:
    assert expanded("${EMPTY:+other}") in {"", "?"}


def test_a_default_stands_where_it_is_written_and_is_known_to_be_one() -> None:
    found = interpolate(word("${NONE:-default}"), VARIABLES)
    assert found.origin is Origin.DEFAULT
    assert found.text_span == Span(PATH, 10 + len("${NONE:-"), 10 + len("${NONE:-default"))
    assert found.site == Span(PATH, 10, 26)


def test_a_variables_value_stands_in_the_env_file_and_is_named_by_its_use() -> None:
    found = interpolate(word("${SET}"), VARIABLES)
    assert found.text_span == Span(".env", 4, 9)
    assert found.via == (Span(PATH, 10, 16),)
    assert found.site == Span(PATH, 10, 16)


def test_text_beside_a_variable_keeps_its_own_place() -> None:
    found = interpolate(word("a${SET}b"), VARIABLES)
    assert found.text_span is None
    first, middle, last = found.runs
    assert first.source == Span(PATH, 10, 11)
    assert middle.source == Span(".env", 4, 9)
    assert last.source == Span(PATH, 17, 18)


def test_an_unknown_variable_of_a_command_string_may_hold_several_words() -> None:
    found = interpolate(word("--flag $MORE"), VARIABLES, splits=True)
    assert found.splits
    assert found.holes[0].source == Span(PATH, 17, 22)
    assert not interpolate(word("--flag $MORE"), VARIABLES).splits


def test_a_deep_nest_of_defaults_ends() -> None:
    text = "${A:-" * 500 + "x" + "}" * 500
    assert interpolate(word(text), {}) is not None


@settings(deadline=None)
@given(st.text(alphabet="${}:-+?AaSET0 \n", max_size=30))
def test_any_text_gives_a_word_whose_runs_cover_it(text: str) -> None:
    found = interpolate(word(text), VARIABLES)
    covered = "".join(found.text[run.start : run.start + run.length] for run in found.runs)
    assert covered == found.text
    for run in found.runs:
        if run.verbatim and run.source.path == PATH:
            source = text[run.source.start - 10 : run.source.end - 10]
            assert source == found.text[run.start : run.start + run.length]


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="$"), max_size=40))
def test_doubled_dollars_are_all_there_is_to_escape(text: str) -> None:
    assert expanded(text.replace("a", "$$")) == text.replace("a", "$")


def test_variables_that_double_each_other_end_as_unknown(read: Callable[..., Reading]) -> None:
    lines = ["V0=0123456789", *(f"V{n}=${{V{n - 1}}}${{V{n - 1}}}" for n in range(1, 60))]
    text = "services:\n  a:\n    image: vllm/vllm-openai\n    command: --model ${V59}\n"
    [launch] = read(text, "compose.yaml", {".env": "\n".join(lines)}).launches
    assert not launch.argv[-1].is_known
