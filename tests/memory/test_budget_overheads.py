"""What start-up takes beside weights: peaks, libraries, graphs, sizes given, adapters, and verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shlex import split
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.hardware.cards import cards, find_card
from vllint.memory import budget
from vllint.memory.activations import activations
from vllint.memory.adapters import lora_slots
from vllint.memory.constants import card_kind, constant, constants
from vllint.memory.estimate import estimate_memory, max_model_len
from vllint.models.catalogue import find_model
from vllint.vllm.engine_args import engine_args
from vllint.vllm.parallel import parallel_sizes
from vllint.vllm.releases import releases
from vllint_schemas import (
    GIB,
    Band,
    EngineArgs,
    EntryPoint,
    Gpu,
    MemoryEstimate,
    ModelFacts,
    Unknown,
    Word,
)
from vllint_schemas.parallel import Parallel

ROOT = Path(__file__).parents[2]
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def args_of(words: str, version: str = "0.19.1") -> EngineArgs:
    return engine_args(
        tuple(Word.verbatim(word, "c", 0) for word in split(f"model {words}")), EntryPoint.SERVE, version
    )


def model_of(name: str = LLAMA) -> ModelFacts:
    found = find_model(name)
    assert found is not None
    return found


def card(name: str = "H100-80GB@79.19GiB") -> Gpu:
    found = find_card(name)
    assert not isinstance(found, Unknown)
    return found


def estimated(
    words: str = "", version: str = "0.19.1", name: str = LLAMA, gpu: str = "H100-80GB@79.19GiB"
) -> MemoryEstimate:
    args = args_of(words, version)
    layout = parallel_sizes(args)
    assert isinstance(layout, Parallel)
    found = estimate_memory(model_of(name), layout, args, card(gpu))
    assert isinstance(found, MemoryEstimate)
    return found


def gib(value: Any, bound: str = "mid") -> float:
    assert isinstance(value, Band), value
    return float(getattr(value, bound)) / GIB


# Logged by vLLM 0.19.0 on H100-80GB (llm-d-planner PR 205): activation peak, non-torch, in GiB.
LOGGED = [
    (LLAMA, "", 1.89, 0.25),
    (LLAMA, "-tp 2", 1.89, 2.07),
    (LLAMA, "--dtype float32", 2.21, 0.25),
    ("Qwen/Qwen2.5-7B-Instruct", "", 2.21, 0.24),
    ("Qwen/Qwen2.5-72B-Instruct", "-tp 2", 2.29, 2.09),
    ("google/gemma-2-27b-it", "", 3.66, 0.26),
    ("microsoft/phi-4", "", 1.52, 0.25),
    ("deepseek-ai/DeepSeek-V2-Lite-Chat", "", 1.93, 0.26),
    ("openai/gpt-oss-20b", "-tp 2", 2.87, 2.07),
]


@pytest.mark.parametrize(("name", "words", "peak", "libraries"), LOGGED)
def test_the_parts_are_those_of_the_logs(name: str, words: str, peak: float, libraries: float) -> None:
    [rank] = estimated(f"{words} --max-model-len 8192", name=name).ranks
    assert gib(rank.activations) == pytest.approx(peak, abs=0.05)
    assert gib(rank.non_torch) == pytest.approx(libraries, abs=0.05)


def test_a_stage_without_the_sampler_peaks_at_its_layers() -> None:
    first, last = estimated("-pp 2 --max-model-len 8192").ranks
    # Logged of the first of two stages: 1.10 GiB.
    assert gib(first.activations) == pytest.approx(1.1, abs=0.2)
    assert gib(last.activations) == pytest.approx(1.89, abs=0.05)


def test_before_0_17_the_sampler_takes_more_than_twice_as_much() -> None:
    [old], [new] = estimated(version="0.11.2").ranks, estimated(version="0.19.1").ranks
    # Logged by 0.11.0: 4.76 GiB.
    assert gib(old.activations) == pytest.approx(4.76, abs=0.05)
    assert gib(old.activations) > 2 * gib(new.activations)


def test_few_sequences_leave_the_peak_to_the_layers() -> None:
    [few], [many] = estimated("--max-num-seqs 1").ranks, estimated("--max-num-seqs 1024").ranks
    assert gib(few.activations) < gib(many.activations) / 1.5
    [one] = estimated("--max-num-seqs 1 --max-num-batched-tokens 2048").ranks
    assert gib(one.activations) < 0.5


def test_an_embedding_server_samples_nothing() -> None:
    [pooled], [sampled] = estimated("--runner pooling").ranks, estimated("").ranks
    assert gib(pooled.activations) < gib(sampled.activations)


def test_pictures_that_cannot_come_take_nothing() -> None:
    name = "Qwen/Qwen2.5-VL-7B-Instruct"
    few = "--max-num-seqs 8 --max-num-batched-tokens 2048"
    [with_], [without] = (
        estimated(few, name=name).ranks,
        estimated(f'{few} --limit-mm-per-prompt \'{{"image": 0, "video": 0}}\'', name=name).ranks,
    )
    assert gib(with_.activations) > gib(without.activations) + 1


def test_the_second_runner_keeps_counts_for_penalties() -> None:
    [old], [new] = estimated(version="0.29.0").ranks, estimated(version="0.33.0").ranks
    kept = 4.125 * 1024 * 128256 / GIB
    assert gib(new.activations) - gib(old.activations) == pytest.approx(kept, abs=0.01)


def test_graphs_count_since_0_20_and_never_when_eager() -> None:
    assert gib(estimated(version="0.19.1").ranks[0].cuda_graphs) == 0
    # Logged by 0.19.0, which did not count it yet: 0.84 GiB.
    assert gib(estimated(version="0.20.2").ranks[0].cuda_graphs) == pytest.approx(0.84, abs=0.1)
    for words in ("--enforce-eager", "-O0", '--compilation-config \'{"cudagraph_mode": "NONE"}\''):
        assert gib(estimated(words, version="0.33.0").ranks[0].cuda_graphs) == 0, words


def test_full_graphs_are_of_no_more_tokens_than_there_are_requests() -> None:
    # Start-ups log PIECEWISE=51, FULL=51 with 1024 sequences, PIECEWISE=51, FULL=35 with 256.
    fixed = constant("graphs_fixed", args_of("", "0.20.2"), "hopper").mid
    some, many = (
        gib(estimated(f"--max-num-seqs {number}", "0.20.2").ranks[0].cuda_graphs) - fixed
        for number in (256, 1024)
    )
    assert some / many == pytest.approx((51 + 35) / (51 + 51))


def test_fewer_sequences_capture_fewer_graphs() -> None:
    small, large = (
        estimated(f"--max-num-seqs {number}", version="0.33.0").ranks[0].cuda_graphs for number in (1, 1024)
    )
    assert gib(small) < gib(large)


@pytest.mark.parametrize(("version", "share"), [("0.19.1", 0.9), ("0.20.2", 0.92), ("0.33.0", 0.92)])
def test_the_default_share_is_the_releases(version: str, share: float) -> None:
    [rank] = estimated(version=version).ranks
    assert gib(rank.budget) == pytest.approx(79.19 * share, abs=0.01)


def test_a_cache_of_given_size_is_that_size() -> None:
    [rank] = estimated("--kv-cache-memory-bytes 4294967296", version="0.33.0").ranks
    assert rank.kv == Band(4.0 * GIB, 4.0 * GIB, 4.0 * GIB)
    [rank] = estimated("--num-gpu-blocks-override 100 --max-model-len 1024", version="0.33.0").ranks
    assert rank.kv == Band(*(100 * 16 * 131072.0,) * 3)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("--kv-cache-memory-bytes 4294967296 --max-model-len 8192", "fits"),
        ("--kv-cache-memory-bytes 4294967296 --max-model-len 65536", "does_not_fit"),
        ("--kv-cache-memory-bytes 85899345920 --max-model-len 8192", "does_not_fit"),
        ("--num-gpu-blocks-override 100 --max-model-len 8192", "does_not_fit"),
    ],
)
def test_a_cache_of_given_size_is_judged_by_the_request_and_the_card(words: str, verdict: str) -> None:
    assert estimated(words, version="0.33.0").verdict == verdict


def test_a_block_is_set_aside_since_0_29() -> None:
    words = "--num-gpu-blocks-override 100 --max-model-len 1024"
    [old], [new] = estimated(words, version="0.28.0").ranks, estimated(words, version="0.29.0").ranks
    assert isinstance(old.kv_tokens, Band)
    assert isinstance(new.kv_tokens, Band)
    assert old.kv_tokens.mid - new.kv_tokens.mid == 16


def test_lora_slots_are_as_large_as_their_matrices() -> None:
    args = args_of("--enable-lora --max-loras 2 --max-lora-rank 8")
    [slot] = lora_slots(model_of(), Parallel(), args)
    # q, o: 4096 + 4096; k, v: 4096 + 1024; gate and up share one input: 4096 + 28672; down: 14336 + 4096.
    sides = 2 * 8192 + 2 * 5120 + 32768 + 18432
    assert slot.mid == 2 * 8 * 2 * 32 * sides
    assert lora_slots(model_of(), Parallel(), args_of("")) == (Band(0.0, 0.0, 0.0),)


def test_a_known_draft_adds_its_weights() -> None:
    draft = '--speculative-config \'{"model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 3}\''
    [with_] = estimated(draft, name="Qwen/Qwen3-8B", version="0.33.0").ranks
    [without] = estimated("", name="Qwen/Qwen3-8B", version="0.33.0").ranks
    # 0.6 B parameters, the embeddings once, of two bytes.
    assert 1.0 < gib(with_.weights) - gib(without.weights) < 1.5


def test_drafts_that_are_no_models_add_nothing() -> None:
    words = '--speculative-config \'{"method": "ngram", "num_speculative_tokens": 3}\''
    assert estimated(words).ranks[0].weights == estimated("").ranks[0].weights


def test_a_share_that_leaves_no_room_for_the_sampler_is_tight() -> None:
    # Recorded: dies while the sampler warms up at 0.95, and starts at 0.90.
    words = "--max-model-len 8192 --gpu-memory-utilization"
    assert estimated(f"{words} 0.95", name="openai/gpt-oss-20b").verdict == "tight"
    assert estimated(f"{words} 0.90", name="openai/gpt-oss-20b").verdict == "fits"


def test_cards_without_measurements_have_wider_bands() -> None:
    def width(gpu: str) -> float:
        [rank] = estimated("--max-num-seqs 256 --max-num-batched-tokens 2048", "0.33.0", gpu=gpu).ranks
        parts = (rank.non_torch, rank.cuda_graphs)
        return sum(gib(part, "high") - gib(part, "low") for part in parts)

    assert width("H100-80GB@79.19GiB") < width("L40S") < width("GB10")


@pytest.mark.parametrize("version", releases())
def test_every_constant_is_known_for_every_release_card_and_number_of_ranks(version: str) -> None:
    args = args_of("", version)
    for name in {row.name for row in constants()}:
        for kind in ("hopper", "blackwell", "unified", "other"):
            for ranks in (1, 2, 3, 4, 8, 16):
                low, mid, high = constant(name, args, kind, ranks)
                assert low <= mid <= high


def test_constants_without_measurements_say_so() -> None:
    for row in constants():
        assert row.source
        assert (row.spread is None) or row.points > 0


def test_chips_that_share_the_hosts_memory_are_told_apart() -> None:
    unified = {found.name for found in cards() if card_kind(found) == "unified"}
    assert any("GB10" in name for name in unified)
    assert any("Orin" in name for name in unified)
    assert not any("RTX" in name for name in unified)


@pytest.mark.parametrize(
    ("version", "gpu", "limits"),
    [
        ("0.33.0", "B200", (1024, 16384)),
        ("0.27.1", "B200", (1024, 8192)),
        ("0.33.0", "H100-80GB", (1024, 8192)),
        ("0.33.0", "A100-80GB", (256, 2048)),
        ("0.33.0", "GB10", (256, 2048)),
        # Start-ups of 0.13.0 log 2048 tokens a step, and graphs of 256 sequences.
        ("0.13.0", "GB10", (256, 2048)),
        ("0.8.5.post1", "H100-80GB", (1024, 8192)),
        ("0.8.5.post1", "V100-32GB", (256, 32768)),
        ("0.7.3", "H100-80GB", (256, 32768)),
    ],
)
def test_batch_limits_follow_the_release_and_the_card(
    version: str, gpu: str, limits: tuple[int, int]
) -> None:
    assert budget.batch_limits(args_of("", version), card(gpu), 32768) == limits


@pytest.mark.parametrize(
    ("words", "version", "name", "tokens"),
    [
        # A start-up of 0.7.3 on an L4 logs 0.22 GiB of activations at 131072 tokens.
        ("", "0.7.3", LLAMA, 2048),
        ("--max-model-len 32768", "0.7.3", LLAMA, 32768),
        ("--no-enable-chunked-prefill", "0.8.5.post1", LLAMA, 131072),
        ("--enable-lora", "0.7.3", LLAMA, 131072),
        ("", "0.7.3", "Qwen/Qwen2.5-VL-7B-Instruct", 128000),
    ],
)
def test_the_first_engine_cuts_long_prompts_of_text_models_unasked(
    words: str, version: str, name: str, tokens: int
) -> None:
    args, model = args_of(words, version), model_of(name)
    length = max_model_len(model, args)
    assert isinstance(length, int)
    found = budget.batch_limits(args, card("V100-32GB"), length, model)
    assert isinstance(found, budget.BatchLimits)
    assert found.max_num_batched_tokens == tokens


@pytest.mark.parametrize(
    ("words", "version", "name", "counted"),
    [
        # A start-up of 0.26.0 with the second runner takes no estimate off.
        ("", "0.26.0", "Qwen/Qwen2.5-0.5B-Instruct", False),
        ("", "0.24.0", "Qwen/Qwen2.5-0.5B-Instruct", True),
        ("", "0.23.0", LLAMA, False),
        ("--quantization fp8", "0.23.0", LLAMA, True),
        ("", "0.26.0", "Qwen/Qwen3-30B-A3B", True),
        ("", "0.33.0", LLAMA, True),
    ],
)
def test_the_second_runner_left_graphs_out_of_the_budget_at_first(
    words: str, version: str, name: str, counted: bool
) -> None:
    [rank] = estimated(words, version, name).ranks
    assert (gib(rank.cuda_graphs) > 0) == counted


@pytest.mark.parametrize(
    ("name", "version", "gpu", "words", "logged"),
    [
        # Start-ups of Qwen3-VL: a buffer of a step's tokens for each of three deep stacks.
        ("Qwen/Qwen3-VL-30B-A3B-Instruct", "0.13.0", "H100-NVL", "", 58.2299),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct", "0.11.2", "RTX 3090", "-tp 4", 14.7708),
        ("Qwen/Qwen3-VL-8B-Instruct", "0.19.1", "B200", "--max-num-batched-tokens 16384", 16.97),
    ],
)
def test_deep_stacks_are_part_of_what_loading_takes(
    name: str, version: str, gpu: str, words: str, logged: float
) -> None:
    [rank] = estimated(words, version, name, gpu).ranks
    assert gib(rank.weights) == pytest.approx(logged, rel=0.001)


def test_profiling_feeds_as_many_items_as_a_step_holds_whatever_the_requests() -> None:
    # A start-up of 0.19 with two sequences logs 6 videos in 16384 tokens.
    name, words = "google/gemma-4-26B-A4B-it", "--max-num-batched-tokens 16384 --max-num-seqs"
    two, many = (estimated(f"{words} {number}", "0.19.1", name).ranks[0].activations for number in (2, 6))
    assert isinstance(two, Band)
    assert isinstance(many, Band)
    assert two.mid == pytest.approx(many.mid, rel=0.02)
    one = (
        estimated(f"{words} 1 --limit-mm-per-prompt '{{\"video\": 1}}'", "0.19.1", name).ranks[0].activations
    )
    assert gib(one) < gib(two) - 1


def test_what_the_tower_handed_out_is_kept_while_the_step_is_profiled() -> None:
    name = "Qwen/Qwen3-VL-30B-A3B-Instruct"
    [seeing] = estimated("", "0.13.0", name, "H100-NVL").ranks
    none = '--limit-mm-per-prompt \'{"image": 0, "video": 0}\''
    [reading] = estimated(none, "0.13.0", name, "H100-NVL").ranks
    # 16384 tokens of a picture, four states of 2048 numbers each; and the step's own embeddings.
    kept = 2 * 2048 * (16384 * 4) / GIB
    assert gib(seeing.activations) - gib(reading.activations) == pytest.approx(kept, abs=0.05)


def test_models_that_only_read_text_have_no_deep_stacks() -> None:
    name = "Qwen/Qwen3-VL-8B-Instruct"
    few, many = (
        gib(
            estimated(f"--language-model-only --max-num-batched-tokens {number}", "0.33.0", name)
            .ranks[0]
            .weights
        )
        for number in (2048, 16384)
    )
    assert few == many


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 2048), st.integers(1, 8), st.sampled_from(releases()))
def test_more_sequences_never_take_less(seqs: int, more: int, version: str) -> None:
    def peak(number: int) -> Band:
        limits = budget.BatchLimits(number, 8192)
        found = activations(model_of(), Parallel(), args_of("", version), card(), limits, 0)
        assert isinstance(found, Band)
        return found

    few, many = peak(seqs), peak(seqs * more)
    assert all(one <= other for one, other in zip(few, many, strict=True))


def test_the_table_is_the_one_that_its_script_writes(shared: Path, tmp_path: Path) -> None:
    script = ROOT / "scripts/tables/memory_overheads.py"
    written = tmp_path / "memory_overheads.json"
    command = [sys.executable, str(script), str(shared), "--output", str(written)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ)
    packaged = ROOT / "schemas/vllint_schemas/data/memory_overheads.json"
    assert written.read_text() == packaged.read_text()
