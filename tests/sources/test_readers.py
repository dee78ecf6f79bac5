"""Which reader a file gets, by its content, and what is said of files that cannot be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.sources.readers import Reading, read_command, read_source
from vllint.text.source import SourceText, decode
from vllint_schemas import EntryPoint, Span, Variable, Word

Read = Callable[..., Reading]

COMPOSE = "services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model Q/x\n"
SHELL = "vllm serve Q/x\n"


@pytest.mark.parametrize(
    ("path", "text", "kinds", "count"),
    [
        ("compose.yaml", COMPOSE, ("compose",), 1),
        ("a/b/anything.yml", COMPOSE, ("compose",), 1),
        ("COMPOSE.YAML", COMPOSE, ("compose",), 1),
        ("run.sh", SHELL, ("shell",), 1),
        ("run.bash", SHELL, ("shell",), 1),
        ("run", "#!/bin/bash\n" + SHELL, ("shell",), 1),
        ("run", "#!/usr/bin/env -S bash -e\n" + SHELL, ("shell",), 1),
        ("start.txt", "#!/bin/sh\n" + SHELL, ("shell",), 1),
        ("notes.md", SHELL, ("markdown",), 0),
        ("values.yaml", "image: vllm/vllm-openai\n", (), 0),
        ("empty.yaml", "", (), 0),
        ("empty.json", "", (), 0),
        ("list.yaml", "- vllm\n", (), 0),
        ("scalar.yaml", "vllm serve Q/x\n", (), 0),
        ("two.yaml", f"---\n{COMPOSE}---\n{COMPOSE.replace(' a:', ' b:')}", ("compose",), 2),
        (
            "compose.json",
            '{"services": {"a": {"image": "vllm/vllm-openai", "command": ["Q/x"]}}}',
            ("compose",),
            1,
        ),
        ("<stdin>", COMPOSE, ("compose",), 1),
    ],
)
def test_content_and_suffix_choose_the_reader(
    read: Read, path: str, text: str, kinds: tuple[str, ...], count: int
) -> None:
    reading = read(text, path)
    assert reading.kinds == kinds
    assert len(reading.launches) == count


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("a.yaml", "vllm: [\n", "not_parsed"),
        ("a.yaml", "a: b: c\n", "not_parsed"),
        ("a.yaml", "a: 'b\n", "not_parsed"),
        ("a.yaml", "\tservices:\n", "not_parsed"),
        ("a.yaml", "a: *nowhere\n", "not_parsed"),
        ("a.json", '{"a": }', "not_parsed"),
        ("a.json", '{"a": 1,}', "not_parsed"),
        ("a.json", "{'a': 1}", "not_parsed"),
        ("a.yaml", "{{- if .Values.x }}\nservices:\n  {{ .n }}: {}\n{{- end }}\n", "not_rendered"),
        ("a.yaml", "{% for x in y %}\na: b: {{ x }}\n{% endfor %}\n", "not_rendered"),
    ],
)
def test_a_file_that_cannot_be_read_says_so_and_where(read: Read, path: str, text: str, kind: str) -> None:
    reading = read(text, path)
    assert reading.launches == ()
    [problem] = reading.problems
    assert problem.kind == kind
    assert 0 <= problem.span.start <= problem.span.end <= len(text)
    assert problem.message


def test_a_byte_order_mark_shifts_no_place(assert_places: Callable[..., None]) -> None:
    source = decode("compose.yaml", b"\xef\xbb\xbf" + COMPOSE.encode())
    assert source.bom
    [launch] = read_source(source, lambda name: None).launches
    assert_places({"compose.yaml": source.text}, launch)
    place = launch.argv[1].text_span
    assert place is not None and place.start == COMPOSE.index("Q/x")


def test_the_env_file_is_looked_for_only_beside_compose_files() -> None:
    asked: list[str] = []

    def neighbour(name: str) -> SourceText | None:
        asked.append(name)
        return None

    read_source(SourceText("run.sh", SHELL), neighbour)
    read_source(SourceText("values.yaml", "a: vllm\n"), neighbour)
    assert ".env" not in asked
    read_source(SourceText("compose.yaml", COMPOSE), neighbour)
    assert ".env" in asked


def test_env_files_given_leave_the_one_beside_unread() -> None:
    asked: list[str] = []

    def neighbour(name: str) -> SourceText | None:
        asked.append(name)
        return None

    read_source(SourceText("compose.yaml", COMPOSE), neighbour, (SourceText("x.env", "A=1\n"),))
    assert ".env" not in asked


def test_a_command_is_read_in_its_environment() -> None:
    text = "vllm serve $MODEL -tp 2"
    variables = (Variable("MODEL", Word.atomic("Q/x", Span("<command>", 0, 0))),)
    [launch] = read_command(Word.verbatim(text, "<command>", 0), variables).launches
    assert [word.text for word in launch.argv] == ["Q/x", "-tp", "2"]
    assert launch.kind == "command"
    assert launch.entry_point is EntryPoint.SERVE


def test_a_changed_file_reads_as_before_if_it_has_the_same_launches_and_no_problem(read: Read) -> None:
    before = read(COMPOSE, "c.yaml")
    assert before.same_launches(read(COMPOSE.replace("Q/x", "Q/y"), "c.yaml"))
    assert not before.same_launches(read(COMPOSE.replace(" a:", " b:"), "c.yaml"))
    assert not before.same_launches(read(COMPOSE + "x: [\n", "c.yaml"))
    assert not before.same_launches(read("", "c.yaml"))


FRAGMENTS = st.sampled_from(
    [
        *"\n :-[]{}'\"|>&*!#%@`\\$=,\t\r",
        "  ",
        "\n  ",
        "\n    ",
        "- ",
        "services:",
        "image: vllm/vllm-openai:v0.9.1",
        "command: ",
        "vllm serve",
        "--model",
        "${A:-b}",
        "<<: *a",
        "&a ",
        "|-\n",
        ">\n",
        "bash -c ",
        "é🚀",
        "\ufeff",
        "compute:",
        "model:",
        "instanceType: x",
        "{{ x }}",
        "---\n",
        "\u2028",
        "\x85",
        "\x00",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=25).map("".join), st.sampled_from(["a.yaml", "a.json", "a.sh", "a"]))
def test_any_text_is_read_without_a_crash_and_with_true_places(read: Read, text: str, path: str) -> None:
    read(text, path)


def test_a_script_that_is_not_here_is_named_where_nothing_is_found(read: Callable[..., Reading]) -> None:
    keys = "image: vllm/vllm-openai\n    entrypoint: [/bin/bash, /app/start_llm.sh]\n"
    reading = read(f"services:\n  llm:\n    {keys}", "compose.yaml")
    assert not reading.launches
    assert reading.unread.endswith("what `/app/start_llm.sh` starts is not known")


def test_a_file_of_variables_says_so_whatever_its_name(read: Callable[..., Reading]) -> None:
    text = "# For vllm/vllm-openai:v0.10.0\nPROFILE_LENGTH=4096\nexport PROFILE_IMAGE='vllm/vllm-openai'\n"
    assert read(text, "chat.conf").unread.startswith("variables start nothing")
