from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vllint.report.colours import PLAIN
from vllint.report.formats import RenderOptions
from vllint.report.frames import FRAME_WIDTH, Mark, frame, gutter_width
from vllint.report.full import render
from vllint.report.lines import Lines
from vllint_schemas.report import ReportedBand, ReportedBudgetLine, UnknownFact

PATH = "deploy/compose.yaml"
COMPOSE = """\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - --model
      - Qwen/Qwen2.5-7B-Instruct
      - --tensor-parallel-size
      - "8"
"""


def frame_of(text: str, start: int, end: int, label: str = "") -> list[str]:
    lines = Lines.of(text)
    marks = [Mark(start, end, label, "^", "")]
    return list(frame(lines, marks, gutter_width(lines, marks), PLAIN))


def underlined(frame_lines: list[str]) -> list[str]:
    """What stands above each run of carets of a frame whose text is all ASCII."""
    found = []
    for above, below in pairwise(frame_lines):
        if match := re.fullmatch(r" *\| *(\^+)", below):
            found.append(above[match.start(1) : match.end(1)])
    return found


def test_a_finding_shows_its_line_help_fix_and_evidence(document_of, finding_of) -> None:
    finding = finding_of(COMPOSE, '"8"', replacement='"4"', applicability="safe")
    report = render(document_of(finding), {PATH: COMPOSE})
    assert report == (
        "error[PAR001] tp-divides-heads: 28 heads do not divide by 8\n"
        " --> deploy/compose.yaml:8:9\n"
        "  |\n"
        "7 |       - --tensor-parallel-size\n"
        '8 |       - "8"\n'
        "  |         ^^^\n"
        "  |\n"
        "  = help: valid sizes are 1, 2 and 4\n"
        '  = fix: write "4"\n'
        "  = vLLM 0.33.0 config/model.py:1560\n"
        "\n"
        "1 error in 3 launches (2 files checked of 14); 1 fixable with --fix\n"
        "more about a rule: `vllint explain PAR001`\n"
    )


def test_the_last_line_says_how_to_learn_more_about_a_rule(document_of, finding_of) -> None:
    info = finding_of("a", "a", code="SRC002", name="unrendered-template", severity="info")
    assert render(document_of(info, finding_of("a", "a")), {}).splitlines()[-1] == (
        "more about a rule: `vllint explain CODE`, as `vllint explain PAR001`"
    )
    assert "explain" not in render(document_of(), {})


def test_advice_comes_last_and_in_short(document_of, finding_of) -> None:
    infos = [
        finding_of(COMPOSE, needle, code="SEC006", severity="info", message="it moves") for needle in "svimc"
    ]
    document = document_of(*infos, finding_of(COMPOSE, '"8"'))
    report = render(document, {PATH: COMPOSE})
    title = "info[SEC006] tp-divides-heads in 5 places: it moves"
    assert report.index("error[PAR001]") < report.index(title)
    advice = report[report.index(title) :].splitlines()
    assert advice[4:6] == [" --> and 2 more", "  = help: valid sizes are 1, 2 and 4"]
    assert report.count("^") == 3


def test_advice_that_differs_is_told_with_its_places_the_commonest_first(document_of, finding_of) -> None:
    infos = [
        finding_of(COMPOSE, needle, severity="info", message=f"`{needle}`") for needle in ("ser", "vllm")
    ]
    infos.append(finding_of(COMPOSE, "image", severity="info", message="`vllm`"))
    assert (
        "info[PAR001] tp-divides-heads in 3 places:\n"
        " --> deploy/compose.yaml:2:3 and 1 more: `vllm`\n"
        " --> deploy/compose.yaml:1:1: `ser`\n"
    ) in render(document_of(*infos), {PATH: COMPOSE})


def test_advice_is_shown_in_full_when_asked_for_or_when_it_fails_the_run(document_of, finding_of) -> None:
    info = finding_of(COMPOSE, '"8"', severity="info")
    document, sources = document_of(info), {PATH: COMPOSE}
    assert "^^^" not in render(document, sources)
    assert "^^^" in render(document, sources, RenderOptions(detail="verbose"))
    assert "^^^" in render(document, sources, RenderOptions(failing=frozenset({info})))


def test_a_quiet_report_has_errors_warnings_and_numbers(document_of, finding_of) -> None:
    document = document_of(finding_of(COMPOSE, '"8"', severity="info"), finding_of(COMPOSE, '"8"'))
    report = render(document, {PATH: COMPOSE}, RenderOptions(detail="quiet"))
    assert "info[" not in report
    assert report.splitlines()[-1] == "1 error, 1 info in 3 launches (2 files checked of 14)"


def test_related_places_share_the_frame_of_their_file_and_other_files_have_their_own(
    document_of, finding_of
) -> None:
    related = [(PATH, COMPOSE, "v0.22.1", "the release"), (".env", "A=1\nGPU=H100\n", "H100", "the card")]
    report = render(
        document_of(finding_of(COMPOSE, '"8"', related=related)), {PATH: COMPOSE, ".env": "A=1\nGPU=H100\n"}
    )
    assert (
        "3 |     image: vllm/vllm-openai:v0.22.1\n"
        "  |                             ------- the release\n"
        "...\n"
        "7 |       - --tensor-parallel-size\n"
    ) in report
    assert " ::: .env:2:5\n  |\n1 | A=1\n2 | GPU=H100\n  |     ---- the card\n" in report


def test_an_unsafe_fix_and_advice_are_named_as_such(document_of, finding_of) -> None:
    unsafe = finding_of(COMPOSE, '"8"', replacement='"4"', applicability="unsafe")
    advice = finding_of(COMPOSE, '"8"', replacement='"2"', applicability="display")
    report = render(document_of(unsafe, advice), {PATH: COMPOSE})
    assert '= fix (unsafe): write "4"' in report
    assert '= fix (by hand): write "2"' in report


BUDGET = (
    ReportedBudgetLine("", "what vLLM may take of the card", ReportedBand(20.2, 20.3, 20.4)),
    ReportedBudgetLine("-", "weights", ReportedBand(14.7, 15.0, 15.4)),
    ReportedBudgetLine("-", "CUDA graphs", UnknownFact("the card is not known")),
    ReportedBudgetLine("=", "KV cache", ReportedBand(1.2, 3.8, 5.3)),
)


def test_the_memory_behind_a_finding_stands_in_a_table_from_the_best_case_to_the_worst(
    document_of, finding_of
) -> None:
    shown = render(document_of(finding_of(COMPOSE, '"8"', path=PATH, budget=BUDGET)), {PATH: COMPOSE})
    lines = shown.splitlines()
    start = next(place for place, line in enumerate(lines) if "memory of each GPU" in line)
    assert [line.split()[-3:] for line in lines[start + 1 : start + 5]] == [
        ["20.4", "20.3", "20.2"],
        ["14.7", "15.0", "15.4"],
        ["graphs", "not", "known"],
        ["5.3", "3.8", "1.2"],
    ]
    assert len({len(line) for line in lines[start : start + 3]}) == 1


def test_a_file_whose_text_is_not_at_hand_is_named_without_a_frame(document_of, finding_of) -> None:
    report = render(document_of(finding_of(COMPOSE, '"8"')), {})
    assert " --> deploy/compose.yaml:8:9\n  = help:" in report


def test_there_are_no_escape_sequences_unless_colour_is_asked_for(document_of, finding_of) -> None:
    document = document_of(finding_of(COMPOSE, '"8"'))
    assert "\x1b" not in render(document, {PATH: COMPOSE})
    coloured = render(document, {PATH: COMPOSE}, RenderOptions(colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(document, {PATH: COMPOSE})


def test_what_a_file_says_cannot_move_the_cursor_or_hide(document_of, finding_of) -> None:
    text = "image: \x1b[2Jvllm\u202e\u00a0x\n"
    finding = finding_of(text, "vllm", message="value \x1b[31m is red")
    report = render(document_of(finding), {PATH: text})
    assert "<U+001B>[2Jvllm<U+202E><U+00A0>x" in report
    assert "value <U+001B>[31m is red" in report
    assert "\x1b" not in report


def test_carets_stand_under_wide_characters_and_behind_tabs() -> None:
    text = "\t名前: 日本 --x\n"
    lines = frame_of(text, text.index("日"), text.index(" --x"))
    assert lines[1:3] == ["1 |     名前: 日本 --x", "  |           ^^^^"]


def test_combining_characters_take_no_room() -> None:
    text = "e\u0301: 8\n"
    assert frame_of(text, 4, 5)[2] == "  |    ^"


def test_an_insertion_point_has_one_caret() -> None:
    assert frame_of("abc\n", 3, 3)[1:3] == ["1 | abc", "  |    ^"]


def test_the_end_of_an_empty_file_can_be_pointed_at() -> None:
    assert frame_of("", 0, 0) == ["  |", "1 |", "  | ^", "  |"]


def test_a_span_of_several_lines_is_underlined_line_by_line() -> None:
    start, end = COMPOSE.index("command"), COMPOSE.index("      - Qwen")
    assert underlined(frame_of(COMPOSE, start, end)) == ["command:", "- --model"]


def test_a_long_span_shows_its_first_lines_and_its_last() -> None:
    lines = frame_of(COMPOSE, 0, len(COMPOSE), "all of it")
    assert "..." in lines
    assert underlined(lines) == ["services:", "vllm:"]
    assert lines[-3:-1] == ['8 |       - "8"', "  |       ^^^^^ all of it"]


def test_a_long_line_is_cut_around_the_span() -> None:
    text = "a" * 5000 + " --flag " + "b" * 5000
    lines = frame_of(text, 5001, 5007)
    assert underlined(lines) == ["--flag"]
    assert lines[1].startswith("1 | …aaa") and lines[1].endswith("bbb…")
    assert max(map(len, lines)) <= FRAME_WIDTH + 10


def test_two_marks_far_apart_on_a_long_line_are_both_shown() -> None:
    text = "x=1 " + "a" * 500 + " y=2\n"
    lines = Lines.of(text)
    marks = [Mark(505, 508, "", "^", ""), Mark(0, 3, "first set here", "-", "")]
    shown = "\n".join(frame(lines, marks, 1, PLAIN))
    assert "y=2" in shown and "x=1 aaa" in shown and "--- first set here" in shown


def test_windows_line_ends_do_not_show() -> None:
    text = "a: 1\r\nb: 2\r\nc: 3\r\n"
    assert frame_of(text, 9, 10) == ["  |", "1 | a: 1", "2 | b: 2", "  |    ^", "3 | c: 3", "  |"]


@given(
    st.text(st.characters(codec="utf-8"), max_size=200),
    st.integers(0, 250),
    st.integers(0, 250),
    st.text(max_size=5),
)
def test_any_span_of_any_text_can_be_shown_and_every_line_is_one_line(text, start, length, label) -> None:
    shown = frame_of(text, start, start + length, label)
    assert any("^" in line for line in shown)
    assert all(line.isprintable() or "\u200c" in line or "\u200d" in line for line in shown)


@given(st.text("ab \n-", max_size=60), st.text("ab -", min_size=1, max_size=60), st.data())
def test_the_carets_stand_under_the_span_itself(before, line, data) -> None:
    start = data.draw(st.integers(0, len(line) - 1))
    end = data.draw(st.integers(start + 1, len(line)))
    shift = len(before) + 1
    [found] = underlined(frame_of(f"{before}\n{line}\nlast", shift + start, shift + end))
    assert found.rstrip() == line[start:end].rstrip()
