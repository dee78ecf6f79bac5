from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.report.formats import RenderOptions
from vllint.report.github import render

TEXT = "services:\n  vllm:\n    tp: 8\n    dp: 2\n"


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    message: str


def read(line: str) -> Command | None:
    """Read a line as the runner does: actions/runner, src/Runner.Common/ActionCommand.cs, TryParseV2."""
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, listed = line[2:end].partition(" ")
    pairs = [pair.split("=", 1) for pair in listed.strip().split(",") if pair]
    properties = {pair[0]: unescaped(pair[1], "\r\n:,%") for pair in pairs if len(pair) == 2 and pair[1]}
    return Command(name, properties, unescaped(line[end + 2 :], "\r\n%"))


def unescaped(text: str, characters: str) -> str:
    for character in characters:
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def commands(report: str) -> list[Command]:
    found = [read(line) for line in report.split("\n")]
    return [command for command in found if command is not None]


def test_a_finding_is_an_annotation_at_its_place(document_of, finding_of) -> None:
    finding = finding_of(TEXT, "8", path="deploy/compose.yaml")
    assert commands(render(document_of(finding), {})) == [
        Command(
            "error",
            {
                "title": "PAR001 tp-divides-heads",
                "file": "deploy/compose.yaml",
                "line": "3",
                "endLine": "3",
                "col": "9",
                "endColumn": "10",
            },
            "28 heads do not divide by 8\nhelp: valid sizes are 1, 2 and 4",
        )
    ]


def test_an_info_is_a_notice_and_errors_come_first(document_of, finding_of) -> None:
    findings = [finding_of(TEXT, "8", severity=severity) for severity in ("info", "warning", "error")]
    found = commands(render(document_of(*findings), {}))
    assert [command.name for command in found] == ["error", "warning", "notice"]


def test_a_finding_over_several_lines_has_no_columns_as_the_runner_would_drop_them(
    document_of, finding_of
) -> None:
    [command] = commands(render(document_of(finding_of(TEXT, "8\n    dp")), {}))
    assert (command.properties["line"], command.properties["endLine"]) == ("3", "4")
    assert not {"col", "endColumn"} & command.properties.keys()


def test_files_are_named_from_the_root_of_the_repository(document_of, finding_of) -> None:
    document = document_of(finding_of(TEXT, "8", path="a.yaml"), finding_of(TEXT, "8", path="/srv/a.yaml"))
    found = commands(render(document, {}, RenderOptions(folder="deploy")))
    assert [command.properties["file"] for command in found] == ["deploy/a.yaml", "/srv/a.yaml"]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), st.text(max_size=40))
def test_no_text_breaks_out_of_its_command(document_of, finding_of, path, message) -> None:
    finding = finding_of(TEXT, "8", path=path, message=message, help="")
    [command] = commands(render(document_of(finding), {}))
    assert command.properties["file"] == path
    assert command.message == message


@pytest.mark.parametrize("text", ["\n::stop-commands::x", "a%0A::error::b", "::set-output name=a::b", ",:%"])
def test_a_message_cannot_hold_a_command_of_its_own(document_of, finding_of, text) -> None:
    report = render(document_of(finding_of(TEXT, "8", message=text, help="")), {})
    assert [command.message for command in commands(report)] == [text]


def test_the_last_line_says_how_much_was_found(document_of, finding_of) -> None:
    report = render(document_of(finding_of(TEXT, "8")), {})
    assert report.splitlines()[-1] == "1 error in 3 launches (2 files checked of 14)"


def test_a_report_of_more_than_github_shows_says_so(document_of, finding_of) -> None:
    ten = [finding_of(TEXT, "8") for _ in range(10)]
    warnings = [finding_of(TEXT, "8", severity="warning") for _ in range(10)]
    assert "GitHub shows" not in render(document_of(*ten, *warnings), {})
    report = render(document_of(*ten, *warnings, finding_of(TEXT, "8")), {})
    assert report.splitlines()[-2].startswith("11 errors, 10 warnings")
    assert report.splitlines()[-1].startswith("GitHub shows the first 10 errors")
    assert len(commands(report)) == 21
