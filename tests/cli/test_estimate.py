"""`vllint estimate`: the memory of a command line by line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from vllint import check_command

SCHEMA = Path(__file__).parents[2] / "schemas/vllint_schemas/data/report.schema.json"


def cells(text: str, name: str) -> list[float]:
    """The numbers of a row: at best, likely, at worst."""
    [line] = [line for line in text.splitlines() if re.match(rf"  (?:[-=] |  )?{re.escape(name)}  ", line)]
    return [
        float(number.replace(",", "")) for number in re.findall(r"[\d,]+(?:\.\d+)?(?= GiB|\s|$)", line)[-3:]
    ]


COMMAND = "vllm serve Qwen/Qwen3-8B --max-model-len 8192"


@pytest.mark.parametrize(
    "words",
    [
        (COMMAND,),
        tuple(COMMAND.split()),
        tuple(COMMAND.split()[1:]),
        tuple(COMMAND.split()[2:]),
        ("--max-model-len", "8192", "--model", "Qwen/Qwen3-8B"),
        ("docker run --gpus all vllm/vllm-openai:v0.33.0 --model Qwen/Qwen3-8B --max-model-len 8192",),
    ],
)
def test_a_command_may_be_text_or_words_or_a_model_with_options(folder: Path, run, words) -> None:
    said = run("estimate", *words, "--gpu", "L40S", "--output-format", "json")
    assert (said.code, said.err) == (0, "")
    [launch] = check_command(COMMAND, gpu="L40S").to_dict()["launches"]
    assert json.loads(said.out) == launch["memory"]


def test_the_json_is_the_memory_of_the_report_s_schema(folder: Path, run) -> None:
    schema = json.loads(SCHEMA.read_text())
    named = {"$ref": "#/$defs/ReportedMemory"}, {"$ref": "#/$defs/UnknownMemory"}
    checker = jsonschema.Draft202012Validator({"$defs": schema["$defs"], "anyOf": list(named)})
    for card in (("--gpu", "L40S"), ()):
        said = run("estimate", COMMAND, *card, "--output-format", "json")
        checker.validate(json.loads(said.out))


def test_the_lines_add_up(folder: Path, run) -> None:
    said = run("estimate", COMMAND, "-tp", "2", "--gpu", "H100:2")
    assert said.code == 0
    for column in (0, 1, 2):
        spent = sum(
            cells(said.out, name)[column]
            for name in (
                "weights",
                "activations of the largest step",
                "libraries (CUDA, NCCL)",
                "CUDA graphs",
            )
        )
        left = cells(said.out, "what vLLM may take of the card")[column] - spent
        assert cells(said.out, "KV cache")[column] == pytest.approx(left, abs=0.3)


def test_each_stage_has_its_own_lines(folder: Path, run) -> None:
    said = run("estimate", COMMAND, "-pp", "2", "--gpu", "L40S:2")
    assert re.findall(r"(?m)^  (pp\d) +at best", said.out) == ["pp0", "pp1"]
    assert said.out.count("│") >= 6


def test_what_does_not_fit_and_what_vllm_refuses_is_exit_1(folder: Path, run) -> None:
    said = run("estimate", "meta-llama/Llama-3.3-70B-Instruct", "--gpu", "L40S")
    assert said.code == 1
    assert "does not fit" in said.out
    said = run("estimate", "Qwen/Qwen3-8B", "-tp", "3", "--gpu", "H100:4")
    assert said.code == 1
    assert "error[PAR001]" in said.out


def test_json_of_what_vllm_refuses_says_why_beside_it(folder: Path, run) -> None:
    said = run("estimate", "Qwen/Qwen3-8B", "-tp", "3", "--gpu", "H100:4", "--output-format", "json")
    assert said.code == 1
    assert json.loads(said.out)["ranks"]
    assert "PAR001" in said.err


def test_a_card_whose_memory_is_not_modelled_is_exit_2(folder: Path, run) -> None:
    said = run("estimate", "Qwen/Qwen3-8B", "--gpu", "MI300X")
    assert said.code == 2
    assert "memory on `Instinct MI300X` is not modelled" in said.out


def test_without_a_card_there_is_what_needs_none(folder: Path, run) -> None:
    said = run("estimate", COMMAND)
    assert said.code == 0
    assert cells(said.out, "one request of 8,192 tokens") == [1.1, 1.1, 1.1]
    assert re.search(r"KV cache +not known: no card is named", said.out)


def test_what_cannot_be_estimated_is_exit_2(folder: Path, run) -> None:
    said = run("estimate", "Qwen/Qwen3-9B", "--gpu", "L40S")
    assert said.code == 2
    assert "`Qwen/Qwen3-8B`" in said.err
    assert run("estimate", "echo hello").code == 2
    assert run("estimate").code == 2
    assert run("estimate", "Qwen/Qwen3-8B", "--gpu", "H100x").code == 2


def test_short_options_of_vllm_are_not_taken_for_our_own(folder: Path, run) -> None:
    said = run("estimate", "Qwen/Qwen3-8B", "-dph", "--gpu", "L40S")
    assert "Usage" not in said.out


def test_secrets_are_not_shown(folder: Path, run) -> None:
    said = run("estimate", "Qwen/Qwen3-8B", "--api-key", "sekret-value-1", "--gpu", "L40S")
    assert "sekret" not in said.out + said.err


def test_the_settings_of_this_folder_describe_models(folder: Path, run) -> None:
    (folder / "vllint.toml").write_text('[models."own/model"]\nlike = "Qwen/Qwen3-8B"\n')
    said = run("estimate", "own/model", "--gpu", "L40S", "--max-model-len", "8192")
    assert said.code == 0
    assert run("estimate", "own/model", "--gpu", "L40S", "--isolated").code == 2


def test_nothing_is_said_to_fit_where_vllm_refuses_the_command(folder: Path, run) -> None:
    refused = run("estimate", f"{COMMAND} --gpu-memory-utilization 95", "--gpu", "H100")
    assert refused.code == 1
    assert "vLLM refuses the launch: MEM006" in refused.out
    assert "help: write the share" in refused.out
    assert not re.search(r"\bfits?\b|KV cache", refused.out)


def test_a_share_that_vllm_refuses_gives_no_memory() -> None:
    report = check_command(f"{COMMAND} --gpu-memory-utilization 95", gpu="H100")
    memory = report.to_dict()["launches"][0]["memory"]
    assert memory["verdict"] == "unknown"
