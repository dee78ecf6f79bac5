"""The KV cache of a draft model of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import split

import pytest

from vllint.hardware.cards import find_card
from vllint.memory.estimate import estimate_memory
from vllint.models.catalogue import find_model
from vllint.vllm.engine_args import engine_args
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import GIB, EntryPoint, Unknown, Word
from vllint_schemas.parallel import Parallel


def needed(
    name: str,
    words: str = "",
    draft: Mapping[str, object] | None = None,
    version: str = "0.33.0",
    card: str = "H100-80GB",
) -> list[float]:
    """Return what a request needs on each stage, where a `draft` is asked for or not."""
    said = f"--max-model-len 32768 {words}"
    if draft is not None:
        said += f" --speculative-config '{json.dumps({'num_speculative_tokens': 3, **draft})}'"
    found = tuple(Word.verbatim(word, "c", 0) for word in split(f"model {said}"))
    args = engine_args(found, EntryPoint.SERVE, version)
    model, gpu, parallel = find_model(name), find_card(card), parallel_sizes(args)
    assert model is not None and not isinstance(gpu, Unknown) and isinstance(parallel, Parallel)
    memory = estimate_memory(model, parallel, args, gpu)
    assert not isinstance(memory, Unknown)
    return [rank.kv_needed for rank in memory.ranks if not isinstance(rank.kv_needed, Unknown)]


SMALL = {"model": "Qwen/Qwen3-0.6B"}


def test_a_drafts_layers_cache_beside_the_models() -> None:
    [plain] = needed("Qwen/Qwen3-8B")
    [drafted] = needed("Qwen/Qwen3-8B", draft=SMALL)
    [draft] = needed("Qwen/Qwen3-0.6B")
    assert drafted == pytest.approx(plain + draft)


def test_they_stand_on_the_last_stage() -> None:
    words = "--pipeline-parallel-size 2"
    first, last = needed("Qwen/Qwen3-8B", words, SMALL)
    assert first == needed("Qwen/Qwen3-8B", words)[0]
    assert last - first == pytest.approx(needed("Qwen/Qwen3-0.6B")[0])


def test_a_draft_that_is_not_divided_caches_whole_heads() -> None:
    words = "--tensor-parallel-size 2"
    [divided] = needed("Qwen/Qwen3-8B", words, SMALL)
    [whole] = needed("Qwen/Qwen3-8B", words, {**SMALL, "draft_tensor_parallel_size": 1})
    assert whole - divided == pytest.approx(needed("Qwen/Qwen3-0.6B")[0] / 2)


@pytest.mark.parametrize("draft", [{"method": "ngram"}, {"model": "acme/nobody-knows"}], ids=str)
def test_drafts_without_a_known_cache_add_none(draft: dict[str, object]) -> None:
    assert needed("Qwen/Qwen3-8B", draft=draft) == needed("Qwen/Qwen3-8B")


def test_blocks_of_a_hybrid_are_those_of_its_pages_for_the_draft_too() -> None:
    """A log of 0.27.1 on two cards says that 16.01 GiB hold 1.83 requests of 204800 tokens."""
    words = "--tensor-parallel-size 2 --max-model-len 204800 --kv-cache-dtype bfloat16"
    draft = {"method": "dflash", "model": "z-lab/Qwen3.8-27B-DFlash2", "num_speculative_tokens": 7}
    [drafted] = needed("Frozenlock/Qwen3.8-27B-int4-AutoRound", words, draft, "0.27.1", "RTX 5090")
    assert drafted / GIB == pytest.approx(16.01 / 1.83, rel=0.05)
