"""The tree of a YAML or JSON document, built node by node in the order of the text."""

from __future__ import annotations

from typing import Final

from vllint.text.yaml.document import Document
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, merges
from vllint_schemas.position import Span
from vllint_schemas.words import SlotKind

MAX_DEPTH: Final = 200
"""Levels of nesting, those that aliases lead to included."""
MAX_ALIASED_NODES: Final = 200_000
"""Nodes that all aliases of a text stand for together."""


class YamlProblem(Exception):  # noqa: N818
    """YAML or JSON that cannot be read: `message` says why, `span` where."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class _Frame:
    """A collection whose end has not come yet; `end` is where its last entry ended."""

    __slots__ = ("anchor", "children", "end", "flow", "is_mapping", "kind", "start", "tag")

    def __init__(self, start: int, is_mapping: bool, flow: bool, tag: str | None, anchor: str | None) -> None:
        self.start = self.end = start
        self.is_mapping = is_mapping
        self.flow = flow
        self.tag = tag
        self.anchor = anchor
        self.children: list[Node] = []
        self.kind: SlotKind | None = SlotKind.FIELD
        if not is_mapping:
            self.kind = SlotKind.FLOW_ITEM if flow else SlotKind.BLOCK_ITEM


class TreeBuilder:
    """Takes scalars, aliases and the ends of collections in order; `roots` gives the documents' nodes."""

    __slots__ = ("_aliased", "_anchors", "_document", "_frame", "_frames", "_measures")

    def __init__(self, document: Document) -> None:
        self._document = document
        self._frame = _Frame(0, False, False, None, None)
        self._frame.kind = None
        self._frames = [self._frame]
        self._anchors: dict[str, Node | _Frame] = {}
        self._aliased = 0
        self._measures: dict[int, tuple[int, int]] = {}

    @property
    def roots(self) -> tuple[Node, ...]:
        """The root nodes of the documents that have ended."""
        return tuple(self._frames[0].children)

    def start_document(self) -> None:
        """Forget the anchors: they hold for one document."""
        self._anchors = {}

    def problem(self, message: str, start: int, end: int) -> YamlProblem:
        """Return the problem of the text at `[start, end)`, cut at the text's end."""
        size = len(self._document.map.word.text)
        return YamlProblem(message, self._document.map.span(min(start, size), min(end, size)))

    def scalar(
        self,
        start: int,
        end: int,
        value: str,
        style: str,
        implicit: bool,
        tag: str | None,
        anchor: str | None,
    ) -> None:
        """Add a scalar; `implicit` says that its type is to be told from its text."""
        frame = self._frame
        node = Scalar(
            self._document, start, end, value, style, implicit, tag, frame.flow, frame.kind, frame.end
        )
        frame.end = end
        frame.children.append(node)
        if anchor is not None:
            self._anchors[anchor] = node

    def open(self, start: int, is_mapping: bool, flow: bool, tag: str | None, anchor: str | None) -> None:
        """Begin a sequence or mapping."""
        self._frame = _Frame(start, is_mapping, flow, tag, anchor)
        self._frames.append(self._frame)
        if len(self._frames) > MAX_DEPTH + 1:
            raise self.problem(f"nested more than {MAX_DEPTH} levels deep", start, start + 1)
        if anchor is not None:
            self._anchors[anchor] = self._frame

    def close(self, end: int) -> None:
        """End the innermost collection; one in brackets ends at `end`, others where their last entry does."""
        frame = self._frames.pop()
        stop = end if frame.flow else frame.end
        node = self._mapping(frame, stop) if frame.is_mapping else self._sequence(frame, stop)
        self._frame = self._frames[-1]
        self._frame.end = stop
        self._frame.children.append(node)
        if frame.anchor is not None and self._anchors[frame.anchor] is frame:
            self._anchors[frame.anchor] = node

    def alias(self, name: str, start: int, end: int) -> None:
        """Add what the anchor `name` stands for, reached through the alias at `[start, end)`."""
        target = self._anchors.get(name)
        if target is None:
            raise self.problem(f"the alias *{name} names no anchor before it", start, end)
        if isinstance(target, _Frame):
            raise self.problem(f"the alias *{name} stands inside the node it names", start, end)
        size, depth = _measure(target, self._measures)
        self._aliased += size
        if self._aliased > MAX_ALIASED_NODES:
            raise self.problem(f"aliases stand for more than {MAX_ALIASED_NODES} nodes", start, end)
        if len(self._frames) - 1 + depth > MAX_DEPTH:
            raise self.problem(f"aliases nest more than {MAX_DEPTH} levels deep", start, end)
        frame = self._frame
        via = (self._document.map.span(start, end),)
        node: Node
        if isinstance(target, Scalar):
            node = target.in_place_of((start, end), via, frame.kind, frame.end)
        else:
            node = target.through(via)
            self._measures[id(node)] = (size, depth)
        frame.end = end
        frame.children.append(node)

    def _sequence(self, frame: _Frame, end: int) -> Sequence:
        return Sequence(self._document, frame.start, end, tuple(frame.children), frame.tag, frame.flow)

    def _mapping(self, frame: _Frame, end: int) -> Mapping:
        children, document = frame.children, self._document
        entries = tuple(zip(children[::2], children[1::2], strict=True))
        if document.may_merge:
            for key, value in entries:
                if merges(key):
                    _check_merged(value)
        return Mapping(document, frame.start, end, entries, frame.tag, frame.flow, document.may_merge)


def _check_merged(value: Node) -> None:
    for source in value.entries if isinstance(value, Sequence) else (value,):
        if not isinstance(source, Mapping):
            raise YamlProblem("<< merges mappings and lists of mappings only", source.site)


def _measure(node: Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many nodes and how many levels a node has, aliases followed; `known` by identity."""
    if isinstance(node, Scalar):
        return 1, 0
    measure = known.get(id(node))
    if measure is not None:
        return measure
    size, depth = 1, 0
    for child in node.children():
        child_size, child_depth = _measure(child, known)
        size += child_size
        depth = max(depth, child_depth)
    known[id(node)] = (size, depth + 1)
    return size, depth + 1
