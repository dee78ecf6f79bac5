"""vllint reads the files that launch vLLM and says what is wrong before deployment.

The names below are public; they are imported when first used, so that the command line starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vllint.checking import Report, check_paths
    from vllint.command_check import check_command, estimate
    from vllint.facts import LaunchFacts
    from vllint.layouts import (
        FittingInstance,
        best_layout,
        describe,
        fitting_instances,
        fitting_tensor_parallel,
        layout_fix,
        memory_verdict,
    )
    from vllint.option_edits import Setting, remove_argument, rename_flag, set_options
    from vllint.rule import Example, Rule
    from vllint.settings import Settings
    from vllint.vllm.legality import Obstacle, resized, tensor_parallel_obstacles, valid_tensor_parallel_sizes
    from vllint.vllm.options import known_elsewhere
    from vllint.vllm.similar import similar_flags

__version__ = "0.1.0"

_HOMES = {
    "Example": "vllint.rule",
    "FittingInstance": "vllint.layouts",
    "LaunchFacts": "vllint.facts",
    "Obstacle": "vllint.vllm.legality",
    "Report": "vllint.checking",
    "Rule": "vllint.rule",
    "Setting": "vllint.option_edits",
    "Settings": "vllint.settings",
    "best_layout": "vllint.layouts",
    "check_command": "vllint.command_check",
    "check_paths": "vllint.checking",
    "describe": "vllint.layouts",
    "estimate": "vllint.command_check",
    "fitting_instances": "vllint.layouts",
    "fitting_length": "vllint.layouts",
    "fitting_tensor_parallel": "vllint.layouts",
    "known_elsewhere": "vllint.vllm.options",
    "layout_fix": "vllint.layouts",
    "memory_verdict": "vllint.layouts",
    "remove_argument": "vllint.option_edits",
    "rename_flag": "vllint.option_edits",
    "resized": "vllint.vllm.legality",
    "set_options": "vllint.option_edits",
    "similar_flags": "vllint.vllm.similar",
    "tensor_parallel_obstacles": "vllint.vllm.legality",
    "valid_tensor_parallel_sizes": "vllint.vllm.legality",
}

__all__ = [
    "Example",
    "FittingInstance",
    "LaunchFacts",
    "Obstacle",
    "Report",
    "Rule",
    "Setting",
    "Settings",
    "__version__",
    "best_layout",
    "check_command",
    "check_paths",
    "describe",
    "estimate",
    "fitting_instances",
    "fitting_length",
    "fitting_tensor_parallel",
    "known_elsewhere",
    "layout_fix",
    "memory_verdict",
    "remove_argument",
    "rename_flag",
    "resized",
    "set_options",
    "similar_flags",
    "tensor_parallel_obstacles",
    "valid_tensor_parallel_sizes",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'vllint' has no attribute {name!r}")
    return getattr(import_module(home), name)
