"""A model's facts from its folder: in the repository, or in the Hugging Face cache."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vllint.models.attributes import count, mapping, size
from vllint.models.config import facts_from_config
from vllint.models.json_object import json_object
from vllint.text.source import SourceText
from vllint_schemas import ModelFacts, ModelSource, Unknown

MODEL_FILES = frozenset({"config.json", "params.json", "adapter_config.json"})
"""One of them stands in each model's folder."""

OWN_SIZES = "vllint-weights.json"
"""Where vllint's cache of the Hub keeps the sizes of weights."""

MOST_HEADERS = 24 * 2**20
"""Bytes of headers that are read of one model."""

_MOST_FILES = 512
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")
_OTHER_WEIGHTS = ("adapter_", "optimizer", "training_", "consolidated")
_TORCH_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
_FLOATS = frozenset(_TORCH_DTYPES)
_QUANTIZATION_FILES = (
    ("hf_quant_config.json", None),
    ("quantize_config.json", "gptq"),
    ("quant_config.json", "awq"),
)
"""Where quantizers wrote what belongs to `quantization_config`, and the method that this means."""


class Folder(NamedTuple):
    """A model's folder: its name in messages, the names of its files, and a reader of these."""

    shown: str
    names: frozenset[str]
    read: Callable[[str], SourceText | None]

    def json(self, name: str) -> Mapping[str, object] | Unknown | None:
        """Return the object in a file; `None` where there is no such file."""
        if name not in self.names:
            return None
        source = self.read(name)
        if source is None:
            return Unknown(f"{self.shown}/{name} cannot be read, or is too large")
        return json_object(source)


def folder_facts(
    model_id: str, folder: Folder, source: ModelSource, config_format: str = "auto"
) -> ModelFacts | Unknown:
    """Return the facts of the model in a folder, as vLLM would find its config there."""
    config = model_config(folder, config_format)
    if isinstance(config, Unknown):
        return config
    weights = folder_weights(folder)
    return facts_with_weights(model_id, config, None if isinstance(weights, Unknown) else weights, source)


def facts_with_weights(
    model_id: str, config: Mapping[str, object], weights: Mapping[str, Any] | None, source: ModelSource
) -> ModelFacts | Unknown:
    """Return what a config and the sizes of weights, as `summary` words them, say together."""
    facts = facts_from_config(model_id, config, source)
    if isinstance(facts, Unknown) or weights is None:
        return facts
    return with_weights(facts, weights)


def is_mistral(names: frozenset[str], config_format: str = "auto") -> bool:
    """Whether vLLM reads a folder in Mistral's format (0.33.0 `transformers_utils/config.py:891`)."""
    if config_format in ("mistral", "hf"):
        return config_format == "mistral"
    consolidated = any(name.startswith("consolidated") and name.endswith(".safetensors") for name in names)
    return "params.json" in names and (consolidated or "config.json" not in names)


def model_config(folder: Folder, config_format: str = "auto") -> Mapping[str, object] | Unknown:
    """Return the folder's config, with what stands beside it of its quantization."""
    config = folder.json("config.json")
    if is_mistral(folder.names, config_format):
        params = folder.json("params.json")
        if isinstance(params, Mapping):
            from vllint.models.params_json import config_of_params

            return config_of_params(params, config if isinstance(config, Mapping) else None)
        return Unknown(f"{folder.shown} holds no `params.json`") if params is None else params
    if config is None:
        return _no_config(folder)
    if isinstance(config, Unknown) or "quantization_config" in config:
        return config
    return _with_quantization(config, folder)


def _no_config(folder: Folder) -> Unknown:
    adapter = folder.json("adapter_config.json")
    if adapter is None:
        return Unknown(f"{folder.shown} holds no `config.json`")
    base = mapping(adapter).get("base_model_name_or_path")
    of = f" of `{base[:200]}`" if isinstance(base, str) else ""
    return Unknown(f"{folder.shown} holds a LoRA adapter{of}, which is no model by itself")


def _with_quantization(config: Mapping[str, object], folder: Folder) -> Mapping[str, object] | Unknown:
    for name, method in _QUANTIZATION_FILES:
        written = folder.json(name)
        if isinstance(written, Unknown):
            return written
        if written is not None:
            stated = {"quant_method": method} if method else {}
            return {**config, "quantization_config": {**stated, **written}}
    return config


def with_weights(facts: ModelFacts, weights: Mapping[str, Any]) -> ModelFacts:
    """Return the facts with what the sizes of the weights add: bytes, the type, and the count as built."""
    total = count(weights.get("bytes"), 2**62)
    if total is None:
        return facts._replace(weights_bytes_estimate=count(weights.get("pointer"), 2**62))
    dtypes = _elements(weights.get("dtypes"))
    stored = [_TORCH_DTYPES[name] for name in ("F64", "F32", "BF16", "F16") if name in dtypes]
    dtype = facts.dtype or (stored[0] if len(stored) == 1 and len(dtypes) == 1 else None)
    facts = facts._replace(weights_bytes=total, dtype=dtype)
    if facts.quantized is not False or not dtypes or not _FLOATS.issuperset(dtypes):
        return facts
    elements = _built_elements(_elements(weights.get("components")), facts)
    return facts if elements is None else facts._replace(params_total=elements, params_exact=True)


def _elements(amounts: object) -> dict[str, int]:
    """Return the elements of amounts by name; none at all if one is malformed."""
    found: dict[str, int] = {}
    for name, amount in mapping(amounts).items():
        elements = size(amount[0], 2**62) if isinstance(amount, (list, tuple)) and amount else None
        if elements is None or not isinstance(name, str):
            return {}
        found[name] = elements
    return found


def _built_elements(components: Mapping[str, int], facts: ModelFacts) -> int | None:
    """Return the checkpoint's elements without what vLLM does not build: MTP layers, a tied head's copy."""
    layers = facts.num_hidden_layers
    if not components or layers is None or facts.tie_word_embeddings is None:
        return None
    total = 0
    for name, elements in components.items():
        number = name.rpartition(".")[2]
        beyond = number.isdecimal() and name.startswith("model.layers.") and int(number) >= layers
        head = facts.tie_word_embeddings and name.endswith("lm_head.weight")
        if not (beyond or head or name.startswith("mtp.")):
            total += elements
    return total


def folder_weights(folder: Folder) -> Mapping[str, Any] | Unknown:
    """Return the sizes of a folder's safetensors files, as `weights_summary` words them."""
    kept = folder.json(OWN_SIZES)
    if kept is not None:
        return kept
    files = weight_files(folder.names)
    complete = bool(files) and _is_complete(files)
    found = _summed(files, folder) if complete else Unknown(f"{folder.shown} lacks files of weights")
    if not isinstance(found, Unknown) and "bytes" in found:
        return found
    for name in sorted(name for name in folder.names if name.endswith(".safetensors.index.json")):
        index = _summary(folder, name)
        if "bytes" in index:
            return {"bytes": index["bytes"]}
    return found


def weight_files(names: frozenset[str]) -> list[str]:
    """Return which files of a folder hold the weights that vLLM loads, sorted."""
    consolidated = is_mistral(names)
    return sorted(name for name in names if _is_weights(name, consolidated))


def _is_weights(name: str, consolidated: bool) -> bool:
    if not name.endswith(".safetensors"):
        return False
    return name.startswith("consolidated") if consolidated else not name.startswith(_OTHER_WEIGHTS)


def _is_complete(files: list[str]) -> bool:
    """Whether of each numbered set of files all are there."""
    shards = [match for name in files if (match := _SHARD.fullmatch(name))]
    numbers: dict[tuple[str, str], set[str]] = {}
    for match in shards:
        numbers.setdefault((match[1], match[3]), set()).add(match[2])
    return all(len(found) == int(last) for (_, last), found in numbers.items())


def _summed(files: list[str], folder: Folder) -> Mapping[str, Any] | Unknown:
    if len(files) > _MOST_FILES:
        return Unknown(f"{folder.shown} holds {len(files):,} files of weights")
    from vllint.checkpoints.safetensors_header import Amount, Weights, joined

    parts: list[Weights] = []
    pointed = read = 0
    for name in files:
        summary = _summary(folder, name)
        if "problem" in summary:
            return Unknown(f"{folder.shown}/{name} {summary['problem']}")
        if "pointer" in summary:
            pointed += summary["pointer"]
            continue
        read += summary["header"]
        if read > MOST_HEADERS:
            return Unknown(f"the headers in {folder.shown} take more than {MOST_HEADERS // 2**20} MB")
        dtypes, components = (
            {key: Amount(*amount) for key, amount in summary[part].items()}
            for part in ("dtypes", "components")
        )
        parts.append(Weights(summary["bytes"], dtypes, components, summary["header"]))
    whole = joined(parts)
    return {"pointer": pointed + whole.bytes} if pointed else whole._asdict()


def _summary(folder: Folder, name: str) -> dict[str, Any]:
    source = folder.read(name)
    found: dict[str, Any] = {"problem": "cannot be read"} if source is None else json.loads(source.text)
    return found
