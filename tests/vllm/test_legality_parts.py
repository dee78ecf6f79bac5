"""Legality of experts, recurrent layers, vision towers and packed weights, as vLLM 0.33 has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.vllm.legality import tensor_parallel_obstacles
from vllint.vllm.legality_towers import TOWERS
from vllint_schemas import EngineArgs, ModelFacts, Quantization
from vllint_schemas.parallel import Parallel

Understand = Callable[..., EngineArgs]

SPARSE = ModelFacts(
    "sparse",
    "local",
    num_experts=128,
    moe_intermediate_size=768,
    num_dense_layers=0,
    hidden_size=2048,
    kv_lora_rank=0,
)
DENSE = ModelFacts(
    "dense",
    "local",
    num_attention_heads=64,
    head_dim=128,
    num_experts=0,
    intermediate_size=29568,
    hidden_size=8192,
    kv_lora_rank=0,
)
LATENT = ModelFacts(
    "latent",
    "local",
    num_attention_heads=16,
    num_experts=0,
    intermediate_size=16384,
    hidden_size=2048,
    kv_lora_rank=512,
    qk_nope_head_dim=128,
    qk_rope_head_dim=64,
    v_head_dim=128,
)
BLOCKS = Quantization("fp8", bits=8, block=(128, 128), ignored=("lm_head", "model.layers.0.mlp.gate"))
GROUPS = Quantization("awq", bits=4, group_size=128, ignored=("mlp.gate",))
SEEING = ModelFacts(
    "seeing",
    "local",
    architecture="Glm4vForConditionalGeneration",
    vision_num_attention_heads=12,
    vision_intermediate_size=13696,
)
TWO_EIGHTS = Parallel(tensor=2, data=8, data_local=8)


def subjects(model: ModelFacts, layout: Parallel, args: EngineArgs | None = None) -> list[str]:
    return [obstacle.subject for obstacle in tensor_parallel_obstacles(model, layout, args)]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Parallel(tensor=8), []),
        (Parallel(data=3, data_local=3), []),
        (Parallel(data=5, data_local=5), ["expert size"]),
        (Parallel(tensor=2, prefill_context=5), ["expert size"]),
        (Parallel(data=5, data_local=5, expert=True), []),
    ],
)
def test_all_ranks_of_a_layout_divide_routed_experts(layout: Parallel, expected: list[str]) -> None:
    assert subjects(SPARSE, layout) == expected


def test_the_factors_of_the_ranks_are_shown() -> None:
    [obstacle] = tensor_parallel_obstacles(SPARSE, Parallel(tensor=2, data=5, data_local=5))
    assert obstacle.arithmetic == (
        "expert size 768 / 10 = 76.8 is not whole"
        " (experts are divided over 2 tensor parallel x 5 data parallel ranks)"
    )
    assert obstacle.remedy is not None
    assert obstacle.remedy.flag == "--enable-expert-parallel"


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Parallel(tensor=6), ["shared expert size"]),
        (Parallel(tensor=6, expert=True), ["shared expert size"]),
        (Parallel(tensor=6, data=2, data_local=2, expert=True), []),
    ],
)
def test_tensor_parallel_ranks_divide_shared_experts(layout: Parallel, expected: list[str]) -> None:
    assert subjects(SPARSE._replace(shared_expert_intermediate_size=1408), layout) == expected


def test_plain_layers_of_a_sparse_model_divide_as_well() -> None:
    assert subjects(SPARSE._replace(num_dense_layers=3, intermediate_size=10946), Parallel(tensor=4)) == [
        "MLP size"
    ]


@pytest.mark.parametrize(("groups", "tensor", "legal"), [(8, 8, True), (8, 16, False), (1, 16, True)])
def test_groups_of_a_mamba_layer_divide_unless_there_is_one(groups: int, tensor: int, legal: bool) -> None:
    model = ModelFacts("m", "local", linear_attention=True, mamba_num_heads=256, mamba_n_groups=groups)
    assert (subjects(model, Parallel(tensor=tensor)) == []) is legal


def test_heads_of_linear_attention_are_not_copied() -> None:
    model = ModelFacts(
        "m", "local", linear_attention=True, linear_num_key_heads=16, linear_num_value_heads=48
    )
    assert subjects(model, Parallel(tensor=16)) == []
    assert subjects(model, Parallel(tensor=12)) == ["linear attention key heads"]


def test_global_layers_have_kv_heads_of_their_own() -> None:
    model = ModelFacts("m", "local", num_key_value_heads=12, num_global_key_value_heads=4, kv_lora_rank=0)
    assert subjects(model, Parallel(tensor=6)) == ["KV heads of global layers"]


def test_gpt_oss_copies_no_kv_heads() -> None:
    model = ModelFacts("m", "local", num_key_value_heads=8, kv_lora_rank=0)
    assert subjects(model, Parallel(tensor=16)) == []
    assert subjects(model._replace(text_model_type="gpt_oss"), Parallel(tensor=16)) == ["KV heads"]


def test_tables_of_positions_and_token_types_are_divided_like_vocabularies() -> None:
    bert = ModelFacts("m", "local", text_model_type="bert", max_position_embeddings=512)
    assert subjects(bert, Parallel(tensor=4)) == []
    assert subjects(bert, Parallel(tensor=3)) == ["padded positions", "padded token types"]


def test_a_tower_may_be_copied_where_its_class_allows(serve: Understand) -> None:
    eight = Parallel(tensor=8)
    assert subjects(SEEING, Parallel(tensor=4)) == []
    assert subjects(SEEING, eight, serve("m -tp 8")) == ["vision heads"]
    assert subjects(SEEING, eight, serve("m -tp 8 --language-model-only")) == ["vision heads"]
    assert subjects(SEEING, eight, serve("m -tp 8 --mm-encoder-tp-mode data")) == []
    deaf = SEEING._replace(architecture="Gemma3ForConditionalGeneration")
    assert subjects(deaf, eight, serve("m -tp 8 --mm-encoder-tp-mode data")) == ["vision heads"]


def test_a_mode_that_is_not_known_is_no_obstacle(serve: Understand) -> None:
    assert subjects(SEEING, Parallel(tensor=8), serve("m --mm-encoder-tp-mode ?")) == []


def test_towers_that_are_not_tabled_are_no_obstacle() -> None:
    assert subjects(SEEING._replace(architecture="Gemma4ForConditionalGeneration"), Parallel(tensor=8)) == []
    assert all(tower.source for tower in TOWERS.values())


@pytest.mark.parametrize(
    ("layout", "legal"),
    [
        (Parallel(tensor=8), True),
        (Parallel(tensor=16), False),
        (TWO_EIGHTS, False),
        (Parallel(tensor=16, expert=True), True),
    ],
)
@pytest.mark.parametrize("how", [BLOCKS, GROUPS, GROUPS._replace(method="gptq")])
def test_experts_divide_down_to_32_of_a_block_or_group(
    how: Quantization, layout: Parallel, legal: bool
) -> None:
    assert (subjects(SPARSE._replace(quantization=how), layout) == []) is legal


def test_blocks_of_compressed_tensors_stay_whole() -> None:
    model = SPARSE._replace(quantization=BLOCKS._replace(method="compressed-tensors"))
    assert subjects(model, Parallel(tensor=2)) == []
    assert subjects(model, Parallel(tensor=4)) == ["expert size in FP8 blocks"]


def test_another_expert_kernel_may_pad_blocks(serve: Understand) -> None:
    model = SPARSE._replace(quantization=BLOCKS)
    sixteen = Parallel(tensor=16)
    assert subjects(model, sixteen, serve("m -tp 16 --moe-backend triton")) == []
    assert subjects(model, sixteen, serve("m -tp 16")) == ["expert size in FP8 blocks"]


@pytest.mark.parametrize(
    ("how", "expected"), [(BLOCKS, "MLP size in FP8 blocks"), (GROUPS, "MLP size in AWQ groups")]
)
def test_a_packed_mlp_is_divided_in_whole_units(how: Quantization, expected: str) -> None:
    model = DENSE._replace(quantization=how)
    assert subjects(model, Parallel()) == []
    assert subjects(model, Parallel(tensor=2)) == [expected]
    assert subjects(model._replace(intermediate_size=29696), Parallel(tensor=8)) == []


@pytest.mark.parametrize("name", ["model.layers.3.mlp.down_proj", "re:.*mlp$", "re:.*layers.0.*"])
def test_layers_that_may_not_be_packed_are_no_obstacle(name: str) -> None:
    how = BLOCKS._replace(ignored=("lm_head", name))
    assert subjects(DENSE._replace(quantization=how), Parallel(tensor=2)) == []


@pytest.mark.parametrize("name", ["lm_head", "visual.blocks.0.mlp.down_proj", "model.layers.3.mlp.gate"])
def test_modules_elsewhere_leave_the_obstacle(name: str) -> None:
    how = BLOCKS._replace(ignored=(name,))
    assert subjects(DENSE._replace(quantization=how), Parallel(tensor=2)) == ["MLP size in FP8 blocks"]


@pytest.mark.parametrize("tensor", [1, 2])
def test_a_layer_that_no_group_divides_cannot_be_built(tensor: int) -> None:
    model = DENSE._replace(quantization=GROUPS, intermediate_size=10944)
    assert subjects(model, Parallel(tensor=tensor)) == ["MLP size in AWQ groups"]
    assert subjects(model._replace(source="catalogue"), Parallel(tensor=tensor)) == []


def test_latent_queries_are_divided_in_whole_blocks() -> None:
    model = LATENT._replace(quantization=BLOCKS)
    assert subjects(model, Parallel(tensor=8)) == []
    assert subjects(model, Parallel(tensor=16)) == ["latent query size in FP8 blocks"]


def test_gates_of_linear_attention_are_divided_in_whole_blocks() -> None:
    model = DENSE._replace(
        text_model_type="qwen3_next", linear_num_value_heads=32, intermediate_size=8192, quantization=BLOCKS
    )
    assert subjects(model, Parallel()) == []
    assert subjects(model, Parallel(tensor=2)) == ["linear attention gate size in FP8 blocks"]
    left_out = BLOCKS._replace(ignored=("model.layers.0.linear_attn.in_proj_ba",))
    assert subjects(model._replace(quantization=left_out), Parallel(tensor=2)) == []


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (None, ["vision attention size in FP8 blocks", "vision MLP size in FP8 blocks"]),
        (("lm_head",), ["vision attention size in FP8 blocks", "vision MLP size in FP8 blocks"]),
        (("model.visual.blocks.0.attn.proj",), []),
        (("re:.*vision.*",), []),
    ],
)
def test_a_packed_tower_is_divided_in_whole_blocks(
    serve: Understand, ignored: tuple[str, ...] | None, expected: list[str]
) -> None:
    model = SEEING._replace(
        vision_num_attention_heads=16,
        vision_hidden_size=1152,
        vision_intermediate_size=4304,
        quantization=BLOCKS._replace(ignored=ignored),
    )
    two = Parallel(tensor=2)
    assert subjects(model, two) == expected
    assert subjects(model, Parallel()) == []
    assert subjects(model, two, serve("m -tp 2 --mm-encoder-tp-mode data")) == []
    assert subjects(model._replace(architecture="InternVLForConditionalGeneration"), two) == []


@given(st.integers(1, 64), st.integers(1, 8), st.booleans())
def test_facts_that_are_not_known_give_no_obstacle(tensor: int, data: int, expert: bool) -> None:
    layout = Parallel(tensor=tensor, data=data, data_local=data, expert=expert)
    for architecture in (None, *TOWERS):
        assert subjects(ModelFacts("m", "local", architecture=architecture), layout) == []
