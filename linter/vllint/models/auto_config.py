"""Model types that the table lacks, read by the installed Transformers: online only, never remote code.

Offline the table alone counts, so that what is said does not depend on what is installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec

from vllint.models.attributes import whole_attributes
from vllint.models.config import facts_from_config
from vllint_schemas import ModelFacts, Unknown

_OF_THE_CHECKPOINT = ("weights_bytes", "weights_bytes_estimate", "params_total", "params_exact", "gated")


def completed(facts: ModelFacts, config: Mapping[str, object]) -> ModelFacts:
    """Return the facts with what the class of Transformers says where `config` is silent.

    Whether the class is in the vLLM that runs is not known.
    """
    filled = filled_config(config)
    more = None if filled is None else facts_from_config(facts.id, filled, facts.source)
    if more is None or isinstance(more, Unknown):
        return facts
    kept = {name: getattr(facts, name) for name in _OF_THE_CHECKPOINT}
    return more._replace(**kept, configuration=None)


def filled_config(config: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the config with all defaults of its class; `None` where the table has it or nobody does."""
    whole = whole_attributes(config)
    if whole.known or whole.model_type is None or find_spec("transformers") is None:
        return None
    from transformers import CONFIG_MAPPING

    if whole.model_type not in CONFIG_MAPPING:
        return None
    try:
        filled = CONFIG_MAPPING[whole.model_type].from_dict(dict(config)).to_dict()
        return {**json.loads(json.dumps(filled, default=str)), **config}
    except Exception:  # noqa: BLE001
        # Classes refuse configs that nobody vouches for with errors of any kind.
        return None
