"""The names of lines must be the ones that GitHub's own action computes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.redact import redacted
from vllint.report.line_hashes import line_hashes

GREETINGS = [
    "e9496ae3ebfced30:1",
    "fb7c023a8b9ccb3f:1",
    "ce8ba1a563dcdaca:1",
    "e20e36e16fcb0cc8:1",
    "b3edc88f2938467e:1",
    "c8e28b0b4002a3a0:1",
    "c129715d7a2bc9a3:1",
]
PUBLISHED = {
    "": ["c129715d7a2bc9a3:1"],
    " a\nb\n  \t\tc\n d": [
        "271789c17abda88f:1",
        "54703d4cd895b18:1",
        "180aee12dab6264:1",
        "a23a3dc5e078b07b:1",
    ],
    " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End": [
        "8b7cf3e952e7aeb2:1",
        "b1ae1287ec4718d9:1",
        "bff680108adb0fcc:1",
        "c6805c5e1288b612:1",
        "b86d3392aea1be30:1",
        "e6ceba753e1a442:1",
    ],
    " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n": GREETINGS,
    " hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r": GREETINGS,
    " hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n": GREETINGS,
    " hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n": GREETINGS,
    "Lorem ipsum dolor sit amet.\n" * 10: [
        "a7f2ff13bc495cf2:1",
        "a7f2ff13bc495cf2:2",
        "a7f2ff13bc495cf2:3",
        "a7f2ff13bc495cf2:4",
        "a7f2ff13bc495cf2:5",
        "a7f2ff13bc495cf2:6",
        "a7f2ff1481e87703:1",
        "a9cf91f7bbf1862b:1",
        "55ec222b86bcae53:1",
        "cc97dc7b1d7d8f7b:1",
        "c129715d7a2bc9a3:1",
    ],
}
"""The test vectors of github/codeql-action, src/fingerprints.test.ts."""


def names(text: str) -> list[str]:
    found = line_hashes(text, text, range(1, len(text) + 2))
    assert list(found) == list(range(1, len(found) + 1))
    return list(found.values())


def rolled(text: str) -> list[str]:
    """The same by the action's own procedure: a hash rolled over the units one by one, in 64 bits."""
    units = [ord(unit) for unit in text]
    window, starts = [0] * 100, [-1] * 100
    state = {"hash": 0, "index": 0}
    seen: dict[str, int] = {}
    named: list[str] = []

    def flush() -> None:
        if starts[state["index"]] != -1:
            name = f"{state['hash']:x}"
            seen[name] = seen.get(name, 0) + 1
            named.append(f"{name}:{seen[name]}")
            starts[state["index"]] = -1

    def push(unit: int) -> None:
        index = state["index"]
        state["hash"] = (37 * state["hash"] + unit - 37**100 * window[index]) % 2**64
        window[index] = unit
        state["index"] = (index + 1) % 100

    at_start, after_return = True, False
    for unit in [*units, 65535]:
        if unit in (32, 9) or (after_return and unit == 10):
            after_return = False
            continue
        after_return = unit == 13
        unit = 10 if after_return else unit
        flush()
        if at_start:
            starts[state["index"]] = 0
        at_start = unit == 10
        push(unit)
    for _ in range(100):
        flush()
        push(0)
    return named


@pytest.mark.parametrize(("text", "expected"), PUBLISHED.items())
def test_lines_are_named_as_github_names_them(text, expected) -> None:
    assert names(text) == rolled(text) == expected


@given(st.text(st.sampled_from(" \t\r\nab日é"), max_size=400))
def test_any_text_s_lines_are_named_as_by_rolling(text) -> None:
    assert names(text) == rolled(text)


def test_characters_outside_the_basic_plane_count_as_the_two_units_javascript_sees() -> None:
    assert names("🚀\n") == rolled("\ud83d\ude80\n")


def test_only_the_lines_asked_for_are_named_and_their_occurrence_is_right() -> None:
    text = "Lorem ipsum dolor sit amet.\n" * 10
    assert line_hashes(text, text, {4, 99}) == {4: "a7f2ff13bc495cf2:4"}


def test_a_line_near_a_secret_gets_no_name_since_the_secret_could_be_told_from_it() -> None:
    text = f"{'x' * 120}\na: 1\nHF_TOKEN=hunter2hunter2\n{'y' * 90}\n"
    found = line_hashes(text, redacted(text), range(1, 9))
    assert sorted(found) == [1, 4, 5]
    assert found[4] == names(text)[3]
