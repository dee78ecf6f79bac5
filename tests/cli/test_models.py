"""`vllint models`, and models in `vllint explain`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "num_hidden_layers": 2,
    "vocab_size": 128,
}


def test_models_are_listed_by_a_part_of_their_ids_in_any_case(run) -> None:
    said = run("models", "qwen3-8b-f")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == [
        "nvidia/Qwen3-8B-FP8",
        "Qwen/Qwen3-8B-FP8",
        "RedHatAI/Qwen3-8B-FP8-dynamic",
        "unsloth/Qwen3-8B-FP8",
    ]


def test_a_single_model_is_explained(run) -> None:
    said = run("models", "qwen/qwen3-8b")
    assert said.out == run("explain", "Qwen/Qwen3-8B").out
    assert "TP          1, 2, 4, 8, 16 of 1 to 16" in said.out


def test_without_a_query_all_models_are_listed(run) -> None:
    assert len(run("models").out.splitlines()) > 3500


def test_nothing_found_is_exit_code_2(run) -> None:
    said = run("models", "no-such-model-anywhere")
    assert (said.code, said.out) == (2, "")
    assert "no model's id holds `no-such-model-anywhere`" in said.err
    said = run("models", "acme/chat-70B")
    assert "is not in the catalogue; by its name it has about 70 billion parameters" in said.err


@pytest.mark.parametrize(
    "arguments", [("a", "b"), ("--check", "a"), ("--against", "x"), ("lock", "--against", "x")]
)
def test_arguments_that_do_not_go_together_are_refused(run, arguments: tuple[str, ...]) -> None:
    assert run("models", *arguments).code == 2


def test_a_folder_of_the_repository_is_explained(run, folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "config.json").write_text(json.dumps(CONFIG))
    for command in ("models", "explain"):
        said = run(command, "./own")
        assert said.code == 0
        assert "source      its folder" in said.out
        assert "TP          1, 2, 4 of 1 to 16" in said.out
        assert "12 attention heads / 5 = 2.4 is not" in said.out


def test_a_locked_model_is_explained_with_its_source(run, folder: Path) -> None:
    lock = {"version": 1, "models": {"acme/chat": {"source": "hub", "config": CONFIG}}}
    (folder / "vllint.lock.json").write_text(json.dumps(lock))
    said = run("explain", "acme/chat")
    assert (said.code, "source      vllint.lock.json" in said.out) == (0, True)


def test_the_catalogue_does_not_contradict_itself(run) -> None:
    assert run("models", "--check") == (0, "", "vllint: 0 contradictions in the catalogue\n")


def test_the_catalogue_is_compared_with_facts_from_elsewhere(run, folder: Path) -> None:
    rows = [
        {"id": "Qwen/Qwen3-8B", "num_attention_heads": 32, "num_experts": None},
        {"id": "Qwen/Qwen3-4B", "num_key_value_heads": 16},
        {"id": "acme/none", "num_attention_heads": 1},
    ]
    (folder / "facts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = run("models", "--check", "--against", "facts.jsonl")
    assert (said.code, said.out) == (1, "Qwen/Qwen3-4B: `num_key_value_heads` is 8, and 16 elsewhere\n")
    (folder / "facts.jsonl").write_text("{")
    assert run("models", "--check", "--against", "facts.jsonl").code == 2


def test_the_catalogue_agrees_with_the_collected_facts(run, shared: Path) -> None:
    said = run("models", "--check", "--against", str(shared / "data" / "models.jsonl"))
    assert (said.code, said.out) == (0, "")


def test_the_catalogue_is_compared_with_what_vllm_built(run, folder: Path) -> None:
    def verdict(model: str, parameters: int, **resolved: int) -> dict[str, object]:
        return {
            "argv": ["vllm", "serve", model],
            "config_id": model,
            "verdict": {
                "resolved": {"model": model, **resolved},
                "ranks": {"pp0": {"param_bytes": parameters}},
            },
        }

    # The first is what vLLM 0.33.0 built; its count of KV heads is another's in the third.
    rows = [
        verdict("Qwen/Qwen3-1.7B", 3441149952, heads=16, kv_heads=8),
        verdict("Qwen/Qwen3-1.7B", 3541149952),
        verdict("Qwen/Qwen3-1.7B", 3641149952, kv_heads=4),
    ]
    (folder / "verdicts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = run("models", "--check", "--against", "verdicts.jsonl")
    assert said.code == 1
    assert said.out.splitlines() == [
        "Qwen/Qwen3-1.7B: pp0 of `vllm serve Qwen/Qwen3-1.7B` has 3,441,149,952 bytes of parameters, and vLLM"
        " builds 3,541,149,952",
        "Qwen/Qwen3-1.7B: `num_key_value_heads` is 8, and 4 elsewhere",
    ]


LAZY = frozenset(
    f"vllint.models.{name}"
    for name in ("gguf_facts", "hub", "hub_requests", "local", "lock", "locking", "names", "params_json")
) | {"vllint.hub_cache", "vllint.checkpoints"}


def test_a_check_of_catalogued_models_loads_nothing_of_the_other_sources(folder: Path) -> None:
    (folder / "run.sh").write_text("vllm serve Qwen/Qwen3-8B -tp 3\n")
    code = "import json, sys, vllint\nvllint.check_paths(['.'])\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not LAZY & frozenset(json.loads(done.stdout))
