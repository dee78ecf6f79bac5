import pytest

from vllint.models.catalogue import find_model, model_ids
from vllint_schemas import ModelFacts, Quantization


def found(model_id: str) -> ModelFacts:
    facts = find_model(model_id)
    assert facts is not None
    return facts


def test_a_model_is_found_by_its_id_in_any_case() -> None:
    facts = found("meta-llama/llama-3.1-8b-instruct")
    assert facts.id == "meta-llama/Llama-3.1-8B-Instruct"
    assert (facts.num_attention_heads, facts.num_key_value_heads, facts.head_dim) == (32, 8, 128)
    assert (facts.params_total, facts.weights_bytes, facts.quantized) == (8030261248, 16060522496, False)


def test_a_dense_model_is_known_to_have_no_experts() -> None:
    facts = found("Qwen/Qwen2.5-7B-Instruct")
    assert (facts.num_experts, facts.kv_lora_rank, facts.linear_attention) == (0, 0, False)


def test_latent_attention_keeps_its_ranks() -> None:
    facts = found("deepseek-ai/DeepSeek-V3")
    assert (facts.kv_lora_rank, facts.qk_rope_head_dim, facts.num_experts) == (512, 64, 256)
    assert facts.quantization == Quantization("fp8", bits=8, block=(128, 128), ignored=())


def test_the_window_of_mistral_is_told_by_version_and_not_by_shape() -> None:
    assert found("mistralai/Mistral-7B-v0.1").sliding_window == 4096
    assert found("mistralai/Mistral-7B-Instruct-v0.2").sliding_window == 0


def test_a_method_that_only_the_name_gives_is_no_fact() -> None:
    facts = found("cyankiwi/Qwen3-30B-A3B-Instruct-2507-AWQ-4bit")
    assert (facts.quantized, facts.quantization) == (True, None)
    assert (facts.quantization_name, facts.bits_per_weight) == ("awq", 4)


def test_a_count_that_the_checkpoint_contradicts_is_left_out() -> None:
    facts = found("EleutherAI/pythia-160m")
    assert facts.params_total is None
    assert facts.weights_bytes_estimate is not None


def test_a_renamed_owner_leads_to_the_new_id() -> None:
    assert found("THUDM/GLM-4-9B-0414").id == "zai-org/GLM-4-9B-0414"


@pytest.mark.parametrize(
    "model_id", ["", "no/such-model", '"', "\\", "[", "ü/ü", "\n", "Qwen/Qwen3-8B\n", "\ud800", "a" * 10**5]
)
def test_anything_else_is_not_found(model_id: str) -> None:
    assert find_model(model_id) is None


def test_every_listed_id_has_facts_under_its_own_name() -> None:
    ids = list(model_ids())
    assert len(ids) > 3500
    assert ids == sorted(ids, key=str.lower)
    for model_id in ids[::7]:
        assert found(model_id).id == model_id
