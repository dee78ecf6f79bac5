"""What the nodes of one YAML or JSON document share."""

from __future__ import annotations

from typing import Final

from vllint.text.source_map import SourceMap


class Document:
    """What the nodes of one text share: the map to its files, and whether it is JSON.

    `may_merge` says whether one of its keys may merge other mappings: none does without `<<` or a tag.
    """

    __slots__ = ("json", "map", "may_merge")

    def __init__(self, map: SourceMap, json: bool = False) -> None:
        self.map: Final = map
        self.json: Final = json
        self.may_merge: Final = not json and ("<<" in map.word.text or "!" in map.word.text)
