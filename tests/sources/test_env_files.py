"""`.env` files as Compose reads them (compose-go `dotenv`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.sources.env_files import read_env_file
from vllint.sources.readers import Reading
from vllint.text.source import SourceText
from vllint_schemas import Launch, Origin, Word


def read_env(text: str) -> dict[str, Word]:
    return dict(read_env_file(SourceText(".env", text)))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=b\r", "b"),
        ("A = b", "b"),
        ("A: b", "b"),
        ("export A=b", "b"),
        ("  A=b", "b"),
        ("A=", ""),
        ("A=b c", "b c"),
        ("A=b  ", "b"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A='b # c'", "b # c"),
        ('A="b # c" # d', "b # c"),
        ("A='$B'", "$B"),
        ('A="b\\"c"', 'b"c'),
        ('A="b\\nc"', "b\nc"),
        ('A="\\$B"', "$B"),
        ("A=$$B", "$B"),
        ('A="b\nc"', "b\nc"),
        ("A=b=c", "b=c"),
        ("A=http://x:1/?a=b&c", "http://x:1/?a=b&c"),
        ("A=ünï", "ünï"),
        ("#A=x\nA=b", "b"),
        ("A=x\nA=b", "b"),
        ("B=q\nA=${B}/r", "q/r"),
        ('B=q\nA="$B r"', "q r"),
        ("A=${B:-d}", "d"),
        ("B='x y'\nA=$B", "x y"),
    ],
)
def test_a_line_gives_the_value_that_compose_gives(line: str, value: str) -> None:
    found = read_env(line + "\n")["A"]
    assert found.is_known
    assert found.text == value


def test_a_value_that_names_an_unset_variable_is_not_known() -> None:
    assert not read_env("A=${B}/x\n")["A"].is_known


def test_a_value_knows_its_place() -> None:
    text = "# first\nA='b c' # d\nB=é\n"
    for name, value in (("A", "b c"), ("B", "é")):
        found = read_env(text)[name]
        assert found.text_span is not None
        assert text[found.text_span.start : found.text_span.end] == value
        assert found.origin is Origin.ENV_FILE


def test_lines_that_are_no_assignments_are_passed_over() -> None:
    assert set(read_env("nonsense\n=x\n1A=x\n- A\nB=c")) == {"B"}


def test_an_unclosed_quote_does_not_eat_the_file() -> None:
    assert read_env('A="b\nB=c\n')["B"].text == "c"


def test_the_env_file_beside_a_compose_file_is_used(service: Callable[..., Launch]) -> None:
    found = service(
        "image: vllm/vllm-openai:${TAG}\ncommand: --model ${MODEL} -tp ${TP:-1}",
        env="TAG=v0.9.1\nORG=Qwen\nMODEL=${ORG}/Qwen3-8B\nTP=4\n",
    )
    assert [word.text for word in found.argv] == ["--model", "Qwen/Qwen3-8B", "-tp", "4"]
    assert found.argv[3].text_span is not None
    assert found.argv[3].text_span.path == ".env"
    assert found.image is not None and found.image.text == "vllm/vllm-openai:v0.9.1"


def test_files_of_the_env_option_replace_the_one_beside_and_the_last_wins(
    service: Callable[..., Launch],
) -> None:
    found = service(
        "image: vllm/vllm-openai:v0.9.1\ncommand: --model ${MODEL} -tp ${TP:-1}",
        env="TP=8\n",
        env_files={"a.env": "MODEL=Q/x\nTP=2\n", "b.env": "TP=4\nOTHER=$TP\n"},
    )
    assert [word.text for word in found.argv] == ["--model", "Q/x", "-tp", "4"]


def test_a_later_file_may_name_an_earlier_files_variable(read: Callable[..., Reading]) -> None:
    text = "services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model ${M}\n"
    [launch] = read(text, "c.yaml", {}, {"a.env": "ORG=Q\n", "b.env": "M=$ORG/x\n"}).launches
    assert launch.argv[1].text == "Q/x"


@settings(deadline=None)
@given(st.text(alphabet="AB='\"\\$#{}: \r\nexport", max_size=60))
def test_any_text_is_read_and_every_place_lies_in_it(text: str) -> None:
    for word in read_env(text).values():
        for run in word.runs:
            assert 0 <= run.source.start <= run.source.end <= len(text)
        if word.text_span is not None:
            assert text[word.text_span.start : word.text_span.end] == word.text
