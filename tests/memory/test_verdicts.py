"""What is judged beside the weights and one request: states, caches that are none, servers side by side."""

from __future__ import annotations

import pytest

from vllint.engine import Assumptions, judge_source
from vllint.facts import LaunchFacts
from vllint.hardware.resolve import stated_machine
from vllint.registry import load_rules
from vllint.remedies import fits_with, least_share, memory_with, most_length, pinned_parts
from vllint.settings import Settings
from vllint.text.source import SourceText
from vllint_schemas import GIB, MemoryEstimate, Origin, Unknown

RULES = tuple(rule for rule in load_rules().rules if rule.code in {"MEM001", "MEM002", "MEM003"})


def facts_of(words: str, gpu: str, version: str = "0.33.0") -> LaunchFacts:
    text = f"# vllint: vllm={version}\nvllm serve {words}\n"
    machine = stated_machine(gpu, Origin.COMMAND_LINE, "gpu")
    [facts] = judge_source(
        SourceText("run.sh", text), lambda name: None, (), Settings(), Assumptions((machine,))
    ).launches
    return facts


def verdict_of(words: str, gpu: str, version: str = "0.33.0") -> str:
    verdict = facts_of(words, gpu, version).memory.verdict
    assert not isinstance(verdict, Unknown)
    return verdict


def test_an_encoder_has_no_cache_that_its_share_could_be_too_small_for() -> None:
    facts = facts_of("BAAI/bge-m3 --gpu-memory-utilization 0.01", "H100:1")
    assert facts.memory.ranks[0].kv_needed == 0
    assert facts.memory.verdict == "fits"


@pytest.mark.parametrize("share", ["0.01", "0.05", "0.2"])
def test_no_rule_speaks_of_the_cache_of_an_encoder(share: str) -> None:
    machine = stated_machine("T4:1", Origin.COMMAND_LINE, "gpu")
    text = f"vllm serve BAAI/bge-m3 --gpu-memory-utilization {share} --max-num-batched-tokens 65536\n"
    judged = judge_source(
        SourceText("run.sh", text), lambda name: None, RULES, Settings(), Assumptions((machine,))
    )
    assert not [finding.message for finding in judged.findings if finding.code in {"MEM002", "MEM003"}]


@pytest.mark.parametrize(
    ("options", "version", "verdict"),
    [
        ("", "0.33.0", "does_not_fit"),
        ("--enforce-eager", "0.33.0", "fits"),
        ("--max-num-seqs 64", "0.33.0", "fits"),
        ("", "0.17.1", "fits"),
    ],
)
def test_each_request_needs_a_block_for_its_states_where_graphs_are_captured(
    options: str, version: str, verdict: str
) -> None:
    words = f"Qwen/Qwen3.5-27B --max-model-len 65536 {options}"
    assert verdict_of(words, "H100-80GB:1", version) == verdict


def test_sampling_for_many_requests_counts_beside_the_share_only_while_it_was_not_profiled() -> None:
    words = "Qwen/Qwen3-4B --max-model-len 8192 --max-num-seqs 1024"
    assert verdict_of(words, "A10G:1", "0.17.1") == "tight"
    assert verdict_of(words, "A10G:1", "0.33.0") == "fits"


@pytest.mark.parametrize(
    "words", ["Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-9b-it"]
)
def test_the_least_share_fits_and_a_hundredth_less_does_not(words: str) -> None:
    facts = facts_of(f"{words} --max-model-len 4096", "H100:1")
    least = least_share(facts)
    assert least is not None
    assert fits_with(facts, {"gpu_memory_utilization": least})
    assert not fits_with(facts, {"gpu_memory_utilization": least - 0.01})


def test_the_longest_context_may_be_longer_than_the_one_asked_for() -> None:
    facts = facts_of("meta-llama/Llama-3.1-8B-Instruct --max-model-len 4096", "A10G:1")
    length = most_length(facts)
    assert length is not None and length > 4096
    longer = memory_with(facts, {"max_model_len": length + 16})
    assert isinstance(longer, MemoryEstimate) and longer.verdict != "fits"


def test_the_longest_context_is_no_longer_than_the_model_allows() -> None:
    assert most_length(facts_of("Qwen/Qwen2.5-7B-Instruct --max-model-len 4096", "H200:1")) == 32768


def test_each_rank_pins_what_it_offloads_and_a_token_for_each_place_of_its_requests() -> None:
    words = "Qwen/Qwen3-32B -tp 2 --cpu-offload-gb 10 --max-model-len 16384 --max-num-seqs 256"
    parts = {part.name: part.size for part in pinned_parts(facts_of(words, "A10G:2"))}
    assert parts == {"offloaded weights": 20 * GIB, "buffers of tokens": 2 * 4 * 16384 * 256}
    assert "buffers of tokens" not in dict(pinned_parts(facts_of(words, "A10G:2", "0.22.1")))


def test_only_the_first_engine_pins_swap_space() -> None:
    words = "Qwen/Qwen2.5-7B-Instruct --swap-space 16 -tp 2"
    assert dict(pinned_parts(facts_of(words, "A10G:2", "0.7.3")))["swap space"] == 32 * GIB
    assert "swap space" not in dict(pinned_parts(facts_of(words, "A10G:2", "0.10.2")))


def test_layers_that_are_fetched_as_their_turn_comes_take_no_room() -> None:
    words = "meta-llama/Llama-3.3-70B-Instruct --max-model-len 8192"
    fetched = f"{words} --offload-group-size 4 --offload-num-in-group 3"
    assert verdict_of(words, "H100:1") == "does_not_fit"
    assert verdict_of(fetched, "H100:1") == "fits"
    assert verdict_of(f"{fetched} --offload-params w13_weight", "H100:1") == "tight"


SHARED = """\
services:
  one:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-8B --gpu-memory-utilization 0.2
    deploy: {resources: {reservations: {devices: [{device_ids: ["0"], capabilities: [gpu]}]}}}
  other:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-4B --gpu-memory-utilization 0.5
    deploy: {resources: {reservations: {devices: [{device_ids: ["%s"], capabilities: [gpu]}]}}}
"""


@pytest.mark.parametrize(("device", "mates"), [("0", ("other",)), ("1", ())])
def test_launches_know_who_takes_of_their_gpus(device: str, mates: tuple[str, ...]) -> None:
    judged = judge_source(
        SourceText("compose.yaml", SHARED % device), lambda name: None, (), Settings(), Assumptions()
    )
    assert judged.launches[0].gpu_mates == mates
