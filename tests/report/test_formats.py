from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vllint.report.formats import FORMATS, RenderOptions, renderer
from vllint_schemas.report import to_dict


def test_a_format_that_is_not_used_is_not_imported() -> None:
    program = (
        "import sys; from vllint.report.formats import renderer; renderer('concise');"
        "print([name for name in ('vllint.report.full', 'vllint.report.sarif', 'vllint.report.json_report',"
        "'json', 'urllib', 'unicodedata', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders_an_empty_report_and_a_full_one(name, document_of, finding_of, launches) -> None:
    for document in (document_of(), document_of(finding_of("a: 8", "8"), reported=tuple(launches.values()))):
        assert renderer(name)(document, {}, RenderOptions()).endswith("\n")


def test_an_unknown_format_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        renderer("xml")


def test_json_is_the_document_in_ascii_with_a_finding_to_a_line(document_of, finding_of, launches) -> None:
    findings = [finding_of("a: 日\n", "日", message="日本 \udcff") for _ in range(3)]
    document = document_of(*findings, reported=tuple(launches.values()))
    text = renderer("json")(document, {})
    assert json.loads(text) == to_dict(document)
    assert text.isascii()
    assert sum('"code": "PAR001"' in line for line in text.splitlines()) == 3
