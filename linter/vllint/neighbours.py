"""Reading files beside the one being checked, never outside its repository.

Elsewhere on this machine only the Hugging Face cache is read, by names that begin with `hf-cache://`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from vllint.discover import MAX_BYTES, displayed, repository_root
from vllint.text.source import SourceText, UndecodableText, decode

Neighbour = Callable[[str], SourceText | None]
"""Reads a file that stands beside the one being read; `None` when there is none.

A name that ends in `/` is a folder's: its text are the names of the files in it, one a line, sorted.
Weights and their indexes (`WEIGHTS`) are not read whole: their text is what their headers say. A name that
begins with `hf-cache://` is that of a model's file in the Hugging Face cache of this machine.
"""

WEIGHTS = (".safetensors", ".safetensors.index.json", ".gguf")
"""Endings of files that are known by their headers."""

HUB_CACHE = "hf-cache://"

_MAX_NAMES = 1000


class Neighbours:
    """Reads the files beside those of one run, each once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], SourceText | None] = {}

    def of(self, path: str) -> Neighbour:
        """Return a reader of the files that stand beside `path`."""
        folder = path.removesuffix(path.rpartition("/")[2])

        def read(name: str) -> SourceText | None:
            key = (folder, name)
            if key not in self._read:
                self._read[key] = neighbour_of(path, {})(name)
            return self._read[key]

        return read


def neighbour_of(path: str, texts: Mapping[str, str]) -> Neighbour:
    """Return a reader of files that stand beside `path`; what it cannot or may not read is not there.

    `texts` are read in place of the files of these paths.
    """
    folder = Path(path).absolute().parent

    def read(name: str) -> SourceText | None:
        if name.startswith(HUB_CACHE):
            return _cached(name)
        beside = folder / name
        if not texts and not os.path.lexists(beside):
            return None
        shown = displayed(str(beside), Path.cwd().as_posix())
        if shown in texts:
            return SourceText(shown, texts[shown])
        root = Path(repository_root(str(folder)) or folder).resolve()
        try:
            real = beside.resolve(strict=True)
        except (OSError, RuntimeError):
            # A link that leads nowhere, or in a circle.
            return None
        return _text(real, name, shown) if real.is_relative_to(root) else None

    return read


def folder_reader(folder: Path) -> Neighbour:
    """Return a reader of the files in a folder that the user names, wherever it is and its links lead."""

    def read(name: str) -> SourceText | None:
        try:
            real = (folder / name).resolve(strict=True)
        except (OSError, RuntimeError):
            # Not there, or a link that leads nowhere or in a circle.
            return None
        return _text(real, name, str(folder / name))

    return read


def _cached(name: str) -> SourceText | None:
    from vllint.hub_cache import cached_file

    place = cached_file(name, os.environ)
    return None if place is None else _text(place.real, name, str(place.shown))


def _text(real: Path, name: str, shown: str) -> SourceText | None:
    try:
        if name.endswith("/"):
            return SourceText(shown, _names(real)) if real.is_dir() else None
        if not real.is_file():
            return None
        if name.endswith(WEIGHTS):
            from vllint.checkpoints.summary import weights_summary

            return SourceText(shown, weights_summary(real, name))
        return None if real.stat().st_size > MAX_BYTES else decode(shown, real.read_bytes())
    except (OSError, UndecodableText):
        # Variables of a file that cannot be read are as unknown as those of a missing one.
        return None


def _names(folder: Path) -> str:
    """Return the names of a folder's files, one a line; none of a folder that holds too many."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    return "\n".join(names) if len(names) <= _MAX_NAMES else ""
