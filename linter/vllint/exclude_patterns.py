"""Patterns of paths to pass over, as in .gitignore."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence


def excluded_by(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a test for paths that any of the .gitignore-like `patterns` matches, or a folder above them.

    Folders are tested with a `/` at their end. ValueError for `!` patterns: nothing is included again.
    """
    if not patterns:
        return lambda path: False
    expression = "|".join(map(_pattern_expression, patterns))
    try:
        search = re.compile(expression).search
    except re.error as error:
        raise ValueError(f"exclude patterns {', '.join(patterns)}: {error}") from error
    return lambda path: search(path) is not None


def _pattern_expression(pattern: str) -> str:
    if pattern.startswith("!"):
        raise ValueError(f"exclude pattern {pattern!r}: `!` does not include anything again")
    body = pattern.removeprefix("./").rstrip("/")
    if not body:
        raise ValueError(f"exclude pattern {pattern!r} matches nothing")
    start = "^" if "/" in body else "(?:^|/)"
    end = "/" if pattern.endswith("/") else "(?:/|$)"
    return start + _glob_expression(body.lstrip("/")) + end


_GLOB = r"(?P<above>(?:^|(?<=/))\*\*/)|(?P<below>(?<=/)\*\*$)|\*+|\?|\[(?P<set>[!^]?\]?[^\]]*)\]|\\?."


def _glob_expression(glob: str) -> str:
    return re.sub(_GLOB, _glob_part, glob, flags=re.S)


def _glob_part(found: re.Match[str]) -> str:
    text = found[0]
    if found["above"]:
        return "(?:.*/)?"
    if found["below"]:
        return ".+"
    if text[0] == "*":
        return "[^/]*"
    if text == "?":
        return "[^/]"
    if (found["set"] or "").lstrip("!^"):
        negated = found["set"][0] in "!^"
        members = re.escape(found["set"][negated:]).replace(r"\-", "-")
        return f"(?!/)[{'^' if negated else ''}{members}]"
    return re.escape(text if found["set"] else text[-1])
