"""Reading a shell script into commands, with bash's grammar.

A stretch that is not valid shell becomes one `Broken` node; reading goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import pairwise

from vllint.text.shell.case import read_case, read_test
from vllint.text.shell.lexer import DEEPEST, Lexer
from vllint.text.shell.simple import SimpleReader, read_document
from vllint.text.shell.syntax import (
    ArithmeticFor,
    Broken,
    Calculation,
    Chain,
    Document,
    For,
    Function,
    If,
    Node,
    Not,
    Pipeline,
    RawWord,
    Redirected,
    Sequence,
    ShellSyntaxError,
    Simple,
    While,
)

LONGEST_BROKEN = 4_000
"""Characters within which a command must end where the script is not valid shell."""

_KEYWORD = re.compile(
    r"(?:if|then|elif|else|fi|for|select|while|until|do|done|case|esac|function|time|coproc|\{|\}|!|\[\[)"
    r"(?=[ \t\r\n;&|()<>]|\Z)"
)
_FUNCTION = re.compile(r"([^\s|&;()<>\"'\\$`=]+)[ \t]*\([ \t]*\)")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FUNCTION_NAME = r"[^\s|&;()<>\"'\\$`]+"
_JUNK = (
    r"(?:(?:if|then|elif|else|fi|while|until|do|done|esac|time|\{|\}|!)(?=[ \t\r\n;&|()<>]|\Z)"
    r"|[;&|()<>\"'\s])+"
)


def parse(text: str, gaps: Container[int] = ()) -> Sequence:
    """Return the commands of a whole script; `gaps` are offsets where its text is unknown."""
    return Parser(text, gaps, 0, 0).script()


def _read_commands(text: str, gaps: Container[int], start: int, depth: int) -> tuple[Sequence, int]:
    parser = Parser(text, gaps, start, depth)
    body = parser.sequence()
    parser.take(")")
    return body, parser.position


class Parser:
    """A position in a script and the here-documents that begin at the next line."""

    def __init__(self, text: str, gaps: Container[int], position: int, depth: int) -> None:
        self.text = text
        self.position = position
        self.depth = depth
        self.heredocs: list[Document] = []
        self.lexer = Lexer(text, gaps, lambda text, start, depth: _read_commands(text, gaps, start, depth))

    def script(self) -> Sequence:
        """Read all there is; bash refuses a whole line for one error in it."""
        nodes: list[Node] = []
        line: list[Node] = []
        self.skip_lines()
        start = self.position
        while self.position < len(self.text):
            try:
                line.append(self._statement())
                self.skip_blanks()
                if not self.text.startswith("\n", self.position) and self.position < len(self.text):
                    continue
            except ShellSyntaxError as error:
                self.depth = 0
                line = [self._recover(start, error.position)]
            nodes.extend(line)
            line.clear()
            self.skip_lines()
            start = self.position
        return Sequence(tuple(nodes))

    def sequence(self, *closers: str) -> Sequence:
        """Read commands up to one of the closing keywords, a `)` or `;;`, or the end."""
        nodes: list[Node] = []
        self.skip_lines()
        while self.position < len(self.text) and not self._closes(closers):
            nodes.append(self._statement())
            self.skip_lines()
        return Sequence(tuple(nodes))

    def take(self, token: str) -> None:
        """Step over `token`, which must come next."""
        self.skip_lines()
        keyword = self.keyword() if token.isalpha() else token
        if keyword != token or not self.text.startswith(token, self.position):
            raise ShellSyntaxError(self.position)
        self.position += len(token)

    def _closes(self, closers: tuple[str, ...]) -> bool:
        return (
            self.text[self.position] == ")"
            or self.text.startswith((";;", ";&"), self.position)
            or self.keyword() in closers
        )

    def keyword(self) -> str:
        """Return the reserved word that comes next, if any."""
        match = _KEYWORD.match(self.text, self.position)
        return match.group() if match else ""

    def _simple_reader(self) -> SimpleReader:
        return SimpleReader(self.lexer, self.heredocs, self.depth)

    def _tolerant_reader(self) -> SimpleReader:
        """Return what reads a command where the script is not valid, near at hand and not deep."""
        lexer = self.lexer._replace(text=self.text[: self.position + LONGEST_BROKEN])
        return SimpleReader(lexer, self.heredocs, DEEPEST - 5, tolerant=True)

    def skip_blanks(self) -> None:
        """Step over blanks, continued lines and a comment."""
        self.position = self._simple_reader().skip_blanks(self.position)

    def skip_lines(self) -> None:
        """Step over blanks, comments, line ends and the here-documents that follow a line."""
        self.skip_blanks()
        while self.text.startswith("\n", self.position):
            self.position += 1
            for document in self.heredocs:
                self.position = read_document(self.lexer, document, self.position, self.depth)
            self.heredocs.clear()
            self.skip_blanks()

    def _statement(self) -> Node:
        """Read commands joined by `&&` and `||`, with the `;`, `&` or line end behind them."""
        node = self._chain()
        self.skip_blanks()
        if self.position == len(self.text) or self.text[self.position] in "\n)":
            return node
        if self.text.startswith((";;", ";&"), self.position):
            return node
        separator = self.text[self.position]
        if separator not in ";&":
            raise ShellSyntaxError(self.position)
        self.position += 1
        return Pipeline((node,)) if separator == "&" else node

    def _chain(self) -> Node:
        first = self._pipeline()
        rest: list[tuple[str, Node]] = []
        self.skip_blanks()
        while self.text.startswith(("&&", "||"), self.position):
            operator = self.text[self.position : self.position + 2]
            self.position += 2
            self.skip_lines()
            rest.append((operator, self._pipeline()))
            self.skip_blanks()
        return Chain(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Node:
        negated = False
        while self.keyword() in ("!", "time"):
            negated ^= self.keyword() == "!"
            self.position += len(self.keyword())
            self.skip_blanks()
            if re.compile(r"-p(?=\s)").match(self.text, self.position):
                self.position += 2
                self.skip_blanks()
        nodes = [self._command()]
        self.skip_blanks()
        while self.text.startswith("|", self.position) and not self.text.startswith("||", self.position):
            self.position += 2 if self.text.startswith("|&", self.position) else 1
            self.skip_lines()
            nodes.append(self._command())
            self.skip_blanks()
        node = Pipeline(tuple(nodes)) if len(nodes) > 1 else nodes[0]
        return Not(node) if negated else node

    def _command(self) -> Node:
        compound = self._nested()
        if compound is None:
            simple = self._simple_reader().read(self.position)
            self.position = simple[1]
            return simple[0]
        if isinstance(compound, Function):
            return compound
        targets, self.position = self._simple_reader().redirects(self.position)
        return Redirected(compound, targets) if targets else compound

    def _nested(self) -> Node | None:
        if self.depth > DEEPEST:
            raise ShellSyntaxError(self.position)
        self.depth += 1
        compound = self._compound()
        self.depth -= 1
        return compound

    def _compound(self) -> Node | None:
        keyword = self.keyword()
        readers = {
            "if": self._if, "while": self._while, "until": self._while, "for": self._for, "select": self._for,
            "case": lambda: read_case(self), "[[": lambda: read_test(self), "{": self._braces,
            "function": self._function, "coproc": self._coprocess,
        }  # fmt: skip
        if keyword in readers:
            self.position += len(keyword)
            return readers[keyword]()
        if keyword:
            raise ShellSyntaxError(self.position)
        if self.text.startswith("((", self.position):
            end = self.lexer.expression_end(self.position + 2)
            if end is not None:
                return self._calculation(end)
        if self.text.startswith("(", self.position):
            self.position += 1
            return Pipeline((self._group(")"),))
        match = _FUNCTION.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return self._function_body(match.group(1))

    def _group(self, closer: str) -> Sequence:
        """Read the commands, at least one, up to `closer`."""
        start = self.position
        body = self.sequence(closer)
        if not body.nodes:
            raise ShellSyntaxError(start)
        self.take(closer)
        return body

    def _braces(self) -> Node:
        return self._group("}")

    def _expression(self, start: int, end: int) -> Calculation:
        return Calculation(start, end, self.lexer.expression(start, end, self.depth))

    def _calculation(self, end: int) -> Node:
        start = self.position
        self.position = end + 2
        return self._expression(start + 2, end)

    def _if(self) -> Node:
        start = self.position
        end = 0
        clauses = []
        while True:
            condition = self._group("then")
            end = end or self.position
            body = self.sequence("elif", "else", "fi")
            clauses.append((condition, body))
            if self.keyword() != "elif":
                break
            self.position += len("elif")
        otherwise = None
        if self.keyword() == "else":
            self.position += len("else")
            otherwise = self.sequence("fi")
        self.take("fi")
        return If(tuple(clauses), otherwise, start, end)

    def _while(self) -> Node:
        start = self.position
        negated = self.text.startswith("until", start - len("until"))
        condition = self._group("do")
        end = self.position
        return While(condition, self._group("done"), start, end, negated)

    def _for(self) -> Node:
        is_select = self.text.startswith("select", self.position - len("select"))
        start = self.position
        self.skip_blanks()
        if self.text.startswith("((", self.position):
            return self._arithmetic_for()
        match = re.compile(_NAME).match(self.text, self.position)
        if match is None:
            raise ShellSyntaxError(self.position)
        self.position = match.end()
        self.skip_lines()
        words = None
        if re.compile(r"in(?=[\s;]|$)").match(self.text, self.position):
            words = self._for_words()
        end = self.position
        self.skip_blanks()
        if self.text.startswith(";", self.position):
            self.position += 1
        return For(match.group(), words, self._loop_body(), start, end, not is_select)

    def _for_words(self) -> tuple[RawWord, ...]:
        self.position += len("in")
        words: list[RawWord] = []
        while True:
            self.skip_blanks()
            if self.position == len(self.text) or self.text[self.position] in ";\n":
                return tuple(words)
            words.append(self.word())

    def word(self) -> RawWord:
        """Read the word that comes next."""
        word = self.lexer.word(self.position, self.depth)
        if word.end == word.start:
            raise ShellSyntaxError(self.position)
        self.position = word.end
        return word

    def _arithmetic_for(self) -> Node:
        start = self.position
        end = self.lexer.expression_end(start + 2)
        if end is None:
            raise ShellSyntaxError(start)
        bounds = [start + 1, *(at for at in range(start + 2, end) if self.text[at] == ";"), end]
        header = tuple(self._expression(low + 1, high) for low, high in pairwise(bounds))
        self.position = end + 2
        self.skip_blanks()
        if self.text.startswith(";", self.position):
            self.position += 1
        return ArithmeticFor(header, self._loop_body(), start, end + 2)

    def _loop_body(self) -> Sequence:
        self.skip_lines()
        if self.keyword() == "{":
            self.take("{")
            return self._group("}")
        self.take("do")
        return self._group("done")

    def _function(self) -> Node:
        self.skip_blanks()
        match = re.compile(_FUNCTION_NAME).match(self.text, self.position)
        if match is None:
            raise ShellSyntaxError(self.position)
        self.position = match.end()
        parentheses = re.compile(r"[ \t]*\([ \t]*\)").match(self.text, self.position)
        if parentheses:
            self.position = parentheses.end()
        return self._function_body(match.group())

    def _function_body(self, name: str) -> Node:
        self.skip_lines()
        start = self.position
        body = self._nested()
        if body is None or isinstance(body, Function):
            raise ShellSyntaxError(start)
        targets, self.position = self._simple_reader().redirects(self.position)
        return Function(name, Redirected(body, targets) if targets else body)

    def _coprocess(self) -> Node:
        self.skip_blanks()
        named = re.compile(r"[A-Za-z_]\w*[ \t]+(?=[{(])").match(self.text, self.position)
        if named:
            self.position = named.end()
        return Pipeline((self._command(),))

    def _recover(self, start: int, error: int) -> Broken:
        """Return the commands found line by line from `start` to the end of the line of `error`."""
        self.heredocs.clear()
        self.position = start
        found: list[Simple] = []
        stop = self.text.find("\n", max(error, start))
        stop = len(self.text) if stop < 0 else stop
        while True:
            self.skip_lines()
            junk = re.compile(_JUNK).match(self.text, self.position)
            if junk:
                self.position = junk.end()
                continue
            if self.position >= stop:
                return Broken(tuple(found))
            simple, self.position = self._tolerant_reader().read(self.position)
            found.append(simple)
