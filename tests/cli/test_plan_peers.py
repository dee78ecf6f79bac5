"""`vllint plan` against what others measured and publish: real starts, and numbers of cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PUBLISHED = {
    "Llama-2-7b-chat": "meta-llama/Llama-2-7b-chat-hf",
    "Llama-2-13b-chat": "meta-llama/Llama-2-13b-chat-hf",
    "Llama-2-70b-chat": "meta-llama/Llama-2-70b-hf",
    "Mistral-7B-Instruct-v0.2": "mistralai/Mistral-7B-Instruct-v0.2",
    "Mixtral-8x7B-Instruct-v0.1": "mistralai/Mixtral-8x7B-Instruct-v0.1",
}


def cases(shared: Path, *kinds: str) -> Iterator[dict[str, Any]]:
    path = shared / "data/peer-cases-dev.jsonl"
    if not path.is_file():
        pytest.skip("the peers' cases are not among the shared data")
    for line in path.read_text(encoding="utf-8").splitlines():
        case: dict[str, Any] = json.loads(line)
        if case["kind"] in kinds:
            yield case


def layouts(run, *words: str) -> list[dict[str, Any]]:
    said = run("plan", *words, "--output-format", "json", "--isolated")
    assert said.code in (0, 1, 2), said.err
    return json.loads(said.out)["layouts"] if said.out else []


def test_the_layouts_of_real_starts_are_among_those_that_fit_or_may(shared: Path, folder: Path, run) -> None:
    missing: list[str] = []
    judged = 0
    for case in cases(shared, "measured_vllm"):
        if not case.get("vllm_version", "").startswith("0.1") or case["max_model_len"] is None:
            continue
        words = [case["model"], "--gpu", f"H100-80GB:{case['gpu_count']}"]
        for option, key in (("-tp", "tp"), ("-pp", "pp"), ("-dp", "dp")):
            words += [option, str(case[key])]
        words += ["--max-model-len", str(case["max_model_len"]), "--trust-remote-code"]
        words += ["--gpu-memory-utilization", str(case["gpu_memory_utilization"])]
        words += ["--vllm-version", case["vllm_version"]]
        said = run("plan", *words, "--output-format", "json", "--isolated")
        if said.code == 2 and not said.out:
            assert "is not in the catalogue" in said.err
            continue
        judged += 1
        if not json.loads(said.out)["layouts"]:
            missing.append(f"{case['id']} {' '.join(words)}: {json.loads(said.out)['refused']}")
    assert missing == []
    assert judged > 40


def test_published_numbers_of_cards_are_enough(shared: Path, folder: Path, run) -> None:
    judged = 0
    for case in cases(shared, "vendor_gpu_count"):
        card = case["gpu"].removesuffix("-48GB") if case["gpu"].startswith("L40S") else case["gpu"]
        model, count = PUBLISHED[case["model"]], case["expected"]["supported_gpu_count"]
        found = layouts(run, model, "--gpu", f"{card}:{count}")
        # Mistral's 32,768 tokens and the like need not be what the vendor supports.
        found = found or layouts(run, model, "--gpu", f"{card}:{count}", "--max-model-len", "4096")
        assert "fits" in {one["verdict"] for one in found}, case
        assert found[0]["gpus_needed"] == count, case
        judged += 1
    assert judged >= 8


@pytest.mark.parametrize("size", ["7B", "13B", "70B"])
def test_recommended_tensor_parallel_sizes_are_the_best(shared: Path, folder: Path, run, size: str) -> None:
    [case] = [case for case in cases(shared, "recommended_tp") if case["model"] == size]
    model = f"meta-llama/Llama-2-{size.lower()}-hf"
    [first, *_] = layouts(run, model, "--gpu", f"{case['gpu']}:{case['gpu_count']}")
    assert first["tensor"] == case["expected"]["recommended_tp"]


def test_starts_that_failed_for_want_of_memory_do_not_fit(shared: Path, folder: Path, run) -> None:
    causes = ("OOM during load", "no KV room")
    failed = [
        case
        for case in cases(shared, "measured_vllm_failure")
        if str(case["expected"]["cause"]).startswith(causes)
    ]
    assert failed
    for case in failed:
        words = (case["model"], "-tp", str(case["tp"]), "-pp", "1", "-dp", "1")
        length = ("--max-model-len", str(case["max_model_len"]))
        share = ("--gpu-memory-utilization", str(case.get("gpu_memory_utilization") or 0.9))
        found = layouts(run, *words, "--gpu", f"H100-80GB:{case['gpu_count']}", *length, *share)
        assert "fits" not in {one["verdict"] for one in found}, case


def test_a_size_beyond_the_machine_leaves_nothing_to_plan(folder: Path, run) -> None:
    """An operator lets "TP 8 on 2 GPUs" through, which crashes in a loop: here no layout is left."""
    said = run("plan", "Qwen/Qwen3-8B", "--gpu", "H100:2", "-tp", "8", "--max-model-len", "8192")
    assert said.code == 2
    assert "leave no layout" in said.err


def test_what_gpustack_finds_too_large_is_too_large(folder: Path, run) -> None:
    """Its test of Qwen3-32B on two machines with two RTX 4080: 75.23 GiB wanted, 57.57 GiB there."""
    said = run(
        "plan", "Qwen/Qwen3-32B", "--gpu", "RTX 4080 16GB:2", "--nodes", "2", "--max-model-len", "8192"
    )
    assert said.code == 1
    assert "nothing fits" in said.out


def test_a_context_that_one_card_does_not_hold_is_named_and_holds(shared: Path, folder: Path, run) -> None:
    """A real start refused 131,072 tokens on a card of 22.49 GiB, and would have held 40,192."""
    [case] = [case for case in cases(shared, "fit") if case["id"] == "P0965"]
    words = ("plan", case["model"], "--gpu", "name@22.49GiB:1", "--output-format", "json")
    document = json.loads(run(*words).out)
    assert document["layouts"] == []
    [length] = [int(way.split()[1].strip("`")) for way in document["remedies"] if "--max-model-len" in way]
    assert case["expected"]["max_len_that_fits"] / 2 < length <= case["expected"]["max_len_that_fits"]
