"""The formats of files that start vLLM, and the modules that read them.

A module of a document format has `recognises(root)` and `launches(document)`, one of a text format
`recognises(file)` and `launches(file)`. It is imported for the first file that may be of its format.
"""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from vllint_schemas import Kind


class DocumentFormat(NamedTuple):
    """A format in YAML or JSON; a file of it holds one of the `markers`, if there are any."""

    kind: Kind
    module: str
    markers: tuple[str, ...] = ()

    def may_be(self, text: str) -> bool:
        """Whether a file with this text may be of the format."""
        return not self.markers or any(marker in text for marker in self.markers)


class TextFormat(NamedTuple):
    """A format of its own; `name` matches the names of files that may be of it, in lower case."""

    kind: Kind
    module: str
    name: re.Pattern[str]


DOCUMENT_FORMATS = (
    DocumentFormat("compose", "compose", ("services",)),
    DocumentFormat("kubernetes", "kubernetes", ("apiVersion",)),
    DocumentFormat("hf_endpoint", "hf_endpoint", ("instanceType",)),
)
"""In the order in which they are asked; the first that recognises a document reads it."""

TEXT_FORMATS = (
    TextFormat("python", "python_calls", re.compile(r"\.py$")),
    TextFormat("dockerfile", "dockerfile", re.compile(r"")),
)
"""In the order in which they are asked; the first that recognises a file reads it."""


def reader(module: str) -> ModuleType:
    """Return the module that reads a format."""
    return import_module(f"vllint.sources.{module}")
