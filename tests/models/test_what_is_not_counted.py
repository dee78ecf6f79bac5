"""What is not counted part by part gives no bytes of parameters, and a lower bound of the weights alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vllint import check_command, estimate
from vllint.models.config import facts_from_config
from vllint.models.parameters import count_parameters
from vllint_schemas import MemoryEstimate, ModelFacts, RankMemory, Unknown

ROOT = Path(__file__).parents[2]
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 4,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "vocab_size": 32000,
    "tie_word_embeddings": False,
    "dtype": "bfloat16",
}
TEXT = {key: value for key, value in LLAMA.items() if key != "architectures"}
HEARD = {
    "tie_word_embeddings": False,
    "architectures": ["GlmAsrForConditionalGeneration"],
    "model_type": "glmasr",
    "text_config": TEXT,
    "dtype": "bfloat16",
}


def facts_of(config: dict[str, Any]) -> ModelFacts:
    facts = facts_from_config("acme/model", config, "local")
    assert isinstance(facts, ModelFacts)
    return facts


def ranks_of(model: str, *options: str, config: dict[str, Any] | None = None) -> tuple[RankMemory, ...]:
    words = ["vllm", "serve", model, "--max-model-len", "512", *options]
    memory = estimate(words, gpu="H100:8", vllm_version="0.33.0", model_config=config)
    assert isinstance(memory, MemoryEstimate), memory
    return memory.ranks


def test_a_tower_of_unknown_size_leaves_the_parameters_unknown_on_every_stage() -> None:
    for rank in ranks_of("acme/model", "-pp", "2", config=HEARD):
        assert isinstance(rank.parameters, Unknown)
        assert rank.weights.low > 0
        assert "towers" in rank.parameters.reason


def test_a_model_without_its_towers_is_counted_in_full() -> None:
    [rank] = ranks_of("acme/model", "--language-model-only", config=HEARD)
    [text] = ranks_of("acme/model", config=LLAMA)
    assert rank.parameters == text.parameters
    assert not isinstance(rank.parameters, Unknown)


def test_the_report_says_null_where_parameters_are_not_counted() -> None:
    report = check_command(["vllm", "serve", "acme/model"], gpu="H100:1", model_config=HEARD).to_dict()
    [rank] = report["launches"][0]["memory"]["ranks"]
    assert rank["parameters_bytes"] is None
    assert rank["weights_gib"]["low"] > 0


@pytest.mark.parametrize("architecture", ["Gemma2ForCausalLM", "LlamaForCausalLMOfOthers"])
def test_a_class_that_was_never_compared_for_a_type_is_not_counted(architecture: str) -> None:
    assert isinstance(count_parameters(facts_of(LLAMA | {"architectures": [architecture]})), Unknown)
    assert not isinstance(count_parameters(facts_of(LLAMA)), Unknown)


def test_a_model_converted_to_pool_has_no_head() -> None:
    generates, embeds = (
        count_parameters(facts_of(LLAMA | {"architectures": [name]}))
        for name in ("LlamaForCausalLM", "LlamaForTextEncoding")
    )
    assert not isinstance(generates, Unknown)
    assert not isinstance(embeds, Unknown)
    assert generates.total - embeds.total == 32000 * 1024


def test_modules_that_a_catalogue_does_not_list_leave_the_parameters_unknown() -> None:
    [rank] = ranks_of("nvidia/Qwen3.5-122B-A10B-NVFP4")
    assert isinstance(rank.parameters, Unknown)
    # What vLLM 0.33.0 builds (recorded).
    assert rank.weights.low < 78_427_516_992 < rank.weights.high


def test_a_tower_known_by_its_size_alone_is_counted_on_one_rank_and_not_on_two() -> None:
    [whole], [divided] = ranks_of("google/gemma-3-4b-it"), ranks_of("google/gemma-3-4b-it", "-tp", "4")
    assert not isinstance(whole.parameters, Unknown)
    assert isinstance(divided.parameters, Unknown)
    assert divided.weights.low < 2_163_314_488 < divided.weights.high


def test_a_head_that_embedding_checkpoints_lack_is_in_doubt_unless_the_model_pools() -> None:
    [generates] = ranks_of("Qwen/Qwen3-Embedding-8B")
    [pools] = ranks_of("Qwen/Qwen3-Embedding-8B", "--runner", "pooling")
    assert isinstance(generates.parameters, Unknown)
    assert generates.weights.low < 16_377_276_416 < generates.weights.high
    assert not isinstance(pools.parameters, Unknown)


def test_the_table_of_counted_classes_is_what_its_script_finds() -> None:
    scripts = ROOT / "scripts" / "tables"
    # A process of its own: the script puts another table in the place of this one.
    code = (
        "import json, counted_architectures as c;"
        "rows = [json.loads(line) for line in c.BUILDS.read_text('utf-8').splitlines()];"
        "print(c.TARGET.read_text('utf-8') == c.text(rows))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
