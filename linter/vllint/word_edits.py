"""Taking words out of where they stand and writing others there, with what parts them from others."""

from __future__ import annotations

import re

from vllint_schemas import Container, Edit, Slot, SlotKind, Span, Word
from vllint_schemas.launch import ListPlace

_PLAIN = r"[A-Za-z0-9._/:=,+@%-]+"
"""Words that no shell and no quoting around a script changes."""

_PLAIN_ITEM = r"(?!-?[0-9.]+$|(?i:true|false|yes|no|on|off|null|none)$)[A-Za-z0-9-][A-Za-z0-9._/=,+-]*"
"""Words that YAML takes for text without quotes."""

_NO_TEXT = r"[-+]?\.?[0-9][0-9_.]*|~|(?i:true|false|yes|no|on|off|y|n|null)"
"""Words that YAML takes for something else than text where they stand without quotes."""

_LISTED = frozenset({SlotKind.BLOCK_ITEM, SlotKind.FLOW_ITEM})

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")


_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")


def remove_words(text: str, words: tuple[Word, ...], first: int, last: int) -> Edit | None:
    """Return the edit that removes `words[first..last]` from `text`, the file they stand in.

    `None` where they cannot be taken out in place: words without a place of their own, from several
    places, or shared through an alias.
    """
    gone = words[first : last + 1]
    start, end = gone[0].slot, gone[-1].slot
    if start is None or end is None or any(word.via or word.slot is None for word in gone):
        return None
    if start.kind is not end.kind or start.extent.path != end.extent.path:
        return None
    if start.kind in {SlotKind.BLOCK_ITEM, SlotKind.FIELD}:
        return whole_lines(text, Span(start.extent.path, start.extent.start, end.extent.end))
    if start.kind is SlotKind.KEYWORD:
        return None
    before = words[first - 1].slot if first > 0 else None
    after = words[last + 1].slot if last + 1 < len(words) else None
    path = start.extent.path
    if start.kind is SlotKind.SHELL and after is not None and _begins_line(text, start, end, after):
        return Edit(Span(path, start.extent.start, after.extent.start), "")
    if before is not None and _follows(before, start):
        return Edit(Span(path, before.extent.end, end.extent.end), "")
    if after is not None and _follows(end, after):
        return Edit(Span(path, start.extent.start, after.extent.start), "")
    if start.kind is SlotKind.SHELL:
        blanks = len(text[: start.extent.start]) - len(text[: start.extent.start].rstrip(" \t"))
        return Edit(Span(path, start.extent.start - blanks, end.extent.end), "")
    return None


def _begins_line(text: str, start: Slot, end: Slot, after: Slot) -> bool:
    """Whether words begin their line and another stands behind them on it, which begins it instead."""
    if _lead(text, start).strip() or not _follows(end, after):
        return False
    return re.fullmatch(r"[ \t]+", text[end.extent.end : after.extent.start]) is not None


def _follows(earlier: Slot, later: Slot) -> bool:
    """Whether two words stand in one list or command, in this order."""
    same = earlier.kind is later.kind and earlier.extent.path == later.extent.path
    return same and earlier.extent.end <= later.extent.start


def whole_lines(text: str, extent: Span) -> Edit | None:
    """Remove the lines that `extent` covers, if nothing else stands on them but a comment."""
    line_start = max(text.rfind("\n", 0, extent.start), text.rfind("\r", 0, extent.start)) + 1
    rest = _REST_OF_LINE.match(text, extent.end)
    if text[line_start : extent.start].strip() or rest is None:
        return None
    return Edit(Span(extent.path, line_start, rest.end()), "")


def write_words(
    text: str, words: tuple[Word, ...], first: int, last: int, texts: tuple[str, ...]
) -> Edit | None:
    """Return the edit that writes `texts` as words in the place of `words[first..last]`.

    `None` where `remove_words` has it, and for words that would need quotes a script may not have room for.
    """
    written = words[first : last + 1]
    if any(word.via or word.slot is None for word in written):
        return None
    kept = _kept(written, texts)
    if kept:
        return _write_behind(text, words, first + kept, last, texts[kept:])
    start, end = written[0].slot, written[-1].slot
    if start is None or end is None:
        return None
    if start.kind is not end.kind or start.extent.path != end.extent.path:
        return None
    separated = _separated(text, start, texts)
    if separated is None:
        return None
    return Edit(Span(start.extent.path, start.extent.start, end.extent.end), separated)


def parted(text: str) -> tuple[str, ...]:
    """Return the words a shell would make of a text; none where it could not."""
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def _kept(written: tuple[Word, ...], texts: tuple[str, ...]) -> int:
    """Return how many words stay as they are, with the comments behind them."""
    most = min(len(written), len(texts))
    return next((at for at in range(most) if written[at].text != texts[at]), most)


def _write_behind(
    text: str, words: tuple[Word, ...], first: int, last: int, texts: tuple[str, ...]
) -> Edit | None:
    """Write `texts` in the place of `words[first..last]`, or behind the word before if these are none."""
    if not texts:
        return remove_words(text, words, first, last) if first <= last else None
    if first <= last:
        return write_words(text, words, first, last, texts)
    slot = words[last].slot
    separated = None if slot is None else _separated(text, slot, texts)
    if slot is None or separated is None:
        return None
    path, end = slot.extent.path, slot.extent.end
    if slot.kind is not SlotKind.BLOCK_ITEM:
        parting = ", " if slot.kind is SlotKind.FLOW_ITEM else " "
        return Edit(Span(path, end, end), f"{parting}{separated}")
    rest = _COMMENT.match(text, end)
    end = end if rest is None else rest.end()
    return Edit(Span(path, end, end), f"{_newline(text)}{_lead(text, slot)}{separated}")


def _separated(text: str, slot: Slot, texts: tuple[str, ...]) -> str | None:
    """Return words as they are written in a place of the slot's kind."""
    if slot.kind is SlotKind.SHELL:
        return " ".join(texts) if all(re.fullmatch(_PLAIN, word) for word in texts) else None
    items = [_item(word, slot.quote) for word in texts]
    if None in items:
        return None
    if slot.kind is SlotKind.FLOW_ITEM:
        return ", ".join(str(item) for item in items)
    lead = _lead(text, slot)
    if slot.kind is not SlotKind.BLOCK_ITEM or lead.strip():
        return None
    return f"{_newline(text)}{lead}".join(f"- {item}" for item in items)


def _item(word: str, quote: str) -> str | None:
    """Return a word as a YAML or JSON item in the quotes of its neighbours; it must stay text."""
    if "'" in word or '"' in word or "\\" in word:
        return f"'{word}'" if "'" not in word and quote != '"' else None
    if not quote and re.fullmatch(_PLAIN_ITEM, word):
        return word
    mark = quote or '"'
    return f"{mark}{word}{mark}"


def kept_texts(edits: tuple[Edit, ...], words: tuple[Word, ...]) -> tuple[Edit, ...]:
    """Return edits that put quotes around what would make a number or a switch of an item that is text.

    Kubernetes and Compose refuse a list of words in which one is a number.
    """
    if not any(re.fullmatch(_NO_TEXT, edit.text) for edit in edits):
        return edits
    plain = {
        word.text_span: word.text
        for word in words
        if word.slot is not None and word.slot.kind in _LISTED and not word.slot.quote
    }
    return tuple(
        edit._replace(text=f'"{edit.text}"')
        if re.fullmatch(_NO_TEXT, edit.text) and not re.fullmatch(_NO_TEXT, plain.get(edit.span, "0"))
        else edit
        for edit in edits
    )


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _lead(text: str, slot: Slot) -> str:
    """Return what stands before a slot on its line."""
    start = slot.extent.start
    return text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]


def bring_forward(text: str, words: tuple[Word, ...], at: int) -> tuple[Edit, ...] | None:
    """Return the edits that make `words[at]` the first word; `None` where they have no place for it."""
    first, moved = words[0].slot, words[at].slot
    removal = remove_words(text, words, at, at)
    if removal is None or first is None or moved is None or words[0].via:
        return None
    if first.kind is not moved.kind or first.extent.path != moved.extent.path:
        return None
    written = text[moved.extent.start : moved.extent.end]
    if first.kind is SlotKind.BLOCK_ITEM:
        lead = _lead(text, first)
        if lead.strip():
            return None
        written += f"{_newline(text)}{lead}"
    else:
        written += ", " if first.kind is SlotKind.FLOW_ITEM else " "
    start = first.extent.start
    return (Edit(Span(first.extent.path, start, start), written), removal)


def key_before(text: str, anchor: Span, key: str) -> Edit | None:
    """Return the edit that writes `key`, with its value, on lines in front of another key of a mapping.

    `None` where that key does not start its line.
    """
    line_start = max(text.rfind("\n", 0, anchor.start), text.rfind("\r", 0, anchor.start)) + 1
    indent = text[line_start : anchor.start]
    if indent.strip():
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    written = "".join(f"{line}{newline}{indent}" for line in key.splitlines())
    return Edit(Span(anchor.path, anchor.start, anchor.start), written)


def item_at(text: str, place: ListPlace, name: str, item: str) -> Edit | None:
    """Return the edit that writes an item of the list `name`; `None` where its lines are not its own."""
    if not place.is_item:
        return key_before(text, place.before, f"{name}:\n  - {item}")
    start = place.before.start
    lead = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    if lead.strip() != "-":
        return None
    return Edit(Span(place.before.path, start, start), f"{item}{_newline(text)}{lead}")


def container_setting(text: str, container: Container, key: str, option: str) -> Edit | None:
    """Return the edit that gives a container a setting; `None` where it cannot be written.

    `key` is what a compose service or a pod gets, with its value; `option` what a `docker run` gets.
    """
    anchor = container.anchor
    if anchor is None:
        return None
    if container.kind == "docker run":
        return Edit(Span(anchor.path, anchor.start, anchor.start), f"{option} ")
    return key_before(text, anchor, key)
