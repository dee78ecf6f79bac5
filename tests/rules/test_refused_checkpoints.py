"""Checkpoints and caches that the real vLLM 0.33.0 refused, or took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from vllint import check_command

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "dtype": "bfloat16",
    "hidden_size": 512,
    "intermediate_size": 1536,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"}


def errors(
    command: str,
    changes: Mapping[str, object] = CONFIG,
    *,
    quantized: Mapping[str, Any] | None = None,
    version: str = "0.33.0",
    gpu: str = "L4",
) -> set[str]:
    """Return the codes of the errors on a command, where the model's config has these changes."""
    config = {**CONFIG, **changes} | ({"quantization_config": dict(quantized)} if quantized else {})
    report = check_command(command, gpu=gpu, gpu_count=1, vllm_version=version, model_config=config).to_dict()
    return {found["code"] for found in report["findings"] if found["severity"] == "error"}


@pytest.mark.parametrize("method", ["bitsandbytes", "hqq", "quanto", "aqlm"])
def test_a_checkpoint_of_a_method_that_the_release_lacks_is_refused(method: str) -> None:
    assert errors("vllm serve a/b", quantized={"quant_method": method, "load_in_4bit": True}) == {"QNT009"}


def test_an_older_release_still_reads_bitsandbytes() -> None:
    quantized = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    assert errors("vllm serve a/b", quantized=quantized, version="0.22.1") == set()


def test_a_method_that_vllm_takes_for_another_is_not_refused() -> None:
    assert errors("vllm serve a/b", quantized={**GPTQ, "quant_method": "auto-round"}) == set()


@pytest.mark.parametrize(
    ("desc_act", "group", "refused"), [(True, 128, True), (True, -1, False), (False, 128, False)]
)
def test_activation_order_in_groups_is_refused(desc_act: bool, group: int, refused: bool) -> None:
    quantized = {**GPTQ, "desc_act": desc_act, "group_size": group}
    assert errors("vllm serve a/b", quantized=quantized) == ({"QNT009"} if refused else set())


FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic"}


@pytest.mark.parametrize(
    ("method", "key"),
    [
        *((AWQ, key) for key in ("bits", "group_size", "zero_point")),
        *((GPTQ, key) for key in ("bits", "group_size", "desc_act", "sym")),
        (FP8, "activation_scheme"),
    ],
)
def test_a_checkpoint_that_lacks_a_key_of_its_method_is_refused(method: Mapping[str, Any], key: str) -> None:
    incomplete = {name: value for name, value in method.items() if name != key}
    assert errors("vllm serve a/b", quantized=method) == set()
    assert errors("vllm serve a/b", quantized=incomplete) == {"QNT009"}
    named = f"vllm serve a/b --quantization {method['quant_method']}"
    assert errors(named, quantized=incomplete) == {"QNT009"}


def test_older_releases_read_gptq_without_its_symmetry() -> None:
    incomplete = {name: value for name, value in GPTQ.items() if name != "sym"}
    assert errors("vllm serve a/b", quantized=incomplete, version="0.22.1") == set()


def test_another_name_of_a_key_counts() -> None:
    renamed = {"quant_method": "awq", "w_bit": 4, "q_group_size": 128, "zero_point": True}
    assert errors("vllm serve a/b", quantized=renamed) == set()


def test_a_deprecated_method_reads_no_checkpoint_that_is_not_quantized() -> None:
    command = "vllm serve a/b -q fbgemm_fp8 --allow-deprecated-quantization"
    assert "QNT006" in errors(command)


@pytest.mark.parametrize("method", [AWQ, GPTQ, FP8])
def test_a_quantized_checkpoint_does_not_run_in_float32(method: Mapping[str, Any]) -> None:
    assert errors("vllm serve a/b --dtype float32", quantized=method) == {"QNT005"}
    assert errors("vllm serve a/b --dtype half", quantized=method) == set()


def test_gemma_2_falls_back_to_float32_on_a_card_without_bfloat16() -> None:
    gemma = {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "head_dim": 64}
    assert errors("vllm serve a/b", gemma, quantized=AWQ, gpu="T4") == {"QNT005"}
    assert errors("vllm serve a/b", gemma, quantized=AWQ) == set()


def test_a_given_cache_must_hold_one_request() -> None:
    assert errors("vllm serve a/b --num-gpu-blocks-override 64") == {"MEM002"}
    assert errors("vllm serve a/b --num-gpu-blocks-override 64 --max-model-len 1008") == set()
    assert errors("vllm serve a/b --kv-cache-memory-bytes 1M") == {"MEM002"}
    assert errors("vllm serve a/b --kv-cache-memory-bytes 1G") == set()


def test_weights_must_fit_beside_a_given_cache_of_any_length() -> None:
    large = {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80}
    command = "vllm serve a/b --max-model-len auto --num-gpu-blocks-override 64"
    assert errors(command, large) == {"MEM001"}


def test_a_model_whose_class_takes_no_adapters_is_refused_with_lora() -> None:
    gptj = {"architectures": ["GPTJForCausalLM"], "model_type": "gptj", "n_positions": 4096}
    assert errors("vllm serve a/b --enable-lora", gptj) == {"LRA006"}
    assert errors("vllm serve a/b --enable-lora") == set()


def test_multi_token_prediction_needs_layers_for_it() -> None:
    command = 'vllm serve a/b --speculative-config \'{"method": "mtp", "num_speculative_tokens": 1}\''
    assert errors(command) == {"SPC016"}
    own_layers = {"architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe"}
    assert "SPC016" not in errors(command, own_layers)


def test_without_windows_the_context_is_as_long_as_a_window() -> None:
    mistral: dict[str, object] = {
        "architectures": ["MistralForCausalLM"],
        "model_type": "mistral",
        "sliding_window": 1024,
    }
    mistral |= {"max_position_embeddings": 32768}
    command = "vllm serve a/b --kv-cache-memory-bytes 8M"
    assert errors(command + " --disable-sliding-window", mistral) == set()


def test_a_draft_model_must_be_named() -> None:
    command = 'vllm serve a/b --speculative-config \'{"method": "eagle3", "num_speculative_tokens": 3%s}\''
    assert errors(command % "") == {"SPC004"}
    assert errors(command % ', "model": "c/d"') == set()


@pytest.mark.parametrize(
    ("options", "gpu", "said"),
    [
        ("--kv-cache-dtype bfloat16", "L4", set()),
        ("--kv-cache-dtype float16", "L4", {"KVC004"}),
        ("--kv-cache-dtype bfloat16", "T4", {"KVC004"}),
        ("--kv-cache-dtype float16", "T4", set()),
        ("--kv-cache-dtype float16 --dtype half", "L4", set()),
        ("--kv-cache-dtype bfloat16 --dtype half", "L4", {"KVC004"}),
    ],
)
def test_a_cache_of_sixteen_bits_is_of_the_models_own_type(options: str, gpu: str, said: set[str]) -> None:
    assert errors(f"vllm serve a/b {options}", gpu=gpu) == said


def test_offloading_the_cache_is_a_connector_as_well() -> None:
    command = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True vllm serve a/b --kv-offloading-size 4"
    assert errors(command) == {"MEM017"}
    assert errors(f"{command} --enable-cumem-allocator") == set()


def test_a_draft_that_is_served_alone_fails_as_it_is_built() -> None:
    draft = {"architectures": ["MuseGlimmerAssistantModel"], "model_type": "muse_glimmer_assistant"}
    report = check_command("vllm serve a/b", vllm_version="0.33.0", model_config=CONFIG | draft)
    assert [found.evidence.stage for found in report.findings if found.code == "MDL002"] == ["build"]


def test_latent_attention_of_hy_v4_may_be_dense() -> None:
    sparse = {"architectures": ["HYV4ForCausalLM"], "model_type": "hy_v4", "index_topk": 2048}
    latent = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 192, "v_head_dim": 256}
    assert "KVC007" not in errors("vllm serve a/b", sparse | latent, gpu="A100-80GB")
