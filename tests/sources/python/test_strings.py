"""Python's string literals: the text Python reads, and the place of every character."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.python.evaluator import Evaluator
from vllint.sources.python.source import line_starts, parse_module
from vllint.sources.python.values import Text
from vllint_schemas import Word

CHARACTERS = st.sampled_from("ab é'\"\\n{}t\t-=x4🙂\x0c")
PIECES = st.lists(
    st.sampled_from(["a", "é🙂", "\\n", "\\'", '\\"', "\\x41", "\\u00e9", "\\\\", " -tp ", "\\\n"])
)
PREFIXES = st.sampled_from(["", "r", "R", "u"])
QUOTES = st.sampled_from(["'", '"', "'''", '"""'])


def literal(prefix: str, quote: str, body: str) -> str:
    return f"{prefix}{quote}{body}{quote}"


def word_of(code: str) -> Word:
    module = parse_module("a.py", f"value = ({code})\n")
    [statement] = module.tree.body
    assert isinstance(statement, ast.Assign)
    value = Evaluator(module).value(statement.value, {})
    assert isinstance(value, Text)
    return value.word


def check_runs(code: str, word: Word) -> None:
    source = f"value = ({code})\n"
    for run in word.runs:
        if run.verbatim:
            text = source[run.source.start : run.source.end]
            assert text == word.text[run.start : run.start + run.length]
    assert sum(run.length for run in word.runs) == len(word.text)


@given(
    st.lists(st.tuples(PREFIXES, QUOTES, PIECES), min_size=1, max_size=3),
    st.sampled_from([" ", "\n", " # x\n "]),
)
def test_a_literal_reads_as_python_reads_it(parts: list[tuple[str, str, list[str]]], between: str) -> None:
    pieces = [literal(prefix, quote, "".join(body)) for prefix, quote, body in parts]
    code = between.join(pieces)
    try:
        expected = ast.literal_eval(f"({code})")
    except SyntaxError:
        return
    word = word_of(code)
    assert word.text == expected
    check_runs(code, word)


@given(st.lists(CHARACTERS).map("".join))
def test_any_text_written_as_python_writes_it_is_read_back(text: str) -> None:
    word = word_of(repr(text))
    assert word.text == text
    check_runs(repr(text), word)


@given(st.lists(st.sampled_from(["--port=", "{{", "}}", "\\n", "é", " ", "{PORT}", "{ask()}"])))
def test_a_formatted_text_has_its_known_parts_and_holes(pieces: list[str]) -> None:
    code = 'f"' + "".join(pieces) + '"'
    module = parse_module("a.py", f"PORT = '80'\nvalue = {code}\n")
    evaluator = Evaluator(module)
    first, second = module.tree.body
    assert isinstance(first, ast.Assign) and isinstance(second, ast.Assign)
    value = evaluator.value(second.value, {"PORT": evaluator.value(first.value, {})})
    assert isinstance(value, Text)
    expected = eval(code, {"PORT": "80", "ask": lambda: ""})
    assert value.word.text == expected
    assert len(value.word.holes) == pieces.count("{ask()}")


@given(st.lists(st.sampled_from(["x=1;", "x='\u2028\x1cé';", "\n", "\r", "\r\n", "\x0c"])))
def test_lines_start_where_python_starts_them(pieces: list[str]) -> None:
    code = "".join(pieces)
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return
    starts = line_starts(code)
    for node in tree.body:
        before = len(code[: starts[node.lineno - 1]].encode())
        assert code.encode()[before + node.col_offset :][:1] == b"x"
