"""`vllint plan` against what four documents say of layouts, row by row, and where they are wrong and why.

- vLLM's wiki, heuristic "Tensor Parallel Configuration": recommended TP by size on A100s of 80 GB.
- Hugging Face Inference Endpoints, "vLLM" (f836156): sizes, the table of Llama 3 8B on 4 x A100, mistakes.
- open-r1 `src/open_r1/utils/hub.py`, get_gpu_count_for_vllm: GPUs from the number of heads.
- gpustack `policies/candidate_selectors/vllm_resource_fit_selector.py`: the least GPUs that hold the weights.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vllint.models.catalogue import model_ids

Sizes = tuple[int, int, int]
Planned = Callable[..., dict[str, Any]]

FALCON_180B = {
    "architectures": ["FalconForCausalLM"],
    "model_type": "falcon",
    "alibi": False,
    "bias": False,
    "hidden_size": 14848,
    "num_attention_heads": 232,
    "num_hidden_layers": 80,
    "num_kv_heads": 8,
    "multi_query": True,
    "new_decoder_architecture": True,
    "parallel_attn": True,
    "torch_dtype": "bfloat16",
    "vocab_size": 65024,
}
"""The config.json of tiiuae/falcon-180B, of which the catalogue has no size."""


@pytest.fixture
def planned(folder: Path, run) -> Planned:
    """Plan a command line and return the JSON document."""
    (folder / "falcon.json").write_text(json.dumps(FALCON_180B))

    def call(words: str) -> dict[str, Any]:
        said = run("plan", *shlex.split(words), "--output-format", "json", "--isolated")
        assert said.code in (0, 1), said.err
        document: dict[str, Any] = json.loads(said.out)
        return document

    return call


def sizes(layout: dict[str, Any]) -> Sizes:
    return layout["tensor"], layout["pipeline"], layout["data"]


def verdicts(document: dict[str, Any]) -> dict[Sizes, str]:
    return {sizes(one): one["verdict"] for one in (*document["layouts"], *document["refused"])}


RECOMMENDED = [
    ("meta-llama/Llama-2-7b-hf", 1, 1),
    ("meta-llama/Llama-2-13b-hf", 1, 1),
    ("codellama/CodeLlama-34b-hf", 2, 2),
    ("meta-llama/Llama-2-70b-hf", 4, 4),
    ("Qwen/Qwen2.5-72B-Instruct-AWQ", 2, 2),
    ("tiiuae/falcon-180B --model-config falcon.json", 8, 8),
]
"""Model, number of A100s of 80 GB, recommended TP: "7B ... 180B", and "2x with quantization"."""


@pytest.mark.parametrize(("model", "cards", "tensor"), RECOMMENDED)
def test_the_recommended_tensor_parallel_sizes_are_the_best(
    planned: Planned, model: str, cards: int, tensor: int
) -> None:
    [first, *_] = planned(f"{model} --gpu A100-80GB:{cards} -pp 1 -dp 1")["layouts"]
    assert (sizes(first), first["verdict"]) == ((tensor, 1, 1), "fits")


def test_70b_in_16_bits_needs_more_than_two_cards_with_room_for_users(planned: Planned) -> None:
    """The wiki's "4x A100 (or 2x with quantization)" is for serving; the endpoints' "2 x 80GB" just starts.

    140 GB of weights on 2 x 79.3 GiB leave the KV cache less than a tenth of what four cards do.
    """
    model = "meta-llama/Meta-Llama-3-70B"
    assert verdicts(planned(f"{model} --gpu A100-80GB:1"))[1, 1, 1] == "does_not_fit"
    [four] = planned(f"{model} --gpu A100-80GB:4 -tp 4")["layouts"]
    assert four["verdict"] == "fits"
    [two] = planned(f"{model} --gpu A100-80GB:2 -tp 2")["layouts"]
    assert two["verdict"] in {"fits", "tight"}
    assert two["kv_tokens"]["mid"] < four["kv_tokens"]["mid"] / 10


def test_34b_does_not_fit_one_card_with_its_context(planned: Planned) -> None:
    """The wiki's "34B: 2" at the model's own context of 16,384 tokens: one card may not do."""
    found = planned("codellama/CodeLlama-34b-hf --gpu A100-80GB:1")
    two = planned("codellama/CodeLlama-34b-hf --gpu A100-80GB:2")
    room = {sizes(one): one["max_concurrency"]["mid"] for one in (*found["layouts"], *two["layouts"])}
    assert room[2, 1, 1] > 6 * room[1, 1, 1]


def test_405b_takes_eight_cards_in_fp8_and_two_machines_in_16_bits(planned: Planned) -> None:
    """Both documents say "8": "405B: 8+, 8x H100 or split across nodes" and "8 x 80GB GPUs -> TP 8".

    In 16 bits 810 GB over 8 cards are 94 GiB a card, of which vLLM takes 73: eight cards hold FP8 only.
    """
    bits16 = "meta-llama/Llama-3.1-405B-Instruct --max-model-len 8192"
    eight = planned(f"{bits16} --gpu H100:8")
    assert eight["layouts"] == []
    assert 20 < eight["shortage"]["missing_gib"] < 40
    assert any("16 x H100" in way for way in eight["remedies"])
    sixteen = planned(f"{bits16} --gpu H100:8 --nodes 2")["layouts"]
    assert (sizes(sixteen[0]), sixteen[0]["nodes"], sixteen[0]["verdict"]) == ((8, 2, 1), 2, "fits")
    fp8 = planned("meta-llama/Llama-3.1-405B-Instruct-FP8 --max-model-len 8192 --gpu H100:8")["layouts"]
    assert (sizes(fp8[0]), fp8[0]["verdict"]) == ((8, 1, 1), "fits")


@pytest.mark.parametrize("card", ["A10G", "A100-80GB"])
def test_an_8b_in_16_bits_fits_one_card(planned: Planned, card: str) -> None:
    """Endpoints: "~16GB -> fits on 1 GPU", also on one of 24 GB."""
    assert verdicts(planned(f"meta-llama/Meta-Llama-3-8B --gpu {card}:1"))[1, 1, 1] in {"fits", "tight"}


def test_the_throughput_table_of_the_8b_on_four_cards(planned: Planned) -> None:
    """Endpoints: default (TP 4), balanced (TP 2 x DP 2), max throughput (DP 4), and what each trades."""
    words = "meta-llama/Meta-Llama-3-8B --gpu A100-80GB:4"
    document = planned(words)
    layouts = {sizes(one): one for one in document["layouts"]}
    rows = [(1, 1, 4), (2, 1, 2), (4, 1, 1)]
    assert all(layouts[row]["verdict"] == "fits" and layouts[row]["gpus_idle"] == 0 for row in rows)
    assert sizes(document["layouts"][0]) == (1, 1, 4)
    scores = [layouts[row]["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    tokens = [layouts[row]["kv_tokens"]["mid"] for row in rows]
    assert tokens == sorted(tokens)
    assert sizes(planned(f"{words} --goal latency")["layouts"][0]) == (4, 1, 1)
    assert planned(f"{words} --goal context")["layouts"][0]["kv_tokens"]["mid"] == max(
        one["kv_tokens"]["mid"] for one in document["layouts"]
    )


def test_70b_on_eight_h100_takes_two_copies_of_four_cards_not_four_of_two(planned: Planned) -> None:
    """Endpoints: "minimum 2 -> TP 2, DP 4". That leaves each copy next to no room for requests."""
    document = planned("meta-llama/Meta-Llama-3-70B --gpu H100:8")
    assert sizes(document["layouts"][0]) == (4, 1, 2)
    layouts = {sizes(one): one for one in document["layouts"]}
    narrow = layouts.get((2, 1, 4))
    assert narrow is None or narrow["max_concurrency"]["mid"] * 8 < layouts[4, 1, 2]["max_concurrency"]["mid"]


MISTAKES = {
    "TP=1, DP=1 for 7B on 4 x A10G": (
        "mistralai/Mistral-7B-v0.1 --gpu A10G:4 --max-model-len 8192",
        (1, 1, 1),
    ),
    "TP=1 for 70B on single 80GB GPU": ("meta-llama/Meta-Llama-3-70B --gpu A100-80GB:1", (1, 1, 1)),
    "TP=2, DP=4 on 4 x A10G": ("mistralai/Mistral-7B-v0.1 --gpu A10G:4 --max-model-len 8192", (2, 1, 4)),
    "TP=3, DP=1 on 4 x A10G": ("mistralai/Mistral-7B-v0.1 --gpu A10G:4 --max-model-len 8192", (3, 1, 1)),
}
"""The endpoints' table of common mistakes."""


def test_the_common_mistakes_are_told(planned: Planned) -> None:
    """TP 3 is worse than the table says: it does not leave a GPU idle, vLLM refuses it for 32 heads."""
    idle, large, many, odd = (planned(words) for words, _ in MISTAKES.values())
    single = next(one for one in idle["layouts"] if sizes(one) == (1, 1, 1))
    assert single["gpus_idle"] == 3
    assert idle["layouts"][0]["gpus_idle"] == 0
    assert verdicts(large)[1, 1, 1] == "does_not_fit"
    assert (2, 1, 4) not in verdicts(many)
    [three] = [one for one in odd["refused"] if sizes(one) == (3, 1, 1)]
    assert "32 attention heads / 3 = 10.67 is not whole" in three["reasons"]


OPEN_R1 = [
    ("Qwen/Qwen2.5-0.5B", 14, 2),
    ("Qwen/Qwen2.5-1.5B-Instruct", 12, 4),
    ("Qwen/Qwen2.5-7B-Instruct", 28, 4),
    ("Qwen/Qwen2.5-14B-Instruct", 40, 8),
    ("Qwen/Qwen2.5-32B-Instruct", 40, 8),
    ("meta-llama/Llama-3.3-70B-Instruct", 64, 8),
]
"""Model, its heads, and the GPUs that open-r1 takes of eight."""


@pytest.mark.parametrize(("model", "heads", "gpus"), OPEN_R1)
def test_open_r1_s_allocation_is_the_largest_legal_tensor_parallel_size(
    planned: Planned, model: str, heads: int, gpus: int
) -> None:
    """Its loop: from 8 down until heads and 64 are whole multiples."""
    allocated = next(size for size in range(8, 0, -1) if heads % size == 0 and 64 % size == 0)
    assert allocated == gpus
    document = planned(f"{model} --gpu H100:8 --max-model-len 4096 -pp 1 -dp 1")
    assert max(one["tensor"] for one in document["layouts"] if one["verdict"] == "fits") == gpus


def test_64_need_not_be_a_multiple_and_the_30b_threshold_is_none(planned: Planned) -> None:
    """open-r1's 64 is not vLLM's: 3 divides 9 heads, and the vocabulary that is padded to 49,152 rows.

    "Below 30B two GPUs do" is not memory's either: a 0.5B fills one small card, a 14B does not fit one.
    """
    assert (3, 1, 1) in verdicts(planned("HuggingFaceTB/SmolLM2-135M --gpu L4:3 -pp 1 -dp 1"))
    assert verdicts(planned("Qwen/Qwen2.5-0.5B --gpu L4:1"))[1, 1, 1] == "fits"
    assert verdicts(planned("Qwen/Qwen2.5-14B-Instruct --gpu L4:1"))[1, 1, 1] == "does_not_fit"


def claim(weights_gib: float) -> float:
    """gpustack's claim of a model on all its GPUs together, in GiB: a fifth more than its files, and 2."""
    return weights_gib * 1.2 + 2


GPUSTACK = [
    ("Qwen/Qwen2.5-7B-Instruct", 14.2, "L4", 22.5),
    ("Qwen/Qwen3-32B", 61.0, "L40S", 44.4),
    ("meta-llama/Llama-3.3-70B-Instruct", 131.4, "H100", 79.2),
]
"""Model, GiB of its files, card, GiB of the card: what gpustack would need of a machine with eight."""


@pytest.mark.parametrize(("model", "files", "card", "memory"), GPUSTACK)
def test_gpustack_s_least_number_of_cards_holds_a_short_context(
    planned: Planned, model: str, files: float, card: str, memory: float
) -> None:
    """It takes the least legal TP whose share of 0.9 holds the claim; context and copies are not in it."""
    least = next(count for count in (1, 2, 4, 8) if count * memory * 0.9 >= claim(files))
    document = planned(f"{model} --gpu {card}:{least} -tp {least} --max-model-len 2048")
    assert verdicts(document)[least, 1, 1] in {"fits", "tight"}


def test_gpustack_knows_no_context(planned: Planned) -> None:
    """One L4 has the 20.1 GiB that it claims for an 8B in 16 bits, but not the KV cache of 131,072 tokens."""
    assert claim(15.0) <= 22.5 * 0.9
    assert verdicts(planned("meta-llama/Llama-3.1-8B --gpu L4:1"))[1, 1, 1] == "does_not_fit"
    assert verdicts(planned("meta-llama/Llama-3.1-8B --gpu L4:1 --max-model-len 8192"))[1, 1, 1] != (
        "does_not_fit"
    )


def test_gpustack_s_machines_of_a_multi_node_candidate_are_alike(planned: Planned) -> None:
    """Its rules for several workers: as many GPUs in each, each with its share free, TP within one."""
    found = planned("Qwen/Qwen3-32B --gpu L40S:2 --nodes 2 --max-model-len 8192")
    over_both = [one for one in found["layouts"] if one["nodes"] == 2]
    assert over_both
    assert all(one["tensor"] <= 2 and one["gpus_needed"] in (2, 4) for one in over_both)


def test_the_seeds_models_are_known() -> None:
    known = {model.lower() for model in model_ids()}
    named = {model.partition(" ")[0].lower() for model, *_ in (*RECOMMENDED, *OPEN_R1, *GPUSTACK)}
    assert named <= known
