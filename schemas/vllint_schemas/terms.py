"""Words with a fixed list of values, which launches, facts and reports share."""

from typing import Literal

Kind = Literal["compose", "kubernetes", "shell", "hf_endpoint", "python", "dockerfile", "command"]
"""The kinds of source that a launch may stand in."""

ModelSource = Literal["catalogue", "lock", "local", "cache", "hub", "name", "settings"]
"""Where a model's facts came from."""

Verdict = Literal["fits", "tight", "does_not_fit"]
"""How a launch fits its cards."""
