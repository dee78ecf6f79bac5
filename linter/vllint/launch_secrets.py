"""The secrets of launches: where they stand in files, and keeping them out of what is said of a launch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vllint.redact import (
    is_placeholder,
    is_telling,
    names_secret,
    redacted_prose,
    secret_parts,
    without_values,
)
from vllint_schemas import Launch, Span, Word


class Secrets(NamedTuple):
    """Secrets that launches are given: the places of their characters, and the texts."""

    places: tuple[Span, ...] = ()
    values: tuple[str, ...] = ()

    def out_of(self, text: str, about: Iterable[Span]) -> str:
        """Return a sentence with secrets masked; it is about some places, and may quote what stands there.

        A secret that is a plain word, as in `--api-key vllm`, is masked only if the sentence is about it.
        """
        touched = any(_overlap(place, one) for one in about for place in self.places)
        values = self.values if touched else (value for value in self.values if is_telling(value))
        return redacted_prose(without_values(text, values))

    def out_of_all(self, text: str) -> str:
        """Return a text about everything in the launches with secrets masked."""
        return redacted_prose(without_values(text, self.values))


def secrets_of(launches: Iterable[Launch]) -> Secrets:
    """Return the values of options and variables that are secret by their names."""
    found = [word for launch in launches for word in _secret_words(launch) if word.text.strip()]
    values = sorted({word.text for word in found}, key=lambda text: (-len(text), text))
    places = sorted({place for word in found for place in _places(word)})
    return Secrets(tuple(places), tuple(values))


def _secret_words(launch: Launch) -> Iterator[Word]:
    for index, start in secret_parts(launch.argv):
        word = launch.argv[index]
        yield word.slice(start) if start else word
    for variable in launch.env:
        if names_secret(variable.name) and not is_placeholder(variable.value):
            yield variable.value


def _places(word: Word) -> Iterator[Span]:
    """Yield where the characters of a word stand; what is shorter than they are is a reference to them."""
    for run in word.runs:
        if run.source.end - run.source.start >= run.length:
            yield run.source


def _overlap(one: Span, other: Span) -> bool:
    return one.path == other.path and one.start < other.end and other.start < one.end
