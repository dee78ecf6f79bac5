"""Reading a simple command: assignments, words and redirects."""

import re
from typing import NamedTuple

from vllint.text.shell.lexer import Lexer
from vllint.text.shell.syntax import (
    Assignment,
    Document,
    Element,
    Fixed,
    Input,
    Literal,
    Opaque,
    RawWord,
    ShellSyntaxError,
    Simple,
)

DECLARATIONS = frozenset({"export", "declare", "typeset", "local", "readonly"})
"""Commands whose words may be assignments, arrays included."""

_BLANKS = re.compile(r"(?:[ \t]|\\\r?\n|\r(?=\n|$))*(?:#[^\n]*)?")
_REDIRECT = re.compile(
    r"(?:[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\})?(&>>|&>|<<<|<<-?|<>|<&|>>|>\||>&|>(?!\()|<(?!\())"
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\])?(\+?)=")
_WRITE = frozenset({">", "1>", ">|", "1>|", ">>", "1>>", "&>", "&>>", ">&"})
_KEY = r"\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]="


def read_document(lexer: Lexer, document: Document, start: int, depth: int) -> int:
    """Read a here-document that begins at `start`; return the offset behind it."""
    tabs = r"\t*" if document.strips_tabs else ""
    ending = re.compile(rf"^{tabs}{re.escape(document.delimiter)}\r?(?:\n|\Z)", re.MULTILINE)
    match = ending.search(lexer.text, start)
    document.start, document.end = start, match.start() if match else len(lexer.text)
    if document.expanded:
        try:
            document.parts = lexer.document(document.start, document.end, depth)
        except ShellSyntaxError:
            # Bash finds it out when it expands the document: the commands around it still run.
            document.parts = None
    return match.end() if match else len(lexer.text)


class _Redirect(NamedTuple):
    """A redirect: its operator, with the number in front, and its target."""

    operator: str
    target: RawWord
    document: Document | None = None


def _is_bare(delimiter: RawWord) -> bool:
    """Whether no part of a here-document's delimiter is quoted, so that its text is expanded."""
    return not any(isinstance(part, Literal | Fixed) and part.quoted for part in delimiter.parts)


def _redirected(simple: Simple, redirects: list[_Redirect]) -> Simple:
    written = read = None
    for operator, target, document in redirects:
        if operator in _WRITE:
            written = target
        elif document is not None:
            read = Input(document)
        elif operator in ("<<<", "0<<<"):
            read = Input(target)
        elif operator.startswith("<"):
            read = None
    return simple._replace(targets=tuple(one.target for one in redirects), written=written, input=read)


class SimpleReader(NamedTuple):
    """Reads simple commands; a `tolerant` one takes the rest of a line it cannot read as unknown."""

    lexer: Lexer
    heredocs: list[Document]
    depth: int
    tolerant: bool = False

    def skip_blanks(self, at: int) -> int:
        """Return the offset behind blanks, continued lines and a comment."""
        match = _BLANKS.match(self.lexer.text, at)
        return match.end() if match else at

    def redirects(self, at: int) -> tuple[tuple[RawWord, ...], int]:
        """Return the targets of the redirects at `at` and the offset behind them."""
        targets: list[RawWord] = []
        while True:
            redirect = self._redirect(self.skip_blanks(at))
            if redirect is None:
                return tuple(targets), at
            targets.append(redirect.target)
            at = redirect.target.end

    def read(self, start: int) -> tuple[Simple, int]:
        """Return the simple command at `start` and the offset behind it."""
        assignments: list[Assignment] = []
        words: list[RawWord | Assignment] = []
        redirects: list[_Redirect] = []
        at = end = start
        declares = False
        while True:
            at = self.skip_blanks(at)
            redirect = self._redirect(at)
            if redirect is not None:
                redirects.append(redirect)
                at = end = redirect.target.end
                continue
            found = self._argument(at, not words or declares)
            if found is None:
                break
            if isinstance(found, Assignment) and not words:
                assignments.append(found)
            else:
                words.append(found)
                declares = declares or (len(words) == 1 and self._name(words[0]) in DECLARATIONS)
            at = end = found.end
        if end == start:
            raise ShellSyntaxError(start)
        simple = Simple(start, end, tuple(assignments), tuple(words))
        return _redirected(simple, redirects) if redirects else simple, at

    def _argument(self, at: int, may_assign: bool) -> RawWord | Assignment | None:
        """Return the word at `at`, or None where the command ends."""
        text = self.lexer.text
        if at == len(text) or text[at] in "\n;&|)":
            return None
        try:
            assignment = self._assignment(at) if may_assign else None
            word = assignment or self.lexer.word(at, self.depth)
        except ShellSyntaxError:
            if not self.tolerant:
                raise
            return self._rest_of_line(at)
        if word.end > word.start:
            return word
        if not self.tolerant:
            raise ShellSyntaxError(at)
        return None

    def _rest_of_line(self, at: int) -> RawWord:
        end = self.lexer.text.find("\n", at)
        end = len(self.lexer.text) if end < 0 else end
        return RawWord(at, end, (Opaque(at, end, False),))

    def _name(self, word: RawWord | Assignment) -> str:
        parts = word.parts if isinstance(word, RawWord) else ()
        if len(parts) != 1 or not isinstance(parts[0], Literal):
            return ""
        return self.lexer.text[parts[0].start : parts[0].end]

    def _redirect(self, at: int) -> _Redirect | None:
        """Return the redirect at `at`, where its target is taken to start too."""
        text = self.lexer.text
        match = _REDIRECT.match(text, at)
        if match is None:
            return None
        try:
            target = self.lexer.word(self.skip_blanks(match.end()), self.depth)
        except ShellSyntaxError:
            if not self.tolerant:
                raise
            return _Redirect("", self._rest_of_line(at))
        if target.start == target.end:
            if self.tolerant:
                return _Redirect("", RawWord(at, match.end(), ()))
            raise ShellSyntaxError(at)
        document = None
        if match.group(1) in ("<<", "<<-"):
            document = Document(self._delimiter(target), match.group(1) == "<<-", _is_bare(target))
            self.heredocs.append(document)
        return _Redirect(match.group(), RawWord(at, target.end, target.parts), document)

    def _delimiter(self, word: RawWord) -> str:
        text = self.lexer.text
        return "".join(
            part.text if isinstance(part, Fixed) else text[part.start : part.end] for part in word.parts
        )

    def _assignment(self, at: int) -> Assignment | None:
        match = _ASSIGNMENT.match(self.lexer.text, at)
        if match is None:
            return None
        name, index, plus = match.groups()
        if not self.lexer.text.startswith("(", match.end()):
            value = self.lexer.word(match.end(), self.depth)
            return Assignment(at, value.end, name, index or "", bool(plus), value)
        elements, end = self._elements(match.end() + 1)
        return Assignment(at, end, name, index or "", bool(plus), RawWord(match.end(), end, ()), elements)

    def _elements(self, at: int) -> tuple[tuple[Element, ...], int]:
        """Return the words of the array literal whose `(` stands before `at`."""
        text = self.lexer.text
        elements: list[Element] = []
        while True:
            at = self.skip_blanks(at)
            if at == len(text):
                raise ShellSyntaxError(at)
            if text[at] == "\n":
                at += 1
                continue
            if text[at] == ")":
                return tuple(elements), at + 1
            key = re.compile(_KEY).match(text, at)
            word = self.lexer.word(key.end() if key else at, self.depth)
            if word.end == word.start and not key:
                raise ShellSyntaxError(at)
            value = RawWord(at, word.end, word.parts)
            elements.append(Element(key.group(1) if key else "", value))
            at = word.end
