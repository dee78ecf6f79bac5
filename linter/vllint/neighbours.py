"""Reading files beside the one being checked, never outside its repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vllint.discover import MAX_BYTES, displayed, repository_root
from vllint.sources.readers import Neighbour
from vllint.text.source import SourceText, UndecodableText, decode


def neighbour_of(path: str, texts: Mapping[str, str]) -> Neighbour:
    """Return a reader of files that stand beside `path`; what it cannot or may not read is not there.

    `texts` are read in place of the files of these paths.
    """
    folder = Path(path).absolute().parent
    root = Path(repository_root(str(folder)) or folder).resolve()

    def read(name: str) -> SourceText | None:
        beside = folder / name
        shown = displayed(str(beside), Path.cwd().as_posix())
        if shown in texts:
            return SourceText(shown, texts[shown])
        real = beside.resolve()
        if not real.is_relative_to(root) or not real.is_file() or real.stat().st_size > MAX_BYTES:
            return None
        try:
            return decode(shown, real.read_bytes())
        except (OSError, UndecodableText):
            # Variables of a file that cannot be read are as unknown as those of a missing one.
            return None

    return read
