"""What Hugging Face endpoints mean by their fields, sizes and mounts, in payloads, programs and commands."""

from __future__ import annotations

from vllint_schemas import Origin, Word

PLATFORM = "huggingface-inference-endpoints"

_MOUNTED = "/repository"
"""Where the platform mounts the model of an image that is not one of its engines'."""


def accelerators(size: Word) -> Word:
    """Return the number in an instance size: `x4` has four accelerators."""
    if size.text.startswith("x") and size.text[1:].isdecimal():
        return size.slice(1)
    return Word.unknown(f"the instance size `{size.text}` does not name a number", size.site)


def mounted_model(word: Word, repository: Word | None) -> Word:
    """Return the repository in place of the folder where the platform mounts it."""
    name, equals, path = word.text.rpartition("=")
    if (
        repository is None
        or not word.is_known
        or path.rstrip("/") != _MOUNTED
        or (equals and name != "--model")
    ):
        return word
    site = word.site
    there = Word(repository.text, repository.runs, site, repository.holes, Origin.VARIABLE, (site,))
    if not equals:
        return there
    return Word.join((word.slice(0, len(name) + 1), there), site)
