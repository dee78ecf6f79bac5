"""Where a text stands in the YAML that a template has rendered so far: in a list, a mapping, a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

_BLOCK_SCALAR = re.compile(r"(?:^|[:\-]\s+)(?:[&!]\S+\s+)*[|>][-+0-9]*\s*(?:#.*)?$")
_BARE_KEY = re.compile(r"(?P<lead>[ ]*(?:- +)*)(?P<key>[\w./\"'-]+)\s*:\s*(?:#.*)?$")
_KEY = re.compile(r"(?:- +)*[\w./\"'$\ue001-]+\s*:(?:\s|$)")
_MAX_LINES = 600

_LISTS = frozenset(
    {
        "args", "command", "env", "envFrom", "extraArgs", "extraEnv", "volumes", "volumeMounts", "ports",
        "tolerations", "imagePullSecrets", "initContainers", "containers", "extraContainers", "items",
        "values", "matchExpressions", "topologySpreadConstraints", "hostAliases", "claims", "resourceClaims",
        "vllmArgs", "engineArgs", "supportedModelFormats", "hosts", "tls", "rules", "paths", "entrypoint",
    }
)  # fmt: skip
"""Keys of Kubernetes' API and of charts that hold a list."""


class Place(StrEnum):
    """What may stand at a place of a YAML text."""

    ITEM = "item"
    ENTRY = "entry"
    SCRIPT = "script"
    TOP = "top"


def place_at(before: str, column: int, following: str = "") -> Place:
    """Return what a line at `column` is, given the lines before it and the text that follows it."""
    previous = None
    sibling: str | None = None
    reached = column
    for line in _lines_up(before):
        indent = len(line) - len(line.lstrip(" "))
        if previous is None:
            previous = line
        if indent < reached and _BLOCK_SCALAR.search(line):
            return Place.SCRIPT
        if indent == column and sibling is None and reached == column:
            sibling = line.strip()
        reached = min(reached, indent)
    if previous is None or column == 0:
        return Place.TOP
    return _by_neighbours(previous, sibling, column, following)


def _by_neighbours(previous: str, sibling: str | None, column: int, following: str) -> Place:
    bare = _BARE_KEY.match(previous)
    if bare is not None and len(bare["lead"]) <= column:
        after = next((line for line in following.split("\n") if line.strip()), "")
        if after.lstrip().startswith("- ") and len(after) - len(after.lstrip()) == column:
            return Place.ITEM
        return Place.ITEM if bare["key"].strip("\"'") in _LISTS else Place.ENTRY
    if sibling is not None and sibling.startswith("-"):
        return Place.ITEM
    return Place.ENTRY


def _lines_up(before: str) -> Iterator[str]:
    """Yield the lines from the last up to the first of the document; empty ones and comments left out."""
    end = len(before)
    for _ in range(_MAX_LINES):
        start = before.rfind("\n", 0, end) + 1
        line = before[start:end].rstrip()
        if line.startswith("---"):
            return
        if line and not line.lstrip().startswith("#"):
            yield line
        if start == 0:
            return
        end = start - 1


def holds_list(line: str) -> bool:
    """Whether a line is a key whose value, which follows on it, is a list."""
    bare = _BARE_KEY.match(line)
    return bare is not None and bare["key"].strip("\"'") in _LISTS


def is_key(line: str) -> bool:
    """Whether a line begins with a key."""
    return _KEY.match(line.lstrip()) is not None
