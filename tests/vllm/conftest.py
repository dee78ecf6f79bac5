"""Words as vLLM's parser gets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from vllint.vllm.engine_args import engine_args
from vllint_schemas import EngineArgs, EntryPoint, Hole, Span, Word

PATH = "<command>"
REASON = "`$X` is not set"


def to_word(text: str, start: int, wild: bool) -> Word:
    """Return the word of a text; where it is `wild`, `?` is an unknown part and `*` one of many words."""
    places = [place for place in map(text.find, "?*") if place >= 0] if wild else []
    if not places:
        return Word.verbatim(text, PATH, start)
    at, whole = min(places), Span(PATH, start, start + len(text))
    known = Word.verbatim(text[:at] + text[at + 1 :], PATH, start)
    return Word(known.text, known.runs, whole, (Hole(at, REASON, whole, text[at] == "*"),))


def to_words(line: str | Sequence[str]) -> tuple[Word, ...]:
    """Return the words of a list as they stand, or those of a line, parted by blanks, with wild parts."""
    words: list[Word] = []
    position = 0
    for text in line.split() if isinstance(line, str) else line:
        words.append(to_word(text, position, isinstance(line, str)))
        position += len(text) + 1
    return tuple(words)


@pytest.fixture(scope="session")
def serve() -> Callable[..., EngineArgs]:
    """Return what a release's `vllm serve` understands from a line or a list of words."""

    def understood(line: str | Sequence[str], release: str = "0.33.0") -> EngineArgs:
        return engine_args(to_words(line), EntryPoint.SERVE, release)

    return understood


@pytest.fixture(scope="session")
def api_server() -> Callable[..., EngineArgs]:
    """Return what a release's api_server module understands from a line or a list of words."""

    def understood(line: str | Sequence[str], release: str = "0.33.0") -> EngineArgs:
        return engine_args(to_words(line), EntryPoint.API_SERVER, release)

    return understood
