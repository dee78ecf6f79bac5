"""What is wrong with a word is said once, by the rule that knows most of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vllint import check_command, check_paths
from vllint.registry import load_rules
from vllint.rule import Rule
from vllint_schemas import Applicability


def codes(command: str, version: str) -> list[str]:
    """Return the codes of the findings about a command."""
    return [found.code for found in check_command(command, vllm_version=version).findings]


@pytest.mark.parametrize(
    ("command", "version", "expected"),
    [
        ("vllm serve Qwen/Qwen3-8B --reasoning-parser qwen3", "0.8.5", ["FLG021"]),
        ("vllm serve Qwen/Qwen3-8B --reasoning-parser qwen3", "0.33.0", []),
        ("vllm serve Qwen/Qwen3-8B --reasoning-parser qwen3 --dtype int4", "0.8.5", ["FLG021", "FLG011"]),
        ("vllm serve --cudagraph-capture-sizes 1 2 Qwen/Qwen3-8B", "0.33.0", ["FLG013"]),
        ("vllm serve Qwen/Qwen3-8B --spec-method ngram --spec-tokens 0", "0.33.0", ["SPC004"]),
        ("vllm serve --api-key 1 Qwen/Qwen3-8B", "0.33.0", ["FLG013"]),
    ],
)
def test_a_mistake_gets_one_code(command: str, version: str, expected: list[str]) -> None:
    assert codes(command, version) == expected


def test_a_value_that_a_call_refuses_is_not_judged_as_a_length(tmp_path: Path) -> None:
    program = tmp_path / "serve.py"
    program.write_text('from vllm import LLM\nLLM("Qwen/Qwen3-8B", max_model_len="200k")\n', encoding="utf-8")
    assert [found.code for found in check_paths([program]).findings] == ["FLG011"]


def rules_that_yield() -> Iterator[tuple[Rule, str]]:
    """Yield each rule that leaves words to another one, with the code of that."""
    for rule in load_rules().rules:
        for code in rule.yields_to:
            yield rule, code


def test_rules_yield_to_rules_that_exist() -> None:
    known = {rule.code for rule in load_rules().rules}
    assert [(rule.code, code) for rule, code in rules_that_yield() if code not in known] == []


def test_thousands_of_gpus_are_written_by_no_safe_fix() -> None:
    (found,) = check_command("vllm serve Qwen/Qwen3-8B --tensor-parallel-size 8k").findings
    assert found.code == "FLG011"
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE
