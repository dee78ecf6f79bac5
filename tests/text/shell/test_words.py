from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.text.shell.words import CommandStringError, lost_rest, split_words
from vllint_schemas import Hole, Span, Word


def split(text: str) -> list[str]:
    return [word.text for word in split_words(Word.verbatim(text, "c.yaml", 0))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("var --bar=baz", ["var", "--bar=baz"]),
        ('var --bar="baz"', ["var", "--bar=baz"]),
        ("var \"--bar='baz'\"", ["var", "--bar='baz'"]),
        ("var --bar=`baz`", ["var", "--bar=`baz`"]),
        ('var "--bar=\\"baz\'"', ["var", "--bar=\"baz'"]),
        ("var \"--bar=\\'baz\\'\"", ["var", "--bar='baz'"]),
        ("var --bar='\\'", ["var", "--bar=\\"]),
        ('var  --"bar baz"', ["var", "--bar baz"]),
        ('a "   "', ["a", "   "]),
        ("foo bar\\  ", ["foo", "bar "]),
        ("foo \"\" bar ''", ["foo", "", "bar", ""]),
        ('echo $(echo "foo")', ["echo", '$(echo "foo")']),
        ("echo $(`echo1)", ["echo", "$(`echo1)"]),
    ],
)
def test_words_are_those_of_the_splitter_that_compose_uses(text: str, words: list[str]) -> None:
    """The cases of go-shellwords' own tests."""
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "words", "rest"),
    [
        ("echo foo; seq 1 10", ["echo", "foo"], "; seq 1 10"),
        ("ls -la 2>foo", ["ls", "-la"], ">foo"),
        ("vllm serve m && echo done", ["vllm", "serve", "m"], "&& echo done"),
        ("vllm '&' \"|\" \\;", ["vllm", "&", "|", ";"], ""),
    ],
)
def test_what_follows_an_operator_is_lost(text: str, words: list[str], rest: str) -> None:
    span = lost_rest(Word.verbatim(text, "c.yaml", 0))
    assert split(text) == words
    assert (text[span.start : span.end] if span else "") == rest


@pytest.mark.parametrize(
    ("text", "mark"),
    [("foo '", "'"), ('foo "a', '"'), ("foo `", "`"), ("echo $(x", "("), ("a )b", ")"), ("a (b", "(")],
)
def test_what_is_not_closed_is_an_error_that_says_where(text: str, mark: str) -> None:
    with pytest.raises(CommandStringError) as caught:
        split(text)
    assert text[caught.value.span.start : caught.value.span.end] == mark


def test_variables_and_comments_mean_nothing() -> None:
    assert split("vllm $MODEL # x") == ["vllm", "$MODEL", "#", "x"]


def test_a_backslash_at_a_line_end_is_a_word_of_its_own() -> None:
    assert split("vllm serve \\\n  --tp 8") == ["vllm", "serve", "\n", "--tp", "8"]


safe = st.text(alphabet="abc=-/{}:,.\\'\" ", max_size=8).map(shlex.quote)
bare = st.text(alphabet="abc=-/{}:,.é$#", min_size=1, max_size=8)


@given(words=st.lists(st.one_of(safe, bare), max_size=6), blank=st.sampled_from([" ", "  ", "\n", "\t "]))
def test_quoted_words_are_split_as_by_shlex(words: list[str], blank: str) -> None:
    text = blank.join(words)
    assert split(text) == shlex.split(text, comments=False, posix=True)


@given(text=st.text(alphabet="ab \\'\"\n$()`;", max_size=30))
def test_every_word_maps_back_to_its_place(text: str) -> None:
    try:
        words = split_words(Word.verbatim(text, "c.yaml", 0))
    except CommandStringError:
        return
    for word in words:
        assert word.slot is not None
        assert word.slot.extent == word.site
        for run in word.runs:
            source = text[run.source.start : run.source.end]
            assert run.source.start >= word.site.start and run.source.end <= word.site.end
            assert not run.verbatim or source == word.text[run.start : run.start + run.length]
    assert [word.site.start for word in words] == sorted(word.site.start for word in words)


def test_an_interpolated_stretch_may_be_any_number_of_words() -> None:
    text = "vllm  '' --tp="
    holes = tuple(Hole(at, "`$X` is not set", Span("c.yaml", at, at)) for at in (5, 7, 14))
    word = Word(text, Word.verbatim(text, "c.yaml", 0).runs, Span("c.yaml", 0, 14), holes)
    assert [(found.text, found.is_known, found.splits) for found in split_words(word)] == [
        ("vllm", True, False),
        ("", False, True),
        ("", False, False),
        ("--tp=", False, True),
    ]


def test_a_words_slot_knows_its_quotes() -> None:
    words = split_words(Word.verbatim("a \"b c\" 'd' e'f'", "c.yaml", 0))
    assert [word.slot.quote if word.slot else None for word in words] == ["", '"', "'", ""]
