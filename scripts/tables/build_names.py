"""Keys of configs that every class writes and no model is built by."""

from __future__ import annotations

from typing import Any

UNTOLD = frozenset(
    [
        "_name_or_path",
        "chunk_size_feed_forward",
        "label2id",
        "output_attentions",
        "output_hidden_states",
        "problem_type",
        "return_dict",
        "transformers_version",
    ]
)


def told_of(value: Any) -> Any:
    """Return a config without what says nothing."""
    if isinstance(value, dict):
        return {key: told_of(below) for key, below in value.items() if key not in UNTOLD}
    return value
