"""Files of sections and `key=value` lines: systemd's units, podman's quadlets, supervisord's programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.line_ends import up_to
from vllint.sources.templates.tags import with_placeholders_unknown
from vllint.text.lines import line_extents
from vllint_schemas import Word

_SECTION = re.compile(r"\[([^\]\n]+)\][ \t]*$")
_SETTING = re.compile(r"([A-Za-z][\w.-]*)[ \t]*[=:][ \t]*")


class Setting(NamedTuple):
    """A line `key=value` of a section; the value is joined of the lines that continue it."""

    section: str
    key: Word
    value: Word


def unit_settings(text: Word) -> Iterator[Setting]:
    """Yield the settings as systemd reads them: a backslash at the end continues, comments are left out.

    Placeholders of a template are holes in the values.
    """
    section = ""
    lines = line_extents(text.text)
    for start, end in lines:
        line = text.text[start:end].strip()
        if not line or line[0] in "#;":
            continue
        header = _SECTION.match(line)
        if header is not None:
            section = header[1]
            continue
        start += len(text.text[start:end]) - len(text.text[start:end].lstrip())
        match = _SETTING.match(text.text, start, end)
        if match is None:
            continue
        parts = list(_continued(text, lines, match.end(), end))
        value = Word.join(parts, parts[0].site.cover(parts[-1].site))
        yield Setting(section, text.slice(*match.span(1)), with_placeholders_unknown(value))


def program_settings(text: Word) -> Iterator[Setting]:
    """Yield the settings as supervisord reads them: indented lines continue, `;` after a blank comments."""
    section = ""
    parts: list[Word] = []
    key: Word | None = None
    for start, end in line_extents(text.text):
        line = text.text[start:end]
        if line.strip()[:1] in {"#", ";"}:
            continue
        if line[:1] in {" ", "\t"} and key is not None and line.strip():
            parts.append(text.slice(max(start - 1, 0), start + _before_comment(line)))
            continue
        if key is not None:
            yield Setting(section, key, with_placeholders_unknown(Word.join(parts, parts[0].site)))
            key = None
        header, match = _SECTION.match(line.strip()), _SETTING.match(text.text, start, end)
        if header is not None:
            section = header[1]
        elif match is not None:
            key = text.slice(*match.span(1))
            parts = [text.slice(match.end(), max(match.end(), start + _before_comment(line)))]
    if key is not None:
        yield Setting(section, key, with_placeholders_unknown(Word.join(parts, parts[0].site)))


def _before_comment(line: str) -> int:
    """Return where the comment of a line begins, which a `;` behind a blank does; its end without one."""
    comment = re.search(r"[ \t]+;", line)
    return len(line) if comment is None else comment.start()


def _continued(text: Word, lines: Iterator[tuple[int, int]], start: int, end: int) -> Iterator[Word]:
    """Yield the parts of a value that starts at `start`; the backslash of a continued line is a blank."""
    while True:
        line = text.text[start:end].rstrip()
        if not line.endswith("\\"):
            last = max((hole.at for hole in text.holes if start <= hole.at <= end), default=start)
            yield up_to(text, start, max(start + len(line), last))
            return
        stop = start + len(line) - 1
        yield up_to(text, start, stop)
        yield Word.atomic(" ", text.slice(stop, stop + 1).site)
        following = _next_line(text.text, lines)
        if following is None:
            return
        start, end = following


def _next_line(text: str, lines: Iterator[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the next line that is no comment."""
    for start, end in lines:
        if text[start:end].lstrip()[:1] not in {"#", ";"}:
            return start, end
    return None
