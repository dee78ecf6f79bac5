"""What a shell does with the arguments of its `-c` and of `eval`."""

from __future__ import annotations

from collections.abc import Sequence

from vllint_schemas import Word


def script_place(rest: Sequence[Word]) -> int | None:
    """Return which of a shell's arguments is the text of its `-c`: the first that is no option."""
    takes_text = False
    position = 0
    while position < len(rest):
        text = rest[position].text
        if text == "--":
            position += 1
            break
        if len(text) < 2 or text[0] not in "-+":
            break
        letters = "" if text.startswith("--") else text[1:]
        takes_text = takes_text or (text[0] == "-" and "c" in letters)
        # `-o pipefail`, `-O extglob`, `--rcfile FILE` take a word of their own.
        position += 2 if set("oO") & set(letters) or text in {"--rcfile", "--init-file"} else 1
    return position if takes_text and position < len(rest) else None


def joined(words: Sequence[Word]) -> Word:
    """Return `words` with blanks between, as `eval` joins them."""
    site = words[0].site.cover(words[-1].site)
    parts: list[Word] = []
    for word in words:
        if parts:
            parts.append(Word.atomic(" ", word.site))
        parts.append(word)
    return Word.join(parts, site)
