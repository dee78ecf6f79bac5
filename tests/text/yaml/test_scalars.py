"""Where the characters of single scalars come from, by example."""

from __future__ import annotations

import pytest

from vllint.text.source import SourceText
from vllint.text.yaml.scalars import scalar_runs
from vllint.text.yaml.tree import Mapping, Scalar, parse_source


def scalar(text: str) -> Scalar:
    (root,) = parse_source(SourceText("a.yaml", text))
    assert isinstance(root, Mapping)
    node = root.get("a")
    assert isinstance(node, Scalar)
    return node


def pieces(text: str) -> list[tuple[str, str]]:
    """Each run of `a`'s value: what it reads as and the source it came from."""
    word = scalar(text).word()
    return [
        (word.text[run.start : run.start + run.length], text[run.source.start : run.source.end])
        for run in word.runs
    ]


@pytest.mark.parametrize("text", ["a: vllm serve é𝔘 # c\n", "a: 'x y'", 'a: "x y"', "- a\n", "a: |-\n  x"])
def test_a_scalar_without_escapes_stands_in_one_place(text: str) -> None:
    if text.startswith("-"):
        text = "a:\n" + text
        (root,) = parse_source(SourceText("a.yaml", text))
        assert isinstance(root, Mapping)
        word = root.items()[0][1].entries[0].word()  # type: ignore[union-attr]
    else:
        word = scalar(text).word()
    assert word.text_span is not None
    assert text[word.text_span.start : word.text_span.end] == word.text


def test_an_escape_is_one_character_from_its_whole_sequence() -> None:
    assert pieces(r'a: "x\ty\u00e9\U0001F600\x41\""') == [
        ("x", "x"),
        ("\t", r"\t"),
        ("y", "y"),
        ("é", r"\u00e9"),
        ("😀", r"\U0001F600"),
        ("A", r"\x41"),
        ('"', r"\""),
    ]


def test_an_escaped_line_break_joins_lines_without_a_character() -> None:
    assert pieces('a: "x \\\n    y"') == [("x ", "x "), ("y", "y")]


def test_a_doubled_quote_is_one_character() -> None:
    assert pieces("a: 'it''s'") == [("it", "it"), ("'", "''"), ("s", "s")]


def test_a_folded_line_break_is_a_space_from_break_and_indentation() -> None:
    assert pieces("a: vllm  \n   serve\n\n   x") == [
        ("vllm", "vllm"),
        (" ", "  \n   "),
        ("serve", "serve"),
        ("\n", "\n"),
        ("x", "x"),
    ]


def test_a_fold_as_long_as_its_space_is_not_taken_for_the_same_text() -> None:
    text = "a: 'x\ny'"
    assert pieces(text) == [("x", "x"), (" ", ""), ("y", "y")]
    assert scalar(text).word().text_span is None


def test_a_literal_scalar_keeps_the_place_of_every_character() -> None:
    text = "a: |  # why\n  vllm serve \\\n    --port 1\n\n  # text\n\n\nb: 1"
    assert pieces(text) == [
        ("vllm serve \\\n", "vllm serve \\\n"),
        ("  --port 1\n\n", "  --port 1\n\n"),
        ("# text\n", "# text\n"),
    ]


def test_a_folded_scalar_keeps_the_place_of_every_character() -> None:
    text = "a: >-\n  vllm\n  serve\n\n  x\n    deeper\n  y\n"
    assert pieces(text) == [
        ("vllm", "vllm"),
        (" ", "\n  "),
        ("serve", "serve"),
        ("\n", "\n"),
        ("x\n", "x\n"),
        ("  deeper\n", "  deeper\n"),
        ("y", "y"),
    ]


def test_windows_line_breaks_are_one_character_from_two() -> None:
    assert pieces("a: |\r\n  x\r\n  y\r\n") == [("x", "x"), ("\n", "\r\n"), ("y", "y"), ("\n", "\r\n")]


def test_keeping_chomps_nothing_and_stripping_everything() -> None:
    assert pieces("a: |+\n  x\n\n\nb: 1") == [("x\n\n\n", "x\n\n\n")]
    assert pieces("a: |-\n  x\n\n\nb: 1") == [("x", "x")]


def test_an_indentation_indicator_leaves_deeper_blanks_to_the_text() -> None:
    assert pieces("a: |1\n   x\n y\n") == [("  x\n", "  x\n"), ("y\n", "y\n")]


def test_text_that_does_not_read_as_the_value_has_no_map() -> None:
    assert scalar_runs('"x\\ty"', "a.yaml", 0, 6, '"', "x y") is None
    assert scalar_runs("|\n x\n", "a.yaml", 0, 5, "|", "y\n") is None
    assert scalar_runs("x\n  y", "a.yaml", 0, 5, "", "x y z") is None
