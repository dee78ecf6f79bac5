"""Reading `case` and `[[ ]]`, which have grammars of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vllint.text.shell.syntax import Case, CaseItem, RawWord, ShellSyntaxError, Test

if TYPE_CHECKING:
    from vllint.text.shell.parser import Parser

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TEST_OPERATOR = r"&&|\|\|"
_TEST_END = r"\]\](?=[ \t\r\n;&|()<>]|\Z)"


def read_case(parser: Parser) -> Case:
    """Read the rest of `case subject in items esac`."""
    parser.skip_blanks()
    subject = parser.word()
    _take_name(parser, "in")
    items = []
    parser.skip_lines()
    while parser.keyword() != "esac":
        items.append(_case_item(parser))
        parser.skip_lines()
    parser.take("esac")
    return Case(subject, tuple(items))


def _take_name(parser: Parser, name: str) -> None:
    """Step over a word that is a keyword only here."""
    parser.skip_lines()
    match = re.compile(_NAME).match(parser.text, parser.position)
    if match is None or match.group() != name:
        raise ShellSyntaxError(parser.position)
    parser.position = match.end()


def _case_item(parser: Parser) -> CaseItem:
    if parser.text.startswith("(", parser.position):
        parser.position += 1
    patterns = _patterns(parser)
    parser.take(")")
    body = parser.sequence("esac")
    for ending, falls in ((";;&", True), (";&", True), (";;", False)):
        if parser.text.startswith(ending, parser.position):
            parser.position += len(ending)
            return CaseItem(patterns, body, falls)
    if parser.keyword() != "esac":
        raise ShellSyntaxError(parser.position)
    return CaseItem(patterns, body, False)


def _patterns(parser: Parser) -> tuple[RawWord, ...]:
    """Read the patterns of a case item to their `)`; where one is an extended glob, none are given."""
    patterns: list[RawWord] = []
    depth = 0
    is_extended = False
    while True:
        parser.skip_blanks()
        if parser.position == len(parser.text) or parser.text[parser.position] in "\n;&<>":
            raise ShellSyntaxError(parser.position)
        character = parser.text[parser.position]
        if character == ")" and not depth:
            return () if is_extended else tuple(patterns)
        depth += {"(": 1, ")": -1}.get(character, 0)
        is_extended = is_extended or character in "()"
        if character in "()|":
            parser.position += 1
        else:
            patterns.append(parser.word())


def read_test(parser: Parser) -> Test:
    """Read the rest of `[[ ... ]]`."""
    words: list[RawWord] = []
    while True:
        parser.skip_lines()
        if re.compile(_TEST_END).match(parser.text, parser.position):
            parser.position += 2
            return Test(tuple(words))
        if parser.position == len(parser.text) or parser.text[parser.position] == ";":
            raise ShellSyntaxError(parser.position)
        word = parser.lexer.word(parser.position, parser.depth)
        if word.end == word.start:
            operator = re.compile(_TEST_OPERATOR).match(parser.text, parser.position)
            end = operator.end() if operator else parser.position + 1
            word = RawWord(parser.position, end, ())
        words.append(word)
        parser.position = word.end
