"""Captured graphs: how many, in whose share, and what several ranks exchange within them."""

from __future__ import annotations

from shlex import split

import pytest

from vllint.hardware.cards import find_card
from vllint.memory.budget import batch_limits
from vllint.memory.estimate import estimate_memory, least_beside
from vllint.memory.graphs import captured_graphs, uncounted_graphs
from vllint.models.catalogue import find_model
from vllint.vllm.engine_args import engine_args
from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import GIB, EngineArgs, EntryPoint, Gpu, ModelFacts, Unknown, Word
from vllint_schemas.parallel import Parallel


def args_of(words: str, version: str) -> EngineArgs:
    return engine_args(
        tuple(Word.verbatim(word, "c", 0) for word in split(f"model {words}")), EntryPoint.SERVE, version
    )


def card(name: str) -> Gpu:
    found = find_card(name)
    assert not isinstance(found, Unknown)
    return found


def model_of(name: str) -> ModelFacts:
    found = find_model(name)
    assert found is not None
    return found


def parallel_of(args: EngineArgs) -> Parallel:
    found = parallel_sizes(args)
    assert isinstance(found, Parallel)
    return found


def count(words: str, version: str, gpu: str = "H100-80GB") -> int:
    args = args_of(words, version)
    limits = batch_limits(args, card(gpu), 8192)
    assert not isinstance(limits, Unknown)
    return round(captured_graphs(args, card(gpu), limits) * 102)


@pytest.mark.parametrize(
    ("words", "version", "graphs"),
    [
        ("", "0.7.3", 35),
        ("", "0.9.2", 67),
        ("--max-num-seqs 1", "0.9.2", 67),
        ("--max-num-seqs 256", "0.10.2", 67),
        ("--max-num-seqs 8", "0.10.2", 5),
        ("--max-num-seqs 256", "0.19.1", 51 + 35),
    ],
    ids=["first engine", "all sizes", "whatever the requests", "by requests", "few", "full ones"],
)
def test_as_many_graphs_are_captured_as_the_releases_logs_count(
    words: str, version: str, graphs: int
) -> None:
    assert count(words, version) == graphs


def uncounted(words: str, version: str, gpu: str = "A10G") -> float:
    args = args_of(words, version)
    limits = batch_limits(args, card(gpu), 8192)
    assert not isinstance(limits, Unknown)
    model = model_of("Qwen/Qwen3-30B-A3B")
    return uncounted_graphs(model, parallel_of(args), args, card(gpu), limits).mid / GIB


def test_graphs_stand_beside_the_share_before_they_are_counted_in_it() -> None:
    assert uncounted("", "0.19.1") > 0.5
    assert uncounted("", "0.20.2") == uncounted("--enforce-eager", "0.19.1") == 0


def test_a_stage_of_a_pipeline_captures_graphs_of_its_own_layers_whatever_joins_the_cards() -> None:
    model = model_of("Qwen/Qwen3-30B-A3B")
    for gpu in (card("H100-80GB")._replace(nvlink=joined) for joined in (True, False)):
        whole, stage = (
            least_beside(model, Parallel(pipeline=stages), args_of("", "0.19.1"), gpu) for stages in (1, 4)
        )
        assert isinstance(whole, float) and isinstance(stage, float)
        assert stage < whole


def test_many_ranks_hold_what_they_exchange_within_graphs() -> None:
    one, four = (uncounted(f"--tensor-parallel-size {ranks}", "0.8.5.post1") for ranks in (1, 4))
    assert 1.0 < four - one < 2.0


def test_a_launch_whose_graphs_the_rest_of_the_card_does_not_hold_is_tight() -> None:
    """Of Qwen3-30B-A3B on four A10 a log of 0.8.5 tells that it runs out of memory unless eager."""
    verdicts = []
    for words in ("", " --enforce-eager"):
        args = args_of(
            f"--tensor-parallel-size 4 --max-model-len 1024 --max-num-seqs 1{words}", "0.8.5.post1"
        )
        found = estimate_memory(model_of("Qwen/Qwen3-30B-A3B"), parallel_of(args), args, card("A10G"))
        assert not isinstance(found, Unknown)
        verdicts.append(found.verdict)
    assert verdicts == ["tight", "fits"]
