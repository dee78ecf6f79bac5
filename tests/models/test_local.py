"""Models whose files lie in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vllint import check_paths
from vllint_schemas import ModelFacts, Quantization, Unknown

COMPOSE = """\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model /models/own --tensor-parallel-size 8
    volumes:
      - ./weights:/models
"""


def model_of(folder: Path, text: str, name: str = "run.sh") -> ModelFacts | Unknown:
    """The model of the only launch in a file."""
    (folder / name).write_text(text, encoding="utf-8")
    [launch] = check_paths([str(folder / name)]).launches
    return launch.maybe_model


def known(folder: Path, text: str, name: str = "run.sh") -> ModelFacts:
    found = model_of(folder, text, name)
    assert isinstance(found, ModelFacts), found
    return found


def why(folder: Path, text: str) -> str:
    found = model_of(folder, text)
    assert isinstance(found, Unknown), found
    return found.reason


def test_a_folder_beside_a_script_is_read(repository: Path, files) -> None:
    files.write(repository / "own")
    found = known(repository, "vllm serve ./own\n")
    assert (found.id, found.source) == ("./own", "local")
    assert (found.num_attention_heads, found.num_key_value_heads, found.vocab_size) == (12, 4, 100)


def test_a_folder_mounted_into_a_container_is_read_and_judged(repository: Path, files) -> None:
    files.write(repository / "weights" / "own")
    assert known(repository, COMPOSE, "compose.yaml").source == "local"
    codes = {finding.code for finding in check_paths([str(repository)]).findings}
    assert "PAR001" in codes


def test_what_is_not_mounted_from_the_repository_stays_a_path(repository: Path) -> None:
    text = COMPOSE.replace("./weights", "/srv/weights")
    found = model_of(repository, text, "compose.yaml")
    assert isinstance(found, Unknown)
    assert found.reason == "`/models/own` is a path, and what lies there is not known"


def test_nothing_outside_of_the_repository_is_read(repository: Path, files) -> None:
    files.write(repository.parent / "outside")
    (repository / "link").symlink_to(repository.parent / "outside")
    assert "a path" in why(repository, "vllm serve ../outside\n")
    assert "a path" in why(repository, "vllm serve ./link\n")
    assert "a path" in why(repository, f"vllm serve {repository.parent}/outside\n")


def test_a_folder_wins_over_the_catalogue(repository: Path, files) -> None:
    files.write(repository / "Qwen" / "Qwen3-8B")
    assert known(repository, "vllm serve Qwen/Qwen3-8B\n").num_attention_heads == 12


def test_a_folder_without_a_model_does_not_hide_the_catalogue(repository: Path) -> None:
    (repository / "Qwen" / "Qwen3-8B").mkdir(parents=True)
    assert known(repository, "vllm serve Qwen/Qwen3-8B\n").source == "catalogue"
    (repository / "own").mkdir()
    assert why(repository, "vllm serve ./own\n") == "own holds no `config.json`"


def test_bytes_and_parameters_come_from_headers(repository: Path, files) -> None:
    first = {"model.embed_tokens.weight": ("BF16", [100, 64]), "model.layers.0.a.weight": ("BF16", [8, 8])}
    second = {"model.layers.2.mtp.weight": ("BF16", [4, 4]), "lm_head.weight": ("BF16", [100, 64])}
    shards = {
        "model-00001-of-00002__safetensors": files.safetensors(first),
        "model-00002-of-00002__safetensors": files.safetensors(second),
    }
    files.write(repository / "own", **shards)
    found = known(repository, "vllm serve ./own\n")
    assert (found.weights_bytes, found.dtype) == (2 * (6400 + 64 + 16 + 6400), "bfloat16")
    # vLLM builds no third layer, which is a prediction module of two decoder layers' model.
    assert (found.params_total, found.params_exact) == (6400 + 64 + 6400, True)


def test_a_tied_head_that_is_stored_is_not_built_twice(repository: Path, files) -> None:
    tensors = {"model.embed_tokens.weight": ("F16", [100, 64]), "lm_head.weight": ("F16", [100, 64])}
    config = {**files.llama, "tie_word_embeddings": True}
    files.write(repository / "own", config, model__safetensors=files.safetensors(tensors))
    found = known(repository, "vllm serve ./own\n")
    assert (found.params_total, found.weights_bytes) == (6400, 25600)


def test_without_all_shards_the_index_tells_the_size(repository: Path, files) -> None:
    tensors = {"model.embed_tokens.weight": ("BF16", [100, 64])}
    files.write(
        repository / "own",
        **{
            "model-00001-of-00002__safetensors": files.safetensors(tensors),
            "model__safetensors__index__json": {"metadata": {"total_size": 4096}, "weight_map": {}},
        },
    )
    assert known(repository, "vllm serve ./own\n").weights_bytes == 4096


def test_pointers_of_git_lfs_give_an_estimate(repository: Path, files) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 16060556376\n"
    files.write(repository / "own", model__safetensors=pointer)
    found = known(repository, "vllm serve ./own\n")
    assert (found.weights_bytes, found.weights_bytes_estimate) == (None, 16060556376)


@pytest.mark.parametrize(
    ("name", "content", "method"),
    [
        ("quantize_config__json", {"bits": 4, "group_size": 128, "desc_act": False}, "gptq"),
        ("quant_config__json", {"w_bit": 4, "q_group_size": 128}, "awq"),
    ],
)
def test_the_quantizers_own_files_are_read(
    repository: Path, files, name: str, content: dict[str, Any], method: str
) -> None:
    files.write(repository / "own", **{name: content})
    found = known(repository, "vllm serve ./own\n")
    assert found.quantized is True
    assert isinstance(found.quantization, Quantization)
    assert (found.quantization.method, found.quantization.bits) == (method, 4)
    assert found.quantization.group_size == 128


def test_modelopts_file_of_its_own_is_read(repository: Path, files) -> None:
    written = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}
    files.write(repository / "own", hf_quant_config__json=written)
    found = known(repository, "vllm serve ./own\n")
    assert found.quantization is not None
    assert (found.quantization.method, found.quantization.bits) == ("modelopt", 8)


PARAMS = {
    "dim": 4096,
    "n_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "head_dim": 128,
    "hidden_dim": 14336,
    "vocab_size": 32768,
    "norm_eps": 1e-5,
}
"""As of mistralai/Mistral-7B-v0.3, whose config.json says the same."""


def test_mistrals_own_format_is_read(repository: Path, files) -> None:
    own = repository / "own"
    files.write(own, params__json=PARAMS, consolidated__safetensors=files.safetensors({}))
    (own / "config.json").unlink()
    found = known(repository, "vllm serve ./own\n")
    assert found.architecture == "MistralForCausalLM"
    assert (found.num_attention_heads, found.num_key_value_heads, found.num_hidden_layers) == (32, 8, 32)
    assert (found.intermediate_size, found.vocab_size, found.head_dim) == (14336, 32768, 128)
    assert found.sliding_window == 0


def test_the_config_format_decides_where_both_are(repository: Path, files) -> None:
    files.write(repository / "own", params__json=PARAMS)
    assert known(repository, "vllm serve ./own\n").num_attention_heads == 12
    text = "vllm serve ./own --config-format mistral\n"
    assert known(repository, text).num_attention_heads == 32
    (repository / "own" / "consolidated.safetensors").write_bytes(files.safetensors({}))
    assert known(repository, "vllm serve ./own\n").num_attention_heads == 32


def test_an_adapter_is_no_model(repository: Path) -> None:
    (repository / "lora").mkdir()
    written = '{"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-8B", "r": 16}'
    (repository / "lora" / "adapter_config.json").write_text(written)
    reason = why(repository, "vllm serve ./lora\n")
    assert reason == "lora holds a LoRA adapter of `Qwen/Qwen3-8B`, which is no model by itself"


METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 128,
    "llama.attention.head_count": 12,
    "llama.attention.head_count_kv": 4,
    "llama.context_length": 2048,
    "tokenizer.ggml.tokens": ["a", "b", "c"],
}


def test_a_gguf_files_header_is_read(repository: Path, files) -> None:
    content = files.gguf(METADATA, {"token_embd.weight": [64, 3], "output.weight": [64, 3]})
    (repository / "own.gguf").write_bytes(content)
    found = known(repository, "vllm serve ./own.gguf --tokenizer x\n")
    assert (found.num_attention_heads, found.num_key_value_heads, found.vocab_size) == (12, 4, 3)
    assert (found.tie_word_embeddings, found.quantization) == (False, Quantization("gguf"))
    assert (found.params_total, found.weights_bytes) == (384, len(content))


def test_a_broken_gguf_file_says_so(repository: Path, files) -> None:
    (repository / "own.gguf").write_bytes(files.gguf(METADATA)[:60])
    assert why(repository, "vllm serve ./own.gguf\n") == "own.gguf is cut off within its header"
    (repository / "own.gguf").write_bytes(b"PK\3\4" + bytes(100))
    assert why(repository, "vllm serve ./own.gguf\n") == "own.gguf is no GGUF file"


def test_changed_files_of_a_model_are_noticed_by_kept_results(repository: Path, files, run_check) -> None:
    files.write(repository / "own", model__safetensors=files.safetensors({"a.weight": ("BF16", [4, 4])}))
    (repository / "run.sh").write_text("# vllint: gpu=H100-80GB:8\nvllm serve ./own -tp 8\n")
    first = run_check()
    assert "12 attention heads / 8" in first
    assert run_check() == first
    files.write(repository / "own", {**files.llama, "num_attention_heads": 16, "num_key_value_heads": 8})
    assert "12 attention heads" not in run_check()


def test_settings_that_the_user_names_may_name_any_folder_of_the_machine(
    repository: Path, files, run_check
) -> None:
    outside = files.write(repository.parent / "outside", model__safetensors=files.safetensors({}))
    (repository / "run.sh").write_text("# vllint: gpu=H100-80GB:8\nvllm serve /models/own -tp 8\n")
    text = f'[models."/models/own"]\nconfig = "{outside}"\n'
    named = repository.parent / "mine.toml"
    named.write_text(text)
    assert "12 attention heads / 8" in run_check("--config", str(named))
    (repository / "vllint.toml").write_text(text)
    assert "is outside of the repository" in run_check()


def test_settings_that_name_a_folder_mean_all_of_it(repository: Path, files, run_check) -> None:
    files.write(repository / "m", quantize_config__json={"bits": 4, "group_size": 128})
    (repository / "vllint.toml").write_text('[models."acme/x"]\nconfig = "m"\n')
    found = known(repository, "vllm serve acme/x\n")
    assert found.source == "settings"
    assert found.quantization is not None and found.quantization.method == "gptq"
