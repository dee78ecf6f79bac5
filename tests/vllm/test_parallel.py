"""Sizes of parallelism, against what vLLM resolved them to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vllint.vllm.parallel import parallel_sizes
from vllint_schemas import EngineArgs, Unknown
from vllint_schemas.parallel import Parallel

Understand = Callable[..., EngineArgs]


@pytest.mark.parametrize(
    ("words", "expected", "here"),
    [
        ("", Parallel(), 1),
        ("-tp 4", Parallel(tensor=4), 4),
        ("-tp 2 -pp 3", Parallel(tensor=2, pipeline=3), 6),
        ("-tp 2 -dp 4", Parallel(tensor=2, data=4, data_local=4), 8),
        ("-tp 8 -dp 4 --data-parallel-size-local 1", Parallel(tensor=8, data=4, data_local=1), 8),
        ("-dp 4 --data-parallel-rank 1", Parallel(data=4, data_local=1), 1),
        ("-dp 4 --data-parallel-rank 0", Parallel(data=4, data_local=1), 1),
        ("-dp 4 --data-parallel-external-lb", Parallel(data=4, data_local=1), 1),
        ("-dp 2 -ep", Parallel(data=2, data_local=2, expert=True), 2),
        ("-tp 8 --nnodes 2", Parallel(tensor=8, nodes=2), 4),
    ],
)
def test_options_give_a_layout(serve: Understand, words: str, expected: Parallel, here: int) -> None:
    found = parallel_sizes(serve(f"Q/x {words}"))
    assert found == expected
    assert isinstance(found, Parallel) and found.gpus_needed_here == here


@pytest.mark.parametrize(
    "words",
    ["-tp ?", "-dp ?", "-pp=?", "*", "--? 2", "-tp 0", "-tp -1", "--data-parallel-rank ?", "-tp two"],
)
def test_a_layout_of_which_a_size_is_not_known_is_not_known(serve: Understand, words: str) -> None:
    assert isinstance(parallel_sizes(serve(f"Q/x {words}")), Unknown)


def test_a_release_without_data_parallelism_has_one_replica(serve: Understand) -> None:
    assert parallel_sizes(serve("Q/x -tp 2", "0.4.3")) == Parallel(tensor=2)


@pytest.mark.parametrize("name", ["b1.jsonl", "b2.jsonl", "b3.jsonl"])
def test_the_layout_is_what_vllm_resolved(serve: Understand, shared: Path, name: str) -> None:
    compared = 0
    for line in (shared / "oracle/verdicts" / name).read_text().splitlines():
        case = json.loads(line)
        resolved = case["verdict"].get("resolved")
        if not resolved or any(word.startswith("--config") for word in case["argv"]):
            continue
        args = serve([word for word in case["argv"] if word not in {"vllm", "serve"}])
        found = parallel_sizes(args)
        assert isinstance(found, Parallel), case["id"]
        ours = (found.tensor, found.pipeline, found.data, found.data_local, found.expert)
        assert ours == tuple(resolved[key] for key in ("tp", "pp", "dp", "dp_local", "ep")), case["id"]
        compared += 1
    assert compared > 200
