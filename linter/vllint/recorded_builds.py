"""What the real vLLM built of the catalogue's models, as its recorded verdicts say."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vllint.command_check import estimate
from vllint.models.attributes import mapping
from vllint.models.catalogue import find_model
from vllint.models.catalogue_check import differences
from vllint_schemas import Unknown

_RESOLVED = {
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "vocab": "vocab_size",
}
"""What records of vLLM call these facts."""

OF_RECORDS = "0.33.0"
_UNQUANTIZED, _QUANTIZED = 0.001, 0.01
"""How far bytes may be off."""


def built_otherwise(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a model that vLLM built has other sizes, or other bytes on a rank, than the catalogue's.

    `row` is a recorded verdict. Records of changed configs name another one than the model's.
    """
    words = [str(word) for word in row.get("argv", ())]
    verdict = mapping(row.get("verdict"))
    resolved = mapping(verdict.get("resolved"))
    name = str(resolved.get("model"))
    if name != row.get("config_id") or find_model(name) is None:
        return
    other = list(differences({"id": name, **{_RESOLVED[key]: resolved.get(key) for key in _RESOLVED}}))
    if other:
        yield from other
        return
    ranks_built = mapping(verdict.get("ranks"))
    if _quantized_otherwise(name, words, resolved) or _cut(name, resolved, ranks_built):
        return
    memory = estimate(words, vllm_version=OF_RECORDS)
    ranks = () if isinstance(memory, Unknown) else memory.ranks
    goal = _QUANTIZED if resolved.get("quantization") else _UNQUANTIZED
    for rank in ranks:
        theirs = mapping(ranks_built.get(rank.name)).get("param_bytes")
        if isinstance(rank.parameters, Unknown):
            continue
        if theirs and abs(rank.parameters - theirs) > goal * theirs:
            off = f"{rank.parameters:,.0f} bytes of parameters, and vLLM builds {theirs:,}"
            yield f"{name}: {rank.name} of `{shlex.join(words)}` has {off}"


def _quantized_otherwise(name: str, words: Sequence[str], resolved: Mapping[str, Any]) -> bool:
    """Whether the record is of a checkpoint that is quantized, and the catalogue's is not, or the reverse."""
    facts = find_model(name)
    asked = any(word.partition("=")[0] in ("-q", "--quantization") for word in words)
    return facts is not None and not asked and facts.quantized is bool(not resolved.get("quantization"))


def _cut(name: str, resolved: Mapping[str, Any], ranks: Mapping[str, Any]) -> bool:
    """Whether the record is of a copy with fewer layers, as tests have, by those that have a cache."""
    facts = find_model(name)
    if facts is None or facts.linear_attention is not False or len(ranks) != resolved.get("pp"):
        return False
    held = sum(sum(mapping(mapping(rank).get("kv_specs")).values()) for rank in ranks.values())
    return 0 < held < (facts.num_hidden_layers or 0) - (facts.num_kv_shared_layers or 0)
