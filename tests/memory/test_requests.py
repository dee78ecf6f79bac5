"""What a request needs under options and architectures of their own kinds, against the real vLLM 0.33.0."""

from __future__ import annotations

import pytest

from vllint.hardware.cards import find_card
from vllint.memory.estimate import estimate_memory
from vllint.memory.global_heads import global_heads
from vllint.memory.pooling import pools
from vllint.models.catalogue import find_model
from vllint.models.config import facts_from_config
from vllint.vllm.engine_args import engine_args
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import GIB, EngineArgs, EntryPoint, Gpu, MemoryEstimate, ModelFacts, Unknown, Word
from vllint_schemas.parallel import Parallel

MODEL = "meta-llama/Llama-3.1-8B-Instruct"


def args_of(*words: str, release: str = "0.33.0") -> EngineArgs:
    argv = tuple(Word.verbatim(word, "case", 0) for word in words)
    return engine_args(argv, EntryPoint.SERVE, release)


def estimated(card: str, *words: str) -> MemoryEstimate:
    model, gpu, args = find_model(MODEL), find_card(card), args_of(MODEL, *words)
    layout = parallel_sizes(args)
    assert model is not None and isinstance(gpu, Gpu) and isinstance(layout, Parallel)
    memory = estimate_memory(model, layout, args, gpu)
    assert not isinstance(memory, Unknown)
    return memory


def test_an_automatic_length_is_the_models_own_where_that_surely_fits() -> None:
    memory = estimated("H100-80GB", "--max-model-len", "auto")
    assert memory.max_model_len == 131072
    assert memory.ranks[0].kv_needed == 16 * GIB


def test_an_automatic_length_is_not_known_where_the_models_own_does_not_fit() -> None:
    assert isinstance(estimated("L4", "--max-model-len", "auto").max_model_len, Unknown)


def test_numbers_of_four_bits_take_a_sixteenth_of_a_byte_more_for_their_scales() -> None:
    # The oracle's page of a layer: 18432 bytes of 16 tokens, 4.5 GiB for 131072 tokens.
    memory = estimated("H200", "--kv-cache-dtype", "nvfp4")
    assert memory.ranks[0].kv_needed == 4.5 * GIB


@pytest.mark.parametrize(
    ("architecture", "words", "expected"),
    [
        ("Gemma3TextModel", (), True),
        ("MistralModel", (), False),
        ("Qwen3ForSequenceClassification", (), True),
        ("Qwen3ForCausalLM", (), False),
        ("Qwen3ForCausalLM", ("--runner", "pooling"), True),
        ("Qwen3ForCausalLM", ("--convert", "embed"), True),
        ("Gemma3TextModel", ("--runner", "generate"), False),
    ],
)
def test_embedding_architectures_pool_unless_their_class_generates(
    architecture: str, words: tuple[str, ...], expected: bool
) -> None:
    facts = ModelFacts("m", "name", architecture=architecture)
    assert pools(facts, args_of("m", *words)) is expected


def test_a_decoder_that_listens_caches_what_it_hears_of_a_whole_step() -> None:
    config = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "d_model": 384,
        "decoder_layers": 4,
        "encoder_layers": 4,
        "decoder_attention_heads": 6,
        "encoder_attention_heads": 6,
        "decoder_ffn_dim": 1536,
        "encoder_ffn_dim": 1536,
        "num_hidden_layers": 4,
        "max_target_positions": 448,
        "vocab_size": 51865,
    }
    model, gpu = facts_from_config("m", config, "local"), find_card("H200@5000GiB")
    assert isinstance(model, ModelFacts) and isinstance(gpu, Gpu)
    memory = estimate_memory(model, Parallel(), args_of("m", "--max-num-batched-tokens", "16384"), gpu)
    assert not isinstance(memory, Unknown)
    # 28 blocks of the decoder's own 448 tokens, 1024 of the encoder's, 24576 bytes a layer.
    assert memory.ranks[0].kv_needed == (28 + 1024) * 4 * 24576


def request_gib(name: str, release: str, card: str, *words: str) -> float:
    """Return what one request of full length needs on the first rank."""
    model, gpu, args = find_model(name), find_card(card), args_of(name, *words, release=release)
    layout = parallel_sizes(args)
    assert model is not None and isinstance(gpu, Gpu) and isinstance(layout, Parallel)
    memory = estimate_memory(model, layout, args, gpu)
    assert not isinstance(memory, Unknown)
    needed = memory.ranks[0].kv_needed
    assert isinstance(needed, float)
    return needed / GIB


@pytest.mark.parametrize(
    ("name", "release", "card", "words", "logged"),
    [
        # vllm-project/vllm#49878: windows are charged for two steps since 0.26.
        ("google/gemma-4-31B-it", "0.25.1", "RTX PRO 6000", "--max-num-batched-tokens 32768", 45.79),
        ("google/gemma-4-31B-it", "0.26.0", "RTX PRO 6000", "--max-num-batched-tokens 32768", 70.79),
        # Start-ups: KV cache over concurrency.
        (
            "google/gemma-4-26B-A4B-it",
            "0.19.1",
            "RTX 5090",
            "--max-model-len 256000 --max-num-batched-tokens 16384 --kv-cache-dtype fp8",
            7.15 / 1.74,
        ),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "0.10.2", "H200", "-tp 2", 44.59 / 14.77),
        (
            "Qwen/Qwen3-Next-80B-A3B-Instruct",
            "0.13.0",
            "L40S",
            "-tp 2 --max-model-len 32768 --kv-cache-dtype fp8 --enable-prefix-caching",
            17.58 / 84.29,
        ),
    ],
)
def test_a_request_needs_what_start_ups_of_the_release_logged(
    name: str, release: str, card: str, words: str, logged: float
) -> None:
    assert request_gib(name, release, card, *words.split()) == pytest.approx(logged, rel=0.003)


def test_windows_are_charged_for_one_step_where_none_is_scheduled_ahead() -> None:
    words = ("--max-num-batched-tokens", "32768")
    name, card = "google/gemma-4-31B-it", "RTX PRO 6000"
    before = request_gib(name, "0.25.1", card, *words)
    assert request_gib(name, "0.26.0", card, *words, "--no-async-scheduling") == before
    assert request_gib(name, "0.26.0", card, *words) > before


@pytest.mark.parametrize(
    ("total", "heads"), [(31_273_086_512, 4), (25_805_933_872 + 10**9, None), (None, None)]
)
def test_heads_of_full_layers_are_solved_from_the_total_or_not_known(
    total: int | None, heads: int | None
) -> None:
    model = find_model("google/gemma-4-31B-it")
    assert model is not None
    found = global_heads(model._replace(params_total=total))
    assert isinstance(found, Unknown) if heads is None else found == (heads, 512)
