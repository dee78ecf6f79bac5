"""The memory arithmetic: line by line, and against what the real vLLM built and needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.hardware.cards import find_card
from vllint.memory import budget
from vllint.memory.estimate import estimate_memory, known_card, max_model_len
from vllint.memory.rank_budget import from_best, rank_budget
from vllint.memory.stages import layers_per_stage
from vllint.models.config import facts_from_config
from vllint.vllm.engine_args import engine_args
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import (
    GIB,
    Band,
    EngineArgs,
    EntryPoint,
    Gpu,
    Located,
    MemoryEstimate,
    ModelFacts,
    RankMemory,
    Unknown,
    Word,
)
from vllint_schemas.parallel import Parallel

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": False,
}
# Counted by hand: two vocabulary tables, 32 layers of q, k, v, o, gate, up, down and two norms, one norm.
LLAMA_PARAMETERS = (
    2 * 128256 * 4096 + 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336 + 2 * 4096) + 4096
)


def args_of(words: str | list[str], release: str = "0.33.0") -> EngineArgs:
    texts = words.split() if isinstance(words, str) else words
    argv = tuple(Word.verbatim(text, "c", 0) for text in texts)
    return engine_args(argv, EntryPoint.SERVE, release)


def llama(**changes: Any) -> ModelFacts:
    facts = facts_from_config("llama", {**LLAMA, **changes}, "local")
    assert isinstance(facts, ModelFacts)
    return facts


def card(name: str) -> Gpu:
    found = find_card(name)
    assert isinstance(found, Gpu)
    return found


def estimated(words: str, gpu: str = "test@80GiB", release: str = "0.33.0", **changes: Any) -> MemoryEstimate:
    args = args_of(f"llama {words}", release)
    layout = parallel_sizes(args)
    assert isinstance(layout, Parallel)
    found = estimate_memory(llama(**changes), layout, args, card(gpu))
    assert isinstance(found, MemoryEstimate)
    return found


def known(value: Band | Unknown) -> Band:
    assert isinstance(value, Band)
    return value


def test_parameters_are_what_a_hand_count_gives() -> None:
    [rank] = estimated("").ranks
    assert rank.parameters == 2 * LLAMA_PARAMETERS
    assert rank.weights.low < 2 * LLAMA_PARAMETERS < rank.weights.high


def test_quantizing_experts_alone_leaves_a_dense_model_as_it_is() -> None:
    [plain], [asked] = estimated("").ranks, estimated("--quantization experts_int8").ranks
    assert asked.parameters == plain.parameters


def test_tensor_parallelism_divides_everything_but_the_norms() -> None:
    norms = (32 * 2 + 1) * 4096
    [rank] = estimated("-tp 8").ranks
    assert rank.parameters == 2 * ((LLAMA_PARAMETERS - norms) / 8 + norms)


def test_stages_add_up_to_the_whole() -> None:
    for stages in (2, 3, 5):
        ranks = estimated(f"-pp {stages}").ranks
        assert [rank.name for rank in ranks] == [f"pp{number}" for number in range(stages)]
        assert sum(rank.parameters for rank in ranks) == 2 * LLAMA_PARAMETERS


def test_float32_doubles_the_weights_and_the_cache() -> None:
    [half], [full] = estimated("").ranks, estimated("--dtype float32").ranks
    assert full.parameters == 2 * half.parameters
    assert full.kv_needed / 2 == half.kv_needed  # type: ignore[operator]


def test_the_budget_is_the_cards_memory_times_the_utilization() -> None:
    for words, share in (("", 0.92), ("--gpu-memory-utilization 0.5", 0.5)):
        [rank] = estimated(words).ranks
        assert known(rank.budget).mid == pytest.approx(80 * GIB * share)
    [older] = estimated("", release="0.10.2").ranks
    assert known(older.budget).mid == pytest.approx(80 * GIB * 0.9)


def test_what_is_free_for_the_cache_is_what_the_other_lines_leave() -> None:
    [rank] = estimated("").ranks
    parts = [rank.weights, known(rank.activations), known(rank.non_torch), known(rank.cuda_graphs)]
    total, free = known(rank.budget), known(rank.kv)
    assert free.mid == pytest.approx(total.mid - sum(part.mid for part in parts))
    doubts = [total.mid - total.low, *(part.high - part.mid for part in parts)]
    assert free.low == pytest.approx(free.mid - sum(doubt**2 for doubt in doubts) ** 0.5)
    assert free.high == pytest.approx(total.high - sum(part.low for part in parts))


def test_each_column_of_the_budget_adds_up() -> None:
    memory = estimated("")
    [rank] = memory.ranks
    total, *parts, left = (
        known(from_best(line))
        for line in rank_budget(rank, memory)
        if not line.name.startswith("one request")
    )
    for bound in range(3):
        assert left[bound] == pytest.approx(total[bound] - sum(part[bound] for part in parts))
    assert left == Band(*reversed(known(rank.kv)))


def test_every_band_is_in_order() -> None:
    for words in ("", "-tp 2", "-pp 2", "--enforce-eager", "--max-num-seqs 1"):
        for rank in estimated(words).ranks:
            bands = (rank.weights, rank.budget, rank.activations, rank.non_torch, rank.cuda_graphs, rank.kv)
            for band in map(known, bands):
                assert band.low <= band.mid <= band.high


def test_a_tokens_cache_is_keys_and_values_of_each_layers_heads_in_whole_blocks_of_16() -> None:
    per_token = 2 * 8 * 128 * 32 * 2
    for words, divisor in (("", 1), ("-tp 2", 2), ("-tp 8", 8), ("--kv-cache-dtype fp8", 2)):
        [rank] = estimated(f"{words} --max-model-len 1000").ranks
        assert rank.kv_needed == 1008 * per_token / divisor, words


def test_kv_heads_are_copied_beyond_their_number() -> None:
    eight, sixteen = estimated("-tp 8").ranks, estimated("-tp 16").ranks
    assert eight[0].kv_needed == sixteen[0].kv_needed


def test_decode_context_parallelism_divides_the_cache() -> None:
    [whole], [half] = estimated("-tp 16").ranks, estimated("-tp 16 -dcp 2").ranks
    assert half.kv_needed == whole.kv_needed / 2  # type: ignore[operator]


def test_a_checkpoint_made_for_an_fp8_cache_gets_one() -> None:
    quantization = {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}
    [plain], [packed] = estimated("").ranks, estimated("", quantization_config=quantization).ranks
    assert packed.kv_needed == plain.kv_needed / 2  # type: ignore[operator]
    [asked] = estimated("--kv-cache-dtype bfloat16", quantization_config=quantization).ranks
    assert asked.kv_needed == plain.kv_needed


@pytest.mark.parametrize(
    ("words", "gpu", "verdict"),
    [
        ("", "test@80GiB", "fits"),
        ("", "test@12GiB", "does_not_fit"),
        ("-tp 4", "test@12GiB", "fits"),
        ("-pp 4", "test@12GiB", "fits"),
        ("-dp 4", "test@12GiB", "does_not_fit"),
        ("--max-model-len 8192 --gpu-memory-utilization 0.1", "test@80GiB", "does_not_fit"),
        ("--cpu-offload-gb 12", "test@12GiB", "fits"),
        ("-q fp8", "test@16GiB", "fits"),
    ],
)
def test_the_verdict_follows_from_the_sizes(words: str, gpu: str, verdict: str) -> None:
    found = estimated(f"--max-num-seqs 8 --max-model-len 2048 --enforce-eager {words}", gpu)
    assert found.verdict == verdict or (verdict == "fits" and found.verdict == "tight")


def test_a_context_too_long_for_the_cache_does_not_fit() -> None:
    assert estimated("--max-model-len 8192", "test@24GiB").verdict in {"fits", "tight"}
    # A million tokens at 128 KiB each take 122 GiB.
    found = estimated("--max-model-len 1000000", "test@80GiB")
    assert found.verdict == "does_not_fit"


def test_more_memory_never_makes_a_launch_fit_less() -> None:
    order = ["does_not_fit", "tight", "fits"]
    verdicts = [order.index(str(estimated("", f"test@{size}GiB").verdict)) for size in range(10, 60, 2)]
    assert verdicts == sorted(verdicts)
    assert {0, 2} <= set(verdicts)


def test_without_a_card_the_weights_and_the_cache_needed_are_known() -> None:
    args = args_of("llama")
    found = estimate_memory(llama(), Parallel(), args, Unknown("no card"))
    assert isinstance(found, MemoryEstimate)
    assert isinstance(found.verdict, Unknown)
    [rank] = found.ranks
    assert rank.parameters == 2 * LLAMA_PARAMETERS
    assert rank.kv_needed == 8192 * 2 * 8 * 128 * 32 * 2
    assert isinstance(rank.budget, Unknown)
    assert isinstance(rank.kv, Unknown)


@pytest.mark.parametrize(
    "words",
    [
        "--dtype ?",
        "--quantization ?",
        "--kv-cache-dtype ?",
        "--gpu-memory-utilization ?",
        "--max-model-len ?",
    ],
)
def test_an_unknown_option_never_gives_a_verdict(words: str) -> None:
    flag = words.split()[0]
    whole = Word.unknown("`$X` is not set", Word.verbatim("?", "c", 0).site)
    argv = (Word.verbatim("llama", "c", 0), Word.verbatim(flag, "c", 0), whole)
    args = engine_args(argv, EntryPoint.SERVE, "0.33.0")
    found = estimate_memory(llama(), Parallel(), args, card("test@80GiB"))
    assert isinstance(found, Unknown) or isinstance(found.verdict, Unknown)


def test_a_card_that_is_not_nvidias_is_not_judged() -> None:
    amd = card("MI300X")
    assert isinstance(known_card(Located(amd)), Unknown)
    assert isinstance(known_card(Unknown("why")), Unknown)
    assert known_card(Located(card("H100-80GB"))) == card("H100-80GB")


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 16))
def test_layers_are_dealt_out_evenly_the_last_stage_never_the_most(layers: int, stages: int) -> None:
    counts = layers_per_stage(layers, stages)
    assert sum(counts) == layers
    assert max(counts) - min(counts) <= 1
    assert counts[-1] == min(counts)


class Recorded(NamedTuple):
    """A rank that the real vLLM built, beside our estimate of it."""

    id: str
    real: dict[str, Any]
    ours: RankMemory
    derived: bool


@cache
def recorded(folder: Path) -> tuple[Recorded, ...]:
    """Return every rank of which both the record and we know the size."""
    return tuple(_recorded(folder))


def _recorded(folder: Path) -> Iterator[Recorded]:
    lines = (folder / "oracle/verdicts/configs.jsonl").read_text().splitlines()
    configs = {entry["config_id"]: entry for entry in map(json.loads, lines)}
    facts = {name: facts_from_config(name, entry["config"], "local") for name, entry in configs.items()}
    for line in (folder / "oracle/verdicts/b1.jsonl").read_text().splitlines():
        case = json.loads(line)
        model = facts[case["config_id"]]
        if case["suspect"] or isinstance(model, Unknown) or not case["verdict"].get("ranks"):
            continue
        args = args_of([word for word in case["argv"] if word not in {"vllm", "serve"}])
        layout = parallel_sizes(args)
        assert isinstance(layout, Parallel)
        found = estimate_memory(model, layout, args, card("H100-80GB"))
        if isinstance(found, Unknown):
            continue
        ours = {rank.name: rank for rank in found.ranks}
        for name, rank in case["verdict"]["ranks"].items():
            yield Recorded(
                f"{case['id']} {name}", rank, ours[name], bool(configs[case["config_id"]]["derived"])
            )


def within(ranks: list[Recorded], share: float) -> float:
    """Return the part of the ranks whose parameters are as near as `share` to the record."""
    near = [
        rank
        for rank in ranks
        if abs(rank.ours.parameters - rank.real["param_bytes"]) <= share * rank.real["param_bytes"]
    ]
    return len(near) / len(ranks)


def test_most_parameter_bytes_are_those_that_vllm_builds(shared: Path) -> None:
    ranks = list(recorded(shared))
    assert len(ranks) > 1400
    assert within(ranks, 0.001) >= 0.61
    assert within(ranks, 0.01) >= 0.73


def test_published_checkpoints_without_pipeline_stages_are_counted_better(shared: Path) -> None:
    ranks = [
        rank for rank in recorded(shared) if not rank.derived and "pp0" in rank.id and "-pp" not in rank.id
    ]
    ranks = [
        rank for rank in ranks if "|pp" not in rank.id and "VL" not in rank.id and "gemma-3" not in rank.id
    ]
    assert within(ranks, 0.001) >= 0.7
    assert within(ranks, 0.01) >= 0.8


def test_the_record_never_lies_outside_the_band_of_the_weights(shared: Path) -> None:
    outside = [
        (rank.id, rank.ours.weights, rank.real["param_bytes"])
        for rank in recorded(shared)
        if not rank.ours.weights.low <= rank.real["param_bytes"] * 1.0001
        or not rank.ours.weights.high >= rank.real["param_bytes"] * 0.9999
    ]
    assert outside == []


def test_the_cache_needed_is_the_recorded_one_wherever_it_is_claimed_to_be_known(shared: Path) -> None:
    claimed = [rank for rank in recorded(shared) if "kv_needed_for_max_len_gib" in rank.real]
    claimed = [rank for rank in claimed if not isinstance(rank.ours.kv_needed, Unknown)]
    assert len(claimed) > 800
    wrong = []
    for rank in claimed:
        ours, real = rank.ours.kv_needed, rank.real["kv_needed_for_max_len_gib"]
        assert isinstance(ours, float | int)
        # The record is rounded to four digits.
        if abs(ours / GIB - real) > 0.002 * real + 0.00005:
            wrong.append((rank.id, ours / GIB, real))
    assert wrong == []


def test_the_context_length_is_the_recorded_one(shared: Path) -> None:
    lines = (shared / "oracle/verdicts/configs.jsonl").read_text().splitlines()
    configs = {entry["config_id"]: entry["config"] for entry in map(json.loads, lines)}
    compared = 0
    for line in (shared / "oracle/verdicts/b1.jsonl").read_text().splitlines():
        case = json.loads(line)
        resolved = case["verdict"].get("resolved")
        model = facts_from_config("m", configs[case["config_id"]], "local")
        if case["suspect"] or not resolved or isinstance(model, Unknown):
            continue
        args = args_of([word for word in case["argv"] if word not in {"vllm", "serve"}])
        assert max_model_len(model, args) == resolved["max_model_len"], case["id"]
        compared += 1
    assert compared > 1000


@pytest.mark.parametrize("name", ["b1.jsonl", "b2.jsonl"])
def test_batch_limits_are_the_recorded_ones(shared: Path, name: str) -> None:
    compared = 0
    for line in (shared / "oracle/verdicts" / name).read_text().splitlines():
        case = json.loads(line)
        resolved = case["verdict"].get("resolved")
        gpu = find_card(case["gpu_name"])
        if case["suspect"] or not resolved or isinstance(gpu, Unknown) or "mamba" in case.get("family", ""):
            continue
        args = args_of([word for word in case["argv"] if word not in {"vllm", "serve"}])
        found = budget.batch_limits(args, gpu)
        assert found == (resolved["max_num_seqs"], resolved["max_num_batched_tokens"]), case["id"]
        compared += 1
    assert compared > 100


def test_a_block_that_holds_nothing_is_no_size() -> None:
    [rank] = estimated("--block-size 0").ranks
    assert isinstance(rank.kv_needed, Unknown)
