"""`gcloud run deploy`: a container on Cloud Run, its words parted by commas (`gcloud topic escaping`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.sources.containers import gpu_number, variable_of
from vllint_schemas import Located, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, AllGpus

_DELIMITER = re.compile(r"\^([^^]+)\^")


class CloudRun(NamedTuple):
    """A container on Cloud Run; without a `command` the image's own entry point counts."""

    image: Word
    command: tuple[Word, ...]
    arguments: tuple[Word, ...]
    variables: tuple[Variable, ...]
    gpu_count: Located[int | AllGpus] | Unknown


def cloud_run(words: Sequence[Word]) -> CloudRun | None:
    """Return what `gcloud WORDS` starts; only `run deploy` and `run jobs` start containers."""
    texts = [word.text for word in words[:4]]
    if "run" not in texts[:3] or not {"deploy", "create", "update"} & set(texts):
        return None
    image = _last(words, "--image")
    if image is None:
        return None
    variables = tuple(variable_of(one) for value in _all(words, "--set-env-vars") for one in _listed(value))
    command = tuple(one for value in _all(words, "--command") for one in _listed(value))
    arguments = tuple(one for value in _all(words, "--args") for one in _listed(value))
    return CloudRun(image, command, arguments, variables, _gpu_count(words))


def _gpu_count(words: Sequence[Word]) -> Located[int | AllGpus] | Unknown:
    given = _last(words, "--gpu")
    if given is None:
        return NO_COUNT_CLAIM
    number = gpu_number(given.text) if given.is_known else None
    if number is None:
        return Unknown(given.reason or f"`--gpu {given.text}` names no number of GPUs")
    return Located(number, given.span, given.origin, given.via)


def _last(words: Sequence[Word], option: str) -> Word | None:
    return next(iter(reversed(_all(words, option))), None)


def _all(words: Sequence[Word], option: str) -> list[Word]:
    """Return the values of an option, `--option=value` or the word behind it."""
    found: list[Word] = []
    for position, word in enumerate(words):
        if word.text.startswith(f"{option}="):
            found.append(word.slice(len(option) + 1))
        elif word.text == option and position + 1 < len(words):
            found.append(words[position + 1])
    return found


def _listed(value: Word) -> Iterator[Word]:
    """Yield the parts of a list: commas part them, or what `^DELIMITER^` in front names."""
    custom = _DELIMITER.match(value.text)
    delimiter = "," if custom is None else custom[1]
    start = 0 if custom is None else custom.end()
    while True:
        end = value.text.find(delimiter, start)
        yield value.slice(start, len(value.text) if end < 0 else end)
        if end < 0:
            return
        start = end + len(delimiter)
