"""Where KServe gets a model from: `storageUri`, and the folder where the server finds it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from vllint_schemas import Origin, Word

FOLDER = "/mnt/models"
"""Where KServe puts a model, whatever storage it comes from."""

_HUB = "hf://"


class HubModel(NamedTuple):
    """A model of the Hugging Face Hub."""

    name: Word
    revision: Word | None


def hub_model(uri: Word | None) -> HubModel | None:
    """Read `hf://owner/name:revision`; `None` for other storage."""
    if uri is None or not uri.text.startswith(_HUB):
        return None
    end = uri.text.find(":", len(_HUB))
    name = uri.slice(len(_HUB), None if end < 0 else end)
    revision = uri.slice(end + 1) if 0 <= end < len(uri.text) - 1 else None
    return HubModel(name, revision)


def naming(argv: tuple[Word, ...], found: HubModel | None) -> tuple[Word, ...]:
    """Return the words with a model of the Hub in place of the folder that KServe downloads it to."""
    if found is None:
        return argv
    words = tuple(_named(word, found.name) for word in argv)
    if words == argv or found.revision is None:
        return words
    option = Word.atomic("--revision", found.revision.site, Origin.PLATFORM)
    return (*words, option, found.revision)


def _named(word: Word, name: Word) -> Word:
    if word.text == FOLDER:
        return replace(name, slot=None)
    if word.text.startswith("-") and word.text.endswith(f"={FOLDER}"):
        return Word.join((word.slice(0, len(word.text) - len(FOLDER)), name), word.site)
    return word
