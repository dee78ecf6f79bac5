"""Every rule's own examples."""

from __future__ import annotations

import pytest

import vllint_rules
from vllint import Example, Rule
from vllint.rule_modules import rules_of
from vllint.testing import finding_of, fixed_text, marked
from vllint_schemas import Severity

RULES = sorted(rules_of(vllint_rules), key=lambda rule: rule.code)
BAD = [
    pytest.param(rule, example, id=f"{rule.code}-{n}") for rule in RULES for n, example in enumerate(rule.BAD)
]
GOOD = [
    pytest.param(rule, example, id=f"{rule.code}-{n}")
    for rule in RULES
    for n, example in enumerate(rule.GOOD)
]


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_bad_example_is_found_where_it_is_marked(rule: Rule, example: Example) -> None:
    found = finding_of(rule, example)
    assert found is not None
    assert found.code == rule.code
    expected = marked(example).span
    if expected is not None:
        text = marked(example).text
        assert found.span == expected, text[found.span.start : found.span.end]


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_bad_example_is_fixed_as_shown(rule: Rule, example: Example) -> None:
    assert fixed_text(rule, example) == example.fixed


@pytest.mark.parametrize(("rule", "example"), [case for case in BAD if case.values[1].fixed is not None])
def test_a_fixed_example_is_clean(rule: Rule, example: Example) -> None:
    clean = example._replace(text=example.fixed or "")
    assert finding_of(rule, clean) is None


@pytest.mark.parametrize(("rule", "example"), GOOD)
def test_a_good_example_is_clean(rule: Rule, example: Example) -> None:
    assert finding_of(rule, example) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_explains_itself_in_the_fixed_sections(rule: Rule) -> None:
    page = rule.__doc__ or ""
    headings = [line.strip() for line in page.splitlines() if line.strip().startswith("## ")]
    expected = ["## What it does", "## Why is this bad?", "## Example", "## Use instead"]
    assert headings[:4] == expected
    assert headings[-1] == "## Since"
    assert ("## Fix safety" in headings) == any(example.fixed for example in rule.BAD)
    assert rule.BAD and rule.GOOD


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_stands_in_a_file_of_its_name(rule: Rule) -> None:
    assert type(rule).__module__.rsplit(".", 1)[-1] == rule.name.replace("-", "_")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_an_error_names_where_vllm_checks(rule: Rule) -> None:
    assert rule.source or rule.stage == "container" or rule.severity is not Severity.ERROR
