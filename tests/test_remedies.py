"""The fixes of memory rules make launches fit."""

from __future__ import annotations

import pytest

from vllint.engine import Assumptions, judge_source
from vllint.facts import LaunchFacts
from vllint.fix import apply_fixes
from vllint.hardware.resolve import stated_machine
from vllint.registry import load_rules
from vllint.remedies import fitting_length, memory_with
from vllint.settings import Settings
from vllint.text.source import SourceText
from vllint_schemas import Applicability, Finding, Origin, Unknown

RULES = tuple(rule for rule in load_rules().rules if rule.code in {"MEM001", "MEM002", "MEM003", "MEM018"})
LLAMA_8B, LLAMA_70B = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"

LAUNCHES = (
    (f"{LLAMA_8B} --max-model-len 131072", "A10G:1"),
    (f"{LLAMA_8B} --max-model-len 40000", "A10G:1"),
    (f"{LLAMA_8B}", "L4:1"),
    (f"{LLAMA_8B}", "L4:4"),
    (f"{LLAMA_8B} -tp 1 -dp 4", "A10G:4"),
    (f"{LLAMA_8B} --gpu-memory-utilization 0.15", "H100-80GB:1"),
    (f"{LLAMA_8B} --kv-cache-memory-bytes 1G", "H100-80GB:1"),
    (f"{LLAMA_70B} --max-model-len 8192 -tp 1 -dp 4", "H100-80GB:4"),
    (f"{LLAMA_70B} -tp 2", "A100-80GB:4"),
    (f"{LLAMA_70B} -tp 4", "A100-40GB:4"),
    (f"{LLAMA_70B} -tp 4", "L40S:8"),
    ("Qwen/Qwen3-32B -tp 2", "A10G:4"),
    ("Qwen/Qwen3-32B -tp 4", "A10G:4"),
    ("Qwen/Qwen3-8B --max-model-len 40960", "A10G:1"),
    ("Qwen/Qwen3-14B --max-model-len 40960", "L40S:1"),
    ("Qwen/Qwen3-30B-A3B", "L40S:2"),
    ("Qwen/Qwen3.5-35B-A3B --max-model-len 32768", "H100-80GB:1"),
    ("Qwen/Qwen3.5-27B", "H100-80GB:1"),
    ("google/gemma-3-27b-it", "A100-80GB:1"),
    ("google/gemma-2-9b-it", "A10G:1"),
    ("mistralai/Mixtral-8x7B-Instruct-v0.1 -tp 2", "A100-80GB:2"),
    ("deepseek-ai/DeepSeek-V2-Lite", "A100-40GB:1"),
    ("microsoft/Phi-4-mini-instruct", "RTX 3090:1"),
)


def judged(line: str, gpu: str) -> tuple[LaunchFacts, tuple[Finding, ...]]:
    machine = stated_machine(gpu, Origin.COMMAND_LINE, "gpu")
    source = SourceText("run.sh", line)
    found = judge_source(source, lambda name: None, RULES, Settings(preview=True), Assumptions((machine,)))
    [facts] = found.launches
    return facts, tuple(found.findings)


@pytest.mark.parametrize(("words", "gpu"), LAUNCHES)
def test_what_is_fixed_fits(words: str, gpu: str) -> None:
    line = f"vllm serve {words}\n"
    facts, found = judged(line, gpu)
    for _ in range(2):
        fixes = [one.fix for one in found if one.fix is not None and one.fix.edits]
        assert all(fix.applicability is Applicability.UNSAFE for fix in fixes)
        line = apply_fixes({"run.sh": line}, fixes).texts["run.sh"] if fixes else line
        facts, found = judged(line, gpu)
        if fixes:
            assert facts.memory.verdict == "fits"
    assert not [one for one in found if one.fix is not None and one.fix.edits]


def test_most_of_what_does_not_fit_has_a_fix() -> None:
    found = [finding for words, gpu in LAUNCHES for finding in judged(f"vllm serve {words}\n", gpu)[1]]
    assert len(found) >= 14
    assert sum(one.fix is not None and bool(one.fix.edits) for one in found) >= 0.7 * len(found)


@pytest.mark.parametrize(
    ("words", "gpu"),
    [
        (f"{LLAMA_8B}", "A10G:1"),
        ("google/gemma-3-27b-it", "A100-80GB:1"),
        ("Qwen/Qwen3.5-27B --max-num-seqs 128", "H100-80GB:1"),
    ],
)
def test_no_longer_context_fits_than_the_one_suggested(words: str, gpu: str) -> None:
    facts, _ = judged(f"vllm serve {words} --max-model-len 1000000\n", gpu)
    length = fitting_length(facts)
    assert length is not None and length % 16 == 0
    longest, longer = (memory_with(facts, {"max_model_len": size}) for size in (length, length + 16))
    assert not isinstance(longest, Unknown) and longest.verdict == "fits"
    assert not isinstance(longer, Unknown) and longer.verdict != "fits"
