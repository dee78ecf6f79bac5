"""The report as JUnit XML: a suite for each file that was checked, a case for each finding.

There is no standard; this is the part that Jenkins, GitLab, Azure Pipelines and CircleCI have in common.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree

from vllint.report.budget_lines import text_table
from vllint.report.formats import DEFAULTS, RenderOptions
from vllint_schemas.report import ReportDocument, ReportedFinding

Element = ElementTree.Element

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = DEFAULTS) -> str:
    """Return the XML in ASCII. Findings that fail the run are failures, others pass and say what they found.

    A file without findings is a case that passes; what vllint could not do is an error.
    """
    by_path: dict[str, list[ReportedFinding]] = {path: [] for path in options.files}
    for finding in document.findings:
        by_path.setdefault(finding.path, []).append(finding)
    root = Element("testsuites", name=document.tool.name)
    for path, findings in by_path.items():
        root.append(_suite(options.from_root(path), findings, options))
    if options.problems:
        root.append(_problems(document.tool.name, options.problems))
    for counter in ("tests", "failures", "errors"):
        root.set(counter, str(sum(int(suite.get(counter, "0")) for suite in root)))
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="us-ascii").decode("ascii")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _suite(path: str, findings: Iterable[ReportedFinding], options: RenderOptions) -> Element:
    names: Counter[str] = Counter()
    cases = [_case(finding, path, names, options) for finding in findings]
    return _counted(path, cases or [_named("no findings", path)])


def _counted(name: str, cases: list[Element]) -> Element:
    numbers = Counter(part.tag for case in cases for part in case)
    suite = Element("testsuite", name=_xml(name), tests=str(len(cases)))
    suite.attrib |= {"failures": str(numbers["failure"]), "errors": str(numbers["error"]), "time": "0"}
    suite.extend(cases)
    return suite


def _case(finding: ReportedFinding, path: str, names: Counter[str], options: RenderOptions) -> Element:
    """Return a finding's case. Its name holds no place, so that it stays the same test when lines move."""
    launch = (finding.launch or "").rpartition("#")[2]
    name = f"{finding.code} {finding.name}" + (f" ({launch})" if launch else "")
    names[name] += 1
    case = _named(name if names[name] == 1 else f"{name} {names[name]}", path)
    case.attrib |= {"file": _xml(path), "line": str(finding.start.line)}
    place = f"{path}:{finding.start.line}:{finding.start.column}"
    said = [f"{place}: {finding.severity}[{finding.code}]", finding.message]
    said += text_table(finding.budget)
    said += [f"help: {finding.help}"] if finding.help else []
    if options.fails(finding):
        first = finding.message.partition("\n")[0]
        outcome = Element("failure", message=_xml(first), type=finding.severity.value)
    else:
        outcome = Element("system-out")
    outcome.text = _xml("\n".join(said))
    case.append(outcome)
    return case


def _problems(name: str, problems: Iterable[str]) -> Element:
    cases: list[Element] = []
    for problem in problems:
        case = _named(problem, name)
        ElementTree.SubElement(case, "error", message=_xml(problem))
        cases.append(case)
    return _counted(name, cases)


def _named(name: str, path: str) -> Element:
    return Element("testcase", classname=_xml(path), name=_xml(name), time="0")


def _xml(text: str) -> str:
    """Return a text without the characters that XML has no way to write; they stand as `<U+001B>`."""
    return _NOT_XML.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)
