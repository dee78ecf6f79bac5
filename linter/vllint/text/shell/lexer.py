"""Reading one shell word into its parts, with bash's rules of quoting."""

import re
from collections.abc import Callable, Container
from enum import Enum
from typing import NamedTuple, TypeAlias

from vllint.text.shell.quotes import ansi_c_text
from vllint.text.shell.syntax import (
    Arithmetic,
    Fixed,
    Gap,
    Literal,
    Opaque,
    Parameter,
    Part,
    RawWord,
    Sequence,
    ShellSyntaxError,
)
from vllint.text.shell.text import GAP

ReadCommands: TypeAlias = Callable[[str, int, int], tuple[Sequence, int]]
"""Read a text's commands from an offset, at a nesting depth, to their closing `)`; give what follows it."""

DEEPEST = 25
"""Nesting of quotes, expansions and commands beyond which a script is not read."""

LONGEST_EXPRESSION = 1_000


class Mode(Enum):
    """Where a part stands, which decides what is special in it."""

    WORD = re.compile(f"[^ \\t\\n\\r|&;()<>\"'\\\\$`{GAP}]+")
    DOUBLE = re.compile(f'[^"\\\\$`{GAP}]+')
    OPERAND = re.compile(f"[^}}\"'\\\\$`{GAP}]+")
    QUOTED_OPERAND = re.compile(f'[^}}"\\\\$`{GAP}]+')
    EXPRESSION = re.compile(f"[^\\\\$`{GAP}]+")
    # The second half is in the first: enumeration members of one value would be one member.
    DOCUMENT = re.compile(f'[^\\\\$`{GAP}]+|"')

    @property
    def quoted(self) -> bool:
        """Whether what stands there is neither split nor searched for single quotes."""
        return self in (Mode.DOUBLE, Mode.QUOTED_OPERAND, Mode.EXPRESSION, Mode.DOCUMENT)


_SIMPLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])")
_BRACED = re.compile(r"\$\{([#!]?)([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])")
_OPERATOR = re.compile(r":?[-=+?]")
_CHANGE = re.compile(r"##?|%%?|//?[#%]?|\^\^?|,,?|:(?![-=+?])")
_LINE_END = re.compile(r"\r?\n")
_ESCAPED_IN_QUOTES = {
    Mode.DOUBLE: '$`"\\',
    Mode.QUOTED_OPERAND: '$`"\\}',
    Mode.EXPRESSION: '$`"\\',
    Mode.DOCUMENT: "$`\\",
}


def _signed(sign: str, index: str) -> str:
    """Return what `${#name}`, `${!name}` and `${!name[@]}` ask for."""
    if sign == "#":
        return "#"
    return "keys" if index in ("@", "*") else "other" if index else "name"


class Lexer(NamedTuple):
    """Reads words of `text`; `gaps` are the offsets where the text is unknown."""

    text: str
    gaps: Container[int]
    read_commands: ReadCommands

    def word(self, start: int, depth: int) -> RawWord:
        """Return the word that begins at `start`, which may be empty."""
        parts, end = self._parts(start, Mode.WORD, depth)
        return RawWord(start, end, parts)

    def expression(self, start: int, end: int, depth: int) -> tuple[Part, ...]:
        """Return the parts of an arithmetic expression."""
        within = self._replace(text=self.text[:end])
        return within._parts(start, Mode.EXPRESSION, depth)[0]

    def document(self, start: int, end: int, depth: int) -> tuple[Part, ...]:
        """Return the parts of a here-document that is expanded."""
        within = self._replace(text=self.text[:end])
        return within._parts(start, Mode.DOCUMENT, depth)[0]

    def expression_end(self, start: int) -> int | None:
        """Return the offset of the `))` that ends an expression begun at `start`, if it is one."""
        depth = 0
        for match in re.compile(r"[()]").finditer(self.text, start, start + LONGEST_EXPRESSION):
            if match.group() == "(":
                depth += 1
            elif depth:
                depth -= 1
            else:
                return match.start() if self.text.startswith("))", match.start()) else None
        return None

    def _unclosed(self) -> ShellSyntaxError:
        """Return the error of a quote that reaches to the end: all of the rest is in doubt."""
        return ShellSyntaxError(len(self.text))

    def _parts(self, start: int, mode: Mode, depth: int) -> tuple[tuple[Part, ...], int]:
        if depth > DEEPEST:
            raise ShellSyntaxError(start)
        text, match_literal = self.text, mode.value.match
        parts: list[Part] = []
        position = start
        while position < len(text):
            literal = match_literal(text, position)
            if literal is not None:
                parts.append(Literal(position, literal.end(), mode.quoted))
                position = literal.end()
                continue
            found = self._special(position, mode, depth)
            if found is None:
                break
            parts.extend(found[0])
            position = found[1]
        return tuple(parts), position

    def _special(self, at: int, mode: Mode, depth: int) -> tuple[tuple[Part, ...], int] | None:
        """Return the parts begun by the special character at `at`, or None where the text ends."""
        character = self.text[at]
        if character == "\\":
            return self._backslash(at, mode)
        if character == "$":
            return self._dollar(at, mode, depth)
        if character == "`":
            return self._backtick(at, mode.quoted, depth)
        if character == GAP:
            part = Gap if at in self.gaps else Literal
            return (part(at, at + 1, mode.quoted),), at + 1
        if character == '"' and mode is not Mode.DOUBLE:
            return self._double(at, at + 1, depth)
        if character == "'" and not mode.quoted:
            return self._single(at)
        if mode is not Mode.WORD:
            return None
        if character == "\r" and at + 1 < len(self.text) and self.text[at + 1] != "\n":
            return (Literal(at, at + 1, False),), at + 1
        if character in "<>" and self.text.startswith("(", at + 1):
            body, end = self.read_commands(self.text, at + 2, depth + 1)
            return (Opaque(at, end, False, body),), end
        return None

    def _backslash(self, at: int, mode: Mode) -> tuple[tuple[Part, ...], int]:
        line_end = _LINE_END.match(self.text, at + 1)
        if line_end is not None:
            return (), line_end.end()
        if at + 1 == len(self.text):
            return (Literal(at, at + 1, True),), at + 1
        following = self.text[at + 1]
        if at + 1 in self.gaps:
            return (), at + 1
        if mode.quoted and following not in _ESCAPED_IN_QUOTES[mode]:
            return (Literal(at, at + 1, True),), at + 1
        return (Fixed(at, at + 2, following, True),), at + 2

    def _single(self, at: int) -> tuple[tuple[Part, ...], int]:
        end = self.text.find("'", at + 1)
        if end < 0:
            raise self._unclosed()
        if end == at + 1:
            return (Fixed(at, end + 1, "", True),), end + 1
        return self._without_gaps(at + 1, end), end + 1

    def _without_gaps(self, start: int, end: int) -> tuple[Part, ...]:
        """Return single-quoted text, which holds nothing special but gaps."""
        parts: list[Part] = []
        last = start
        gap = self.text.find(GAP, start, end)
        while gap >= 0:
            if gap in self.gaps:
                parts += [Literal(last, gap, True), Gap(gap, gap + 1, True)]
                last = gap + 1
            gap = self.text.find(GAP, gap + 1, end)
        parts.append(Literal(last, end, True))
        return tuple(part for part in parts if part.end > part.start)

    def _double(self, at: int, start: int, depth: int) -> tuple[tuple[Part, ...], int]:
        parts, end = self._parts(start, Mode.DOUBLE, depth + 1)
        if not self.text.startswith('"', end):
            raise self._unclosed()
        return parts or (Fixed(at, end + 1, "", True),), end + 1

    def _backtick(self, at: int, quoted: bool, depth: int) -> tuple[tuple[Part, ...], int]:
        closing = re.compile(r"(?:[^`\\]|\\.)*`", re.DOTALL).match(self.text, at + 1)
        if closing is None:
            raise self._unclosed()
        end = closing.end()
        body = None
        if "\\" not in closing.group():
            within = self.text[: end - 1] + ")"
            body, closed = self.read_commands(within, at + 1, depth + 1)
            body = body if closed == end else None
        return (Opaque(at, end, quoted, body),), end

    def _dollar(self, at: int, mode: Mode, depth: int) -> tuple[tuple[Part, ...], int]:
        text, quoted = self.text, mode.quoted
        following = text[at + 1 : at + 2]
        if following == "(":
            return self._parenthesis(at, quoted, depth)
        if following == "{":
            return self._brace(at, quoted, depth)
        if following == "'" and not quoted:
            return self._ansi_c(at)
        if following == '"' and not quoted:
            return self._double(at, at + 2, depth)
        simple = _SIMPLE.match(text, at)
        if simple is not None:
            return (Parameter(at, simple.end(), quoted, simple.group(1)),), simple.end()
        closing = text.find("]", at) if following == "[" else -1
        if closing > 0:
            return (Opaque(at, closing + 1, quoted),), closing + 1
        return (Literal(at, at + 1, quoted),), at + 1

    def _parenthesis(self, at: int, quoted: bool, depth: int) -> tuple[tuple[Part, ...], int]:
        if self.text.startswith("$((", at):
            end = self.expression_end(at + 3)
            if end is not None:
                expression = self.expression(at + 3, end, depth + 1)
                return (Arithmetic(at, end + 2, quoted, expression),), end + 2
        body, end = self.read_commands(self.text, at + 2, depth + 1)
        return (Opaque(at, end, quoted, body),), end

    def _ansi_c(self, at: int) -> tuple[tuple[Part, ...], int]:
        match = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL).match(self.text, at)
        if match is None:
            raise self._unclosed()
        decoded = ansi_c_text(match.group(1))
        if decoded is None or any(gap in self.gaps for gap in range(at, match.end())):
            return (Opaque(at, match.end(), True),), match.end()
        parts: list[Part] = [
            Fixed(at + 2 + start, at + 2 + end, character, True)
            if end - start > 1
            else Literal(at + 2 + start, at + 2 + end, True)
            for start, end, character in decoded
        ]
        return tuple(parts) or (Fixed(at, match.end(), "", True),), match.end()

    def _brace(self, at: int, quoted: bool, depth: int) -> tuple[tuple[Part, ...], int]:
        match = _BRACED.match(self.text, at)
        if match is None:
            return self._bad_substitution(at, quoted)
        sign, name = match.groups()
        index, position = self._index(match.end())
        operator = _OPERATOR.match(self.text, position)
        change = None if operator or sign else _CHANGE.match(self.text, position)
        plain = self.text.startswith("}", position)
        found = operator or change
        position = found.end() if found else position
        mode = Mode.QUOTED_OPERAND if quoted else Mode.OPERAND
        operand, end = self._parts(position, mode, depth + 1)
        if not self.text.startswith("}", end):
            raise self._unclosed()
        if sign:
            meaning = _signed(sign, index) if plain else "other"
        else:
            meaning = "" if plain else operator.group() if operator else "other"
        if meaning in ("other", "#") and change is None:
            operand = ()
        changed = change.group() if change else ""
        return (Parameter(at, end + 1, quoted, name, index, meaning, operand, changed),), end + 1

    def _index(self, at: int) -> tuple[str, int]:
        """Return what stands in `[...]` at `at` and the offset behind it."""
        if not self.text.startswith("[", at):
            return "", at
        depth = 0
        for match in re.compile(r"[\[\]]").finditer(self.text, at):
            depth += 1 if match.group() == "[" else -1
            if not depth:
                return self.text[at + 1 : match.start()], match.end()
        raise ShellSyntaxError(at)

    def _bad_substitution(self, at: int, quoted: bool) -> tuple[tuple[Part, ...], int]:
        depth = 0
        for match in re.compile(r"[{}\n]").finditer(self.text, at):
            if match.group() == "\n":
                break
            depth += 1 if match.group() == "{" else -1
            if not depth:
                return (Opaque(at, match.end(), quoted),), match.end()
        raise ShellSyntaxError(at)
