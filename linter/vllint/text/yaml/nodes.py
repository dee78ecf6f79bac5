"""The nodes of a YAML or JSON document, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, TypeAlias

from vllint.text.source_map import SourceMap
from vllint.text.yaml.document import Document
from vllint.text.yaml.scalars import json_string_runs, scalar_runs
from vllint.text.yaml.types import TAG, Resolved, json_literal, resolve
from vllint_schemas.position import Span
from vllint_schemas.words import Hole, Run, Slot, SlotKind, Word

_MERGE = TAG + "merge"
_BREAKS = "\n\r\x85\u2028\u2029"


class Scalar:
    """A scalar; `value` is its decoded text, `tag` the tag written before it.

    `style` is `""` (plain), `'`, `"`, `|` or `>`; `flow` says whether brackets hold it. `via` names
    the aliases it was reached through, the outermost first.
    """

    __slots__ = (
        "_after", "_alias", "_document", "_end", "_implicit", "_kind", "_start", "_word",
        "flow", "style", "tag", "value", "via",
    )  # fmt: skip

    def __init__(
        self,
        document: Document,
        start: int,
        end: int,
        value: str,
        style: str,
        implicit: bool,
        tag: str | None,
        flow: bool,
        kind: SlotKind | None,
        after: int,
        alias: tuple[int, int] | None = None,
        via: tuple[Span, ...] = (),
    ) -> None:
        self._document: Final = document
        self._start: Final = start
        self._end: Final = end
        self.value: Final = value
        self.style: Final = style
        self._implicit: Final = implicit
        self.tag: Final = tag
        self.flow: Final = flow
        self._kind: Final = kind
        self._after: Final = after
        self._alias: Final = alias
        self.via: Final = via
        self._word: Word | None = None

    @property
    def span(self) -> Span:
        """The scalar's extent, quotes or block header included, anchor and tag left out."""
        return self._document.map.span(self._start, self._end)

    @property
    def site(self) -> Span:
        """Where the scalar is used: its outermost alias, else its own extent."""
        return self.via[0] if self.via else self.span

    @property
    def plain(self) -> bool:
        """Whether it is written without quotes and not as a block."""
        return not self.style

    @property
    def is_merge_key(self) -> bool:
        """Whether it is the key `<<` that merges other mappings."""
        if self.tag is not None:
            return self.tag == _MERGE
        return self.value == "<<" and self._implicit and not self._document.json

    def word(self) -> Word:
        """Return the decoded text with the map of its characters and its slot."""
        word = self._word
        if word is None:
            word = self._word = self._verbatim_word() or self._mapped_word()
        return word

    def resolved(self) -> Resolved:
        """Return the value as PyYAML's SafeLoader types it, or JSON in a JSON document.

        Timestamps and values with tags of other types stay text.
        """
        if self.tag is None and not self._implicit:
            return self.value
        return json_literal(self.value) if self._document.json else resolve(self.value, self.tag)

    def through(self, via: tuple[Span, ...]) -> Scalar:
        """Return the scalar as reached through the aliases `via`."""
        return self._reached(via, self._kind, self._after, self._alias)

    def in_place_of(
        self, alias: tuple[int, int], via: tuple[Span, ...], kind: SlotKind | None, after: int
    ) -> Scalar:
        """Return the scalar as the alias with the extent `alias`, an item or field of its own, gives it."""
        return self._reached(via, kind, after, alias)

    def _reached(
        self, via: tuple[Span, ...], kind: SlotKind | None, after: int, alias: tuple[int, int] | None
    ) -> Scalar:
        return Scalar(
            self._document, self._start, self._end, self.value, self.style, self._implicit, self.tag,
            self.flow, kind, after, alias, via + self.via,
        )  # fmt: skip

    def _verbatim_word(self) -> Word | None:
        """Return the word of a scalar that stands in a file just as it reads, as most do."""
        mapping = self._document.map
        if mapping.shift is None or self.style == "|" or self.style == ">":
            return None
        margin = 1 if self.style else 0
        start, end = self._start + margin, self._end - margin
        if start == end or mapping.word.text[start:end] != self.value:
            return None
        extent = mapping.span(self._start, self._end)
        text = mapping.span(start, end) if margin else extent
        runs = (tuple.__new__(Run, (0, end - start, text)),)
        outer = mapping.word
        slot = self._slot(extent)
        return Word(self.value, runs, extent, (), outer.origin, outer.via + self.via, slot)

    def _mapped_word(self) -> Word:
        mapping = self._document.map
        outer = mapping.word
        runs = self._runs()
        holes = self._holes(runs) if outer.holes else ()
        via = outer.via + self.via
        return Word(self.value, mapping.through(runs), self.span, holes, outer.origin, via, self._slot())

    def _runs(self) -> tuple[Run, ...]:
        """Return the map into the document's text; one run over all if it cannot be made exact."""
        mapping = self._document.map
        where = (mapping.word.text, mapping.path, self._start, self._end)
        if self._document.json and self.style:
            decoded = json_string_runs(*where)
            runs = None if decoded is None else decoded[1]
        else:
            runs = scalar_runs(*where, self.style, self.value)
        if runs is not None:
            return runs
        return (Run.atomic(0, len(self.value), Span(mapping.path, self._start, self._end)),)

    def _holes(self, runs: tuple[Run, ...]) -> tuple[Hole, ...]:
        """Return the outer text's holes in this scalar; blanks may part a plain one from them."""
        mapping = self._document.map
        text, start, end = mapping.word.text, self._start, self._end
        while self.plain and start > 0 and text[start - 1] in " \t":
            start -= 1
        while self.plain and end < len(text) and text[end] in " \t":
            end += 1
        holes = mapping.holes(start, end)
        return tuple(Hole(_decoded_offset(runs, start + hole.at), *hole[1:]) for hole in holes)

    def _slot(self, extent: Span | None = None) -> Slot | None:
        """Return the place that the scalar takes among its neighbours; `extent` is its own if known."""
        kind = self._kind
        if kind is None:
            return None
        if extent is not None and kind is not SlotKind.BLOCK_ITEM and self._alias is None:
            return tuple.__new__(Slot, (kind, extent, self.style))
        mapping = self._document.map
        text = mapping.word.text
        start, end = self._alias or (self._start, self._end)
        quote = self.style if self.style in ("'", '"') and self._alias is None else ""
        if self.style in ("|", ">") and self._alias is None:
            end = start + len(text[start:end].rstrip(_BREAKS))
        if kind is SlotKind.BLOCK_ITEM:
            start = _dash(text, self._after, start)
        if start == end or not mapping.is_verbatim(start, end):
            return None
        return Slot(kind, mapping.span(start, end), quote)


class Sequence:
    """A sequence of `entries`; `flow` says whether it is written in brackets."""

    __slots__ = ("_document", "_end", "_entries", "_start", "_written", "flow", "tag", "via")

    def __init__(
        self,
        document: Document,
        start: int,
        end: int,
        written: tuple[Node, ...],
        tag: str | None,
        flow: bool,
        via: tuple[Span, ...] = (),
    ) -> None:
        self._document: Final = document
        self._start: Final = start
        self._end: Final = end
        self._written: Final = written
        self._entries: tuple[Node, ...] | None = None if via else written
        self.tag: Final = tag
        self.flow: Final = flow
        self.via: Final = via

    @property
    def span(self) -> Span:
        """The extent from the first dash or bracket to the end of the last item or bracket."""
        return self._document.map.span(self._start, self._end)

    @property
    def site(self) -> Span:
        """Where the sequence is used: its outermost alias, else its own extent."""
        return self.via[0] if self.via else self.span

    @property
    def entries(self) -> tuple[Node, ...]:
        """The items, aliases replaced by what they stand for."""
        if self._entries is None:
            self._entries = tuple(node.through(self.via) for node in self._written)
        return self._entries

    def children(self) -> tuple[Node, ...]:
        """Return the nodes written in it, through whatever alias it was reached."""
        return self._written

    def __iter__(self) -> Iterator[Node]:
        """Iterate over the items."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._written)

    def through(self, via: tuple[Span, ...]) -> Sequence:
        """Return the sequence as reached through the aliases `via`."""
        return Sequence(
            self._document, self._start, self._end, self._written, self.tag, self.flow, via + self.via
        )


class Mapping:
    """A mapping; `flow` says whether it is written in braces."""

    __slots__ = (
        "_document", "_end", "_entries", "_index", "_items", "_may_merge", "_start", "_written", "flow",
        "tag", "via",
    )  # fmt: skip

    def __init__(
        self,
        document: Document,
        start: int,
        end: int,
        written: tuple[Entry, ...],
        tag: str | None,
        flow: bool,
        may_merge: bool,
        via: tuple[Span, ...] = (),
    ) -> None:
        self._document: Final = document
        self._start: Final = start
        self._end: Final = end
        self._written: Final = written
        self._entries: tuple[Entry, ...] | None = None if via else written
        self._items: tuple[Entry, ...] | None = None
        self._may_merge: Final = may_merge
        self._index: dict[str, Entry] | None = None
        self.tag: Final = tag
        self.flow: Final = flow
        self.via: Final = via

    @property
    def span(self) -> Span:
        """The extent from the first key or brace to the end of the last value or brace."""
        return self._document.map.span(self._start, self._end)

    @property
    def site(self) -> Span:
        """Where the mapping is used: its outermost alias, else its own extent."""
        return self.via[0] if self.via else self.span

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Keys and values as written: `<<` keys and repeated keys are among them."""
        if self._entries is None:
            via = self.via
            self._entries = tuple((key.through(via), value.through(via)) for key, value in self._written)
        return self._entries

    def children(self) -> tuple[Node, ...]:
        """Return the nodes written in it, keys and values, through whatever alias it was reached."""
        return tuple(chain.from_iterable(self._written))

    def items(self) -> tuple[Entry, ...]:
        """Return keys and values as read: merged, and of repeated keys the last."""
        if self._items is None:
            merging = [value for key, value in self.entries if merges(key)] if self._may_merge else ()
            if not merging:
                self._items = _last_of_each(self.entries) if len(self.entries) > 1 else self.entries
                return self._items
            merged = [entry for value in merging for entry in _merged(value)]
            own = [entry for entry in self.entries if not merges(entry[0])]
            self._items = _last_of_each(merged + own) if merged or len(own) > 1 else tuple(own)
        return self._items

    def get(self, key: str) -> Node | None:
        """Return the value of the scalar key that reads as `key`, merged mappings included."""
        index = self._index
        entry = self.entry(key) if index is None else index.get(key)
        return entry[1] if entry is not None else None

    def entry(self, key: str) -> Entry | None:
        """Return the key that reads as `key` and its value, merged mappings included."""
        if self._index is None:
            self._index = {entry[0].value: entry for entry in self.items() if type(entry[0]) is Scalar}
        return self._index.get(key)

    def with_entries(self, entries: tuple[Entry, ...]) -> Mapping:
        """Return a mapping that stands where this one does and holds `entries`, of whatever files."""
        return Mapping(self._document, self._start, self._end, entries, self.tag, self.flow, True)

    def through(self, via: tuple[Span, ...]) -> Mapping:
        """Return the mapping as reached through the aliases `via`."""
        return Mapping(
            self._document, self._start, self._end, self._written, self.tag, self.flow, self._may_merge,
            via + self.via,
        )  # fmt: skip


Node: TypeAlias = Scalar | Sequence | Mapping
Entry: TypeAlias = tuple[Node, Node]


def sequence_of(items: tuple[Node, ...], like: Node) -> Sequence:
    """Return a sequence of `items`, of whatever files, that stands where `like` does."""
    return Sequence(like._document, like._start, like._end, items, None, False)


def scalar_of(word: Word) -> Scalar:
    """Return a scalar whose text is `word`, wherever that stands."""
    node = Scalar(Document(SourceMap(word)), 0, len(word.text), word.text, "", True, None, False, None, 0)
    node._word = word
    return node


def merges(key: Node) -> bool:
    """Whether a key is the `<<` that merges other mappings."""
    return type(key) is Scalar and (key.value == "<<" or key.tag is not None) and key.is_merge_key


def _merged(value: Node) -> Iterable[Entry]:
    """Return what the value of a `<<` key adds, in rising precedence."""
    sources = reversed(value.entries) if isinstance(value, Sequence) else (value,)
    return [entry for source in sources if isinstance(source, Mapping) for entry in source.items()]


def _last_of_each(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the last entry of each key, in the order the keys first come; `1`, `"1"` and `on` differ."""
    last: dict[object, Entry] = {}
    for entry in entries:
        key = entry[0]
        if type(key) is Scalar:
            resolved = key.resolved()
            # A text and a number never are the same key, but `True` and `1` are for Python.
            last[resolved if type(resolved) is str else (type(resolved), resolved)] = entry
        else:
            last[key] = entry
    return tuple(last.values())


def _dash(text: str, at: int, end: int) -> int:
    """Return where the dash of the item at `end` stands: blanks and comments part it from `at`."""
    if "#" not in text[at:end]:
        dash = text.find("-", at, end)
        return end if dash < 0 else dash
    while at < end and text[at] != "-":
        if text[at] == "#":
            while at < end and text[at] not in _BREAKS:
                at += 1
        at += 1
    return at


def _decoded_offset(runs: tuple[Run, ...], offset: int) -> int:
    """Return how many decoded characters come before the source offset."""
    for run in runs:
        if offset < run.source.end:
            return run.start + (max(offset - run.source.start, 0) if run.verbatim else 0)
    return runs[-1].start + runs[-1].length if runs else 0
