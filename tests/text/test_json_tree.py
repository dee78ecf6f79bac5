"""JSON through the same nodes as YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.text.json_tree import parse_json
from vllint.text.source import SourceText
from vllint.text.yaml.tree import Mapping, Node, Scalar, Sequence, YamlProblem, parse_source
from vllint_schemas import SlotKind, Word

PATH = "a.json"
LAYOUTS = [{}, {"indent": "\t"}, {"indent": 2}, {"separators": (" ,\r\n\t", "\t: ")}, {"ensure_ascii": False}]
numbers = st.integers() | st.floats(allow_nan=False)
leaves = (
    st.none() | st.booleans() | numbers | st.text() | st.sampled_from(["\U0001f600", "/", "\u2028", "<<"])
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
MUTATIONS = [
    "",
    " ",
    "\t",
    ",",
    ":",
    '"',
    "\\",
    "{",
    "]",
    "0",
    "-",
    "e",
    "\\ud83d",
    "\\/",
    "\n",
    "\x00",
    "null",
]


def parse(text: str) -> Node:
    return parse_json(Word.verbatim(text, PATH, 0))


def plain_python(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.resolved()
    if isinstance(node, Sequence):
        return [plain_python(child) for child in node]
    return {plain_python(key): plain_python(value) for key, value in node.items()}


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    else:
        for child in node.children():
            yield from scalars(child)


def assert_exact(node: Scalar, text: str) -> None:
    word = node.word()
    assert word.text == node.value
    for run in word.runs:
        decoded = word.text[run.start : run.start + run.length]
        source = text[run.source.start : run.source.end]
        assert decoded == (source if run.verbatim or node.plain else json.loads(f'"{source}"'))
    assert sum(run.length for run in word.runs) == len(word.text)


@settings(deadline=None)
@given(values, st.sampled_from(LAYOUTS))
def test_json_reads_as_pythons_json_and_every_character_knows_its_place(value: Any, layout: Any) -> None:
    text = json.dumps(value, **layout)
    root = parse(text)
    assert repr(plain_python(root)) == repr(value)
    for node in scalars(root):
        assert_exact(node, text)


@settings(deadline=None, max_examples=300)
@given(values, st.data())
def test_what_is_not_json_is_refused_where_pythons_json_refuses_it(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(MUTATIONS)) + text[at + data.draw(st.integers(0, 1)) :]
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(YamlProblem) as caught:
            parse(text)
        assert 0 <= caught.value.span.start <= caught.value.span.end <= len(text)
        return
    try:
        root = parse(text)
    except YamlProblem as problem:
        assert "an escape that stands for no character" in problem.message
        return
    assert repr(plain_python(root)) == repr(expected)


def test_a_surrogate_pair_is_one_character_from_twelve() -> None:
    text = r'["x\ud83d\ude00"]'
    node = next(scalars(parse(text)))
    assert node.value == "x😀"
    assert [run.source[1:] for run in node.word().runs] == [(2, 3), (3, 15)]


def test_half_a_surrogate_pair_is_a_problem_at_its_string() -> None:
    with pytest.raises(YamlProblem, match="stands for no character") as caught:
        parse(r'{"a": "\ud83d"}')
    assert caught.value.span == (PATH, 6, 14)


def test_tabs_part_tokens_and_slots_hold_the_quotes() -> None:
    text = '{\n\t"args":\t["--port",\t"8000"]\n}'
    root = parse(text)
    assert isinstance(root, Mapping)
    node = root.get("args")
    assert isinstance(node, Sequence)
    slots = [entry.word().slot for entry in node if isinstance(entry, Scalar)]
    assert [(slot.kind, text[slot.extent.start : slot.extent.end], slot.quote) for slot in slots if slot] == [
        (SlotKind.FLOW_ITEM, '"--port"', '"'),
        (SlotKind.FLOW_ITEM, '"8000"', '"'),
    ]


def test_numbers_follow_json_and_not_yaml() -> None:
    assert plain_python(parse('[1e-5, 1E3, -0, 12, NaN, "yes", true]'))[:4] == [1e-5, 1000.0, 0, 12]


def test_json_within_a_yaml_scalar_maps_back_to_the_file() -> None:
    text = "a: '{\"k\": \"it''s\"}'\n"
    (root,) = parse_source(SourceText("a.yaml", text))
    assert isinstance(root, Mapping)
    holder = root.get("a")
    assert isinstance(holder, Scalar)
    inner = parse_json(holder.word())
    assert isinstance(inner, Mapping)
    node = inner.get("k")
    assert isinstance(node, Scalar)
    word = node.word()
    assert [text[run.source.start : run.source.end] for run in word.runs] == ["it", "''", "s"]
    assert text[node.span.start : node.span.end] == "\"it''s\""


@pytest.mark.parametrize(
    ("text", "message", "start"),
    [
        ("", "expected a value", 0),
        ('{"a": 1,}', "expected a key", 8),
        ("[1 2]", "expected , or ]", 3),
        ('{"a" 1}', "expected :", 5),
        ("[1] x", "expected the end of the text", 4),
        ('["a\nb"]', "expected a value or ]", 1),
        ("[" * 300, "nested more than 200 levels deep", 200),
    ],
)
def test_a_problem_says_what_was_expected_and_where(text: str, message: str, start: int) -> None:
    with pytest.raises(YamlProblem) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.span.start == start
