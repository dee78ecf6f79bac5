"""What a template renders as far as that is known: the literal text, with a hole for all that is filled in.

A choice is taken one way in each rendering when its texts are parts of a manifest or start a server; options
that may or may not be there become a hole for any number of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Texts
from types import MappingProxyType
from typing import NamedTuple

from vllint.sources.templates.lines import Place, holds_list, is_key, place_at
from vllint.sources.templates.pieces import (
    first_line,
    is_whole,
    lines_of,
    may_split,
    shown,
    stripped,
    value_words,
)
from vllint.sources.templates.syntax import Assignment, Choice, Loop, Node, Output, Text, parse_template
from vllint.sources.templates.tags import MARK
from vllint.sources.templates.values import (
    UNKNOWN,
    Opaque,
    Plain,
    Scope,
    Value,
    Yaml,
    evaluate,
    plain,
    truth,
)
from vllint.sources.yaml_writing import quoted
from vllint.text.yaml.nodes import Mapping, Scalar, Sequence
from vllint_schemas import Hole, Run, Span, Word

_STARTS = re.compile(r"vllm-openai|vllm[\s\"',-]+serve\b|vllm\.entrypoints|^\s*- *\"?-c\"?\s*$", re.MULTILINE)
_MATTERS = re.compile(r"^\s*(?:- +)?(?:image|command|args|containers)\s*:", re.MULTILINE)
_INDENT = re.compile(r"\|\s*(?P<word>nindent|indent)\s*\(?\s*(?P<columns>\d+)")
_BLANKS = re.compile(r"\s*")
_INCLUDE = re.compile(
    r"(?:include|template)\s+\"(?P<name>[^\"]+)\"(?:\s+(?P<dot>[$.][\w.]*))?\s*"
    r"(?:\|\s*(?:n?indent\s+\d+|(?P<quote>quote)|trim)\s*)*$"
)
_MAX_INCLUDED = 6
MAX_RENDERINGS = 4
_MAX_BEFORE = 60_000
_MAX_ROUNDS = 40
_MAX_REPEATED = 1000


class Known(NamedTuple):
    """What a template is rendered with: the values that names stand for, and the texts they stand in.

    `helpers` are the templates to include: the file of each, and its parts. `left` is how many more texts
    may be rendered again, since loops in loops and helpers in helpers multiply.
    """

    scope: Scope
    texts: Texts[str, str]
    helpers: Texts[str, tuple[Word, tuple[Node, ...]]] = MappingProxyType({})
    depth: int = 0
    left: list[int] | None = None

    def may_repeat(self) -> bool:
        """Whether another round of a loop, or another helper, may be rendered; counts it."""
        if self.left is None:
            return False
        self.left[0] -= 1
        return self.left[0] >= 0


NOTHING = Known(Scope(None), {})


def renderings(whole: Word, lean: bool = False, known: Known = NOTHING) -> Iterator[Word]:
    """Yield the texts that a template may render: one for each way that its choices may go together.

    `lean` ones leave out what need not be there.
    """
    nodes = parse_template(whole.text)
    seen: set[str] = set()
    for number in range(MAX_RENDERINGS):
        rendering = _Rendering(whole, number, lean, known._replace(left=[_MAX_REPEATED]))
        rendering.add(nodes)
        word = rendering.word()
        if word.text not in seen:
            seen.add(word.text)
            yield word
        if number + 1 >= rendering.ways:
            return


class _Rendering:
    """One rendering under way; `ways` is how many differ so far."""

    def __init__(self, whole: Word, number: int, lean: bool, known: Known, before: str = "") -> None:
        self.whole = whole
        self.known = known
        self.scope = known.scope
        self.texts = known.texts
        self.left_out = False
        self.lean = lean
        self.number = number
        self.ways = 1
        self.text = before
        self.given = len(before)
        self.parts: list[Word] = []

    def word(self) -> Word:
        """Return what has been rendered."""
        return Word.join(self.parts, self.whole.site)

    def add(self, nodes: tuple[Node, ...]) -> None:
        """Render nodes."""
        for position, node in enumerate(nodes):
            if isinstance(node, Text):
                self._put(self.whole.slice(node.start, node.end))
            elif isinstance(node, Output):
                self._output(node, self._following(nodes, position))
            elif isinstance(node, Choice):
                self._choice(node)
            elif isinstance(node, Loop):
                self._loop(node)
            elif isinstance(node, Assignment):
                value = evaluate(node.expression, self.scope)
                self.scope = self.scope.with_variable(node.name, value)

    def _following(self, nodes: tuple[Node, ...], position: int) -> str:
        node = nodes[position + 1] if position + 1 < len(nodes) else None
        return self.whole.text[node.start : node.end] if isinstance(node, Text) else ""

    def _put(self, word: Word) -> None:
        self.parts.append(word)
        self.text = self.text[-_MAX_BEFORE:] + word.text if len(self.text) > 2 * _MAX_BEFORE else (
            self.text + word.text
        )  # fmt: skip

    def _written(self, text: str, place: Span) -> None:
        """Add text of our own that stands for the source at `place`."""
        if text:
            self._put(Word.atomic(text, Span(place.path, place.start, place.start)))

    def _hole(self, node: Output | Choice | Loop, splits: bool) -> None:
        site = self.whole.slice(node.start, node.end).site
        reason = f"`{shown(self.whole.text[node.start : node.end])}` is filled in later"
        self._put(Word(MARK, (Run.atomic(0, 1, site),), site, (Hole(0, reason, site, splits),)))

    def _output(self, node: Output, following: str) -> None:
        line = self.text[self.text.rfind("\n") + 1 :]
        indent = _INDENT.search(node.expression)
        place = self.whole.slice(node.start, node.end).site
        # A marker of documents begins a line, so that what is trimmed before it renders to nothing.
        ends = ("\n", "\r", "---\n") if not line else ("\n", "\r")
        alone = not line.strip() and (not following.strip(" \t") or following.lstrip(" \t").startswith(ends))
        value = evaluate(node.expression, self.scope)
        if not isinstance(plain(value), Opaque) and self._value(value, indent, place):
            return
        if self._included(node, indent, place):
            return
        if indent is not None and indent["word"] == "nindent":
            self._written("\n" + " " * int(indent["columns"]), place)
            self._structure(node, int(indent["columns"]), following)
        elif indent is not None and not line.strip():
            self._written(" " * int(indent["columns"]), place)
            self._structure(node, len(line) + int(indent["columns"]), following)
        elif alone:
            self._structure(node, len(line), following)
        elif holds_list(line) and following.startswith(("\n", "\r")):
            self._bracketed(node)
        else:
            self._hole(node, may_split(line))

    def _included(self, node: Output, indent: re.Match[str] | None, place: Span) -> bool:
        """Add what a helper renders; return whether all of that is known to stand here."""
        match = _INCLUDE.match(node.expression)
        helper = self.known.helpers.get(match["name"]) if match is not None else None
        if match is None or helper is None or self.known.depth >= _MAX_INCLUDED:
            return False
        if not self.known.may_repeat():
            return False
        scope = self.scope.at(plain(evaluate(match["dot"] or ".", self.scope)))
        known = self.known._replace(scope=scope, depth=self.known.depth + 1)
        inner = _Rendering(helper[0], self.number, self.lean, known)
        inner.add(helper[1])
        word = stripped(inner.word())
        if inner.left_out or not word.text or inner.ways > 1 or (indent is None and "\n" in word.text):
            return False
        if match["quote"]:
            word = quoted(word)
        lead = " " * (0 if indent is None else int(indent["columns"]))
        if indent is not None and indent["word"] == "nindent":
            self._written("\n", place)
        for number, line in enumerate(lines_of(word)):
            self._written(("\n" if number else "") + lead, place)
            self._put(line)
        return True

    def _value(self, value: Value, indent: re.Match[str] | None, place: Span) -> bool:
        """Add a value that is known; return whether it can be written here."""
        bare = plain(value)
        if isinstance(bare, Mapping | Sequence) and not isinstance(value, Yaml):
            return False
        if bare is None or bare == "" or (isinstance(bare, Scalar) and bare.resolved() in (None, "")):
            # Whoever installs the chart sets what its values leave empty.
            return False
        column = 0 if indent is None else int(indent["columns"])
        if indent is not None:
            self._written(("\n" if indent["word"] == "nindent" else "") + " " * column, place)
        if indent is None and isinstance(bare, Mapping | Sequence):
            line = self.text[self.text.rfind("\n") + 1 :]
            column = len(line)
            if line.strip() and bare.children():
                return False
        for part in value_words(value, bare, column, self.texts, place):
            self._put(part)
        return True

    def _structure(self, node: Output, column: int, following: str) -> None:
        """Add lines of which nothing is known."""
        above = self.text[: self.text.rfind("\n") + 1]
        place = place_at(above, column, following)
        site = self.whole.slice(node.start, node.end).site
        if place is Place.TOP:
            self.left_out = True
            return
        if place is Place.ITEM:
            self._written("- ", site)
        elif place is Place.ENTRY:
            self._hole(node, False)
            self._written(": ", site)
        self._hole(node, True)

    def _bracketed(self, node: Output) -> None:
        site = self.whole.slice(node.start, node.end).site
        self._written("[", site)
        self._hole(node, True)
        self._written("]", site)

    def _rendered(self, nodes: tuple[Node, ...], scope: Scope | None = None) -> _Rendering:
        known = self.known._replace(scope=scope or self.scope)
        inner = _Rendering(self.whole, self.number, self.lean, known, self.text[-_MAX_BEFORE:])
        inner.add(nodes)
        self.ways = max(self.ways, inner.ways)
        self.left_out = self.left_out or inner.left_out
        return inner

    def _take(self, inner: _Rendering) -> None:
        for part in inner.parts:
            self._put(part)

    def _decided(self, node: Choice) -> bool:
        """Add the text of a choice that is known to be taken; return whether one is, or none."""
        for branch in node.branches:
            value = evaluate(branch.condition, self.scope) if branch.condition else True
            taken = truth(value)
            if taken is None:
                return False
            if taken:
                inner = node.word == "with" and branch.condition
                scope = self.scope.at(plain(value)) if inner else self.scope
                self._take(self._rendered(branch.nodes, scope))
                return True
        return True

    def _choice(self, node: Choice) -> None:
        if self._decided(node):
            return
        scope = self.scope.at(UNKNOWN) if node.word == "with" else self.scope
        texts = [
            self._rendered(branch.nodes, scope if branch.condition else self.scope)
            for branch in node.branches
        ]
        own = [text.text[text.given :] for text in texts]
        if not any(first_line(text) for text in own):
            return
        if len(own) == 1 and node.has_else:
            self._take(texts[0])
        elif self._is_structure(own) or any(_STARTS.search(text) for text in own):
            self._take_one(node, texts, own)
        else:
            self._unknown(node, next(text for text in own if first_line(text)))

    def _take_one(self, node: Choice, texts: list[_Rendering], own: list[str]) -> None:
        """Add one of the texts: another one in each rendering, if they say what is started."""
        ways = len(own)
        if not node.has_else and any(_MATTERS.search(text) for text in own) and not is_whole(own):
            ways += 1
        if ways > 1 and any(_MATTERS.search(text) or _STARTS.search(text) for text in own):
            self.ways = max(self.ways, ways)
            number = min(self.number, ways - 1)
        else:
            number = 0
        if node.branches[0].condition.startswith("not ") and ways == 2:
            number = 1 - number
        if number < len(texts) and (not self.lean or ways > 1):
            self._take(texts[number])

    def _is_structure(self, own: list[str]) -> bool:
        """Whether texts are entries of a mapping, or items that are mappings."""
        for text in own:
            line = first_line(text)
            if not line:
                continue
            if "\n" not in text.strip() and not self._begins_line(text):
                return False
            column = len(line) - len(line.lstrip(" "))
            if place_at(self.text, max(column, 1)) is Place.SCRIPT:
                return False
            return is_key(line) or line.startswith("---")
        return False

    def _begins_line(self, text: str) -> bool:
        return text.startswith(("\n", "\r")) or not self.text[self.text.rfind("\n") + 1 :].strip()

    def _rounds(self, node: Loop) -> tuple[Scope, ...] | None:
        """Return the scope of each round of a loop; `None` where what it goes over is not known."""
        expression = node.header.rpartition(":=")[2]
        over = plain(evaluate(expression, self.scope))
        if isinstance(over, Mapping):
            rounds: list[tuple[Plain, Plain]] = [
                (key if isinstance(key, Scalar) else UNKNOWN, value) for key, value in over.items()
            ]
        elif isinstance(over, Sequence):
            rounds = list(enumerate(over))
        else:
            return () if over is None else None
        return tuple(_round(self.scope, _names(node.header), *pair) for pair in rounds[:_MAX_ROUNDS])

    def _loop(self, node: Loop) -> None:
        rounds = self._rounds(node)
        if rounds is not None:
            for scope in rounds:
                if self.known.may_repeat():
                    self._take(self._rendered(node.nodes, scope))
            return
        inner = self._rendered(node.nodes, _round(self.scope, _names(node.header), UNKNOWN, UNKNOWN))
        own = inner.text[inner.given :]
        if not first_line(own):
            return
        if self._is_structure([own]) or _STARTS.search(own):
            self._take(inner)
        else:
            self._unknown(node, own)

    def _unknown(self, node: Choice | Loop, text: str) -> None:
        """Add a hole for words that may be there: with the blanks around them, and a list's dash."""
        site = self.whole.slice(node.start, node.end).site
        lead = _BLANKS.match(text)
        self._written(" " if lead is None else lead.group(), site)
        if text.lstrip().startswith("- ") and self._begins_line(text):
            line = (self.text + "x")[self.text.rfind("\n") + 1 :]
            above = self.text[: self.text.rfind("\n") + 1]
            if place_at(above, len(line) - 1) is not Place.SCRIPT:
                self._written("- ", site)
        self._hole(node, True)
        body = text.rstrip()
        if body.endswith("\\"):
            self._written(" \\", site)
        self._written(text[len(body) :], site)


def _names(header: str) -> list[str]:
    names, walrus, _ = header.rpartition(":=")
    return [name.strip() for name in names.split(",")] if walrus else []


def _round(scope: Scope, names: list[str], key: Plain, value: Plain) -> Scope:
    """Return the scope of one round: its item is `.`, and the last of the names."""
    inner = scope.at(value)
    for name, bound in zip(names, (value,) if len(names) == 1 else (key, value), strict=False):
        inner = inner.with_variable(name, bound)
    return inner
