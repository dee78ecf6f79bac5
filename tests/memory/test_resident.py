"""What stays on the card beside parameters, against logs of real start-ups and buffers that vLLM builds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.hardware.cards import find_card
from vllint.memory.estimate import estimate_memory
from vllint.memory.resident import allocated
from vllint.memory.rotary import rotary_elements
from vllint.models.catalogue import find_model
from vllint.vllm.engine_args import engine_args
from vllint.vllm.options import nearest
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import GIB, EngineArgs, EntryPoint, Gpu, Unknown, Word
from vllint_schemas.parallel import Parallel

MIB = 2**20


def args_of(*words: str, release: str = "0.19.0") -> EngineArgs:
    argv = tuple(Word.verbatim(word, "case", 0) for word in words)
    return engine_args(argv, EntryPoint.SERVE, nearest(release)[0])


def loaded(model_id: str, *words: str, release: str) -> float:
    model, card = find_model(model_id), find_card("H100-80GB")
    args = args_of(model_id, *words, release=release)
    layout = parallel_sizes(args)
    assert model is not None and isinstance(card, Gpu) and isinstance(layout, Parallel)
    memory = estimate_memory(model, layout, args, card)
    assert not isinstance(memory, Unknown)
    return memory.ranks[0].weights.mid / GIB


@pytest.mark.parametrize(
    ("model", "words", "release", "logged"),
    [
        ("Qwen/Qwen3-32B", ("-tp", "8"), "0.10.0", 7.6871),
        ("Qwen/Qwen2.5-14B-Instruct", ("-tp", "2"), "0.6.1.post1", 13.928),
        ("Qwen/Qwen2.5-72B-Instruct", ("-tp", "4", "-pp", "2"), "0.7.3", 16.9956),
        ("meta-llama/Llama-3.1-8B-Instruct", (), "0.9.0", 14.9889),
        ("NousResearch/Llama-2-13b-chat-hf", (), "0.9.2", 24.2841),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", (), "0.12.0", 56.9342),
    ],
)
def test_loading_takes_what_logs_say_to_half_a_per_mille(
    model: str, words: tuple[str, ...], release: str, logged: float
) -> None:
    assert loaded(model, *words, release=release) == pytest.approx(logged, rel=0.0005)


def test_a_tensor_of_a_mebibyte_less_than_its_segment_takes_all_of_it() -> None:
    assert allocated([259 * MIB]) == 260 * MIB


def test_a_segment_is_split_where_more_than_a_mebibyte_is_left() -> None:
    assert allocated([24.5 * MIB]) == 24.5 * MIB


def test_tensors_below_ten_mebibytes_share_segments_of_twenty() -> None:
    assert allocated([8 * MIB, 8 * MIB, 3.5 * MIB]) == 20 * MIB


@given(st.lists(st.integers(1, 2**31), max_size=60))
def test_tensors_take_at_least_their_size_and_at_most_a_mebibyte_more_each(sizes: list[int]) -> None:
    taken = allocated(sizes)
    assert sum(sizes) <= taken <= sum(sizes) + MIB * len(sizes)


@pytest.mark.parametrize(
    ("model", "elements"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 131072 * 128),
        ("Qwen/Qwen3-8B", 40960 * 128),
        ("openai-community/gpt2", 0),
    ],
)
def test_rotary_tables_hold_a_row_for_each_position(model: str, elements: int) -> None:
    facts = find_model(model)
    assert facts is not None
    assert rotary_elements(facts, args_of(model)) == elements
