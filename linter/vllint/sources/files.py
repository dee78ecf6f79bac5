"""What a reader is given: a file's text, the files beside it, and one document of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint.neighbours import Neighbour
from vllint.text.source import SourceText
from vllint.text.yaml.nodes import Node
from vllint_schemas import Launch, SourceProblem, Word

Found = Iterator[Launch | SourceProblem]
"""What readers yield."""


class File(NamedTuple):
    """A file to read. `env_files` hold Compose's variables; without them the `.env` beside the file does.

    `rendered` is what a template's text becomes, what is filled in as holes.
    """

    source: SourceText
    neighbour: Neighbour
    env_files: tuple[SourceText, ...] | None = None
    rendered: Word | None = None

    @property
    def path(self) -> str:
        """The file's path, as reports show it."""
        return self.source.path

    @property
    def text(self) -> str:
        """The file's text."""
        return self.source.text if self.rendered is None else self.rendered.text

    @property
    def whole(self) -> Word:
        """The file's text as one word."""
        if self.rendered is not None:
            return self.rendered
        return Word.verbatim(self.source.text, self.source.path, 0)


class Document(NamedTuple):
    """One YAML or JSON document of a file; `roots` are all of the file's."""

    root: Node
    roots: tuple[Node, ...]
    file: File
