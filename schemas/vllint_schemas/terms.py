"""Words with a fixed list of values, which launches, facts and reports share."""

from typing import Literal

Kind = Literal[
    "compose",
    "kubernetes",
    "helm_values",
    "helm_template",
    "hf_endpoint",
    "ray_serve",
    "azure_ml",
    "sagemaker",
    "skypilot",
    "dstack",
    "gpustack",
    "truss",
    "runpod",
    "bentoml",
    "cerebrium",
    "shell",
    "windows",
    "slurm",
    "systemd",
    "dockerfile",
    "make",
    "just",
    "ci",
    "ansible",
    "terraform",
    "nomad",
    "markdown",
    "python",
    "vllm_config",
    "recipe",
    "command",
]
"""The kinds of source that a launch may stand in."""

ModelSource = Literal["catalogue", "lock", "local", "cache", "hub", "name", "settings"]
"""Where a model's facts came from."""

Verdict = Literal["fits", "tight", "does_not_fit"]
"""How a launch fits its cards."""
