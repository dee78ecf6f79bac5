"""What a word of a launch is, by how it is written."""

from __future__ import annotations

import re

from vllint_schemas import Launch, Word

_MODEL_NAME = re.compile(r"(?!-)[\w.-]+/[\w.-]+|[./~]\S*/\S*")


def spelled(word: Word) -> str:
    """Return an option's name as vLLM looks it up."""
    return word.text.partition("=")[0].partition(".")[0].replace("_", "-")


def keyword(word: Word) -> str:
    """Return the keyword of a call that a word stands for; `--no-...` is one that is `False`."""
    return spelled(word).removeprefix("--no-").removeprefix("--").replace("-", "_")


def reads_as_model(word: Word) -> bool:
    """Whether a word is written as a model is: `owner/name`, or a path."""
    return word.is_known and _MODEL_NAME.fullmatch(word.text) is not None


def keeps_blank(word: Word) -> bool:
    """Whether a word begins with a blank that a backslash keeps from parting words."""
    return word.text[:1].isspace() and word.runs != () and not word.runs[0].verbatim


def is_call(launch: Launch) -> bool:
    """Whether the words are keywords of a Python call, and none of them is written as an option."""
    return launch.kind == "python" and not any(
        word.text.startswith("-") and word.text_span is not None for word in launch.argv
    )
