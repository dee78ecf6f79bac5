"""Which layout a launch could take instead, and the fix that gives it."""

from __future__ import annotations

import pytest

from vllint.engine import Assumptions, judge_source
from vllint.facts import LaunchFacts
from vllint.fix import apply_fixes
from vllint.hardware.resolve import stated_machine
from vllint.layouts import (
    best_layout,
    describe,
    fitting_instances,
    fitting_tensor_parallel,
    layout_fix,
    memory_verdict,
)
from vllint.settings import Settings
from vllint.text.source import SourceText
from vllint.vllm.legality import resized, tensor_parallel_obstacles
from vllint_schemas import Applicability, Origin
from vllint_schemas.parallel import Parallel

SMALL = "Qwen/Qwen2.5-7B-Instruct"  # 28 heads, 4 KV heads, 15 GB
LARGE = "meta-llama/Llama-3.1-70B-Instruct"  # 64 heads, 8 KV heads, 141 GB


def facts_of(line: str, gpu: str | None, path: str = "run.sh") -> LaunchFacts:
    machines = () if gpu is None else (stated_machine(gpu, Origin.COMMAND_LINE, "gpu"),)
    source = SourceText(path, line)
    [facts] = judge_source(source, lambda name: None, (), Settings(), Assumptions(machines)).launches
    return facts


@pytest.mark.parametrize(
    ("words", "gpu", "tensor", "data"),
    [
        (f"{SMALL} -tp 8", "H100-80GB:8", 1, 8),
        (f"{SMALL} -tp 1", "A10G:4", 1, 4),
        (f"{LARGE} -tp 1", "H100-80GB:8", 4, 2),
        (f"{LARGE} -tp 3", "H100-80GB:4", 4, 1),
        (f"{SMALL} -tp 3", "A10G:3", 1, 3),
        (f"{SMALL} -tp 8 -dcp 2", "H100-80GB:8", 2, 4),
        ("Qwen/Qwen3-30B-A3B -tp 3 -ep", "H100-80GB:8", 1, 8),
    ],
)
def test_all_gpus_are_used_with_the_least_tensor_parallelism_that_fits(
    words: str, gpu: str, tensor: int, data: int
) -> None:
    facts = facts_of(f"vllm serve {words}\n", gpu)
    found = best_layout(facts, facts.gpu_count.value)
    assert found is not None
    assert (found.tensor, found.data) == (tensor, data)
    assert tensor_parallel_obstacles(facts.model, found) == ()


@pytest.mark.parametrize(
    ("words", "gpu"),
    [(f"{LARGE} -tp 1", "A10G:2"), (f"{SMALL} -pp 3", "H100-80GB:2"), ("no/such-model -tp 3", "H100-80GB:2")],
)
def test_where_nothing_fits_there_is_no_layout(words: str, gpu: str) -> None:
    facts = facts_of(f"vllm serve {words}\n", gpu)
    assert best_layout(facts, facts.gpu_count.value) is None


def test_of_an_unknown_model_only_the_number_of_copies_changes() -> None:
    facts = facts_of("vllm serve no/such-model -tp 3\n", "H100-80GB:8")
    found = best_layout(facts, 8)
    assert found is not None
    assert (found.tensor, found.data) == (3, 2)


@pytest.mark.parametrize(("tensor", "expected"), [(1, (1, 6)), (2, (2, 3)), (4, (4, 1)), (5, (4, 1))])
def test_without_known_memory_no_rank_gets_more_than_it_has(tensor: int, expected: tuple[int, int]) -> None:
    facts = facts_of(f"# vllint: gpu=MI300X:6\nvllm serve {SMALL} -tp {tensor}\n", None)
    found = best_layout(facts, 6)
    assert found is not None
    assert (found.tensor, found.data) == expected


@pytest.mark.parametrize(
    "words", ["-dp 4 --data-parallel-size-local 1", "-dp 4 --data-parallel-rank 0", "-dp 2 --nnodes 2"]
)
def test_replicas_dealt_out_to_machines_stay_as_they_are(words: str) -> None:
    facts = facts_of(f"vllm serve {SMALL} -tp 8 {words}\n", "H100-80GB:8")
    found = best_layout(facts, 8)
    assert found is not None
    assert (found.data, found.data_local) == (facts.parallel.data, facts.parallel.data_local)
    assert found.gpus_needed_here <= 8


def test_a_release_without_data_parallelism_gets_one_copy() -> None:
    facts = facts_of(f"pip install vllm==0.6.6.post1\nvllm serve {SMALL} -tp 8\n", "H100-80GB:8")
    found = best_layout(facts, 8)
    assert found is not None
    assert (found.tensor, found.data) == (4, 1)


def test_stages_and_experts_are_kept() -> None:
    facts = facts_of(f"vllm serve {SMALL} -tp 8 -pp 2 -ep\n", "H100-80GB:8")
    found = best_layout(facts, 8)
    assert found is not None
    assert (found.pipeline, found.expert) == (2, True)


def test_a_fix_writes_only_the_sizes_that_change() -> None:
    text = f"vllm serve {SMALL} -tp 8\n"
    facts = facts_of(text, "H100-80GB:8")
    fix = layout_fix(facts, resized(facts.parallel, 4, 2))
    assert fix is not None and fix.applicability is Applicability.UNSAFE
    changed = apply_fixes({"run.sh": text}, (fix,)).texts["run.sh"]
    assert changed == f"vllm serve {SMALL} -tp 4 --data-parallel-size 2\n"
    only = layout_fix(facts, resized(facts.parallel, 4))
    assert only is not None
    assert apply_fixes({"run.sh": text}, (only,)).texts["run.sh"] == f"vllm serve {SMALL} -tp 4\n"


def test_a_fix_that_changes_nothing_is_none() -> None:
    facts = facts_of(f"vllm serve {SMALL} -tp 2\n", "H100-80GB:2")
    assert layout_fix(facts, facts.parallel) is None
    assert layout_fix(facts, None) is None


def test_words_that_cannot_be_edited_give_advice() -> None:
    facts = facts_of(f"N=8\ndocker run --gpus $N vllm/vllm-openai {SMALL} -tp $N\n", "H100-80GB")
    fix = layout_fix(facts, resized(facts.parallel, 4, 2))
    assert fix is not None
    assert (fix.applicability, fix.edits) == (Applicability.DISPLAY, ())


def test_a_layout_is_described_in_words() -> None:
    assert describe(Parallel()) == "1 copy of the model on 1 GPU"
    assert describe(Parallel(tensor=4)) == "1 copy of the model on 4 GPUs"
    assert describe(Parallel(tensor=2, pipeline=2, data=3)) == "3 copies of the model on 4 GPUs each"
    assert describe(Parallel(data=2)) == "2 copies of the model on 1 GPU each"


def test_the_least_size_that_fits_is_legal_and_fits() -> None:
    facts = facts_of(f"vllm serve {LARGE}\n", "A100-80GB:8")
    rooms = fitting_tensor_parallel(facts)
    assert rooms
    for room in rooms:
        layout = resized(facts.parallel, room.tensor, 1)
        assert memory_verdict(facts, layout) == room.verdict
        assert tensor_parallel_obstacles(facts.model, layout) == ()
    assert rooms[-1].tensor in {4, 8}
    # 141 GB of weights take more than one card of 80 GiB, and more than two that also hold a cache.
    assert rooms[0].tensor > 1


def test_no_size_fits_a_card_that_is_far_too_small() -> None:
    assert fitting_tensor_parallel(facts_of(f"vllm serve {LARGE}\n", "tiny@4GiB:8")) == ()


def test_a_card_known_by_its_memory_alone_is_judged() -> None:
    facts = facts_of(f"vllm serve {SMALL}\n", "mine@48GiB:2")
    assert memory_verdict(facts, facts.parallel) == "fits"
    assert memory_verdict(facts_of(f"vllm serve {SMALL}\n", "mine@8GiB:2"), facts.parallel) == "does_not_fit"


def test_instances_that_hold_the_model_come_cheapest_first() -> None:
    facts = facts_of(f"vllm serve {LARGE}\n", "A10G:4")
    found = fitting_instances(facts)
    assert found
    prices = [entry.instance.price_usd_hour for entry in found if entry.instance.price_usd_hour is not None]
    assert prices == sorted(prices)
    for entry in found:
        assert entry.tensor == entry.instance.gpu_count
        assert tensor_parallel_obstacles(facts.model, resized(facts.parallel, entry.tensor, 1)) == ()
