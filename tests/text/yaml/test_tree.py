"""Trees of YAML, by example: places, slots, aliases, merges, problems."""

from __future__ import annotations

from typing import TypeVar

import pytest

from vllint.text.source import SourceText
from vllint.text.yaml.tree import Mapping, Node, Scalar, Sequence, YamlProblem, parse_source, parse_yaml
from vllint_schemas import Hole, Origin, SlotKind, Span, Word

PATH = "a.yaml"
N = TypeVar("N", Scalar, Sequence, Mapping)


def parse(text: str) -> Node:
    (root,) = parse_source(SourceText(PATH, text))
    return root


def find(node: Node | None, kind: type[N], *path: str | int) -> N:
    for step in path:
        if isinstance(step, int):
            assert isinstance(node, Sequence)
            node = node.entries[step]
        else:
            assert isinstance(node, Mapping)
            node = node.get(step)
    assert isinstance(node, kind)
    return node


def read(text: str, span: Span) -> str:
    return text[span.start : span.end]


def slot_text(text: str, node: Scalar) -> tuple[SlotKind, str, str] | None:
    slot = node.word().slot
    return None if slot is None else (slot.kind, read(text, slot.extent), slot.quote)


def test_nodes_reach_from_their_first_to_their_last_character() -> None:
    text = "a: &x\n  b: [1, 2]  # c\n  # end\n\nc: !t\n- 'x'\n"
    root = parse(text)
    assert read(text, find(root, Mapping, "a").span) == "b: [1, 2]"
    assert read(text, find(root, Sequence, "a", "b").span) == "[1, 2]"
    assert read(text, find(root, Sequence, "c").span) == "- 'x'"
    assert read(text, root.span) == text.strip()
    assert (find(root, Sequence, "a", "b").flow, find(root, Sequence, "c").flow) == (True, False)
    assert find(root, Sequence, "c").tag == "!t"


@pytest.mark.parametrize(
    ("text", "extent", "quote"),
    [
        ("- x # c", "- x", ""),
        ("-   'x'", "-   'x'", "'"),
        ('# - c\n-  # - c\n  # c\n\n  &a !t "x"  # c', '-  # - c\n  # c\n\n  &a !t "x"', '"'),
        ("- y\n# -\n- |  # c\n  x\n\n", "- |  # c\n  x", ""),
    ],
)
def test_the_slot_of_an_item_reaches_from_its_dash_to_its_end(text: str, extent: str, quote: str) -> None:
    node = find(parse(text), Sequence).entries[-1]
    assert isinstance(node, Scalar)
    assert slot_text(text, node) == (SlotKind.BLOCK_ITEM, extent, quote)


def test_items_in_brackets_and_fields_have_slots_with_their_quotes() -> None:
    text = "a: [x, \"y\"]\n'b': !t 'z'\nc:\n"
    root = find(parse(text), Mapping)
    assert [slot_text(text, node) for node in find(root, Sequence, "a") if isinstance(node, Scalar)] == [
        (SlotKind.FLOW_ITEM, "x", ""),
        (SlotKind.FLOW_ITEM, '"y"', '"'),
    ]
    entry = root.entry("b")
    assert entry is not None and isinstance(entry[0], Scalar)
    assert slot_text(text, entry[0]) == (SlotKind.FIELD, "'b'", "'")
    assert slot_text(text, find(root, Scalar, "b")) == (SlotKind.FIELD, "'z'", "'")
    assert slot_text(text, find(root, Scalar, "c")) is None


def test_a_word_reached_through_an_alias_points_to_the_anchor_and_names_the_alias() -> None:
    text = "x: &x [a, 'b']\ny: *x\n"
    root = parse(text)
    node = find(root, Scalar, "y", 1)
    alias = Span(PATH, text.index("*x"), text.index("*x") + 2)
    assert read(text, node.word().span) == "b"
    assert (node.word().via, node.site, find(root, Sequence, "y").site) == ((alias,), alias, alias)
    assert find(root, Scalar, "x", 1).word().via == ()


def test_aliases_within_aliases_are_named_from_the_outside_in() -> None:
    text = "a: &a v\nb: &b [*a]\nc: *b\n"
    assert [read(text, via) for via in find(parse(text), Scalar, "c", 0).via] == ["*b", "*a"]


def test_an_alias_among_items_is_a_slot_of_its_own() -> None:
    text = "m: &m 'x'\nargs:\n- --model\n- *m\n"
    node = find(parse(text), Scalar, "args", 1)
    assert slot_text(text, node) == (SlotKind.BLOCK_ITEM, "- *m", "")
    assert read(text, node.word().span) == "x"


def test_an_anchor_can_be_set_again() -> None:
    text = "- &a 1\n- *a\n- &a 2\n- *a\n"
    assert [node.value for node in find(parse(text), Sequence) if isinstance(node, Scalar)] == list("1122")


def test_merged_keys_give_way_to_own_keys_and_earlier_sources() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n"
    node = find(parse(text), Mapping, "z")
    merged = {key.value: value.value for key, value in node.items()}  # type: ignore[union-attr]
    assert merged == {"a": "1", "b": "1", "c": "3"}
    assert [read(text, via) for via in find(node, Scalar, "b").word().via] == ["*x"]
    assert len(node.entries) == 2


def test_of_repeated_keys_the_last_counts_and_a_quoted_number_is_another_key() -> None:
    node = find(parse("a: 1\na: 2\n1: x\n'1': y\n"), Mapping)
    assert find(node, Scalar, "a").value == "2"
    assert [value.value for _, value in node.items()] == ["2", "x", "y"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x10", 16), ("010", 8), ("1_000", 1000), ("1:30", 90), ("1.5", 1.5), ("1e3", "1e3"), ("~", None),
        ("on", True), ("'on'", "on"), ("2024-01-01", "2024-01-01"), ("!!int '7'", 7), ("!!str 7", "7"),
        ("!Ref 7", "7"), ("!!int x", "x"), ("=", "="), ("<<", "<<"), ("", None), ("|\n  7", "7"),
    ],
)  # fmt: skip
def test_values_are_typed_as_yaml_1_1(text: str, value: object) -> None:
    node = find(parse(f"a: {text}"), Scalar, "a")
    resolved = node.resolved()
    assert (resolved, type(resolved)) == (value, type(value))


def test_unknown_tags_are_kept_and_do_no_harm() -> None:
    root = parse("ports: !override\n- !Ref x\n- !reset []\n")
    assert find(root, Sequence, "ports").tag == "!override"
    assert (find(root, Scalar, "ports", 0).tag, find(root, Scalar, "ports", 0).value) == ("!Ref", "x")
    assert find(root, Sequence, "ports", 1).tag == "!reset"


def test_each_document_has_a_root_and_anchors_end_with_their_document() -> None:
    assert len(parse_source(SourceText(PATH, "a\n---\n- b\n---\n"))) == 3
    assert parse_source(SourceText(PATH, "# nothing\n")) == ()
    with pytest.raises(YamlProblem, match=r"the alias \*a names no anchor"):
        parse_source(SourceText(PATH, "&a x\n---\n*a\n"))


BOMB = "a0: &a0 [x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 20)
)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: {{ x }}: y\n", "mapping values are not allowed in this context", 10),
        ("a: 1\n\tb: 2\n", "found a tab character that violates indentation", 5),
        ("é: \x01", "character U+0001 is not allowed", 3),
        ("x: *a", "the alias *a names no anchor before it", 3),
        ("&a [x, *a]", "the alias *a stands inside the node it names", 7),
        ("a: &a\n  <<: *a", "the alias *a stands inside the node it names", 12),
        ("a: 1\n<<: x\n", "<< merges mappings and lists of mappings only", 9),
        ("[" * 201, "nested more than 200 levels deep", 200),
        (BOMB, "aliases stand for more than 200000 nodes", None),
    ],
)
def test_a_problem_says_what_and_where(text: str, message: str, place: int | None) -> None:
    with pytest.raises(YamlProblem) as caught:
        parse(text)
    assert message in caught.value.message
    assert place is None or caught.value.span.start == place


def test_a_chain_of_merges_deeper_than_the_limit_is_a_problem() -> None:
    links = "".join(f"m{n}: &m{n} {{<<: *m{n - 1}, k{n}: 1}}\n" for n in range(1, 300))
    with pytest.raises(YamlProblem, match="aliases nest more than 200 levels deep"):
        parse("m0: &m0 {a: 1}\n" + links)


def test_yaml_within_a_block_scalar_keeps_places_slots_and_aliases() -> None:
    text = 'x: &x |\n  args:\n    - "--port"\n    - 8000\ndata: {k: *x}\n'
    holder = find(parse(text), Scalar, "data", "k")
    (inner,) = parse_yaml(holder.word())
    node = find(inner, Scalar, "args", 0)
    assert read(text, node.span) == '"--port"'
    assert read(text, node.word().span) == "--port"
    assert slot_text(text, node) == (SlotKind.BLOCK_ITEM, '- "--port"', '"')
    assert [read(text, via) for via in node.word().via] == ["*x"]


def test_a_hole_of_the_outer_text_is_a_hole_of_the_scalar_it_stands_in() -> None:
    outer = "model: \nport: 80"
    site = Span("run.sh", 10, 40)
    runs = Word.verbatim(outer[:7], "run.sh", 10).runs + Word.verbatim(outer[7:], "run.sh", 21).runs
    moved = tuple(run._replace(start=at) for run, at in zip(runs, (0, 7), strict=True))
    hole = Hole(7, "MODEL is not set", Span("run.sh", 17, 21))
    (root,) = parse_yaml(Word(outer, moved, site, (hole,), Origin.VARIABLE))
    model, port = find(root, Scalar, "model").word(), find(root, Scalar, "port").word()
    assert (model.reason, model.origin) == ("MODEL is not set", Origin.VARIABLE)
    assert port.is_known and port.span == Span("run.sh", 28, 30)


def test_a_problem_of_inner_yaml_is_placed_in_the_file() -> None:
    text = "a: |\n  b: [1\n"
    holder = find(parse(text), Scalar, "a")
    with pytest.raises(YamlProblem) as caught:
        parse_yaml(holder.word())
    assert caught.value.span.path == PATH
    assert 5 <= caught.value.span.start <= len(text)


def test_byte_order_marks_within_the_text_do_not_shift_places() -> None:
    text = "\ufeffa: b"
    node = find(parse(text), Scalar, "a")
    assert read(text, node.word().span) == "b"
