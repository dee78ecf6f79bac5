"""Code frames: lines of a file with marks under what is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.report.cells import visible, width
from vllint.report.colours import Palette
from vllint.report.lines import Lines

FRAME_WIDTH = 110
_LEAD = 30
_LINES_OF_A_SPAN = 4


class Mark(NamedTuple):
    """A stretch `[start, end)` of a text to underline by `character`, with a `label` behind it."""

    start: int
    end: int
    label: str
    character: str
    colour: str


class _Part(NamedTuple):
    """What of a mark stands on one line: `[start, end)` are offsets in the text."""

    start: int
    end: int
    mark: Mark
    label: str


def gutter_width(lines: Lines, marks: Sequence[Mark]) -> int:
    """Return how many digits the line numbers of a frame take."""
    last = max(lines.number(min(mark.end, len(lines.text))) for mark in marks)
    return len(str(min(last + 1, len(lines.starts))))


def frame(lines: Lines, marks: Sequence[Mark], gutter: int, palette: Palette) -> Iterator[str]:
    """Yield the lines that `marks` are on, each mark underlined, the first one with a line around it."""
    parts: dict[int, list[_Part]] = {}
    for mark in marks:
        for number, part in _parts(lines, mark):
            parts.setdefault(number, []).append(part)
    shown = sorted({*parts, *_around(lines, marks[0])})
    bar = palette.paint(palette.gutter, f"{'':{gutter}} |")
    yield bar
    previous = shown[0]
    for number in shown:
        if number == previous + 2:
            yield from _line(lines, number - 1, (), gutter, palette)
        elif number > previous + 2:
            yield palette.paint(palette.gutter, "...")
        yield from _line(lines, number, parts.get(number, ()), gutter, palette)
        previous = number
    yield bar


def _around(lines: Lines, mark: Mark) -> Iterator[int]:
    """Yield the numbers of the lines before and after a mark, unless they are blank."""
    first = lines.number(min(mark.start, len(lines.text)))
    last = lines.number(min(max(mark.start, mark.end - 1), len(lines.text)))
    for number in (first - 1, last + 1):
        if 1 <= number <= len(lines.starts) and not _is_blank(lines, number):
            yield number


def _is_blank(lines: Lines, number: int) -> bool:
    return not lines.text[lines.start(number) : lines.end(number)].strip()


def _parts(lines: Lines, mark: Mark) -> Iterator[tuple[int, _Part]]:
    """Yield the numbers of the lines to show for a mark, with what of the mark stands on them."""
    start = min(mark.start, len(lines.text))
    end = max(start, min(mark.end, len(lines.text)))
    first, last = lines.number(start), lines.number(max(start, end - 1))
    if first == last:
        yield first, _Part(start, min(end, max(start, lines.end(first))), mark, mark.label)
        return
    numbers = [number for number in range(first, last + 1) if number == first or not _is_blank(lines, number)]
    if len(numbers) > _LINES_OF_A_SPAN:
        numbers = [*numbers[: _LINES_OF_A_SPAN // 2], numbers[-1]]
    for number in numbers:
        text = lines.text[lines.start(number) : lines.end(number)]
        indent = len(text) - len(text.lstrip())
        low = max(start, lines.start(number) + indent) if number != first else start
        high = min(end, lines.start(number) + len(text.rstrip()))
        yield number, _Part(low, max(low, high), mark, mark.label if number == numbers[-1] else "")


def _line(lines: Lines, number: int, parts: Sequence[_Part], gutter: int, palette: Palette) -> Iterator[str]:
    """Yield a line of the text and a line of underlining for each of its parts."""
    head = palette.paint(palette.gutter, f"{number:>{gutter}} |")
    bar = palette.paint(palette.gutter, f"{'':{gutter}} |")
    start, end = lines.start(number), lines.end(number)
    if not parts:
        yield f"{head} {_window(lines.text, start, end, start, start)[0]}".rstrip()
    shown = None
    for part in parts:
        text, indent, length = _window(lines.text, start, end, part.start, part.end)
        if text != shown:
            yield f"{head} {text}".rstrip()
            shown = text
        underline = part.mark.character * max(1, length)
        label = f" {visible(part.label)}" if part.label else ""
        yield f"{bar} {' ' * indent}{palette.paint(part.mark.colour, underline + label)}"


def _window(text: str, start: int, end: int, low: int, high: int) -> tuple[str, int, int]:
    """Return what to show of the line `[start, end)`, and where in it, in cells, `[low, high)` stands.

    A line that is too wide is cut around `low`, with an ellipsis where something is left out.
    """
    if end - start <= FRAME_WIDTH:
        line = visible(text[start:end])
        if width(line) <= FRAME_WIDTH:
            return line, width(visible(text[start:low])), width(visible(text[low:high]))
    left = start if low - start <= _LEAD else low - _LEAD
    if end - start > FRAME_WIDTH:
        left = max(start, min(left, end - FRAME_WIDTH))
    before = ("…" if left > start else "") + visible(text[left:low])
    right = min(end, max(low, left + FRAME_WIDTH))
    while right > low + 1 and width(visible(text[left:right])) > FRAME_WIDTH:
        right = low + (right - low) * 9 // 10
    line = before + visible(text[low:right]) + ("…" if right < end else "")
    return line, width(before), width(visible(text[low : min(high, right)]))
