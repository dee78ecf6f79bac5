"""What `--speculative-config` asks for, as far as memory depends on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vllint_schemas import EngineArgs, ModelFacts, Unknown

_OWN_LAYERS = frozenset({"mtp", "deepseek_mtp", "qwen3_next_mtp", "ernie_mtp", "glm4_moe_mtp", "mimo_mtp"})


def speculation(args: EngineArgs) -> Mapping[str, Any] | Unknown | None:
    """Return `--speculative-config`; `None` without one, `Unknown` where it is no mapping."""
    found = args.value("speculative_config")
    if isinstance(found, Unknown):
        return found
    value = found.value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return Unknown("`--speculative-config` is no JSON")
    if value is None or isinstance(value, dict):
        return value
    return Unknown("`--speculative-config` is no mapping")


def speculated_tokens(args: EngineArgs) -> int:
    """Return how many tokens are drafted ahead; 0 where that is not known."""
    asked = speculation(args)
    count = None if isinstance(asked, Unknown) or asked is None else asked.get("num_speculative_tokens")
    return count if isinstance(count, int) and count > 0 else 0


def own_layers(model: ModelFacts, args: EngineArgs) -> int:
    """Return how many of the model's own prediction layers are built: each also keeps a KV cache."""
    asked = speculation(args)
    if isinstance(asked, Unknown) or asked is None or asked.get("method") not in _OWN_LAYERS:
        return 0
    return max(1, model.num_nextn_predict_layers or 0)
