"""`vllint plan`: layouts on given cards, ranked, and written so that `vllint check` finds them clean."""

from __future__ import annotations

import json
import re
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


def test_some_of_several_kinds_of_cards_are_chosen_by_their_numbers(folder: Path, run) -> None:
    words = ("Qwen/Qwen3-32B", "--gpu", "L40S:2", "--gpu", "A100-80GB:2", "--max-model-len", "8192")
    command = run("plan", *words, "--format", "command").out
    assert command.startswith("CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=2,3 vllm serve ")
    compose = run("plan", *words, "--format", "compose").out
    assert 'device_ids: ["2", "3"]' in compose
    (folder / "compose.yaml").write_text(compose)
    assert run("check", "compose.yaml").code == 0
    (folder / "run.sh").write_text(command)
    assert run("check", "run.sh", "--gpu", "A100-80GB:4").code == 0
    assert "CUDA_VISIBLE_DEVICES" not in run("plan", *words, "-tp", "4", "--format", "command").out
    said = run("plan", *words, "-tp", "4", "--format", "endpoint")
    assert said.code == 2
    assert "no machine with cards of several kinds" in said.err


def test_a_layout_without_room_for_a_request_at_worst_says_so(planned) -> None:
    document = planned("Qwen/Qwen3-8B", "--gpu", "L4:1", "--max-model-len", "16384")
    for one in document["layouts"]:
        hopeless = one["max_concurrency"]["low"] < 1
        assert ("at worst no room for one request" in one["reasons"]) == hopeless


def test_layouts_that_differ_in_copies_are_listed_once(folder: Path, run) -> None:
    said = run("plan", "meta-llama/Llama-3.1-405B", "--gpu", "H100:8", "--max-model-len", "8192")
    assert "  do not fit  TP 1; DP 2 to 8; PP 2; PP 2 x DP 2 to 4; " in said.out


def test_the_table_is_wrapped_to_the_terminal(folder: Path, on_terminal, plain) -> None:
    words = ("plan", "Qwen/Qwen3-32B", "--gpu", "L40S:4", "--max-model-len", "16384")
    said = plain(on_terminal(*words, environment={"COLUMNS": "120"}))
    assert max(len(line) for line in said.splitlines() if not line.startswith("vllm serve")) <= 120
    assert "exchanges in every layer" in said


def test_commands_for_several_machines_say_what_their_variable_holds(folder: Path, run) -> None:
    words = ("meta-llama/Llama-3.1-405B", "--gpu", "H100:8", "--nodes", "2", "--max-model-len", "8192")
    said = run("plan", *words)
    assert "# one for each machine; HEAD_ADDRESS is the address of the first\nvllm serve" in said.out


def test_what_others_use_of_a_card_lowers_the_share_that_vllm_takes(folder: Path, run, planned) -> None:
    words = ("Qwen/Qwen3-8B", "--gpu", "H100:1", "--max-model-len", "8192")
    free, used = planned(*words), planned(*words, "--gpu-used", "20GiB")
    assert used["layouts"][0]["kv_tokens"]["mid"] < free["layouts"][0]["kv_tokens"]["mid"]
    command = used["layouts"][0]["commands"][0]
    assert "--gpu-memory-utilization 0.73" in command
    told = run("plan", *words, "--gpu-used", "20GiB").out
    assert "used        20.0 GiB of each H100, so that vLLM may take 0.73 of it at most" in told
    assert "used  " not in run("plan", *words).out
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


def test_what_vllm_refuses_is_said_even_where_nothing_fits(folder: Path, run) -> None:
    said = run("plan", "Qwen/Qwen3-8B", "--gpu", "RTX4090:7", "--max-model-len", "1000000")
    assert said.code == 1
    assert "vLLM refuses every layout" in said.out
    assert "1,000,000 tokens are more than the 40,960" in said.out
    assert "would do" not in said.out


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
    assert (said.code, said.out) == (2, "")
    assert "has no option `--goals`" in said.err


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


def test_where_states_of_many_requests_are_too_much_fewer_requests_would_do(folder: Path, run) -> None:
    words = ("Qwen/Qwen3.5-27B", "--gpu", "H100-80GB:1", "--max-model-len", "65536")
    shown = run("plan", *words).out
    assert "blocks for the states of 1,024 requests" in shown
    [fewer] = re.findall(r"would do: `--max-num-seqs (\d+)` with TP 1", shown)
    assert run("plan", *words, "--max-num-seqs", fewer).code == 0
