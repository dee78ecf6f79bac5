"""Random YAML against PyYAML: values, maps, trees and places."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from vllint.text.source import SourceText
from vllint.text.yaml.scalars import scalar_runs
from vllint.text.yaml.tree import Mapping, Node, Scalar, Sequence, YamlProblem, parse_source, parse_yaml
from vllint_schemas import SlotKind, Word

PATH = "random.yaml"
EXAMPLES = int(os.environ.get("VLLINT_EXAMPLES", "120"))
NAMES = ["a", "b", "key", "model", "on", "1", "8000", '"q"', "'s'", "é", "𝔘", "two words", "? x"]
PLAIN_WORDS = [
    *[
        "x",
        "vllm",
        "--port",
        "a:b",
        "a#b",
        "'q",
        'q"',
        "é",
        "𝔘𝔫",
        "-",
        "1.5",
        "true",
        "0x1F",
        "\\n",
        "~",
        "=",
    ],
    "\u00a0",
    "\ufeff",
]
BREAKS = ["\n", "\n  ", " \n\t ", "\n\n", "\n \n ", "\u2028", "\x85", "\u2029"]
QUOTED_PARTS = [*PLAIN_WORDS, " ", "  ", "\t", ": ", " #", "{", "]", *BREAKS]
ESCAPES = [
    r"\n",
    r"\t",
    r"\"",
    r"\\",
    r"\/",
    r"\x41",
    r"\xe9",
    r"\u00e9",
    r"\U0001F600",
    r"\0",
    r"\e",
    r"\_",
    r"\N",
    r"\L",
    r"\P",
]
ESCAPED_BLANKS = ["\\ ", "\\\t", "\\\n", "\\\n   ", "\\\n\n  "]
BLOCK_TEXTS = ["text", "two words", "# no comment", "  deeper", "\ttab", "é𝔘", "a: b", "- x", "end  "]
BLOCK_LINES = [*BLOCK_TEXTS, "", "", " ", "   ", " \t", "\ufeff", "a\u2028b", "a\x85b"]
FLOW_ITEMS = ["a", "1", "'x y'", '"\\u0041"', "a b", "*one", "&new x", "!Ref y", "", "[]", "{}"]
PROPERTIES = [*[""] * 8, "&new ", "&new ", "!Ref ", "!!str ", "&new !x ", "! "]
MERGES = ["*one", "*two", "[*one, *two]", "{z: 1}", "[{y: 1}, {y: 2}]"]
MUTATIONS = ["", " ", "\n", "- ", "\t", ":", "'", '"', "|", "#", " #", "&one ", "*one", "\\", "]", "{", "\r"]


def one_of(*choices: str) -> st.SearchStrategy[str]:
    return st.sampled_from(choices)


class Lenient(yaml.CSafeLoader):
    """PyYAML's safe loader, but timestamps stay text and unknown tags are ignored."""


def construct_any(loader: Any, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Lenient.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)
Lenient.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)
Lenient.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: node.value)
Lenient.add_multi_constructor("!", construct_any)


@st.composite
def plain(draw: st.DrawFn, indent: str) -> str:
    words = draw(st.lists(st.sampled_from(PLAIN_WORDS), min_size=1, max_size=5))
    parts = [words[0]]
    for word in words[1:]:
        parts += [draw(one_of(" ", "  ", "\n", "  \n", "\n\n", "\n \n\n")), word]
    return "".join(parts).replace("\n", "\n" + indent)


@st.composite
def quoted(draw: st.DrawFn, indent: str) -> str:
    quote = draw(st.sampled_from("'\""))
    parts = QUOTED_PARTS + ((ESCAPES + ESCAPED_BLANKS) * 2 if quote == '"' else ["''", "\\"])
    body = "".join(draw(st.lists(st.sampled_from(parts), max_size=8)))
    body = body.replace('q"', "q") if quote == '"' else body.replace("'q", "q")
    return quote + body.replace("\n", "\n" + indent) + quote


@st.composite
def block(draw: st.DrawFn, indent: str) -> str:
    lines = draw(st.lists(st.sampled_from(BLOCK_LINES), max_size=6))
    step = draw(st.integers(1, 4))
    chomping = draw(st.sampled_from(["", "-", "+"]))
    indicator = draw(st.sampled_from(["", "", str(step)]))
    header = draw(st.sampled_from([indicator + chomping, chomping + indicator]))
    comment = draw(st.sampled_from(["", "", "  # why", " "]))
    outer = indent[:-1]
    body = "".join("\n" + (outer + " " * step + line if line else "") for line in lines)
    return draw(st.sampled_from("|>")) + header + comment + body


@st.composite
def flow(draw: st.DrawFn, depth: int) -> str:
    leaf = st.one_of(one_of(*FLOW_ITEMS), quoted("  "))
    item = leaf if depth <= 0 else st.one_of(leaf, flow(depth - 1))
    items = draw(st.lists(item, max_size=3))
    comma = draw(st.sampled_from([", ", ",", ",\n  ", " ,  # c\n   "]))
    if draw(st.booleans()):
        return "[" + comma.join(items) + "]"
    keys = [draw(one_of("a", "b", '"c"')) for _ in items]
    return "{" + comma.join(f"{key}: {text}" for key, text in zip(keys, items, strict=True)) + "}"


@st.composite
def value(draw: st.DrawFn, indent: str, depth: int) -> str:
    """What follows `key:` or `-` in a block of this indentation, without the last line break."""
    properties = draw(one_of(*PROPERTIES, "!x &new\n" + indent + " "))
    inner = indent + " "
    short = one_of("*one", "*two", "", "5", "no")
    scalars = st.one_of(plain(inner), quoted(inner), block(inner), flow(1), short)
    if depth <= 0 or draw(st.booleans()):
        return " " + properties + draw(scalars)
    deeper = indent + " " * draw(st.integers(1, 3))
    comment = draw(st.sampled_from(["", "", " # c", "\n" + deeper + "# c"]))
    return " " + properties + comment + "\n" + draw(collection(deeper, depth - 1))


@st.composite
def collection(draw: st.DrawFn, indent: str, depth: int) -> str:
    count = draw(st.integers(1, 3))
    gap = st.sampled_from([""] * 5 + ["\n", indent + "# c\n", "# - c\n"])
    if draw(st.booleans()):
        return "\n".join(draw(gap) + indent + "-" + draw(value(indent, depth)) for _ in range(count))
    lines = []
    for _ in range(count):
        if draw(st.integers(0, 5)) == 0:
            lines.append(indent + "<<: " + draw(one_of(*MERGES)))
        else:
            lines.append(draw(gap) + indent + draw(st.sampled_from(NAMES)) + ":" + draw(value(indent, depth)))
    return "\n".join(lines)


@st.composite
def documents(draw: st.DrawFn) -> str:
    texts = draw(st.lists(st.one_of(collection("  ", 3), value("  ", 0)), min_size=1, max_size=2))
    anchors = "---\n- &one {z: 0, a: [1, &two {b: x}]}\n-\n"
    end = draw(one_of("", "\n", "\n\n", "\n  \n", "\n# end"))
    text = "\n".join(anchors + text for text in texts) + end
    count = itertools.count()
    text = re.sub("&new", lambda _: f"&n{next(count)}", text)
    breaks = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "mixed"]))
    if breaks != "mixed":
        return text.replace("\n", breaks)
    chooser = draw(st.randoms(use_true_random=False))
    return re.sub("\n", lambda _: chooser.choice(["\n", "\r\n", "\r", "\x85", "\u2028"]), text)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(documents())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 2))
        text = text[:at] + draw(one_of(*MUTATIONS)) + text[at + cut :]
    return text


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    else:
        for child in node.children():
            yield from scalars(child)


def assert_exact(node: Scalar, text: str) -> None:
    word, span = node.word(), node.span
    runs = scalar_runs(text, PATH, span.start, span.end, node.style, node.value)
    assert runs is not None, "the map fell back to one run"
    assert word.runs == runs
    assert word.text == node.value
    at = 0
    for run in word.runs:
        assert run.start == at and run.length > 0
        at += run.length
        assert span.start <= run.source.start <= run.source.end <= span.end
        if run.verbatim:
            assert text[run.source.start : run.source.end] == word.text[run.start : run.start + run.length]
    assert at == len(word.text)
    places = [run.source.start for run in word.runs]
    assert places == sorted(places)


def assert_same(ours: Node, theirs: yaml.Node) -> None:
    if isinstance(ours, Scalar):
        assert isinstance(theirs, yaml.ScalarNode)
        assert ours.value == theirs.value
        return
    if isinstance(ours, Sequence):
        assert isinstance(theirs, yaml.SequenceNode)
        children = theirs.value
    else:
        assert isinstance(theirs, yaml.MappingNode)
        children = [child for entry in theirs.value for child in entry]
    assert len(ours.children()) == len(children)
    for mine, other in zip(ours.children(), children, strict=True):
        assert_same(mine, other)


def plain_python(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.resolved()
    if isinstance(node, Sequence):
        return [plain_python(child) for child in node]
    return {plain_python(key): plain_python(value) for key, value in node.items()}


def read(text: str) -> tuple[Node, ...] | None:
    try:
        return parse_source(SourceText(PATH, text))
    except YamlProblem as problem:
        assert 0 <= problem.span.start <= problem.span.end <= len(text)
        assert problem.message
        return None


def compose(text: str) -> list[yaml.Node] | None:
    try:
        return list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return None


def load(text: str) -> Any:
    try:
        return list(yaml.load_all(text, Loader=Lenient))
    except (yaml.YAMLError, ValueError, KeyError, IndexError):
        return None


def recursive(node: yaml.Node, above: tuple[yaml.Node, ...] = ()) -> bool:
    if any(node is other for other in above):
        return True
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    inner = (
        [child for entry in children for child in entry] if isinstance(node, yaml.MappingNode) else children
    )
    return any(recursive(child, (*above, node)) for child in inner)


COMMON = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@COMMON
@given(st.one_of(documents(), mutated()))
def test_every_character_of_every_scalar_knows_where_it_came_from(text: str) -> None:
    roots = read(text)
    event("read" if roots is not None else "refused")
    for root in roots or ():
        for node in scalars(root):
            event(f"style {node.style or 'plain'}")
            assert_exact(node, text)


@COMMON
@given(st.one_of(documents(), mutated()))
def test_the_tree_is_pyyamls_tree(text: str) -> None:
    theirs = compose(text)
    if theirs is None:
        return
    ours = read(text)
    if ours is None:
        return
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert_same(mine, other)


@COMMON
@given(st.one_of(documents(), mutated()))
def test_what_safe_load_accepts_reads_the_same(text: str) -> None:
    expected = load(text)
    event("loaded" if expected is not None else "refused")
    if expected is None:
        return
    ours = read(text)
    if ours is None:
        assert any(recursive(root) for root in compose(text) or ())
        return
    assert repr([plain_python(root) for root in ours]) == repr(expected)


@COMMON
@given(st.one_of(documents(), mutated()))
def test_libyaml_and_pyyamls_own_scanner_give_the_same_places(text: str) -> None:
    with contextlib.suppress(YamlProblem):
        fast = parse_yaml(Word.verbatim(text, PATH, 0), yaml.CSafeLoader)
        slow = parse_yaml(Word.verbatim(text, PATH, 0), yaml.SafeLoader)
        assert [shape(root) for root in fast] == [shape(root) for root in slow]


def shape(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.span, node.value, node.style, node.tag, node.word().slot
    return node.span, node.flow, node.tag, [shape(child) for child in node.children()]


@COMMON
@given(documents(), st.randoms(use_true_random=False))
def test_writing_into_a_slot_changes_that_scalar_alone(text: str, chooser: random.Random) -> None:
    places = [
        node for root in read(text) or () for node in scalars(root) if not node.via and node.word().slot
    ]
    if not places:
        return
    node = chooser.choice(places)
    slot = node.word().slot
    assert slot is not None
    extent = slot.extent
    old = text[extent.start : extent.end]
    dash = "- " if slot.kind is SlotKind.BLOCK_ITEM else ""
    assert old.startswith(dash.strip()) and text[node.span.start :].startswith(slot.quote)
    after = read(text[: extent.start] + dash + '"zzz"' + text[extent.end :])
    if after is None:
        assert "&" in old
        return
    expected = [written(root, node) for root in read(text) or ()]
    assert [written(root, None) for root in after] == expected


def written(node: Node, replaced: Scalar | None) -> object:
    if isinstance(node, Scalar):
        return "zzz" if replaced is not None and node.span == replaced.span else node.value
    return [written(child, replaced) for child in node.children()]


@COMMON
@given(documents(), st.sampled_from(["literal", "escaped"]), st.booleans())
def test_yaml_within_a_scalar_maps_back_to_the_file(text: str, form: str, ascii_only: bool) -> None:
    text = re.sub("\r\n|[\r\x85\u2028\u2029]", "\n", text).replace("\ufeff", "")
    direct = read(text)
    if direct is None:
        return
    if form == "literal":
        outer = "data: |2+\n" + "".join(f"  {line}\n" for line in text.split("\n"))
        text += "\n"
    else:
        outer = f"data: {json.dumps(text, ensure_ascii=ascii_only)}\n"
    try:
        holder = parse_source(SourceText(PATH, outer))[0]
    except YamlProblem:
        assert "\\u" in outer
        return
    assert isinstance(holder, Mapping)
    data = holder.get("data")
    assert isinstance(data, Scalar)
    inner = parse_yaml(data.word())
    assert [written(root, None) for root in inner] == [written(root, None) for root in read(text) or ()]
    for root in inner:
        for node in scalars(root):
            assert_within(node, outer, data)


def assert_within(node: Scalar, outer: str, holder: Scalar) -> None:
    word = node.word()
    assert word.text == node.value
    assert sum(run.length for run in word.runs) == len(word.text)
    for run in word.runs:
        assert holder.span.start <= run.source.start <= run.source.end <= holder.span.end
        if run.verbatim:
            read_there = outer[run.source.start : run.source.end]
            assert read_there == word.text[run.start : run.start + run.length]
