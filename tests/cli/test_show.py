from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from vllint.cli.commands import vllint
from vllint.show.memory_bars import ASCII, BLOCKS, CELLS, memory_lines
from vllint_schemas import GIB, Band, MemoryEstimate, RankMemory, Unknown

COMPOSE = """\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    environment:
      HF_TOKEN: hf_abcdefghijklmnopqrstuvwxyz
    command:
      - --model
      - ${MODEL:-Qwen/Qwen2.5-7B-Instruct}
      - --tensor-parallel-size
      - "2"
      - --max-model-len
      - ${LENGTH}
    deploy:
      resources:
        reservations:
          devices: [{ driver: nvidia, count: 2, capabilities: [gpu] }]
"""


def bars(text: str, edge: str = "|") -> list[str]:
    return re.findall(rf"{re.escape(edge)}.*{re.escape(edge)}.*", text)


def test_every_word_is_shown_with_its_place_and_origin(folder: Path, run) -> None:
    (folder / "compose.yaml").write_text(COMPOSE)
    (folder / ".env").write_text("A=1\nLENGTH=8192\n")
    said = run("show", "compose.yaml")
    assert (said.code, said.err) == (0, "")
    words = dict(re.findall(r"(?m)^  word        (\S+) +(.*)$", said.out))
    assert words["--model"] == "7:9"
    assert words["Qwen/Qwen2.5-7B-Instruct"].startswith("8:")
    assert "default" in words["Qwen/Qwen2.5-7B-Instruct"]
    assert words["2"].startswith("10:")
    assert words["8192"].startswith(".env:2:8, env file, by way of 12:")


def test_release_model_cards_and_layout_are_shown_with_where_they_came_from(folder: Path, run) -> None:
    (folder / "compose.yaml").write_text(COMPOSE)
    said = run("show", "compose.yaml", "--gpu", "L40S:4")
    assert "release     0.22.1  3:30 (image tag)" in said.out
    assert re.search(r"card        L40S\b.* command line\n", said.out)
    assert re.search(r"cards       2  16:\d+\n", said.out)
    assert "layout      tensor 2 = 2 GPUs" in said.out
    assert "Qwen2ForCausalLM" in said.out


def test_secrets_are_not_shown(folder: Path, run) -> None:
    (folder / "compose.yaml").write_text(COMPOSE)
    assert "hf_abc" not in run("show", "compose.yaml").out


def test_what_is_not_known_says_why(run) -> None:
    said = run("show", "--command", "vllm serve $MODEL $MORE")
    assert "model       not known: `$MODEL` is not set" in said.out
    assert "card        not known: " in said.out
    assert "there may be more words: `$MORE` is not set" in said.out


def test_memory_is_drawn_three_times_for_each_rank(run) -> None:
    said = run("show", "-c", "vllm serve Qwen/Qwen2.5-7B-Instruct -pp 2", "--gpu", "L40S:2")
    names: list[str] = re.findall(r"(?m)^  (pp\d|at best|likely|at worst) ", said.out)
    three = ["at best", "likely", "at worst"]
    assert names == ["pp0", *three, "pp1", *three]


def band(*gib: float) -> Band:
    return Band(*(bound * GIB for bound in gib))


def estimate_of(weights: float, budget: float) -> MemoryEstimate:
    rank = RankMemory(
        name="pp0",
        parameters=weights * GIB,
        weights=band(weights, weights, weights),
        budget=band(budget, budget, budget),
        activations=band(1, 1, 1),
        non_torch=band(1, 1, 1),
        cuda_graphs=band(1, 1, 1),
        kv=band(*[budget - weights - 3] * 3),
        kv_needed=4.0 * GIB,
        kv_tokens=Unknown("not asked"),
    )
    return MemoryEstimate("fits", (rank,), 8192, Unknown("not asked"))


def test_a_bar_is_as_long_as_the_budget_and_its_parts_as_their_share() -> None:
    text = "\n".join(memory_lines(estimate_of(24, 48), ASCII))
    for bar in bars(text):
        assert re.fullmatch(r"\|#{24}=\-{2}\+{4}\.{17}\| 21\.0 GiB for the KV cache", bar)


def test_what_is_too_much_is_drawn_behind_the_edge() -> None:
    for bar in bars("\n".join(memory_lines(estimate_of(80, 48), ASCII))):
        inside, outside = bar.rsplit(" ", 5)[0].strip("|").split("|")
        assert len(inside) + len(outside) == CELLS
        assert set(inside) == {"#"}
        assert "35.0 GiB too much" in bar


@pytest.mark.parametrize(("encoding", "ink", "other"), [("utf-8", BLOCKS, ASCII), ("latin-1", ASCII, BLOCKS)])
def test_blocks_are_drawn_only_where_they_can_be_written(encoding, ink, other) -> None:
    command = ["show", "-c", "vllm serve Qwen/Qwen2.5-7B-Instruct", "--gpu", "L40S"]
    done = CliRunner(charset=encoding).invoke(vllint, command)
    assert done.exit_code == 0
    assert f"{ink.edge}{ink.weights * 4}" in done.stdout
    assert f"{other.edge}{other.weights * 4}" not in done.stdout


def test_a_card_that_is_not_known_leaves_the_numbers_that_do_not_need_it(run) -> None:
    said = run("show", "-c", "vllm serve Qwen/Qwen2.5-7B-Instruct")
    assert "memory      not known whether it fits: " in said.out
    assert re.search(r"pp0         weights 14\.\d GiB", said.out)
    assert not bars(said.out, "│")


def test_a_file_without_launches_says_so_and_a_missing_one_is_exit_2(folder: Path, run) -> None:
    (folder / "a.sh").write_text("echo vllm\n")
    assert run("show", "a.sh").out.startswith("a.sh: no vLLM launch found")
    (folder / "empty").mkdir()
    assert run("show", "empty").out == "no files that mention vLLM\n"
    said = run("show", "b.sh")
    assert said.code == 2
    assert "b.sh" in said.err
    assert run("show").code == 2


def test_the_bars_of_a_rank_have_one_scale(run) -> None:
    said = run("show", "-c", "vllm serve meta-llama/Llama-3.1-405B -tp 8", "--gpu", "H100:8")
    found = bars(said.out, BLOCKS.edge)
    ends = [bar.index(BLOCKS.edge, 1) for bar in found]
    assert len(ends) == 3
    assert max(ends) - min(ends) <= 1
    needed = [len(bar.partition(" ")[0]) for bar in found]
    assert needed == sorted(needed)


@pytest.mark.parametrize("columns", ["50", "70", "100"])
def test_memory_fits_the_terminal(on_terminal, columns: str) -> None:
    command = "vllm serve Qwen/Qwen3-8B -pp 2 --max-model-len 8192"
    said = on_terminal("show", "-c", command, "--gpu", "L4:2", environment={"COLUMNS": columns})
    lines = said.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  memory"))
    memory = [line for line in lines[start:] if line.startswith("  ")]
    assert len(bars("\n".join(memory), BLOCKS.edge)) == 6
    assert max(map(len, memory)) <= int(columns)


def test_the_memory_of_a_launch_that_vllm_refuses_is_left_out(run) -> None:
    shown = run("show", "-c", "vllm serve Qwen/Qwen3-8B --tensor-parallel-size 3", "--gpu", "H100:4").out
    assert "memory      not worked out, since vLLM refuses the launch: PAR001" in shown
    assert "at best" not in shown
    assert "weights" not in shown
