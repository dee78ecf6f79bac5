"""Which modules a checkpoint's quantization names."""

from __future__ import annotations

import pytest

from vllint.memory.packing import Packing, packing_of
from vllint.models.attributes import whole_attributes
from vllint.models.modules import HEAD, MODULES, TOWER, names_module, names_tower
from vllint.models.quantization import checkpoint_quantization
from vllint_schemas import Quantization
from vllint_schemas.models import Component, Scheme

QUERY = Component("q", 4096, "query", quantizable=True, outputs=64)
HEAD_TABLE = Component("head", 4096, "vocabulary", quantizable=True)


@pytest.mark.parametrize(
    ("names", "layer", "meant"),
    [
        (("model.layers.3.self_attn*",), 3, True),
        (("model.layers.3.self_attn*",), 13, False),
        (("model.layers.3.*",), 3, True),
        (("model.layers.3*",), 3, True),
        (("model.language_model.layers.3.self_attn.q_proj",), 3, True),
        (("model.layers.3.self_attn.k_proj",), 3, False),
        (("re:.*self_attn.*",), 0, True),
        (("re:.*shared_experts.*",), 0, False),
        (("*.self_attn.*",), 0, True),
        (("self_attn",), 0, True),
        (("mlp",), 0, False),
        (("mtp.layers.0*", "mtp*"), 0, False),
        (("model.visual*",), 0, False),
        (("re:(",), 0, False),
    ],
)
def test_a_name_means_a_module_of_a_layer(names: tuple[str, ...], layer: int, meant: bool) -> None:
    assert names_module(names, MODULES["q"], layer) is meant


def test_the_head_is_meant_by_its_own_name_alone() -> None:
    assert names_module(("lm_head",), HEAD, None)
    assert names_module(("language_model.lm_head",), HEAD, None)
    assert not names_module(("model.layers.0.self_attn*",), HEAD, None)


def test_a_towers_name_means_its_layers_where_names_are_not_compared_exactly() -> None:
    assert names_tower(("model.visual",), TOWER, exact=False)
    assert not names_tower(("model.visual",), TOWER, exact=True)
    assert names_tower(("model.visual.blocks.0.attn.proj",), TOWER, exact=True)
    assert names_tower(("re:.*vision_tower.*",), TOWER, exact=True)


def test_modules_of_a_mixed_checkpoint_have_the_precision_of_their_own() -> None:
    schemes = (Scheme(("layers.0.self_attn.q_proj",), 8), Scheme(("lm_head",), 4, 16))
    mixed = Quantization("modelopt_mixed", schemes=schemes)
    assert packing_of(mixed, QUERY, 0) == Packing(1.0)
    assert packing_of(mixed, QUERY, 1) is None
    assert packing_of(mixed, HEAD_TABLE, None) == Packing(0.5 + 1 / 16)


def test_only_modelopt_quantizes_the_head() -> None:
    assert packing_of(Quantization("fp8", 8), HEAD_TABLE, None) is None
    assert packing_of(Quantization("modelopt", 8), HEAD_TABLE, None) == Packing(1.0)
    assert packing_of(Quantization("modelopt", 8, ignored=("lm_head",)), HEAD_TABLE, None) is None


@pytest.mark.parametrize(
    ("quantization", "packing"),
    [
        (Quantization("awq", 4, 128), Packing(0.5 + 2.5 / 128)),
        (Quantization("fp8", 8, block=(128, 128)), Packing(1 + 4 / 128**2)),
        (Quantization("compressed-tensors", 8), Packing(1.0, 4.0)),
        (Quantization("compressed-tensors", 4, 32, symmetric=True), Packing(0.5 + 2 / 32)),
        (Quantization("modelopt_fp4", 4, 16), Packing(0.5 + 1 / 16)),
    ],
)
def test_a_weight_takes_its_bits_and_its_share_of_scales(
    quantization: Quantization, packing: Packing
) -> None:
    assert packing_of(quantization, QUERY, 0) == packing


def test_modules_that_gptq_excludes_by_expression_are_left_out() -> None:
    written = {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {"-:.*attn.*": {}}}
    whole = whole_attributes({"model_type": "qwen3", "quantization_config": written})
    how = checkpoint_quantization(whole, whole).how
    assert how is not None
    assert packing_of(how, QUERY, 0) is None
    assert packing_of(how, QUERY._replace(name="up"), 0) is not None


def test_a_checkpoint_that_names_no_method_is_built_unquantized() -> None:
    config = {"model_type": "qwen3", "quantization_config": {"quant_algo": "FP8", "ignore": ["lm_head"]}}
    whole = whole_attributes(config)
    assert checkpoint_quantization(whole, whole).quantized is False
