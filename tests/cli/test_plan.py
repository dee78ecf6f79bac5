"""`vllint plan`: layouts on given cards, ranked, and written so that `vllint check` finds them clean."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

Sizes = tuple[int, int, int]


@pytest.fixture
def planned(folder: Path, run):
    """Plan and return the JSON document."""

    def call(*arguments: str) -> dict[str, Any]:
        said = run("plan", *arguments, "--output-format", "json")
        assert said.code in (0, 1), said.err
        document: dict[str, Any] = json.loads(said.out)
        assert bool(document["layouts"]) == (said.code == 0)
        return document

    return call


def sizes(layout: dict[str, Any]) -> Sizes:
    return layout["tensor"], layout["pipeline"], layout["data"]


def fitting(document: dict[str, Any]) -> list[Sizes]:
    return [sizes(layout) for layout in document["layouts"] if layout["verdict"] == "fits"]


@pytest.mark.parametrize(
    ("words", "best"),
    [
        # "Recommended TP" on A100s of 80 GB (seed 002), and its "2x with quantization".
        ("meta-llama/Llama-2-7b-hf --gpu A100-80GB:1", (1, 1, 1)),
        ("meta-llama/Llama-2-13b-hf --gpu A100-80GB:1", (1, 1, 1)),
        ("codellama/CodeLlama-34b-hf --gpu A100-80GB:2", (2, 1, 1)),
        ("meta-llama/Llama-2-70b-hf --gpu A100-80GB:4", (4, 1, 1)),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ --gpu A100-80GB:2", (2, 1, 1)),
        # 405B "8x H100 or split across nodes": in FP8 on eight, in BF16 on two machines with eight.
        ("meta-llama/Llama-3.1-405B-Instruct-FP8 --gpu H100:8 --max-model-len 8192", (8, 1, 1)),
        ("meta-llama/Llama-3.1-405B-Instruct --gpu H100:8 --nodes 2 --max-model-len 8192", (8, 2, 1)),
        # "Max throughput" of the 8B on four A100s (seed 003).
        ("meta-llama/Meta-Llama-3-8B --gpu A100-80GB:4", (1, 1, 4)),
    ],
)
def test_the_best_layouts_are_those_of_the_published_tables(planned, words: str, best: Sizes) -> None:
    document = planned(*shlex.split(words))
    assert sizes(document["layouts"][0]) == best
    assert document["layouts"][0]["verdict"] == "fits"


def test_405b_in_bf16_fits_no_eight_cards_of_80_gb_whatever_the_table_says(planned) -> None:
    """Seed 003 has it need "8 x 80GB GPUs": 810 GB of weights are 101 GB a card."""
    document = planned("meta-llama/Llama-3.1-405B", "--gpu", "H100:8", "--max-model-len", "8192")
    assert document["layouts"] == []
    assert 20 < document["shortage"]["missing_gib"] < 40
    assert any("16 x H100" in way for way in document["remedies"])


def test_70b_on_eight_cards_of_80_gb_takes_two_copies_of_four_not_four_of_two(planned) -> None:
    """Seed 003 takes the least TP that holds the weights, 2: there is next to no room left for requests."""
    document = planned("meta-llama/Meta-Llama-3-70B", "--gpu", "H100:8")
    by_sizes = {sizes(layout): layout for layout in document["layouts"]}
    assert sizes(document["layouts"][0]) == (4, 1, 2)
    room = by_sizes[4, 1, 2]["max_concurrency"]["mid"]
    narrow = by_sizes.get((2, 1, 4))
    assert narrow is None or 2 * room > 4 * 4 * narrow["max_concurrency"]["mid"]


def test_the_three_layouts_of_the_8b_on_four_cards_trade_copies_for_context(planned) -> None:
    """The table of seed 003: default (TP 4), balanced (2 x 2), max throughput (DP 4)."""
    words = ("meta-llama/Meta-Llama-3-8B", "--gpu", "A100-80GB:4")
    layouts = {sizes(one): one for one in planned(*words)["layouts"]}
    tokens = [layouts[one]["kv_tokens"]["mid"] for one in ((1, 1, 4), (2, 1, 2), (4, 1, 1))]
    assert tokens == sorted(tokens)
    assert sizes(planned(*words, "--goal", "latency")["layouts"][0]) == (4, 1, 1)
    first = planned(*words, "--goal", "context")["layouts"][0]
    assert first["kv_tokens"]["mid"] == max(one["kv_tokens"]["mid"] for one in layouts.values())


@pytest.mark.parametrize(
    ("model", "largest"),
    [
        ("Qwen/Qwen2.5-0.5B", 2),
        ("Qwen/Qwen2.5-1.5B-Instruct", 4),
        ("Qwen/Qwen2.5-7B-Instruct", 4),
        ("Qwen/Qwen2.5-32B-Instruct", 8),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 8),
    ],
)
def test_the_largest_tensor_parallel_size_is_open_r1_s(planned, model: str, largest: int) -> None:
    """Seed 000: from 8 GPUs down until heads and 64 are both divided."""
    document = planned(model, "--gpu", "H100:8", "--max-model-len", "4096", "-pp", "1", "-dp", "1")
    assert max(tensor for tensor, _, _ in fitting(document)) == largest


def test_64_need_not_be_divided_whatever_open_r1_says(planned) -> None:
    """Vocabularies are padded to multiples of 64, which 3 may divide: vLLM 0.33.0 builds this model."""
    document = planned("HuggingFaceTB/SmolLM2-135M", "--gpu", "L4:3", "-pp", "1", "-dp", "1")
    assert (3, 1, 1) in fitting(document)


def test_no_gpu_stays_idle_that_a_copy_could_use(planned) -> None:
    """Seed 003's mistake of a 7B on four A10G with one in use."""
    document = planned("mistralai/Mistral-7B-v0.1", "--gpu", "A10G:4", "--max-model-len", "8192")
    assert document["layouts"][0]["gpus_idle"] == 0
    single = next(one for one in document["layouts"] if sizes(one) == (1, 1, 1))
    assert single["gpus_idle"] == 3
    assert "3 GPUs idle" in single["reasons"]
    assert all(tensor * pipeline * data <= 4 for tensor, pipeline, data in map(sizes, document["layouts"]))


def test_refused_layouts_come_with_the_arithmetic(planned) -> None:
    document = planned("Qwen/Qwen2.5-7B-Instruct", "--gpu", "H100:8", "--max-model-len", "8192")
    [three] = [one for one in document["refused"] if sizes(one) == (3, 1, 1)]
    assert "28 attention heads / 3 = 9.333 is not whole" in three["reasons"]
    assert not any(tensor in (3, 5, 6, 7, 8) for tensor, _, _ in map(sizes, document["layouts"]))


MODELS = (
    "Qwen/Qwen3-8B --gpu L4:4 --max-model-len 16384",
    "Qwen/Qwen3-8B --gpu L40S:1",
    "Qwen/Qwen3-30B-A3B --gpu H100:4 --max-model-len 32768",
    "Qwen/Qwen3-32B --gpu A100-80GB:4 --kv-cache-dtype fp8",
    "deepseek-ai/DeepSeek-R1 --gpu H200:8 --max-model-len 32768",
    "google/gemma-2-9b --gpu L4:2",
    "Qwen/Qwen3-VL-30B-A3B-Instruct --gpu H100:2 --max-model-len 32768 --goal latency",
    "meta-llama/Llama-3.3-70B-Instruct --gpu H100:8 --vllm-version 0.19.0 --max-model-len 8k",
)


@pytest.mark.parametrize("words", MODELS)
@pytest.mark.parametrize(("form", "file"), [("command", "run.sh"), ("compose", "compose.yaml")])
def test_check_finds_nothing_wrong_with_what_plan_writes(
    folder: Path, run, words: str, form: str, file: str
) -> None:
    said = run("plan", *shlex.split(words), "--format", form)
    assert (said.code, said.err) == (0, "")
    (folder / file).write_text(said.out)
    given = shlex.split(words)
    options = [given[given.index("--gpu") + 1]] if form == "command" else []
    version = ["--vllm-version", "0.19.0"] if "--vllm-version" in given and form == "command" else []
    checked = run("check", file, *(["--gpu", *options] if options else []), *version)
    assert (checked.code, "in 1 launch" in checked.out) == (0, True), checked.out
    assert "error[" not in checked.out
    assert "warning[" not in checked.out


@pytest.mark.parametrize(
    "words", ["Qwen/Qwen3-8B --gpu L4:4 --max-model-len 16384", "Qwen/Qwen3-32B --gpu H100:2"]
)
def test_check_finds_nothing_wrong_with_the_endpoint_that_plan_writes(folder: Path, run, words: str) -> None:
    said = run("plan", *shlex.split(words), "--format", "endpoint")
    assert (said.code, said.err) == (0, "")
    payload = json.loads(said.out)
    assert payload["compute"]["instanceType"] in {"nvidia-l4", "nvidia-h100"}
    (folder / "endpoint.json").write_text(said.out)
    checked = run("check", "endpoint.json")
    assert (checked.code, "in 1 launch" in checked.out) == (0, True), checked.out


def test_a_format_that_cannot_say_it_is_refused(folder: Path, run) -> None:
    two = ("meta-llama/Llama-3.1-405B-Instruct", "--gpu", "H100:8", "--nodes", "2", "--max-model-len", "8192")
    said = run("plan", *two, "--format", "compose")
    assert (said.code, said.out) == (2, "")
    assert "takes 2" in said.err
    said = run("plan", "Qwen/Qwen3-8B", "--gpu", "V100-32GB", "--format", "endpoint", "--dtype", "half")
    assert said.code == 2
    assert "has no machine with `V100-32GB`" in said.err


def test_two_machines_get_a_command_each_that_differ_in_their_rank(folder: Path, run) -> None:
    two = ("meta-llama/Llama-3.1-405B-Instruct", "--gpu", "H100:8", "--nodes", "2", "--max-model-len", "8192")
    first, second = run("plan", *two, "--format", "command").out.splitlines()
    assert "--node-rank 0" in first
    assert second == first.replace("--node-rank 0", "--node-rank 1") + " --headless"
    assert run("check", "-c", first, "--gpu", "H100:8").code == 0


def test_cards_of_two_kinds_are_judged_by_the_smallest_and_not_mixed_if_they_need_not(planned) -> None:
    document = planned("Qwen/Qwen3-32B", "--gpu", "L40S:2", "--gpu", "A100-80GB:2", "--max-model-len", "8192")
    layouts = {sizes(one): one for one in document["layouts"]}
    assert layouts[2, 1, 1]["gpu"].startswith("A100")
    assert layouts[4, 1, 1]["gpu"].startswith("L40S")
    assert "cards differ" in layouts[4, 1, 1]["reasons"]
    assert sizes(document["layouts"][0]) == (2, 1, 1)


def test_what_others_use_of_a_card_lowers_the_share_that_vllm_takes(folder: Path, run, planned) -> None:
    words = ("Qwen/Qwen3-8B", "--gpu", "H100:1", "--max-model-len", "8192")
    free, used = planned(*words), planned(*words, "--gpu-used", "20GiB")
    assert used["layouts"][0]["kv_tokens"]["mid"] < free["layouts"][0]["kv_tokens"]["mid"]
    command = used["layouts"][0]["commands"][0]
    assert "--gpu-memory-utilization 0.73" in command
    said = run("plan", *words, "--gpu-used", "20GiB", "--gpu-memory-utilization", "0.9")
    assert said.code == 2
    assert "0.73 is free" in said.err
    assert run("plan", *words, "--gpu-used", "90GiB").code == 2
    assert "not a size" in run("plan", *words, "--gpu-used", "much").err


def test_sizes_that_the_user_gives_are_kept_and_not_said_twice(planned) -> None:
    document = planned("Qwen/Qwen3-30B-A3B", "--gpu", "H100:8", "-tp", "2", "-ep", "--max-model-len", "8192")
    assert {one["tensor"] for one in document["layouts"]} == {2}
    assert all(one["expert"] for one in document["layouts"])
    assert all("--tensor-parallel-size" not in one["commands"][0] for one in document["layouts"])


def test_what_is_too_large_says_by_how_much_and_what_would_do(folder: Path, run) -> None:
    said = run("plan", "meta-llama/Llama-3.1-8B", "--gpu", "L4:1")
    assert said.code == 1
    assert "nothing fits" in said.out
    assert "one request of full length takes 16.0 GiB of KV cache" in said.out
    assert "would do: `--max-model-len " in said.out
    assert "would do: 1 x L40S" in said.out
    length = said.out.partition("`--max-model-len ")[2].partition("`")[0]
    assert run("plan", "meta-llama/Llama-3.1-8B", "--gpu", "L4:1", "--max-model-len", length).code == 0


def test_what_is_not_known_is_exit_2_with_suggestions(folder: Path, run) -> None:
    said = run("plan", "Qwen/Qwen3-9B", "--gpu", "H100:2")
    assert said.code == 2
    assert "`Qwen/Qwen3-8B`" in said.err
    assert "did you mean `H100 SXM 80GB`" in run("plan", "Qwen/Qwen3-8B", "--gpu", "H100x").err
    assert "40 or 80 GB" in run("plan", "Qwen/Qwen3-8B", "--gpu", "A100:2").err
    assert run("plan", "Qwen/Qwen3-8B", "--gpu", "MI300X:8").code == 2
    assert run("plan", "Qwen/Qwen3-8B").code == 2
    assert run("plan", "--gpu", "L4").code == 2


def test_a_model_that_only_its_config_describes_is_planned_from_that(folder: Path, run) -> None:
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        "torch_dtype": "bfloat16",
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    said = run("plan", "own/model", "--gpu", "L40S:2", "--model-config", "config.json")
    assert said.code == 0
    assert said.out.endswith("vllm serve own/model --data-parallel-size 2\n")


def test_options_that_vllm_refuses_are_no_matter_of_layouts(folder: Path, run) -> None:
    said = run("plan", "Qwen/Qwen3-8B", "--gpu", "L40S:2", "--max-model-len", "8192", "--goals", "latency")
    assert said.code == 1
    assert "vLLM refuses every layout" in said.out
    assert "--goals" in said.out


def test_settings_that_call_advice_an_error_refuse_nothing(folder: Path, run) -> None:
    (folder / "vllint.toml").write_text('[severity]\nPAR026 = "error"\nPRF001 = "error"\n')
    said = run("plan", "Qwen/Qwen2.5-72B-Instruct", "--gpu", "L40S:8", "-tp", "8", "--max-model-len", "8192")
    assert said.code == 0


def test_nvlink_and_pcie_are_told_apart(folder: Path, run) -> None:
    words = ("Qwen/Qwen2.5-72B-Instruct", "--max-model-len", "8192")
    assert "L40S has no NVLink" in run("plan", *words, "--gpu", "L40S:8").out
    assert "H100 has NVLink" in run("plan", *words, "--gpu", "H100:8").out


def test_secrets_among_the_options_are_not_shown(folder: Path, run) -> None:
    words = ("Qwen/Qwen3-8B", "--gpu", "L40S", "--max-model-len", "8192", "--api-key", "sekret-value-1")
    for form in ([], ["--format", "command"], ["--format", "compose"], ["--output-format", "json"]):
        said = run("plan", *words, *form)
        assert said.code == 0
        assert "sekret" not in said.out + said.err
