"""Words as vLLM's parser gets them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.vllm.engine_args import engine_args
from vllint_schemas import EngineArgs, EntryPoint, Hole, Span, Word

PATH = "<command>"


def to_words(texts: list[str]) -> tuple[Word, ...]:
    """Return words side by side; `?` in a text is an unknown word part, `*` one that may be many words."""
    words: list[Word] = []
    position = 0
    for text in texts:
        known = text.replace("?", "").replace("*", "") if text[:1] not in "{[" else text
        word = Word.verbatim(known, PATH, position)
        if known != text:
            at = min(place for place in (text.find("?"), text.find("*")) if place >= 0)
            hole = Hole(at, "`$X` is not set", Span(PATH, position, position + len(text)), "*" in text)
            word = Word(word.text, word.runs, Span(PATH, position, position + len(text)), (hole,))
        words.append(word)
        position += len(text) + 1
    return tuple(words)


@pytest.fixture(scope="session")
def words() -> Callable[[list[str]], tuple[Word, ...]]:
    """Return the maker of words from texts."""
    return to_words


@pytest.fixture(scope="session")
def serve() -> Callable[..., EngineArgs]:
    """Return what a release's `vllm serve` understands from a command line."""

    def understood(line: str | list[str], release: str = "0.33.0") -> EngineArgs:
        texts = line.split() if isinstance(line, str) else line
        return engine_args(to_words(texts), EntryPoint.SERVE, release)

    return understood


@pytest.fixture(scope="session")
def api_server() -> Callable[..., EngineArgs]:
    """Return what a release's api_server module understands from a command line."""

    def understood(line: str | list[str], release: str = "0.33.0") -> EngineArgs:
        texts = line.split() if isinstance(line, str) else line
        return engine_args(to_words(texts), EntryPoint.API_SERVER, release)

    return understood
