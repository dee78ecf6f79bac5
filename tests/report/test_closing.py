from __future__ import annotations

from vllint.hardware.processors import OTHER_PROCESSORS
from vllint.report.closing import closing_lines
from vllint.report.colours import PLAIN
from vllint.report.concise import render
from vllint.report.formats import Detail, RenderOptions


def closing(document, detail: Detail = "normal") -> list[str]:
    return list(closing_lines(document, PLAIN, detail, document.findings))


def test_a_concise_finding_is_one_line_and_marks_what_fix_repairs(document_of, finding_of) -> None:
    text = "a: 8\nb: 9\n"
    safe = finding_of(text, "8", replacement="4", applicability="safe", path="a.yaml")
    unsafe = finding_of(text, "9", replacement="4", applicability="unsafe", path="a.yaml", severity="warning")
    report = render(document_of(safe, unsafe), {})
    assert report.splitlines() == [
        "a.yaml:1:4: error[PAR001] 28 heads do not divide by 8 [*]",
        "a.yaml:2:4: warning[PAR001] 28 heads do not divide by 8",
        "1 error, 1 warning in 3 launches (2 files checked of 14); "
        "1 fixable with --fix, 1 more with --unsafe-fixes",
    ]


def test_a_message_of_several_lines_is_one_concise_line(document_of, finding_of) -> None:
    report = render(document_of(finding_of("a", "a", message="one\ntwo")), {})
    assert report.splitlines()[0].endswith("error[PAR001] one two")


def test_a_report_without_findings_says_so(document_of) -> None:
    assert closing(document_of()) == ["no problems in 3 launches (2 files checked of 14)"]
    assert closing(document_of(launches=1, files=1, files_with_launches=1)) == [
        "no problems in 1 launch (1 file checked of 1)"
    ]


def test_a_report_on_files_without_launches_says_so(document_of, finding_of) -> None:
    assert closing(document_of(launches=0, files=14)) == ["no vLLM launch found in 14 files"]
    assert closing(document_of(files=0, launches=0)) == ["no files to check"]
    broken = finding_of("{", "{", severity="warning")
    assert closing(document_of(broken, launches=0, files=1)) == ["1 warning; no vLLM launch found in 1 file"]


def test_what_was_not_checked_is_grouped_by_what_would_help_and_by_reason(document_of) -> None:
    unchecked = [
        ("b.sh#1", "model", "not in the catalogue"),
        ("a.yaml#x", "gpu", "the file names none"),
        ("a.yaml#y", "gpu", "the file names none"),
        ("b.sh#1", "gpu", "`A100` has 40 or 80 GB"),
    ]
    assert closing(document_of(unchecked=unchecked))[1:] == [
        "not checked:",
        "  the card of 2 launches: the file names none",
        "  the card of b.sh#1: `A100` has 40 or 80 GB",
        "    to have it checked, name the card: `# vllint: gpu=H100:8` above the launch, or `--gpu H100:8`",
        "  the model's shape of b.sh#1: not in the catalogue",
        '    to have it checked, describe it in vllint.toml: `[models."owner/name"]` with `like` or `config`',
    ]


def test_facts_that_one_hint_makes_known_are_told_together(document_of) -> None:
    unchecked = [
        ("<command>#vllm", "gpu", "no card is named"),
        ("<command>#vllm", "gpu_count", "nor how many"),
    ]
    assert closing(document_of(unchecked=unchecked))[2:] == [
        "  the card and the number of cards of <command>#vllm: no card is named; nor how many",
        "    to have it checked, give `--gpu H100:8`",
    ]


def test_a_build_for_other_processors_is_not_asked_for_a_card(document_of) -> None:
    reason = f"{OTHER_PROCESSORS} CPUs"
    unchecked = [("a.yaml#x", "gpu", reason), ("a.yaml#x", "gpu_count", reason)]
    assert closing(document_of(unchecked=unchecked))[2:] == [
        f"  the card and the number of cards of a.yaml#x: {reason}",
    ]


def test_a_thousand_reasons_stay_a_few_lines_unless_all_are_asked_for(document_of) -> None:
    unchecked = [(f"a.yaml#{number}", "model", f"`{number}` is not known") for number in range(1000)]
    lines = closing(document_of(unchecked=unchecked))
    assert len(lines) < 10
    assert any("of 997 more launches" in line for line in lines)
    assert lines[-1] == "  `--verbose` names all of them"
    assert len(closing(document_of(unchecked=unchecked), "verbose")) > 1000


def test_a_quiet_report_counts_what_was_not_checked(document_of) -> None:
    unchecked = [("a.yaml#x", "gpu", "why"), ("a.yaml#x", "model", "why"), ("b.yaml", "format", "why")]
    assert closing(document_of(unchecked=unchecked), "quiet")[1:] == ["not checked in full: 1 launch, 1 file"]


def test_a_quiet_concise_report_leaves_advice_out_unless_it_fails_the_run(document_of, finding_of) -> None:
    advice = finding_of("a", "a", severity="info")
    document = document_of(advice, finding_of("a", "a"))
    quiet = RenderOptions(detail="quiet")
    assert "info[" in render(document, {})
    assert "info[" not in render(document, {}, quiet)
    assert "info[" in render(document, {}, quiet._replace(failing=frozenset(document.findings)))


def test_a_fact_without_a_hint_is_named_as_it_is(document_of) -> None:
    assert closing(document_of(unchecked=[("a#b", "some_fact", "why")]))[2:] == ["  some fact of a#b: why"]


def test_a_long_report_counts_by_rule(document_of, finding_of) -> None:
    findings = [finding_of("a", "a") for _ in range(40)]
    findings += [finding_of("a", "a", code="FLG002", name="removed-flag") for _ in range(60)]
    assert closing(document_of(*findings))[:2] == [
        "    60  FLG002  removed-flag",
        "    40  PAR001  tp-divides-heads",
    ]
