"""The syntax of Go templates, as Helm has them, and of Jinja: text, what is filled in, and what is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, TypeAlias

_COMMENT = r"(?<!\$)\{\{-?\s*/\*.{0,8000}?\*/\s*-?\}\}"
_STRICT = r"(?<!\$)\{\{(?:\"[^\"\n]*\"|`[^`]*`|[^\"`}]|\}(?!\})){0,4000}\}\}"
_LOOSE = r"(?<!\$)\{\{.{0,4000}?\}\}"
_GO = re.compile(f"{_COMMENT}|{_STRICT}|{_LOOSE}", re.DOTALL)
_JINJA = re.compile(r"(?<!\$)\{\{.{0,4000}?\}\}|\{%.{0,4000}?%\}|(?<!\$)\{#.{0,8000}?#\}", re.DOTALL)
_GO_HEAD = re.compile(r"(?:(?P<variable>\$\w*)\s*:?=(?!=))|(?P<word>else\s+if|[a-z]+)\b")
_JINJA_HEAD = re.compile(r"[a-z]+")
_LINE_OF_TAG = re.compile(r"[ \t]*\r?\n?")

_OPENERS = frozenset({"if", "with", "range", "for", "define", "block", "macro", "filter", "call", "raw"})
_BRANCHES = frozenset({"else", "elif"})
_DEFINITIONS = frozenset({"define", "macro"})
_SILENT = frozenset({"include", "import", "from", "extends", "do", "break", "continue", "set"})
MAX_DEPTH = 60
MAX_TAGS = 5000
"""Blocks in blocks, and tags, of templates that are read."""


class Text(NamedTuple):
    """A stretch of the template that stands in what it renders."""

    start: int
    end: int


class Output(NamedTuple):
    """What an expression is replaced by."""

    start: int
    end: int
    expression: str


class Assignment(NamedTuple):
    """A variable's new value."""

    name: str
    expression: str


class Branch(NamedTuple):
    """One of the texts of a choice; an empty condition is `else`."""

    condition: str
    nodes: tuple[Node, ...]


class Choice(NamedTuple):
    """Texts of which one is rendered, or none; `word` is `if` or `with`."""

    word: str
    start: int
    end: int
    branches: tuple[Branch, ...]

    @property
    def has_else(self) -> bool:
        """Whether one of the texts is rendered in any case."""
        return any(not branch.condition for branch in self.branches)


class Loop(NamedTuple):
    """A text that is rendered any number of times."""

    start: int
    end: int
    header: str
    nodes: tuple[Node, ...]


class Definition(NamedTuple):
    """A text that is rendered where its name is included."""

    name: str
    nodes: tuple[Node, ...]


Node: TypeAlias = "Text | Output | Assignment | Choice | Loop | Definition"


class _Tag(NamedTuple):
    """A `{{ ... }}` or `{% ... %}`: `word` is its keyword, empty for what prints something."""

    start: int
    end: int
    word: str
    body: str
    variable: str = ""


class _Open:
    """A block whose end has not come yet."""

    __slots__ = ("branches", "condition", "nodes", "tag")

    def __init__(self, tag: _Tag) -> None:
        self.tag = tag
        self.condition = tag.body
        self.branches: list[Branch] = []
        self.nodes: list[Node] = []

    def branch(self, condition: str) -> None:
        """End the text of a branch, and begin that of the next."""
        self.branches.append(Branch(self.condition, tuple(self.nodes)))
        self.condition, self.nodes = condition, []

    def closed(self, end: int) -> Node:
        """Return the block; what it defines is rendered nowhere else."""
        self.branch("")
        tag = self.tag
        if tag.word in _DEFINITIONS:
            return Definition(tag.body.split(" ")[0].strip('"'), self.branches[0].nodes)
        if tag.word in {"range", "for"}:
            return Loop(tag.start, end, tag.body, self.branches[0].nodes)
        if tag.word in {"if", "with"}:
            return Choice(tag.word, tag.start, end, tuple(self.branches))
        always = (Branch("", self.branches[0].nodes),)
        return Choice("if", tag.start, end, always)


def is_jinja(text: str) -> bool:
    """Whether a template is Jinja's rather than Go's."""
    return "{%" in text or ("{{-" not in text and re.search(r"\{\{\s*[$.]", text) is None)


def parse_template(text: str) -> tuple[Node, ...]:
    """Return the parts of a template; an `end` too many is passed over, one too few is at the end."""
    tags = tuple(islice(_jinja_tags(text) if is_jinja(text) else _go_tags(text), MAX_TAGS))
    stack = [_Open(_Tag(0, 0, "block", ""))]
    position = 0
    for tag in tags:
        start, end = _kept(text, tag)
        if position < start:
            stack[-1].nodes.append(Text(position, start))
        position = max(end, position)
        _take(tag, stack)
    if position < len(text):
        stack[-1].nodes.append(Text(position, len(text)))
    while len(stack) > 1:
        _close(stack, len(text))
    return tuple(stack[0].nodes)


def _take(tag: _Tag, stack: list[_Open]) -> None:
    if tag.word in _OPENERS and len(stack) < MAX_DEPTH:
        stack.append(_Open(tag))
    elif tag.word in _BRANCHES:
        if len(stack) > 1:
            stack[-1].branch(tag.body)
    elif tag.word.startswith("end"):
        if len(stack) > 1:
            _close(stack, tag.end)
    elif tag.word == "=":
        stack[-1].nodes.append(Assignment(tag.variable, tag.body))
    elif not tag.word:
        stack[-1].nodes.append(Output(tag.start, tag.end, tag.body))


def _close(stack: list[_Open], end: int) -> None:
    node = stack.pop().closed(end)
    stack[-1].nodes.append(node)


def _kept(text: str, tag: _Tag) -> tuple[int, int]:
    """Return where the text before a tag ends and where that after it begins: `{{-` and `-}}` trim."""
    start, end = tag.start, tag.end
    if text[start + 2 : start + 3] == "-":
        start -= _blanks_before(text, start)
    if text[end - 3 : end - 2] == "-":
        while end < len(text) and text[end].isspace():
            end += 1
    elif text.startswith("{%", tag.start):
        line_start = text.rfind("\n", 0, tag.start) + 1
        rest = _LINE_OF_TAG.match(text, tag.end)
        if not text[line_start : tag.start].strip() and rest is not None and _ends_line(rest.group()):
            return min(start, line_start), rest.end()
    return start, end


def _ends_line(text: str) -> bool:
    return text.endswith("\n")


def _blanks_before(text: str, start: int) -> int:
    count = 0
    while start - count > 0 and text[start - count - 1].isspace():
        count += 1
    return count


def _inside(text: str) -> str:
    """Return what stands between a tag's braces, its dashes left out."""
    inner = text[2:-2]
    if inner.startswith(("-", "+")):
        inner = inner[1:]
    if inner.endswith(("-", "+")):
        inner = inner[:-1]
    return inner.strip()


def _go_tags(text: str) -> Iterator[_Tag]:
    for match in _GO.finditer(text):
        inner = _inside(match.group())
        if inner.startswith("/*"):
            yield _Tag(*match.span(), "comment", "")
            continue
        head = _GO_HEAD.match(inner)
        if head is not None and head["variable"]:
            yield _Tag(*match.span(), "=", inner[head.end() :].strip(), head["variable"])
            continue
        word = re.sub(r"\s+", " ", head["word"]) if head is not None else ""
        rest = inner[head.end() :].strip() if head is not None else ""
        if word in {"else if", "else"}:
            yield _Tag(*match.span(), "else", rest.removeprefix("with ") if word == "else" else rest)
        elif word in {"end", "break", "continue"} or word in _OPENERS:
            yield _Tag(*match.span(), word, rest)
        else:
            yield _Tag(*match.span(), "", inner)


def _jinja_tags(text: str) -> Iterator[_Tag]:
    for match in _JINJA.finditer(text):
        inner = _inside(match.group())
        if match.group().startswith("{#"):
            yield _Tag(*match.span(), "comment", "")
            continue
        if match.group().startswith("{{"):
            yield _Tag(*match.span(), "", inner)
            continue
        head = _JINJA_HEAD.match(inner)
        word = head.group() if head is not None else "comment"
        rest = inner[len(word) :].strip()
        name, equals, value = rest.partition("=")
        if word == "set" and equals:
            yield _Tag(*match.span(), "=", value.strip(), name.strip())
        else:
            yield _Tag(*match.span(), "macro" if word == "set" else word, rest)
