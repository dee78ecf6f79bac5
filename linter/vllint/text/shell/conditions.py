"""What a script's tests come to: `[ -z "$X" ]`, `[[ $X == y* ]]`, `(( n > 1 ))`, where it can be known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from vllint.text.shell.arithmetic import NotComputedError, number
from vllint.text.shell.changes import pattern_of
from vllint.text.shell.expansion import Expansion
from vllint.text.shell.patterns import matches
from vllint.text.shell.syntax import (
    Calculation,
    Chain,
    Node,
    Not,
    RawWord,
    Redirected,
    Sequence,
    Simple,
    Test,
)
from vllint.text.shell.values import State
from vllint.text.shell.walk import Walk
from vllint_schemas import Origin, Word


class Truth(NamedTuple):
    """Whether a test holds; not `certain` when it is so by defaults that the environment may override."""

    holds: bool
    certain: bool = True


class UndecidedError(Exception):
    """A test that depends on what is not known."""


_MOST_TOKENS = 60
_MOST_REPETITIONS = 3
_LONGEST_MATCHED = 200
_TESTS = frozenset({"[", "test", ":", "true", "false"})
_REGULAR = re.compile(r"[A-Za-z0-9_^$.+*?\[\]/,= -]*")
_INTEGER = re.compile(r"\s*([-+]?)(0|[1-9]\d*)\s*")

_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_BINARY = frozenset({"=", "==", "!=", "=~", "<", ">", *_ORDERS})


def truth_of(walk: Walk, node: Node, state: State) -> Truth | None:
    """Return whether a condition holds in `state`, None if that is not known."""
    peek = state.copy()
    peek.writes = {}
    expansion = walk.peeking(peek)
    try:
        return _truth(node, expansion)
    except UndecidedError:
        return None


def _truth(node: Node, expansion: Expansion) -> Truth:
    if isinstance(node, Not):
        truth = _truth(node.node, expansion)
        return truth._replace(holds=not truth.holds)
    if isinstance(node, Sequence) and len(node.nodes) == 1:
        return _truth(node.nodes[0], expansion)
    if isinstance(node, Redirected):
        return _truth(node.node, expansion)
    if isinstance(node, Test):
        return _Brackets(node.words, expansion).decided()
    if isinstance(node, Calculation):
        place = expansion.source.place(node.start, node.end)
        value = expansion.calculate(node.expression, place)
        return Truth(_text(value) != "0", _is_certain(value))
    if isinstance(node, Chain):
        return _chain(node, expansion)
    if isinstance(node, Simple) and not node.assignments:
        return _command(node, expansion)
    raise UndecidedError


def is_test(node: Node, text: str) -> bool:
    """Whether a node only looks at values, so that what follows finds them as they were."""
    if isinstance(node, Not | Redirected):
        return is_test(node.node, text)
    if isinstance(node, Sequence):
        return len(node.nodes) == 1 and is_test(node.nodes[0], text)
    if isinstance(node, Chain):
        return is_test(node.first, text) and all(is_test(child, text) for _, child in node.rest)
    if isinstance(node, Simple):
        first = node.words[0] if node.words else None
        return first is not None and text[first.start : first.end] in _TESTS
    return isinstance(node, Test | Calculation)


def _chain(node: Chain, expansion: Expansion) -> Truth:
    result = _optional(node.first, expansion)
    previous = node.first
    for operator, child in node.rest:
        if result is not None and result.holds is not (operator == "&&"):
            # It is not run.
            continue
        if not is_test(previous, expansion.source.text):
            raise UndecidedError
        result = combined(operator == "&&", result, _optional(child, expansion))
        previous = child
    if result is None:
        raise UndecidedError
    return result


def _optional(node: Node, expansion: Expansion) -> Truth | None:
    try:
        return _truth(node, expansion)
    except UndecidedError:
        return None


def combined(both: bool, one: Truth | None, other: Truth | None) -> Truth | None:
    """Return what `one && other` (`both`) or `one || other` comes to."""
    deciding = [truth for truth in (one, other) if truth is not None and truth.holds is not both]
    if deciding:
        return Truth(not both, any(truth.certain for truth in deciding))
    if one is None or other is None:
        return None
    return Truth(both, one.certain and other.certain)


def _command(node: Simple, expansion: Expansion) -> Truth:
    words = expansion.array(word for word in node.words if isinstance(word, RawWord))
    name = words[0].text if words and words[0].is_known else ""
    if name in (":", "true"):
        return Truth(True)
    if name == "false":
        return Truth(False)
    if any(word.splits for word in words):
        raise UndecidedError
    if name == "test":
        return _arguments(words[1:])
    if name == "[" and words[-1].text == "]":
        return _arguments(words[1:-1])
    raise UndecidedError


def _arguments(words: tuple[Word, ...]) -> Truth:
    """Decide a `test` of these words, as POSIX does by their number."""
    texts = [word.text if word.is_known else "" for word in words]
    if not words:
        return Truth(False)
    if len(words) > 1 and texts[0] == "!":
        truth = _arguments(words[1:])
        return truth._replace(holds=not truth.holds)
    if len(words) == 1:
        return _is_filled(words[0])
    if len(words) == 2:
        return _unary(texts[0], words[1])
    if len(words) == 3 and texts[1] in _BINARY - {"=~"}:
        return _compared(words[0], texts[1], words[2])
    for operator in ("-o", "-a"):
        if operator in texts[1:-1]:
            at = texts.index(operator, 1)
            one, other = _tried(words[:at]), _tried(words[at + 1 :])
            truth_or_none = combined(operator == "-a", one, other)
            if truth_or_none is not None:
                return truth_or_none
    raise UndecidedError


def _tried(words: tuple[Word, ...]) -> Truth | None:
    try:
        return _arguments(words)
    except UndecidedError:
        return None


def _is_certain(*words: Word) -> bool:
    return all(word.origin is not Origin.DEFAULT for word in words)


def _text(word: Word) -> str:
    if not word.is_known:
        raise UndecidedError
    return word.text


def _is_filled(word: Word) -> Truth:
    if word.holes and not word.text.strip():
        raise UndecidedError
    return Truth(bool(word.text), _is_certain(word))


def _unary(operator: str, word: Word) -> Truth:
    if operator not in ("-n", "-z"):
        raise UndecidedError
    filled = _is_filled(word)
    return filled if operator == "-n" else filled._replace(holds=not filled.holds)


def _compared(one: Word, operator: str, other: Word) -> Truth:
    first, second = _text(one), _text(other)
    certain = _is_certain(one, other)
    if operator in _ORDERS:
        return Truth(_ORDERS[operator](_integer(first), _integer(second)), certain)
    if operator in ("<", ">"):
        raise UndecidedError
    return Truth((first == second) is (operator != "!="), certain)


def _integer(text: str) -> int:
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise UndecidedError
    try:
        # A zero in front is octal to `[[ ]]` and nothing to `[ ]`.
        value = number(match[2])
    except NotComputedError:
        raise UndecidedError from None
    return -value if match[1] == "-" else value


class _Brackets:
    """Reads `[[ ... ]]`: `||`, then `&&`, then `!`, parentheses and comparisons."""

    def __init__(self, words: tuple[RawWord, ...], expansion: Expansion) -> None:
        self.words = words
        self.expansion = expansion
        self.at = 0

    def decided(self) -> Truth:
        """Return what all of it comes to."""
        truth = self._either() if len(self.words) <= _MOST_TOKENS else None
        if truth is None or self.at != len(self.words):
            raise UndecidedError
        return truth

    def _token(self, ahead: int = 0) -> str:
        if self.at + ahead >= len(self.words):
            return ""
        word = self.words[self.at + ahead]
        return self.expansion.source.text[word.start : word.end]

    def _is_operator(self, *tokens: str) -> bool:
        return self._token() in tokens and not self.words[self.at].parts

    def _either(self) -> Truth | None:
        result = self._both()
        while self._is_operator("||"):
            self.at += 1
            result = combined(False, result, self._both())
        return result

    def _both(self) -> Truth | None:
        result = self._negated()
        while self._is_operator("&&"):
            self.at += 1
            result = combined(True, result, self._negated())
        return result

    def _negated(self) -> Truth | None:
        if self._token() == "!":
            self.at += 1
            truth = self._negated()
            return None if truth is None else truth._replace(holds=not truth.holds)
        if self._is_operator("("):
            self.at += 1
            truth = self._either()
            if not self._is_operator(")"):
                raise UndecidedError
            self.at += 1
            return truth
        return self._primary()

    def _primary(self) -> Truth | None:
        if self.at >= len(self.words):
            raise UndecidedError
        start, operator = self.at, self._token(1)
        if re.fullmatch(r"-[a-zA-Z]", self._token()) and operator not in ("", "&&", "||", ")", *_BINARY):
            self.at += 2
            return self._quietly(lambda: _unary(self._text_at(start), self._word(start + 1)))
        if operator in _BINARY:
            self.at += 3
            if self.at <= len(self.words) and self._token() not in ("", "&&", "||", ")"):
                raise UndecidedError
            return self._quietly(lambda: self._binary(start, operator))
        self.at += 1
        return self._quietly(lambda: _is_filled(self._word(start)))

    def _quietly(self, decide: Callable[[], Truth]) -> Truth | None:
        try:
            return decide()
        except UndecidedError:
            return None

    def _text_at(self, index: int) -> str:
        word = self.words[index]
        return self.expansion.source.text[word.start : word.end]

    def _word(self, index: int) -> Word:
        if index >= len(self.words) or not self.words[index].parts:
            raise UndecidedError
        return self.expansion.single(self.words[index])

    def _binary(self, start: int, operator: str) -> Truth:
        one = self._word(start)
        if operator in _ORDERS or operator in ("<", ">"):
            return _compared(one, operator, self._word(start + 2))
        other = self.words[start + 2]
        certain = _is_certain(one, self._word(start + 2))
        if operator == "=~":
            text = self._text_at(start + 2)
            if not _REGULAR.fullmatch(text) or "[[" in text or "[:" in text:
                raise UndecidedError
            return Truth(_finds(text, _text(one)), certain)
        pattern = pattern_of(self.expansion.source, other.parts, self.expansion.resolved)
        if pattern is None:
            raise UndecidedError
        return Truth(matches(pattern, _text(one)) is (operator != "!="), certain)


def _finds(expression: str, text: str) -> bool:
    """Whether a regular expression of few repetitions, which cannot take long, is found in `text`."""
    if len(re.findall(r"[*+?]", expression)) > _MOST_REPETITIONS or len(text) > _LONGEST_MATCHED:
        raise UndecidedError
    try:
        return re.compile(expression).search(text) is not None
    except re.error:
        raise UndecidedError from None
