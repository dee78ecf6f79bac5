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
    from vllint.hardware.devices import used_gpus
    from vllint.layouts import (
        FittingInstance,
        best_layout,
        describe,
        fitting_instances,
        fitting_length,
        fitting_tensor_parallel,
        layout_fix,
        memory_verdict,
    )
    from vllint.models.architectures import FLOAT16_REFUSED, has_trait
    from vllint.option_edits import (
        Setting,
        move_to_front,
        remove_argument,
        rename_flag,
        replace_argument,
        set_options,
    )
    from vllint.rule import Example, Rule
    from vllint.settings import Settings
    from vllint.vllm.legality import Obstacle, resized, tensor_parallel_obstacles, valid_tensor_parallel_sizes
    from vllint.vllm.meant_values import accepting_releases, tidied_number
    from vllint.vllm.mistakes import FALSE_TEXTS, TRUE_TEXTS, Mistake, reads_as_model
    from vllint.vllm.option_bounds import broken_bound
    from vllint.vllm.options import ever_took_value, known_elsewhere, option_table, releases_with
    from vllint.vllm.releases import releases
    from vllint.vllm.removed_options import RemovedOption, removed_option
    from vllint.vllm.similar import similar_flags, similar_name
    from vllint.vllm.value_names import value_names
    from vllint.vllm.version import split_image, version_key
    from vllint.word_edits import container_setting, item_at, key_before

__version__ = "0.1.0"

_HOMES = {
    "FALSE_TEXTS": "vllint.vllm.mistakes",
    "TRUE_TEXTS": "vllint.vllm.mistakes",
    "Example": "vllint.rule",
    "FittingInstance": "vllint.layouts",
    "LaunchFacts": "vllint.facts",
    "Mistake": "vllint.vllm.mistakes",
    "Obstacle": "vllint.vllm.legality",
    "RemovedOption": "vllint.vllm.removed_options",
    "Report": "vllint.checking",
    "Rule": "vllint.rule",
    "Setting": "vllint.option_edits",
    "Settings": "vllint.settings",
    "accepting_releases": "vllint.vllm.meant_values",
    "best_layout": "vllint.layouts",
    "broken_bound": "vllint.vllm.option_bounds",
    "check_command": "vllint.command_check",
    "check_paths": "vllint.checking",
    "container_setting": "vllint.word_edits",
    "describe": "vllint.layouts",
    "estimate": "vllint.command_check",
    "ever_took_value": "vllint.vllm.options",
    "fitting_instances": "vllint.layouts",
    "fitting_length": "vllint.layouts",
    "fitting_tensor_parallel": "vllint.layouts",
    "FLOAT16_REFUSED": "vllint.models.architectures",
    "has_trait": "vllint.models.architectures",
    "item_at": "vllint.word_edits",
    "key_before": "vllint.word_edits",
    "known_elsewhere": "vllint.vllm.options",
    "layout_fix": "vllint.layouts",
    "memory_verdict": "vllint.layouts",
    "move_to_front": "vllint.option_edits",
    "option_table": "vllint.vllm.options",
    "reads_as_model": "vllint.vllm.mistakes",
    "releases": "vllint.vllm.releases",
    "releases_with": "vllint.vllm.options",
    "remove_argument": "vllint.option_edits",
    "removed_option": "vllint.vllm.removed_options",
    "rename_flag": "vllint.option_edits",
    "replace_argument": "vllint.option_edits",
    "resized": "vllint.vllm.legality",
    "set_options": "vllint.option_edits",
    "similar_flags": "vllint.vllm.similar",
    "similar_name": "vllint.vllm.similar",
    "split_image": "vllint.vllm.version",
    "tensor_parallel_obstacles": "vllint.vllm.legality",
    "tidied_number": "vllint.vllm.meant_values",
    "used_gpus": "vllint.hardware.devices",
    "valid_tensor_parallel_sizes": "vllint.vllm.legality",
    "value_names": "vllint.vllm.value_names",
    "version_key": "vllint.vllm.version",
}

__all__ = [
    "FALSE_TEXTS",
    "FLOAT16_REFUSED",
    "TRUE_TEXTS",
    "Example",
    "FittingInstance",
    "LaunchFacts",
    "Mistake",
    "Obstacle",
    "RemovedOption",
    "Report",
    "Rule",
    "Setting",
    "Settings",
    "__version__",
    "accepting_releases",
    "best_layout",
    "broken_bound",
    "check_command",
    "check_paths",
    "container_setting",
    "describe",
    "estimate",
    "ever_took_value",
    "fitting_instances",
    "fitting_length",
    "fitting_tensor_parallel",
    "has_trait",
    "item_at",
    "key_before",
    "known_elsewhere",
    "layout_fix",
    "memory_verdict",
    "move_to_front",
    "option_table",
    "reads_as_model",
    "releases",
    "releases_with",
    "remove_argument",
    "removed_option",
    "rename_flag",
    "replace_argument",
    "resized",
    "set_options",
    "similar_flags",
    "similar_name",
    "split_image",
    "tensor_parallel_obstacles",
    "tidied_number",
    "used_gpus",
    "valid_tensor_parallel_sizes",
    "value_names",
    "version_key",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'vllint' has no attribute {name!r}")
    return getattr(import_module(home), name)
