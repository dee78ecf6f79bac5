"""Splitting a command string into words as Docker Compose does.

The rules are those of mattn/go-shellwords, by which compose-go reads `command` and `entrypoint` strings:
blanks, both quotes and backslashes are special, `$( )` and backticks keep blanks together, variables
and comments are not known. At an unquoted `;`, `&`, `|`, `<` or `>` it stops, and the rest is lost.
"""

import re
from typing import NamedTuple

from vllint.text.shell.text import ShellText, with_splits
from vllint_schemas import Slot, SlotKind, Span, Word

_PLAIN = re.compile(r"[^ \t\r\n\\`()\"';&|<>\ue000]+")
_ESCAPED = {"t": "\t", "n": "\n"}


class CommandStringError(ValueError):
    """A command string that Compose refuses; `span` is the quote or parenthesis at fault."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


class _Piece(NamedTuple):
    """A stretch of a word; `text` is what it stands for when that is not itself."""

    start: int
    end: int
    text: str | None = None
    splits: bool = False


def split_words(text: Word) -> tuple[Word, ...]:
    """Return the words of a command string; raise `CommandStringError` where Compose gives an error."""
    return _Splitter(ShellText(text)).split()[0]


def lost_rest(text: Word) -> Span | None:
    """Return what Compose drops without a word: everything from the first unquoted operator on."""
    return _Splitter(ShellText(text)).split()[1]


class _Splitter:
    """The state of splitting: which quotes are open, and the word so far."""

    def __init__(self, source: ShellText) -> None:
        self.source = source
        self.text = source.text
        self.opened: dict[str, int] = {}
        self.words: list[Word] = []
        self.start: int | None = None
        self.has_word = False
        self.quotes = 0
        self.pieces: list[_Piece] = []

    def split(self) -> tuple[tuple[Word, ...], Span | None]:
        """Return the words, and the rest that is dropped."""
        at = 0
        stop = len(self.text)
        while at < stop:
            plain = _PLAIN.match(self.text, at)
            if plain is not None:
                self._add(_Piece(at, plain.end()))
                at = plain.end()
            elif self._ends_at(at):
                break
            else:
                at = self._special(at)
        self._finish(at)
        for mark, place in self.opened.items():
            raise CommandStringError(f"`{mark}` is not closed", self.source.place(place, place + 1))
        return tuple(self.words), self.source.place(at, stop) if at < stop else None

    def _ends_at(self, at: int) -> bool:
        """Whether an operator stands at `at`; a number in front of `>` is dropped with it."""
        if self.text[at] not in ";&|<>" or self.opened:
            return False
        if self.text[at] == ">" and self.pieces and self._decoded(self.pieces[0])[:1].isdecimal():
            self.has_word = False
        return True

    def _decoded(self, piece: _Piece) -> str:
        return self.text[piece.start : piece.end] if piece.text is None else piece.text

    def _special(self, at: int) -> int:
        """Take the special character at `at`; return the offset behind it."""
        character = self.text[at]
        if character == "\\" and "'" not in self.opened:
            return self._escape(at)
        if character in " \t\r\n" and not self.opened:
            self._finish(at)
            return at + 1
        if character in "\"'" and self._toggle_quote(character, at):
            return at + 1
        if at in self.source.gaps:
            self._add(_Piece(at, at + 1, splits=not self.opened))
            return at + 1
        if character in "`()" and not ("'" in self.opened or '"' in self.opened):
            self._toggle_substitution(character, at)
        self._add(_Piece(at, at + 1), counts=character not in " \t\r\n")
        return at + 1

    def _escape(self, at: int) -> int:
        if at + 1 == len(self.text):
            raise CommandStringError("the `\\` at the end escapes nothing", self.source.place(at, at + 1))
        if at + 1 in self.source.gaps:
            return at + 1
        following = self.text[at + 1]
        self._add(_Piece(at, at + 2, _ESCAPED.get(following, following)))
        return at + 2

    def _toggle_quote(self, mark: str, at: int) -> bool:
        """Open or close a quote; return whether it was one and no plain character."""
        other = "'" if mark == '"' else '"'
        if other in self.opened or "$(" in self.opened:
            return False
        self.start = at if self.start is None else self.start
        self.quotes += 1
        if mark in self.opened:
            del self.opened[mark]
            self.has_word = True
        else:
            self.opened[mark] = at
        return True

    def _toggle_substitution(self, character: str, at: int) -> None:
        if character == "`" and "$(" not in self.opened:
            self._toggle("`", at)
        elif character == ")" and "`" not in self.opened:
            self._toggle("$(", at)
        elif character == "(" and "`" not in self.opened:
            if "$(" in self.opened or not self.pieces or self._decoded(self.pieces[-1])[-1:] != "$":
                raise CommandStringError("`(` stands outside quotes", self.source.place(at, at + 1))
            self.opened["$("] = at

    def _toggle(self, mark: str, at: int) -> None:
        if self.opened.pop(mark, None) is None:
            self.opened[mark] = at

    def _add(self, piece: _Piece, counts: bool = True) -> None:
        self.start = piece.start if self.start is None else self.start
        self.has_word = self.has_word or counts
        last = self.pieces[-1] if self.pieces else None
        if last is not None and last.end == piece.start and self._is_plain(last) and self._is_plain(piece):
            piece = _Piece(last.start, piece.end)
            self.pieces.pop()
        self.pieces.append(piece)

    def _is_plain(self, piece: _Piece) -> bool:
        return piece.text is None and piece.start not in self.source.gaps

    def _part(self, piece: _Piece) -> Word:
        if piece.text is None:
            return with_splits(self.source.piece(piece.start, piece.end), piece.splits)
        return Word.atomic(piece.text, self.source.place(piece.start, piece.end), self.source.word.origin)

    def _finish(self, end: int) -> None:
        """Close the word that ends before `end`, if there is one."""
        if self.has_word and self.start is not None:
            self.words.append(self._word(self.start, end))
        self.start, self.has_word, self.quotes, self.pieces = None, False, 0, []

    def _word(self, start: int, end: int) -> Word:
        site = self.source.place(start, end)
        mark = self.text[start] if self.quotes == 2 and self.text[start] == self.text[end - 1] else ""
        slot = Slot(SlotKind.SHELL, site, mark if mark in "\"'" else "")
        if len(self.pieces) == 1:
            word = self._part(self.pieces[0])
        else:
            word = Word.join((self._part(piece) for piece in self.pieces), site)
        slot_if_in_place = slot if self.source.in_place else None
        return Word(word.text, word.runs, site, word.holes, word.origin, word.via, slot_if_in_place)
