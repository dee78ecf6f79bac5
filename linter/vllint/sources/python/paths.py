"""Paths that Python programs put together: `os.path.join`, `pathlib.Path` and its `/`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vllint.sources.python.values import Opaque, Text, Value, joined_text
from vllint_schemas import Span, Word

JOINS = frozenset({"os.path.join", "posixpath.join"})
PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"})
_ALTERED = re.compile(r"//|/\.(?:/|$)|^\./|(?<=.)/$|^\.?$")
"""What `pathlib` writes in another way."""


def path_of(parts: Sequence[Value], span: Span) -> Value:
    """Return the path that `pathlib` makes of parts; `Opaque` where it would write it differently."""
    found = joined_path(parts, span)
    if not isinstance(found, Text) or not found.word.is_known or _ALTERED.search(found.word.text):
        return Opaque("a path is computed", span)
    return found


def joined_path(parts: Sequence[Value], span: Span) -> Value:
    """Return the parts joined as `os.path.join` does; `Opaque` where one that follows may be absolute."""
    words: list[Word] = []
    for part in parts:
        if not isinstance(part, Text) or isinstance(part.value, int | float) or not part.word.text:
            return Opaque("a path is computed", span)
        if words and (part.word.text[0] == "/" or any(hole.at == 0 for hole in part.word.holes)):
            return Opaque("a path is computed", span)
        if words and any(hole.at == len(words[-1].text) for hole in words[-1].holes):
            return Opaque("a path is computed", span)
        if words and words[-1].text[-1] != "/":
            words.append(Word.atomic("/", span))
        words.append(part.word)
    return parts[0] if len(words) == 1 else joined_text(words, span)
