"""The values of an HCL file, as far as they are written out: literals, variables' defaults and locals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from vllint.sources.bounded_words import bounded_join
from vllint.text.hcl import Block, Body, Call, Expression, Items, Template, Value
from vllint.text.yaml.nodes import Mapping as YamlMapping
from vllint.text.yaml.nodes import Node, Scalar
from vllint_schemas import Origin, Slot, SlotKind, Span, Word

_ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?|true|false")
_NAMED = re.compile(r"(?:var|local)\.[\w-]+")
_PASSING = frozenset(
    {"jsonencode", "yamlencode", "base64encode", "base64gzip", "tolist", "toset", "trimspace"}
)
"""Functions whose argument says what their value holds."""

_DEEPEST = 20
_MOST_PARTS = 2_000


@dataclass(frozen=True, slots=True)
class Fields:
    """An object or a block's body; a kind of block is a tuple of the bodies of all its blocks."""

    values: Mapping[str, Tree]
    site: Span
    labels: tuple[str, ...] = ()

    def get(self, *names: str) -> Tree | None:
        """Return the first value under one of the names."""
        return next((self.values[name] for name in names if name in self.values), None)


Tree: TypeAlias = "Word | tuple[Tree, ...] | Fields"


class Scope(NamedTuple):
    """What `var.NAME` and `local.NAME` stand for, and what they came to when they were asked for.

    What is being worked out came to `None`: it refers to itself.
    """

    values: Mapping[str, Value]
    found: dict[str, Tree | None]

    def get(self, name: str, depth: int) -> Tree | None:
        """Return what a name comes to; `None` if that is not known."""
        value = self.values.get(name)
        if value is not None and name not in self.found:
            self.found[name] = None
            self.found[name] = tree_of(value, self, depth + 1)
        return self.found.get(name)


def scope_of(body: Body, beside: Iterable[Body] = (), stated: Body | None = None) -> Scope:
    """Return the defaults of variables and the locals: of a file and of those beside it.

    `stated` is a file that gives variables other values, as `terraform.tfvars` does.
    """
    known: dict[str, Value] = {}
    for one in (*beside, body):
        known.update(_named_values(one))
    for name, value in stated.attributes if stated is not None else ():
        known[f"var.{name.text}"] = value
    return Scope(known, {})


def _named_values(body: Body) -> dict[str, Value]:
    known: dict[str, Value] = {}
    for block in body.blocks:
        if block.name.text == "variable" and block.labels:
            default = next((value for name, value in block.body.attributes if name.text == "default"), None)
            if default is not None:
                known[f"var.{block.labels[0].text}"] = default
        elif block.name.text == "locals":
            known.update({f"local.{name.text}": value for name, value in block.body.attributes})
    return known


def fields_of(body: Body, scope: Scope, labels: tuple[Word, ...] = (), depth: int = 0) -> Fields:
    """Return a body's attributes and blocks by their names."""
    values: dict[str, Tree] = {name.text: tree_of(value, scope, depth + 1) for name, value in body.attributes}
    for block in body.blocks:
        before = values.get(block.name.text, ())
        inner = _block_fields(block, scope, depth)
        values[block.name.text] = (*before, inner) if isinstance(before, tuple) else (inner,)
    return Fields(values, body.text.site, tuple(label.text for label in labels))


def _block_fields(block: Block, scope: Scope, depth: int) -> Fields:
    """Return a block's fields; `dynamic "env" { content { ... } }` says nothing of how many there are."""
    return fields_of(block.body, scope, block.labels, depth + 1)


def tree_of(value: Value, scope: Scope, depth: int = 0) -> Tree:
    """Return what a value comes to; what is computed is a word that is not known."""
    if depth > _DEEPEST:
        return _computed(value.text)
    if isinstance(value, Template):
        return _filled(value, scope, depth)
    if isinstance(value, Items):
        return tuple(_item(entry, tree_of(entry, scope, depth + 1)) for entry in value.entries)
    if isinstance(value, Body):
        return fields_of(value, scope, (), depth)
    if isinstance(value, Call):
        return _called(value, scope, depth)
    return _looked_up(value, scope, depth)


def _item(entry: Value, tree: Tree) -> Tree:
    """Give a word of a list its slot, quotes included."""
    if not isinstance(tree, Word) or not isinstance(entry, Template) or not entry.quoted or tree.via:
        return tree
    site = entry.text.site
    whole = Span(site.path, site.start - 1, site.end + 1)
    return replace(tree, slot=Slot(SlotKind.FLOW_ITEM, whole, '"')) if tree.text_span else tree


def _computed(text: Word) -> Word:
    return Word.unknown(f"`{text.text[:60]}` is worked out when this is applied", text.site, splits=True)


def _looked_up(value: Expression, scope: Scope, depth: int) -> Tree:
    text = value.text.text
    if _PLAIN.fullmatch(text):
        return value.text
    found = scope.get(text, depth) if _NAMED.fullmatch(text) else None
    if found is None:
        return _computed(value.text)
    if isinstance(found, Word):
        origin = Origin.DEFAULT if text.startswith("var.") else found.origin
        via = (value.text.site, *found.via)
        return replace(found, site=value.text.site, via=via, origin=origin, slot=None)
    return found


def _called(value: Call, scope: Scope, depth: int) -> Tree:
    arguments = [tree_of(argument, scope, depth + 1) for argument in value.arguments]
    if value.name in _PASSING and len(arguments) == 1:
        return arguments[0]
    if value.name in {"concat", "flatten"} and all(isinstance(one, tuple) for one in arguments):
        return tuple(entry for one in arguments if isinstance(one, tuple) for entry in one)
    if value.name == "join" and len(arguments) == 2 and isinstance(arguments[1], tuple):
        words = [entry for entry in arguments[1] if isinstance(entry, Word)]
        between = arguments[0]
        if isinstance(between, Word) and between.is_known and len(words) == len(arguments[1]):
            parts = [part for word in words for part in (Word.atomic(between.text, value.text.site), word)]
            return Word.join(parts[1:], value.text.site)
    return _computed(value.text)


def _filled(value: Template, scope: Scope, depth: int) -> Word:
    """Return a template's text, `${...}` replaced and escapes decoded."""
    word = value.text
    if not any(mark in word.text for mark in ("${", "%{", "\\")):
        return word
    parts: list[Word] = []
    position = start = 0
    content = word.text
    while position < len(content):
        escape = _ESCAPE.match(content, position) if value.quoted else None
        if escape is not None:
            parts += (word.slice(start, position), _unescaped(word, escape))
            start = position = escape.end()
        elif content.startswith(("$${", "%%{"), position):
            parts += (word.slice(start, position), word.slice(position + 1, position + 3))
            start = position = position + 3
        elif content.startswith(("${", "%{"), position):
            end = _closing(content, position + 2)
            parts += (word.slice(start, position), _inserted(word.slice(position, end), scope, depth))
            start = position = end
        else:
            position += 1
        if len(parts) > _MOST_PARTS:
            return _computed(word)
    parts.append(word.slice(start))
    return replace(bounded_join(parts, word.site, 10 * len(content) + 20_000), origin=Origin.LITERAL, via=())


def _unescaped(word: Word, escape: re.Match[str]) -> Word:
    code = escape[2] or escape[3]
    if code is not None:
        number = int(code, 16)
        character = chr(number) if number < 0x110000 else "\ufffd"
    else:
        character = _ESCAPED.get(escape[1], escape[1])
    return Word.atomic(character, word.slice(*escape.span()).site)


def _inserted(use: Word, scope: Scope, depth: int) -> Word:
    """Return what `${...}` stands for; `%{...}` directs what comes, and is not followed."""
    inner = use.text[2:-1].strip("~ \t")
    if use.text.startswith("${") and _NAMED.fullmatch(inner):
        found = scope.get(inner, depth)
        if isinstance(found, Word):
            return replace(found, site=use.site, via=(use.site, *found.via), slot=None)
    return Word.unknown(f"`{use.text[:60]}` is filled in when this is applied", use.site, splits=True)


def _closing(content: str, position: int) -> int:
    depth = 1
    while position < len(content) and depth:
        depth += {"{": 1, "}": -1}.get(content[position], 0)
        position += 1
    return position


def tree_of_node(node: Node) -> Tree:
    """Return a YAML or JSON node as a tree."""
    if isinstance(node, Scalar):
        return node.word()
    if isinstance(node, YamlMapping):
        keyed = ((key, value) for key, value in node.items() if isinstance(key, Scalar))
        return Fields({key.value: tree_of_node(value) for key, value in keyed}, node.span)
    return tuple(tree_of_node(item) for item in node)


def words(tree: Tree | None) -> tuple[Word, ...]:
    """Return the words of a list, or of a single text."""
    if isinstance(tree, Word):
        return (tree,)
    return tuple(entry for entry in tree if isinstance(entry, Word)) if isinstance(tree, tuple) else ()


def bodies(tree: Tree | None) -> Iterator[Fields]:
    """Yield the objects of a list, or the object itself."""
    if isinstance(tree, Fields):
        yield tree
    elif isinstance(tree, tuple):
        yield from (entry for entry in tree if isinstance(entry, Fields))
