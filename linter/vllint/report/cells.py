"""Text as a terminal shows it: cells, and nothing that moves the cursor or hides what is there."""

from __future__ import annotations

TAB = "    "
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    """Return `text` on one line, with tabs as blanks and what cannot be seen written as `<U+001B>`."""
    if text.isprintable():
        return text
    return "".join(map(_visible_character, text))


def width(text: str) -> int:
    """Return how many cells a terminal gives to a text that is `visible`."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _visible_character(character: str) -> str:
    if character == "\t":
        return TAB
    if character.isprintable() or character in _JOINERS:
        return character
    return f"<U+{ord(character):04X}>"


def _character_width(character: str) -> int:
    if character.isascii():
        return 1
    # unicodedata is wanted only for texts that are not ASCII
    from unicodedata import category, east_asian_width

    if character in _JOINERS or category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
