"""Our parser against Python's own argparse, built from the same tables, on random words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.vllm.options import Option, OptionTable, option_table
from vllint.vllm.parser import Parsed, parse
from vllint.vllm.tokens import Token
from vllint.vllm.values import RefusedError, convert
from vllint_schemas import Located, Word

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the parser follows argparse of CPython 3.11; later ones differ"
)

RELEASES = ("0.33.0", "0.19.1", "0.10.2", "0.8.5.post1")


class Refused(Exception):  # noqa: N818
    """What argparse exits with."""


class Parser(argparse.ArgumentParser):
    """An argparse that raises instead of exiting."""

    def error(self, message: str) -> NoReturn:
        raise Refused(message)


class Switch(argparse.Action):
    """Stores what the bare flag means in the spelling used."""

    option: Option

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        on = option_string not in self.option.negations
        setattr(namespace, self.dest, self.option.const_for(on))


class Adapters(argparse.Action):
    """Leaves out what is no adapter, as vLLM's own action does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, [value for value in values or () if value is not None])


@cache
def peer(release: str) -> Parser:
    """Return Python's parser with a release's options, without abbreviations of its own kinds."""
    parser = Parser(prog="vllm serve", add_help=False)
    for option in option_table(release).options:
        if option.positional:
            parser.add_argument("positional", nargs="?", default=None)
        elif option.nargs == "0":
            action = parser.add_argument(
                *option.aliases, *option.negations, dest=option.dest, nargs=0, action=Switch
            )
            action.option = option  # type: ignore[attr-defined]
        else:
            read = converter(option, release)
            nargs = None if option.nargs == "none" else option.nargs
            made = {"append": "append", "lora_modules": Adapters}.get(option.action, "store")
            parser.add_argument(
                *option.aliases, dest=option.dest, nargs=nargs, const=option.const, type=read, action=made
            )
    return parser


def converter(option: Option, release: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return convert(option, text, release)
        except RefusedError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def ours(texts: list[str], table: OptionTable) -> Parsed:
    tokens = [Token(text, Word.verbatim(text, "c", 0), index) for index, text in enumerate(texts)]
    return parse(tokens, table, True)


@cache
def spellings(release: str) -> tuple[str, ...]:
    return tuple(option_table(release).by_flag)


VALUES = st.sampled_from(
    [
        "2",
        "-1",
        "-0.5",
        "0.9",
        "auto",
        "true",
        "fp8",
        "{}",
        '{"a": 1}',
        "a b",
        "-a b",
        "",
        "x=y",
        "Q/x",
        "-",
        "--",
    ]
)


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, list[str]]:
    release = draw(st.sampled_from(RELEASES))
    spelling = st.sampled_from(spellings(release))
    cut = st.tuples(spelling, st.integers(2, 30)).map(lambda pair: pair[0][: pair[1]])
    option = st.one_of(spelling, spelling, cut)
    word = st.one_of(
        option,
        option,
        VALUES,
        VALUES,
        st.tuples(option, VALUES).map("=".join),
        st.tuples(spelling, VALUES).map("".join),
        st.text(alphabet="-=ab0.", max_size=5),
    )
    # CPython 3.11 loses a value `--` that is joined to its option.
    return release, draw(st.lists(word.filter(lambda text: text == "--" or text[-2:] != "--"), max_size=6))


@settings(max_examples=400, deadline=None)
@given(commands())
def test_random_words_are_understood_as_argparse_understands_them(command: tuple[str, list[str]]) -> None:
    release, texts = command
    table = option_table(release)
    found = ours(texts, table)
    try:
        namespace = vars(peer(release).parse_args(texts))
    except Refused as refusal:
        assert found.problems, str(refusal)
        return
    assert not found.problems
    assert (found.positional.text if found.positional else None) == namespace.pop("positional")
    given_options = {argument.dest: argument.value for argument in found.arguments}
    for dest, value in given_options.items():
        assert isinstance(value, Located)
        assert value.value == namespace[dest], dest
    assert {dest for dest, value in namespace.items() if value is not None} <= set(given_options)


@pytest.mark.parametrize("release", RELEASES)
def test_every_spelling_means_what_argparse_means(release: str) -> None:
    table = option_table(release)
    for spelling, option in table.by_flag.items():
        for texts in ([spelling], [f"{spelling}=1"], [spelling, "1"], [spelling[:-1], "1"]):
            try:
                namespace = vars(peer(release).parse_args(texts))
            except Refused:
                assert ours(texts, table).problems, texts
                continue
            found = ours(texts, table)
            assert not found.problems, texts
            [argument] = found.arguments
            if texts[0] != spelling[:-1]:
                assert argument.option == option.flag
            assert isinstance(argument.value, Located)
            assert argument.value.value == namespace[argument.dest]


@pytest.mark.parametrize(
    "texts",
    [
        ["--max-model-len"],
        ["--max-model-len", "x"],
        ["--enforce-eager=1"],
        ["--tensor-parallel-size", "two"],
        ["--nope"],
        ["a", "b"],
        ["--max"],
        ["--dtype", "int4"],
        ["--served-model-name"],
    ],
)
def test_a_refusal_reads_as_argparses(texts: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        peer("0.33.0").parse_args(texts)
    [problem] = ours(texts, option_table("0.33.0")).problems
    assert problem.message.split(" (choose")[0] == str(refused.value).split(" (choose")[0]
