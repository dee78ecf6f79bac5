"""Bytes of a file to text and back, to the byte."""

from __future__ import annotations

import codecs
from typing import NamedTuple

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK_OF = {encoding: mark for mark, encoding in _MARKS}


class UndecodableText(Exception):  # noqa: N818
    """A file is not text in an encoding that is read; `offset` counts bytes from the file's start."""

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}: {reason} at byte {offset}")
        self.path = path
        self.offset = offset
        self.reason = reason


class SourceText(NamedTuple):
    """A file's decoded text without its byte order mark; line breaks are as in the file."""

    path: str
    text: str
    bom: bool = False
    encoding: str = "utf-8"

    def encode(self, text: str | None = None) -> bytes:
        """Return the file's bytes, or those it would have if it read `text`."""
        body = (self.text if text is None else text).encode(self.encoding)
        return _MARK_OF[self.encoding] + body if self.bom else body


def decode(path: str, raw: bytes) -> SourceText:
    """Decode UTF-8, with or without a byte order mark, or UTF-16 with one.

    Raises `UndecodableText` for everything else.
    """
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UndecodableText(path, 0, "UTF-32 text is not read, byte order mark")
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return SourceText(path, _decode(path, raw, len(mark), encoding), True, encoding)
    return SourceText(path, _decode(path, raw, 0, "utf-8"))


def _decode(path: str, raw: bytes, skip: int, encoding: str) -> str:
    try:
        return raw[skip:].decode(encoding)
    except UnicodeDecodeError as error:
        raise UndecodableText(path, skip + error.start, f"not {encoding} text, {error.reason}") from error
