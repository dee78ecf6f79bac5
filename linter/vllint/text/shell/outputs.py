"""What commands in `$( )` print, where the script itself says so: `echo`, `seq`, `basename`, ..."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from vllint.text.shell.assignments import assign
from vllint.text.shell.conditions import Truth, truth_of
from vllint.text.shell.filters import filtered
from vllint.text.shell.input import text_read
from vllint.text.shell.syntax import (
    Case,
    Chain,
    If,
    Node,
    Pipeline,
    RawWord,
    Sequence,
    Simple,
    Test,
)
from vllint.text.shell.text import standing_for
from vllint.text.shell.values import State
from vllint.text.shell.walk import Walk
from vllint_schemas import Origin, Span, Word

MOST_NUMBERS = 64
DEEPEST = 4

_INTEGER = re.compile(r"-?\d{1,9}")
_CONVERSION = re.compile(r"%([sdiq%])|\\(n|t|\\)|[%\\]")
_SHELL_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


class UnknownOutputError(Exception):
    """The commands print what the script does not say."""


def output_of(walk: Walk, body: Sequence, state: State) -> Word | None:
    """Return what commands print, without the line ends behind it; None if that is not known.

    `state` is not changed.
    """
    place = walk.source.word.site
    inner = state.copy()
    inner.writes = {}
    try:
        pieces = _Printer(walk, 0).pieces(body, inner)
    except (UnknownOutputError, RecursionError):
        return None
    word = Word.join(pieces, place)
    if any(piece.origin is Origin.DEFAULT for piece in pieces):
        word = replace(word, origin=Origin.DEFAULT)
    end = len(word.text)
    while end and word.text[end - 1] == "\n" and not any(hole.at >= end for hole in word.holes):
        end -= 1
    return word if end == len(word.text) else word.slice(0, end)


class _Returned(Exception):  # noqa: N818
    """A function returned; `pieces` are what it has printed."""

    def __init__(self, pieces: list[Word]) -> None:
        super().__init__()
        self.pieces = pieces


class _Printer:
    """Collects what nodes print."""

    def __init__(self, walk: Walk, depth: int) -> None:
        self.walk = walk
        self.depth = depth

    def pieces(self, node: Node, state: State) -> list[Word]:
        """Return what `node` prints; it may change `state`."""
        self.walk.spend(1)
        if isinstance(node, Sequence):
            return self._sequence(node, state)
        if isinstance(node, Simple):
            return self._simple(node, state)
        if isinstance(node, Chain):
            return self._chain(node, state)
        if isinstance(node, If):
            return self._if(node, state)
        if isinstance(node, Case):
            return self._case(node, state)
        if isinstance(node, Pipeline) and len(node.nodes) == 1:
            return self.pieces(node.nodes[0], state.copy())
        if isinstance(node, Pipeline):
            return self._pipe(node, state)
        if isinstance(node, Test):
            return []
        raise UnknownOutputError

    def _pipe(self, node: Pipeline, state: State) -> list[Word]:
        """Return what filters make of the output of the first command."""
        printed = self.pieces(node.nodes[0], state.copy())
        for child in node.nodes[1:]:
            if not isinstance(child, Simple) or child.assignments or child.written or child.input:
                raise UnknownOutputError
            words = self.walk.expansion(state).array(w for w in child.words if isinstance(w, RawWord))
            printed = _filtered(printed, words)
        return printed

    def _sequence(self, node: Sequence, state: State) -> list[Word]:
        found: list[Word] = []
        for child in node.nodes:
            try:
                found += self.pieces(child, state)
            except _Returned as returned:
                raise _Returned([*found, *returned.pieces]) from None
        return found

    def _truth(self, node: Node, state: State) -> Truth:
        truth = truth_of(self.walk, node, state)
        if truth is None:
            raise UnknownOutputError
        return truth

    def _chain(self, node: Chain, state: State) -> list[Word]:
        parts = [("&&", node.first), *node.rest]
        found: list[Word] = []
        holds, certain = True, True
        for at, (operator, child) in enumerate(parts):
            if holds is not (operator == "&&"):
                continue
            printed = self.pieces(child, state)
            found += printed
            if at + 1 < len(parts):
                # What prints is taken to succeed.
                truth = Truth(True) if printed else self._truth(child, state)
                holds, certain = truth.holds, certain and truth.certain
        return found if certain else _by_default(found)

    def _if(self, node: If, state: State) -> list[Word]:
        certain = True
        for condition, body in node.clauses:
            truth = self._truth(condition, state)
            certain = certain and truth.certain
            if truth.holds:
                return self._branch(body, state, certain)
        return self._branch(node.otherwise, state, certain) if node.otherwise is not None else []

    def _branch(self, body: Node, state: State, certain: bool) -> list[Word]:
        try:
            found = self.pieces(body, state)
        except _Returned as returned:
            raise returned if certain else _Returned(_by_default(returned.pieces)) from None
        return found if certain else _by_default(found)

    def _case(self, node: Case, state: State) -> list[Word]:
        from vllint.text.shell.branches import item_matches

        subject = self.walk.expansion(state).single(node.subject)
        for item in node.items:
            match = item_matches(self.walk, item, subject, state)
            if match is None or item.falls:
                raise UnknownOutputError
            if match:
                return self._branch(item.body, state, subject.origin is not Origin.DEFAULT)
        return []

    def _simple(self, node: Simple, state: State) -> list[Word]:
        expansion = self.walk.expansion(state)
        if not node.words:
            if node.targets:
                raise UnknownOutputError
            for assignment in node.assignments:
                assign(assignment, expansion)
            return []
        name_word = node.words[0]
        name = self.walk.source.text[name_word.start : name_word.end]
        if name in _DECLARE:
            self.walk.quietly(node, state)
            return []
        words = expansion.array(word for word in node.words if isinstance(word, RawWord))
        if not words or any(word.splits for word in words):
            raise UnknownOutputError
        if node.written is not None or name in _SILENT:
            return []
        read = text_read(node, expansion)
        if read is not None:
            return _filtered([read, standing_for("\n", read.site)], words)
        if name in ("return", "exit"):
            raise _Returned([])
        place = self.walk.source.place(node.start, node.end)
        if words[0].text in state.functions:
            return self._call(words, state)
        printer = _PRINTERS.get(words[0].text)
        if printer is None:
            raise UnknownOutputError
        return printer(words[1:], place)

    def _call(self, words: tuple[Word, ...], state: State) -> list[Word]:
        if self.depth >= DEEPEST:
            raise UnknownOutputError
        definition = state.functions[words[0].text]
        inner = state.copy()
        inner.parameters = words[1:]
        source, self.walk.source = self.walk.source, definition.source
        try:
            return _Printer(self.walk, self.depth + 1).pieces(definition.function.body, inner)
        except _Returned as returned:
            return returned.pieces
        finally:
            self.walk.source = source


_DECLARE = frozenset({"local", "declare", "typeset", "readonly", "export"})
_SILENT = frozenset({":", "true", "false", "[", "test", "cd", "set", "shopt", "mkdir", "sleep"})


def _filtered(pieces: list[Word], words: tuple[Word, ...]) -> list[Word]:
    """Return what a filter of these words makes of a known text."""
    _known((*pieces, *words))
    if not words or not pieces:
        raise UnknownOutputError
    text = filtered("".join(piece.text for piece in pieces), words[0].text, [w.text for w in words[1:]])
    if text is None:
        raise UnknownOutputError
    origin = Origin.DEFAULT if any(piece.origin is Origin.DEFAULT for piece in pieces) else Origin.LITERAL
    place = words[0].site.cover(words[-1].site)
    return [standing_for(text, place, origin)]


def _by_default(pieces: list[Word]) -> list[Word]:
    return [replace(piece, origin=Origin.DEFAULT) for piece in pieces]


def _known(words: tuple[Word, ...]) -> None:
    if not all(word.is_known for word in words):
        raise UnknownOutputError


def _echo(words: tuple[Word, ...], place: Span) -> list[Word]:
    ends = True
    while words and re.fullmatch(r"-[neE]+", words[0].text):
        if "e" in words[0].text and any("\\" in word.text for word in words):
            raise UnknownOutputError
        ends = ends and "n" not in words[0].text
        words = words[1:]
    found = [piece for word in words for piece in (standing_for(" ", place), word)][1:]
    return [*found, standing_for("\n", place)] if ends else found


def _printf(words: tuple[Word, ...], place: Span) -> list[Word]:
    """Print a format of `%s`, `%d` and `%q`, as often as it takes to use up the words."""
    words = words[1:] if words and words[0].text == "--" else words
    if not words or not words[0].is_known or words[0].text.startswith("-v"):
        raise UnknownOutputError
    form, rest = words[0], list(words[1:])
    found: list[Word] = []
    while True:
        before = len(rest)
        found += _formatted(form, rest, place)
        if not rest or len(rest) == before:
            return found


def _formatted(form: Word, rest: list[Word], place: Span) -> list[Word]:
    found: list[Word] = []
    last = 0
    for match in _CONVERSION.finditer(form.text):
        if match.start() > last:
            found.append(form.slice(last, match.start()))
        last = match.end()
        if match[2]:
            found.append(standing_for({"n": "\n", "t": "\t"}.get(match[2], "\\"), place))
        elif match[1] == "%":
            found.append(standing_for("%", place))
        elif not match[1]:
            raise UnknownOutputError
        elif rest:
            word = rest.pop(0)
            if (match[1] in "di" and not _INTEGER.fullmatch(word.text)) or (
                match[1] == "q" and not (word.is_known and _SHELL_SAFE.fullmatch(word.text))
            ):
                raise UnknownOutputError
            found.append(word)
        elif match[1] in "di":
            found.append(standing_for("0", place))
    if last < len(form.text):
        found.append(form.slice(last))
    return found


def _seq(words: tuple[Word, ...], place: Span) -> list[Word]:
    _known(words)
    separator = "\n"
    texts = [word.text for word in words]
    if texts and texts[0].startswith("-s"):
        separator = texts[0][2:] or (texts[1] if len(texts) > 1 else "")
        texts = texts[1:] if texts[0][2:] else texts[2:]
    if not 1 <= len(texts) <= 3 or not all(_INTEGER.fullmatch(text) for text in texts):
        raise UnknownOutputError
    numbers = [int(text) for text in texts]
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    if step == 0 or abs(numbers[-1] - first) // abs(step) > MOST_NUMBERS:
        raise UnknownOutputError
    values = range(first, numbers[-1] + (1 if step > 0 else -1), step)
    origin = Origin.DEFAULT if any(word.origin is Origin.DEFAULT for word in words) else Origin.LITERAL
    text = separator.join(str(value) for value in values)
    return [standing_for(text + "\n", place, origin)] if values else []


def _basename(words: tuple[Word, ...], place: Span) -> list[Word]:
    _known(words)
    if not 1 <= len(words) <= 2 or words[0].text.startswith("-"):
        raise UnknownOutputError
    text = words[0].text.rstrip("/")
    start = text.rfind("/") + 1
    end = len(text)
    suffix = words[1].text if len(words) == 2 else ""
    if suffix and text.endswith(suffix) and text[start:] != suffix:
        end -= len(suffix)
    if not text:
        raise UnknownOutputError
    return [words[0].slice(start, end), standing_for("\n", place)]


def _dirname(words: tuple[Word, ...], place: Span) -> list[Word]:
    _known(words)
    if len(words) != 1 or words[0].text.startswith("-"):
        raise UnknownOutputError
    text = words[0].text.rstrip("/")
    end = len(text[: text.rfind("/") + 1].rstrip("/"))
    if end <= 0:
        if "/" in text or not text:
            raise UnknownOutputError
        return [standing_for(".\n", place)]
    return [words[0].slice(0, end), standing_for("\n", place)]


_PRINTERS: dict[str, Callable[[tuple[Word, ...], Span], list[Word]]] = {
    "echo": _echo,
    "printf": _printf,
    "seq": _seq,
    "basename": _basename,
    "dirname": _dirname,
}
