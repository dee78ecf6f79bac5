"""How a checkpoint is quantized, from the `quantization_config` of its `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vllint.models.attributes import Attributes, count, mapping, switch
from vllint_schemas import ModelFacts, Quantization
from vllint_schemas.models import Scheme

MODELOPT_METHODS = {
    "FP8": "modelopt",
    "FP8_PER_CHANNEL_PER_TOKEN": "modelopt",
    "FP8_PB_WO": "modelopt",
    "NVFP4": "modelopt_fp4",
    "MXFP8": "modelopt_mxfp8",
    "MIXED_PRECISION": "modelopt_mixed",
}
"""ModelOpt's algorithm -> vLLM's method. vllm/transformers_utils/model_arch_config_convertor.py."""

MODEL_TYPE_METHODS = {("deepseek_v4", "fp8"): "deepseek_v4_fp8", ("deepseek_v41", "fp8"): "deepseek_v4_fp8"}
"""Methods that vLLM replaces for one architecture, by text model type."""

METHOD_BITS = {
    "deepseek_v4_fp8": 8,
    "fp8": 8,
    "fbgemm_fp8": 8,
    "mxfp4": 4,
    "gpt_oss_mxfp4": 4,
    "mxfp8": 8,
    "modelopt_mxfp8": 8,
}
ALGORITHM_BITS = {"FP8": 8, "FP8_PER_CHANNEL_PER_TOKEN": 8, "FP8_PB_WO": 8, "NVFP4": 4, "MXFP8": 8}
GROUP_SIZES = {"mxfp4": 32, "gpt_oss_mxfp4": 32, "mxfp8": 32, "modelopt_mxfp8": 32}
IGNORED_KEYS = (
    "ignore",
    "modules_to_not_convert",
    "exclude_modules",
    "ignored_layers",
    "llm_int8_skip_modules",
    "exclude",
)
GPTQ_EXCLUDES = "-:"
"""How GPTQModel marks modules that stay unquantized. vllm `quantization/utils/gptq_utils.py`."""

GPTQ_CHANGES = "+:"
"""How it marks those that are quantized in another way than the rest."""

MOST_IGNORED, MOST_TARGETS = 4096, 1024

_HEADS_ON_REQUEST = frozenset({"gptq", "awq", "auto_gptq", "auto_awq", "gptq_marlin", "awq_marlin"})
"""Methods that quantize the language model head where `lm_head` says so."""


_DEMANDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "awq": (("bits", "w_bit"), ("group_size", "q_group_size"), ("zero_point",)),
    "gptq": (("bits",), ("group_size",), ("desc_act",), ("sym",)),
    "fp8": (("activation_scheme",),),
}
"""Methods -> the keys without which vLLM reads no checkpoint's config, one of each row: `get_from_keys`
in `from_config` of vLLM 0.33.0 `model_executor/layers/quantization/{auto_awq,auto_gptq,fp8}.py`."""

_TAKEN_WHATEVER_IS_ASKED = frozenset({"auto-round", "inc", "gpt_oss_mxfp4", "deepseek_v4_fp8"})
"""Methods of checkpoints that override any `--quantization`, beside ModelOpt's, as their classes say in
`override_quantization_method` (vLLM 0.33.0 `model_executor/layers/quantization/mxfp4.py:130`)."""


class Checkpoint(NamedTuple):
    """`quantized` says whether the checkpoint is, as far as `config.json` tells; `how` if vLLM can tell."""

    quantized: bool | None
    how: Quantization | None


def checkpoint_quantization(whole: Attributes, text: Attributes) -> Checkpoint:
    """Return the quantization vLLM reads: the model's, else its text part's; `quantized` is None if odd."""
    for part in (whole.written, text.written):
        for key in ("quantization_config", "compression_config"):
            written = part.get(key)
            if written is None:
                continue
            if not isinstance(written, Mapping):
                return Checkpoint(None, None)
            how = _quantization(written, text.model_type)
            # vLLM builds a checkpoint that names no method as if it were not quantized.
            return Checkpoint(how is not None or _names_method(written), how)
    return Checkpoint(False, None)


def keeps_its_method(model: ModelFacts) -> bool:
    """Whether vLLM takes the checkpoint's own method, whatever `--quantization` asks for."""
    how = model.quantization
    if how is None or how.method == "mxfp4":
        return model.model_type == "gpt_oss" and model.quantized is not False
    return how.algorithm is not None or how.method in _TAKEN_WHATEVER_IS_ASKED


def _quantization(written: Mapping[str, Any], model_type: str | None) -> Quantization | None:
    nested = mapping(written.get("quantization"))
    algorithm = _text(nested.get("quant_algo")) or _text(written.get("quant_algo"))
    algorithm = algorithm.upper() if algorithm else None
    method = _method(written, nested, algorithm)
    method = MODEL_TYPE_METHODS.get((model_type or "", method), method)
    if not method:
        return None
    weights = _group_weights(written)
    return Quantization(
        method=method,
        bits=_bits(method, algorithm, written, weights),
        group_size=_group_size(method, (written, nested, weights)),
        block=_block(written.get("weight_block_size") or weights.get("block_structure")),
        desc_act=switch(written.get("desc_act")),
        algorithm=algorithm,
        kv_cache=_kv_cache(written, nested),
        ignored=_ignored(written, nested),
        schemes=_schemes(written, nested, method),
        symmetric=switch(weights.get("symmetric")),
        head=written.get("lm_head") is True and method in _HEADS_ON_REQUEST,
        narrow_scales=weights.get("num_bits") == 4
        and (weights.get("type") == "float" or weights.get("dtype") == "fp4"),
        missing=tuple(row[0] for row in _DEMANDED.get(method, ()) if written.keys().isdisjoint(row)),
    )


def _names_method(written: Mapping[str, Any]) -> bool:
    return bool(written.get("quant_method"))


def _method(written: Mapping[str, Any], nested: Mapping[str, Any], algorithm: str | None) -> str:
    method = (
        (_text(written.get("quant_method")) or "").lower().replace("compressed_tensors", "compressed-tensors")
    )
    legacy = mapping(written.get("producer")).get("name") == "modelopt" and nested.get("quant_algo")
    if (method == "modelopt" or legacy) and algorithm:
        return MODELOPT_METHODS.get(algorithm, "modelopt")
    return "inc" if method == "auto-round" else method


def _bits(
    method: str, algorithm: str | None, written: Mapping[str, Any], weights: Mapping[str, Any]
) -> int | None:
    if written.get("load_in_4bit") is True:
        return 4
    if written.get("load_in_8bit") is True:
        return 8
    for value in (written.get("bits"), written.get("w_bit"), weights.get("num_bits")):
        if (bits := count(value, 32)) is not None and algorithm != "MIXED_PRECISION":
            return bits
    return ALGORITHM_BITS.get(algorithm or "") or METHOD_BITS.get(method)


def _group_size(method: str, parts: tuple[Mapping[str, Any], ...]) -> int | None:
    for part in parts:
        for key in ("group_size", "q_group_size"):
            value = part.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 2**20 and value:
                return value
    return GROUP_SIZES.get(method)


QUARK_BITS = {"fp8_e4m3": 8, "fp8_e5m2": 8, "int8": 8, "fp4": 4, "int4": 4, "uint4": 4}
"""Quark's types of weights -> their bits."""


def _group_weights(written: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the weights' scheme if all groups of a compressed-tensors config agree on it, or Quark's."""
    quark = mapping(mapping(written.get("global_quant_config")).get("weight"))
    if quark:
        own = mapping(written.get("layer_quant_config")) or mapping(written.get("layer_type_quant_config"))
        return {} if own else {**quark, "num_bits": QUARK_BITS.get(str(quark.get("dtype")))}
    groups = [mapping(group).get("weights") for group in mapping(written.get("config_groups")).values()]
    schemes = [mapping(scheme) for scheme in groups]
    shapes = {
        (str(s.get("num_bits")), str(s.get("group_size")), str(s.get("block_structure"))) for s in schemes
    }
    return schemes[0] if len(shapes) == 1 else {}


def _schemes(written: Mapping[str, Any], nested: Mapping[str, Any], method: str) -> tuple[Scheme, ...]:
    """Return the precisions of a checkpoint that has several: ModelOpt's by layer, else groups by target."""
    layers = mapping(nested.get("quantized_layers")) or mapping(written.get("quantized_layers"))
    if layers and method == "modelopt_mixed":
        return _layer_schemes(layers)
    if method == "gptq":
        return _changed_schemes(written)
    groups = [mapping(group) for group in mapping(written.get("config_groups")).values()]
    if method != "compressed-tensors" or all(_targets(group) == ("Linear",) for group in groups):
        return ()
    return tuple(
        Scheme(_any_linear(_targets(group)), bits, _group(weights))
        for group in groups
        if (bits := count((weights := mapping(group.get("weights"))).get("num_bits"), 32)) is not None
    )


def _changed_schemes(written: Mapping[str, Any]) -> tuple[Scheme, ...]:
    """Return the precisions of a GPTQ checkpoint with several; the last is that of all other modules."""
    bits, group = count(written.get("bits"), 32), _group_size("gptq", (written,))
    if bits is None:
        return ()
    changed = [
        Scheme(
            ("re:" + str(name).removeprefix(GPTQ_CHANGES),),
            count(mapping(own).get("bits"), 32) or bits,
            _group_size("gptq", (mapping(own),)) or group,
        )
        for name, own in list(mapping(written.get("dynamic")).items())[:MOST_IGNORED]
        if not str(name).startswith(GPTQ_EXCLUDES)
    ]
    return (*changed, Scheme(("*",), bits, group)) if changed else ()


def _layer_schemes(layers: Mapping[str, Any]) -> tuple[Scheme, ...]:
    names: dict[tuple[int, int | None], list[str]] = {}
    for name, layer in list(layers.items())[:MOST_IGNORED]:
        algorithm = (_text(mapping(layer).get("quant_algo")) or "").upper()
        bits = 4 if algorithm.endswith("FP4") or algorithm.startswith("W4") else ALGORITHM_BITS.get(algorithm)
        if bits is not None:
            group = _group(mapping(layer)) or (16 if algorithm == "NVFP4" else None)
            names.setdefault((bits, group), []).append(name)
    return tuple(Scheme(tuple(own), bits, group) for (bits, group), own in names.items())


def _targets(group: Mapping[str, Any]) -> tuple[str, ...]:
    written = group.get("targets")
    names = written[:MOST_TARGETS] if isinstance(written, (list, tuple)) else ("Linear",)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def _any_linear(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets with the class of all linear layers as a pattern."""
    return tuple("*" if target in ("Linear", "FusedMoE") else target for target in targets)


def _group(weights: Mapping[str, Any]) -> int | None:
    return count(weights.get("group_size"), 2**20)


def _block(value: object) -> tuple[int, int] | None:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    rows, columns = count(value[0]), count(value[1])
    return (rows, columns) if rows and columns else None


def _kv_cache(written: Mapping[str, Any], nested: Mapping[str, Any]) -> str | None:
    for part in (written, nested):
        for key in ("kv_cache_quant_algo", "kv_cache_scheme"):
            if key in part:
                value = part[key]
                if isinstance(value, Mapping):
                    return f"{_text(value.get('type')) or ''}{count(value.get('num_bits'), 32) or ''}".upper()
                return _text(value) or ""
    return None


def _ignored(written: Mapping[str, Any], nested: Mapping[str, Any]) -> tuple[str, ...] | None:
    excluded = [name for name in mapping(written.get("dynamic")) if str(name).startswith(GPTQ_EXCLUDES)]
    if excluded:
        return tuple("re:" + name.removeprefix(GPTQ_EXCLUDES) for name in excluded[:MOST_IGNORED])
    for part in (written, nested):
        for key in IGNORED_KEYS:
            value = part.get(key)
            if isinstance(value, (list, tuple)):
                return tuple(dict.fromkeys(n for n in value[:MOST_IGNORED] if isinstance(n, str)))
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) < 200 else None
