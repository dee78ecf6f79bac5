from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from vllint.report.formats import RenderOptions
from vllint.report.junit import render

TEXT = "services:\n  vllm:\n    tp: 8\n"


def root_of(document, **options) -> ElementTree.Element:
    """The parsed report, after a look at what every reader of JUnit XML relies on."""
    text = render(document, {}, RenderOptions(**options))
    assert text.isascii()
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.get("name")
        assert int(suite.get("tests", "")) == len(suite.findall("testcase")) > 0
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))
        names = [(case.get("classname"), case.get("name")) for case in suite]
        assert len(set(names)) == len(names)
        assert all(case.get("time") is not None for case in suite)
    for counter in ("tests", "failures", "errors"):
        assert int(root.get(counter, "")) == sum(int(suite.get(counter, "")) for suite in root)
    return root


def test_a_finding_is_a_failure_in_its_file_s_suite(document_of, finding_of) -> None:
    [suite] = root_of(document_of(finding_of(TEXT, "8")))
    assert suite.get("name") == "deploy/compose.yaml"
    [case] = suite
    assert case.get("name") == "PAR001 tp-divides-heads (vllm)"
    assert (case.get("file"), case.get("line")) == ("deploy/compose.yaml", "3")
    [failure] = case
    assert (failure.tag, failure.get("type")) == ("failure", "error")
    assert failure.get("message") == "28 heads do not divide by 8"
    assert (failure.text or "").splitlines() == [
        "deploy/compose.yaml:3:9: error[PAR001]",
        "28 heads do not divide by 8",
        "help: valid sizes are 1, 2 and 4",
    ]


def test_a_file_without_findings_is_a_case_that_passes(document_of, finding_of) -> None:
    root = root_of(document_of(finding_of(TEXT, "8", path="b.yaml")), files=("a.yaml", "b.yaml"))
    assert [(suite.get("name"), suite.get("failures")) for suite in root] == [
        ("a.yaml", "0"),
        ("b.yaml", "1"),
    ]
    assert list(root[0][0]) == []


def test_findings_that_do_not_fail_the_run_pass_and_say_what_they_found(document_of, finding_of) -> None:
    info = finding_of(TEXT, "8", severity="info", path="a.yaml")
    warning = finding_of(TEXT, "8", severity="warning", path="a.yaml")
    [suite] = root_of(document_of(info, warning))
    assert [[part.tag for part in case] for case in suite] == [["system-out"], ["failure"]]
    [suite] = root_of(document_of(info, warning), failing=frozenset([info]))
    assert [[part.tag for part in case] for case in suite] == [["failure"], ["system-out"]]


def test_the_same_finding_keeps_its_case_when_lines_move(document_of, finding_of) -> None:
    def name(text: str) -> str | None:
        return root_of(document_of(finding_of(text, "8")))[0][0].get("name")

    assert name(TEXT) == name(f"# a comment\n\n{TEXT}")


def test_findings_alike_in_one_file_are_cases_apart(document_of, finding_of) -> None:
    [suite] = root_of(document_of(finding_of(TEXT, "8"), finding_of(TEXT, "8")))
    assert [case.get("name") for case in suite][1] == "PAR001 tp-divides-heads (vllm) 2"


def test_what_vllint_could_not_do_is_an_error(document_of) -> None:
    [suite] = root_of(document_of(), problems=("a.yaml: permission denied",))
    assert suite[0][0].get("message") == "a.yaml: permission denied"


def test_a_report_on_nothing_is_still_xml(document_of) -> None:
    assert list(root_of(document_of())) == []


def test_files_are_named_from_the_root_of_the_repository(document_of, finding_of) -> None:
    [suite] = root_of(document_of(finding_of(TEXT, "8", path="a.yaml")), folder="deploy", files=("a.yaml",))
    assert suite.get("name") == "deploy/a.yaml"


@given(st.text(st.characters(codec=None), min_size=1), st.text(st.characters(codec=None)))
def test_any_text_can_be_written(document_of, finding_of, path, message) -> None:
    root_of(document_of(finding_of(TEXT, "8", path=path, message=message)))
