"""Write the embedded catalogue of models.

    python scripts/tables/models.py ../shared/data

Reads `models.jsonl` of the data folder. The catalogue's first line names the fields, group by group, and
says how many shapes and details follow, one a line; then comes one line for each id, `[id, shape, detail]`
by their numbers, in the order of the lower-case ids, and for a renamed id `[old, shape, detail, new]`.
A group of a shape or detail is null when none of its fields is known.

A null in the data is not known. It becomes 0 (known to be absent) when the architecture's configuration
class has no such attribute, when the whole config.json was read, or when a model built from the very
dimensions of the row has exactly as many parameters as the checkpoint.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from model_shapes import SHAPE_GROUPS, Row, is_proven, is_whole_config, shape_facts

from vllint.models.attributes import (
    Attributes,
    comes_with_checkpoints,
    text_attributes,
    whole_attributes,
)
from vllint.models.lengths import UNSCALED_ROPE_TYPES
from vllint.models.quantization import MODELOPT_METHODS

DETAIL_GROUPS = {
    "length": ["max_position_embeddings", "derived_max_model_len", "default_max_model_len"],
    "rope": ["rope_type", "rope_factor", "original_max_position_embeddings"],
    "size": ["params_total", "params_exact", "weights_bytes", "weights_bytes_estimate"],
    "kind": ["dtype", "gated", "quantized", "quantization", "quantization_name", "bits_per_weight"],
    "class": ["configuration"],
}

SAYS_QUANTIZED = re.compile(
    r"fp8|fp4|awq|gptq|int[48]|w[48]a|bnb|[48]-?bit|quant|gguf|mlx|exl[23]|hqq|aqlm|mxfp|nf4|quark|autoround|-qat",
    re.IGNORECASE,
)


RENAMED_TYPES = frozenset({None, "unknown", "phi-msft", "minicpm"})
"""Types that say nothing, and those of models whose repositories may have got Transformers' own since."""

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/models.jsonl"


def main(data: str) -> None:
    """Write the catalogue of the rows in the folder `data`."""
    TARGET.write_text(text(Path(data)), encoding="utf-8")


def text(data: Path) -> str:
    """Return the catalogue: header, shapes, details and ids, a line each."""
    lines = (data / "models.jsonl").read_text("utf-8").splitlines()
    rows = sorted((json.loads(line) for line in lines), key=trust)
    shapes: dict[str, int] = {}
    details: dict[str, int] = {}
    entries = catalogued(rows, shapes, details)
    header = {
        "shape": SHAPE_GROUPS,
        "detail": DETAIL_GROUPS,
        "shapes": len(shapes),
        "details": len(details),
        "ids": len(entries),
    }
    ids = [compact(entries[key]) for key in sorted(entries, key=lambda key: (key.lower(), key))]
    return "\n".join([compact(header), *shapes, *details, *ids]) + "\n"


def catalogued(rows: list[Row], shapes: dict[str, int], details: dict[str, int]) -> dict[str, list[Any]]:
    """Return id -> its line, adding each new shape and detail with its number."""
    native = natively_quantized(rows)
    plain = plain_lengths(rows)
    spelt = {row["id"].lower(): row["id"] for row in sorted(rows, key=lambda row: row["hf_downloads"] or 0)}
    entries: dict[str, list[Any]] = {}
    renamed: dict[str, str] = {}
    for row in rows:
        model_id = spelt[row["id"].lower()]
        if model_id in entries or not is_usable(row):
            continue
        attributes = row_attributes(row)
        shape = grouped(SHAPE_GROUPS, shape_facts(row, attributes))
        detail = grouped(DETAIL_GROUPS, detail_facts(row, attributes, native, plain))
        entries[model_id] = [
            model_id,
            shapes.setdefault(shape, len(shapes)),
            details.setdefault(detail, len(details)),
        ]
        renamed.update((alias, model_id) for alias in row["aliases"])
    known = {model_id.lower() for model_id in entries}
    for alias in sorted(renamed):
        if alias.lower() not in known:
            entries[alias] = [alias, *entries[renamed[alias]][1:3], renamed[alias]]
    return entries


def trust(row: Row) -> tuple[bool, int]:
    """Return the order of rows for one id: its own config first, then by confidence."""
    return not is_whole_config(row), ("high", "medium", "low").index(row["confidence"])


def compact(value: object) -> str:
    """Return `value` as JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def grouped(groups: Mapping[str, list[str]], facts: Mapping[str, Any]) -> str:
    """Return the facts as a list of groups, each a list in the order of its fields, or null."""
    unknown = set(facts) - {field for fields in groups.values() for field in fields}
    assert not unknown, unknown
    written: list[Any] = []
    for fields in groups.values():
        values = [facts.get(field) for field in fields]
        while values and values[-1] is None:
            values.pop()
        written.append(values or None)
    return compact(written)


def is_usable(row: Row) -> bool:
    """Whether anything is known that a rule could use: a shape, or the checkpoint's size."""
    return bool(row["num_attention_heads"] or row["hidden_size"] or row["params_hub"] or row["params_total"])


def only_buffers_apart(row: Row) -> bool:
    """Whether the checkpoint differs from the model by the rotary frequencies that old ones store."""
    if not (row["params_hub"] and row["params_total"] and row["head_dim"] and row["num_hidden_layers"]):
        return False
    buffers: int = row["num_hidden_layers"] * row["head_dim"] // 2
    return bool(row["params_hub"] - row["params_total"] == buffers)


def row_attributes(row: Row) -> Attributes:
    """Return what the text model's configuration class says, with nothing written."""
    return text_attributes(whole_attributes({"model_type": row["model_type"]}))


def detail_facts(
    row: Row,
    text: Attributes,
    native: Mapping[str, Mapping[str, list[Any]]],
    plain: Mapping[str, set[int]],
) -> dict[str, Any]:
    """Return the facts that differ between models of one shape."""
    return {
        **length_facts(row, text, plain),
        **size_facts(row),
        **quantization_facts(row, native),
        "dtype": row["torch_dtype"],
        "gated": row["gated"],
        "configuration": configuration(row),
    }


def configuration(row: Row) -> str | None:
    """Return that the repository's own code must read its config, where it brings a type nobody else has."""
    kind = row["model_type"]
    if kind in RENAMED_TYPES or row["confidence"] == "low" or not row["architecture"]:
        return None
    known = whole_attributes({"model_type": kind}).known and not comes_with_checkpoints(kind)
    return None if known else "remote"


def plain_lengths(rows: Iterable[Row]) -> dict[str, set[int]]:
    """Return the lengths that configs of each model type really state."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if row["max_position_embeddings"] and row["mpe_may_include_rope_factor"] is False:
            lengths[row["model_type"]].add(row["max_position_embeddings"])
    return lengths


def length_facts(row: Row, text: Attributes, plain: Mapping[str, set[int]]) -> dict[str, Any]:
    """Return the context length, and vLLM's derived one where no rope factor can be hidden in it.

    The scraper multiplied by the factor where a config has one. A length that configs of this model type
    state without any is taken as plain, and so is the class's default.
    """
    length = row["max_position_embeddings"]
    usual = plain.get(row["model_type"], set()) | {text.get("max_position_embeddings")}
    if row["mpe_may_include_rope_factor"] and length not in usual and text_may_scale(text):
        length = None
    rope = row["rope_scaling"] or {}
    if any(isinstance(value, dict) for value in rope.values()):
        rope = {}
    kind, factor = rope.get("rope_type", rope.get("type")), rope.get("factor")
    facts = {
        "max_position_embeddings": length,
        "rope_type": kind,
        "rope_factor": factor,
        "original_max_position_embeddings": rope.get("original_max_position_embeddings"),
    }
    context = row["max_position_embeddings_source"] == "vllm-project/recipes context_length"
    if length is None or context or "long_factor" in rope or kind in ("longrope", "su"):
        return facts
    scaled = factor and kind not in UNSCALED_ROPE_TYPES and "gemma3" not in (row["model_type"] or "")
    derived = int(length * factor) if scaled else length
    long_rope = text.has("original_max_position_embeddings") and not is_whole_config(row)
    return facts | {
        "derived_max_model_len": derived,
        "default_max_model_len": None if long_rope else derived,
    }


def text_may_scale(text: Attributes) -> bool:
    """Whether the model may have rotary embeddings, which a factor can stretch."""
    return not text.known or text.has("rope_parameters")


def size_facts(row: Row) -> dict[str, Any]:
    """Return the sizes: what is certain apart from what a formula or two bytes an element give."""
    confirmed = row["params_conflict"] is None and row["check"] not in ("nocfg", "hubonly")
    total = row["params_total"] if confirmed else None
    estimate = row["weights_bytes_est"] if row["quantization"] else None
    if not row["quantization"] and total is None and row["params_hub"] and not row["params_hub_suspect"]:
        estimate = row["params_hub"] * 2
    return {
        "params_total": total,
        "params_exact": row["params_exact"] if total is not None else None,
        "weights_bytes": row["weights_bytes"],
        "weights_bytes_estimate": estimate if row["weights_bytes"] is None else None,
    }


def natively_quantized(rows: Iterable[Row]) -> dict[str, dict[str, list[Any]]]:
    """Return model type -> owner -> quantizations of checkpoints whose names say nothing about them."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        written = row["quantization"]
        if written and written["source"] != "repository name" and not SAYS_QUANTIZED.search(row["id"]):
            found[row["model_type"]][row["id"].split("/")[0]].append(written)
    return found


def native_quantization(row: Row, native: Mapping[str, Mapping[str, list[Any]]]) -> Any:
    """Return how the owner publishes models of this type, if at least two configs agree on it."""
    listed = native.get(row["model_type"], {}).get(row["id"].split("/")[0], [])
    told = {(one["method"], one["bits"], str(one.get("block_size"))) for one in listed}
    return listed[0] if len(listed) > 1 and len(told) == 1 else None


def leaves_nothing_out(written: Mapping[str, Any]) -> bool:
    """Whether a config was read that names no module to be left as it is."""
    listed = written.get("ignore_count") or written.get("exclude_count")
    return written["source"] == "config" and not listed


def quantization_facts(row: Row, native: Mapping[str, Mapping[str, list[Any]]]) -> dict[str, Any]:
    """Return how the checkpoint is quantized: the method only if a config states it."""
    written = row["quantization"]
    if written is None and not is_whole_config(row) and not SAYS_QUANTIZED.search(row["id"]):
        written = native_quantization(row, native)
    if written is None:
        said = SAYS_QUANTIZED.search(row["id"]) or row["model_type"] in native
        plain = is_whole_config(row) or (not said and (is_proven(row) or only_buffers_apart(row)))
        return {"quantized": False if plain else None}
    source = written["source"]
    named = source == "repository name" or source.startswith("hub scrape")
    facts = {"quantized": True, "bits_per_weight": written["bits"]}
    if named:
        return facts | {"quantization_name": written.get("label") or written["method"]}
    algorithm = written.get("quant_algo")
    method = written["method"]
    if method == "modelopt" and algorithm:
        method = MODELOPT_METHODS[algorithm]
    if method == "fp8" and row["model_type"] == "deepseek_v4":
        method = "deepseek_v4_fp8"
    kv_cache = written.get("kv_cache_quant_algo")
    return facts | {
        "quantization": {
            "method": method,
            "bits": written["bits"],
            "group_size": written.get("group_size"),
            "block": written.get("block_size"),
            "algorithm": algorithm,
            "kv_cache": kv_cache or ("" if "kv_cache_quant_algo" in written else None),
            **({"ignored": []} if leaves_nothing_out(written) else {}),
        }
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
