"""Assigning shell variables: scalars, arrays, `export` and its like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from vllint.text.shell.braces import brace_terms
from vllint.text.shell.builtins import DeclarationFlags, declaration_flags, forget_all
from vllint.text.shell.expansion import Expansion
from vllint.text.shell.joining import join_words
from vllint.text.shell.parameters import ParameterReader
from vllint.text.shell.syntax import Assignment, Element, Literal, Parameter, RawWord
from vllint.text.shell.values import Array, Missing, State, Value, array_of
from vllint_schemas import Origin, Span, Word

_TO_FILL_IN = r"<\w[^<>\n]*[ \t][^<>\n]*>"
"""What an author leaves for others to fill in, as `<path of the model>`."""

_STATED = r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)?"


def assign(
    node: Assignment, expansion: Expansion, into: State | None = None, associative: bool = False
) -> None:
    """Carry out one assignment in the expansion's state, or in `into`.

    `associative` says that it declares an associative array.
    """
    state = into or expansion.state
    former = state.get(node.name)
    if associative and not isinstance(former, Array):
        former = Array((), True)
    if node.elements is not None:
        value = _array(node, node.elements, former, expansion)
    elif node.subscript:
        value = _with_element(node, former, expansion)
    else:
        value = _scalar(node, former, expansion)
    state.set(node.name, value, node.append or _begins_with_itself(node))


def _begins_with_itself(node: Assignment) -> bool:
    """Whether an array's first word is the array as it was, as in `ARGS=("${ARGS[@]}" more)`."""
    if not node.elements or not node.elements[0].value.parts:
        return False
    first = node.elements[0].value.parts[0]
    return isinstance(first, Parameter) and first.name == node.name and first.subscript == "@"


def _scalar(node: Assignment, former: Value, expansion: Expansion) -> Value:
    value = expansion.single(node.value)
    if re.fullmatch(_TO_FILL_IN, value.text):
        value = Word.unknown(f"`{value.text}` is filled in later", value.site)
    if isinstance(former, Array):
        first = ParameterReader(expansion.source, expansion.state).named(node.name)
        if node.append and isinstance(first, Word):
            value = join_words([first, value], value.site)
        return _put(former, "0", value, node, expansion)
    if not node.append or former is Missing.UNSET:
        return value
    if former is Missing.ABSENT:
        return replace(value, origin=Origin.DEFAULT)
    assert isinstance(former, Word)
    return join_words([former, value], value.site)


def _with_element(node: Assignment, former: Value, expansion: Expansion) -> Value:
    if isinstance(former, Word) and former.holes:
        return _lost(node, expansion)
    array = former if isinstance(former, Array) else Array(())
    if isinstance(former, Word):
        array = Array((("0", former),))
    key = ParameterReader(expansion.source, expansion.state).key(node.subscript, array.associative)
    value = expansion.single(node.value)
    if key is None or node.append:
        return _lost(node, expansion)
    return _put(array, key, value, node, expansion)


def _lost(node: Assignment, expansion: Expansion) -> Word:
    place = expansion.source.place(node.start, node.end)
    return Word.unknown(f"an element of `${node.name}` is not known", place)


def _put(array: Array, key: str, value: Word, node: Assignment, expansion: Expansion) -> Value:
    """Return `array` with the element `key` replaced or added."""
    if not array.is_whole or (key.startswith("-") and not array.associative):
        return _lost(node, expansion)
    items = {**dict(array.items), key: value}
    if array.associative:
        return Array(tuple(items.items()), True)
    return Array(tuple(sorted(items.items(), key=lambda item: int(item[0]))))


def _array(node: Assignment, elements: tuple[Element, ...], former: Value, expansion: Expansion) -> Value:
    associative = isinstance(former, Array) and former.associative
    if any(element.key for element in elements) or associative:
        return _keyed(node, elements, former, expansion)
    words = expansion.array(element.value for element in elements)
    if not node.append or isinstance(former, Missing):
        return array_of(words)
    if isinstance(former, Word):
        unknown = bool(former.holes) and not former.text
        first = replace(former, holes=(former.holes[0]._replace(splits=True),)) if unknown else former
        return array_of((first, *words))
    if not former.is_whole:
        return array_of((*former.words, *words))
    following = int(former.items[-1][0]) + 1 if former.items else 0
    return Array((*former.items, *((str(following + at), word) for at, word in enumerate(words))))


def _keyed(node: Assignment, elements: tuple[Element, ...], former: Value, expansion: Expansion) -> Value:
    """Return the array of `([key]=value ...)`, unknown as a whole if one key is."""
    associative = isinstance(former, Array) and former.associative
    base = former if isinstance(former, Array) and node.append else Array((), associative)
    array: Value = Array(base.items, associative)
    reader = ParameterReader(expansion.source, expansion.state)
    following = 0
    for element in elements:
        key = reader.key(element.key, associative) if element.key else str(following)
        if key is None or not isinstance(array, Array) or (associative and not element.key):
            return _lost(node, expansion)
        array = _put(array, key, expansion.single(element.value), node, expansion)
        following = int(key) + 1 if key.isdecimal() else following
    return array


def declare(
    words: Iterable[RawWord | Assignment], expansion: Expansion, make_local: Callable[[str], None]
) -> None:
    """Carry out `export`, `declare`, `local`, ...; `make_local` is told names local to a function."""
    state = expansion.state
    command, *rest = words
    name = _text(command, expansion)
    before = state.copy()
    before.writes = {}
    # All values are expanded before the first of them is assigned.
    early = expansion._replace(state=before)
    expanded: list[Assignment | Word] = []
    for raw in rest:
        expanded.extend(_declared(raw, early))
    flags = declaration_flags(
        name, [w.text for w in expanded if isinstance(w, Word) and w.text[:1] in ("-", "+")]
    )
    if flags.functions:
        return
    place = expansion.source.place(command.start, command.end)
    is_local = name in ("local", "declare", "typeset") and not flags.everywhere
    for word in expanded:
        stated = _declared_name(word, state, place)
        if not stated:
            continue
        if is_local:
            make_local(stated)
        _declare_one(stated, word, flags, early, state)
    for written in before.writes:
        state.set(written, before.get(written))


def _declared(raw: RawWord | Assignment, expansion: Expansion) -> tuple[Assignment | Word, ...]:
    """Return what a word of a declaration becomes; with braces to expand it is no assignment."""
    if isinstance(raw, RawWord):
        return expansion.fields(raw)
    parts = raw.value.parts
    if raw.elements is not None or len(brace_terms(expansion.source.text, parts)) == 1:
        return (raw,)
    return expansion.fields(RawWord(raw.start, raw.end, (Literal(raw.start, raw.value.start, False), *parts)))


def _text(word: RawWord | Assignment, expansion: Expansion) -> str:
    return expansion.source.text[word.start : word.end]


def _declare_one(
    name: str, word: Assignment | Word, flags: DeclarationFlags, early: Expansion, state: State
) -> None:
    """Give one declared name its value and its marks."""
    if isinstance(word, Assignment):
        assign(word, early, state, flags.associative)
    elif word.splits:
        state.forget((name,), "`${name}` is split into words", word.site)
    elif "=" in word.text:
        _assign_text(name, word, state)
    elif flags.associative and isinstance(state.get(name), Missing):
        state.set(name, Array((), True))
    if flags.attributes:
        state.attributes |= {name}
    if flags.exports or flags.unexports:
        state.export(name, flags.exports)


def _declared_name(word: Assignment | Word, state: State, place: Span) -> str:
    """Return the name that a declaration's word states, if it is one."""
    if isinstance(word, Assignment):
        return word.name
    match = re.match(_STATED, word.text)
    if word.text[:1] in ("-", "+") and not word.holes:
        return ""
    if match is not None and match.group(2) and word.splits:
        forget_all(state, "`${name}` may be set by a declaration", place)
        return match.group(1)
    if match is not None and (match.group(2) or (match.end() == len(word.text) and not word.holes)):
        return match.group(1)
    if word.holes and re.search(r"\.env\b", word.reason):
        state.weaken()
    elif word.holes:
        forget_all(state, "`${name}` may be set by a declaration", place)
    return ""


def _assign_text(name: str, word: Word, state: State) -> None:
    """Carry out a `name=value` that came about by expansion."""
    equals = word.text.index("=")
    if word.text[equals - 1] == "+":
        state.forget((name,), "`${name}` is appended to", word.site)
        return
    value = word.slice(equals + 1)
    state.set(name, replace(value, holes=tuple(hole._replace(splits=False) for hole in value.holes)))
