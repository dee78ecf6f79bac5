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
    from vllint.json_words import loses_its_quotes, mended_json, part_of_json, write_json
    from vllint.layouts import (
        FittingInstance,
        best_layout,
        describe,
        fitting_instances,
        fitting_tensor_parallel,
        layout_fix,
        memory_verdict,
    )
    from vllint.meant_values import accepting_releases, is_removed_choice, tidied_number
    from vllint.memory.dtypes import number_type
    from vllint.memory.host import HostPart
    from vllint.memory.rank_budget import rank_budget
    from vllint.models.architectures import FLOAT16_REFUSED, dropped, has_trait, needs_target
    from vllint.models.lengths import context_limit
    from vllint.models.overrides import given_otherwise
    from vllint.models.quantization import keeps_its_method
    from vllint.models.resolve import is_path
    from vllint.mounted_paths import unmounted
    from vllint.option_edits import (
        Setting,
        move_to_front,
        remove_argument,
        rename_flag,
        replace_argument,
        set_options,
    )
    from vllint.release_order import version_key
    from vllint.remedies import (
        beside_the_share,
        fits_with,
        fitting_length,
        least_share,
        memory_fix,
        share_fix,
    )
    from vllint.requirements import (
        Broken,
        broken_requirements,
        either,
        is_so,
        number_of,
        severity_since,
        wanted,
        written,
    )
    from vllint.rule import Example, Rule
    from vllint.settings import Settings
    from vllint.variable_edits import (
        is_named,
        own_variables,
        remove_variable,
        rename_variable,
        variable_place,
        variable_release,
    )
    from vllint.variable_successors import Succession, succession
    from vllint.vllm.attention_backends import (
        CHANGE_ATTENTION,
        Attention,
        Choice,
        attends_otherwise,
        attention_of,
        backend_obstacle,
        chosen_backend,
        tabled_release,
    )
    from vllint.vllm.config_classes import JsonProblem, class_of_option, json_problems, registered_names
    from vllint.vllm.environment import (
        EnvironmentVariable,
        environment_variable,
        similar_variables,
        variable_refusal,
        variable_standing,
    )
    from vllint.vllm.legality import Obstacle, resized, tensor_parallel_obstacles, valid_tensor_parallel_sizes
    from vllint.vllm.mistakes import FALSE_TEXTS, TRUE_TEXTS, Mistake
    from vllint.vllm.option_bounds import broken_bound
    from vllint.vllm.option_requirements import Requirement
    from vllint.vllm.options import ever_took_value, known_elsewhere, option_table, releases_with
    from vllint.vllm.releases import releases
    from vllint.vllm.removed_options import RemovedOption, removed_option
    from vllint.vllm.similar import folded, similar_flags, similar_name
    from vllint.vllm.value_names import NamedValue, doubtful, near_fix, unknown_name, value_names, when_known
    from vllint.vllm.values import read_json
    from vllint.vllm.version import split_image
    from vllint.vllm.written_words import is_call, keeps_blank, reads_as_model
    from vllint.ways_out import helped
    from vllint.word_edits import container_setting, item_at, key_before, parted, write_words

__version__ = "0.1.0"

_HOMES = {
    "CHANGE_ATTENTION": "vllint.vllm.attention_backends",
    "Attention": "vllint.vllm.attention_backends",
    "Choice": "vllint.vllm.attention_backends",
    "attends_otherwise": "vllint.vllm.attention_backends",
    "attention_of": "vllint.vllm.attention_backends",
    "backend_obstacle": "vllint.vllm.attention_backends",
    "chosen_backend": "vllint.vllm.attention_backends",
    "tabled_release": "vllint.vllm.attention_backends",
    "registered_names": "vllint.vllm.config_classes",
    "doubtful": "vllint.vllm.value_names",
    "NamedValue": "vllint.vllm.value_names",
    "is_removed_choice": "vllint.meant_values",
    "is_so": "vllint.requirements",
    "loses_its_quotes": "vllint.json_words",
    "JsonProblem": "vllint.vllm.config_classes",
    "class_of_option": "vllint.vllm.config_classes",
    "json_problems": "vllint.vllm.config_classes",
    "mended_json": "vllint.json_words",
    "part_of_json": "vllint.json_words",
    "write_json": "vllint.json_words",
    "read_json": "vllint.vllm.values",
    "unknown_name": "vllint.vllm.value_names",
    "when_known": "vllint.vllm.value_names",
    "Broken": "vllint.requirements",
    "FALSE_TEXTS": "vllint.vllm.mistakes",
    "TRUE_TEXTS": "vllint.vllm.mistakes",
    "Example": "vllint.rule",
    "FittingInstance": "vllint.layouts",
    "LaunchFacts": "vllint.facts",
    "Mistake": "vllint.vllm.mistakes",
    "is_call": "vllint.vllm.written_words",
    "keeps_blank": "vllint.vllm.written_words",
    "Obstacle": "vllint.vllm.legality",
    "RemovedOption": "vllint.vllm.removed_options",
    "Requirement": "vllint.vllm.option_requirements",
    "Report": "vllint.checking",
    "Rule": "vllint.rule",
    "Setting": "vllint.option_edits",
    "Settings": "vllint.settings",
    "accepting_releases": "vllint.meant_values",
    "beside_the_share": "vllint.remedies",
    "best_layout": "vllint.layouts",
    "broken_bound": "vllint.vllm.option_bounds",
    "broken_requirements": "vllint.requirements",
    "either": "vllint.requirements",
    "check_command": "vllint.command_check",
    "check_paths": "vllint.checking",
    "container_setting": "vllint.word_edits",
    "context_limit": "vllint.models.lengths",
    "describe": "vllint.layouts",
    "estimate": "vllint.command_check",
    "ever_took_value": "vllint.vllm.options",
    "fitting_instances": "vllint.layouts",
    "fits_with": "vllint.remedies",
    "fitting_length": "vllint.remedies",
    "helped": "vllint.ways_out",
    "least_share": "vllint.remedies",
    "HostPart": "vllint.memory.host",
    "pinned_parts": "vllint.remedies",
    "rank_budget": "vllint.memory.rank_budget",
    "requests_fix": "vllint.remedies",
    "sampled_again": "vllint.remedies",
    "share_fix": "vllint.remedies",
    "fitting_tensor_parallel": "vllint.layouts",
    "FLOAT16_REFUSED": "vllint.models.architectures",
    "dropped": "vllint.models.architectures",
    "has_trait": "vllint.models.architectures",
    "needs_target": "vllint.models.architectures",
    "is_path": "vllint.models.resolve",
    "item_at": "vllint.word_edits",
    "given_otherwise": "vllint.models.overrides",
    "keeps_its_method": "vllint.models.quantization",
    "key_before": "vllint.word_edits",
    "known_elsewhere": "vllint.vllm.options",
    "layout_fix": "vllint.layouts",
    "memory_fix": "vllint.remedies",
    "memory_verdict": "vllint.layouts",
    "move_to_front": "vllint.option_edits",
    "number_of": "vllint.requirements",
    "number_type": "vllint.memory.dtypes",
    "option_table": "vllint.vllm.options",
    "reads_as_model": "vllint.vllm.written_words",
    "releases": "vllint.vllm.releases",
    "releases_with": "vllint.vllm.options",
    "remove_argument": "vllint.option_edits",
    "removed_option": "vllint.vllm.removed_options",
    "rename_flag": "vllint.option_edits",
    "replace_argument": "vllint.option_edits",
    "resized": "vllint.vllm.legality",
    "set_options": "vllint.option_edits",
    "severity_since": "vllint.requirements",
    "similar_flags": "vllint.vllm.similar",
    "folded": "vllint.vllm.similar",
    "similar_name": "vllint.vllm.similar",
    "near_fix": "vllint.vllm.value_names",
    "split_image": "vllint.vllm.version",
    "tensor_parallel_obstacles": "vllint.vllm.legality",
    "tidied_number": "vllint.meant_values",
    "unmounted": "vllint.mounted_paths",
    "used_gpus": "vllint.hardware.devices",
    "valid_tensor_parallel_sizes": "vllint.vllm.legality",
    "value_names": "vllint.vllm.value_names",
    "version_key": "vllint.release_order",
    "written": "vllint.requirements",
    "wanted": "vllint.requirements",
    "EnvironmentVariable": "vllint.vllm.environment",
    "Succession": "vllint.variable_successors",
    "succession": "vllint.variable_successors",
    "environment_variable": "vllint.vllm.environment",
    "similar_variables": "vllint.vllm.environment",
    "variable_refusal": "vllint.vllm.environment",
    "variable_standing": "vllint.vllm.environment",
    "is_named": "vllint.variable_edits",
    "own_variables": "vllint.variable_edits",
    "remove_variable": "vllint.variable_edits",
    "rename_variable": "vllint.variable_edits",
    "variable_place": "vllint.variable_edits",
    "variable_release": "vllint.variable_edits",
    "parted": "vllint.word_edits",
    "write_words": "vllint.word_edits",
}

__all__ = [
    "CHANGE_ATTENTION",
    "FALSE_TEXTS",
    "FLOAT16_REFUSED",
    "TRUE_TEXTS",
    "Attention",
    "Broken",
    "Choice",
    "EnvironmentVariable",
    "Example",
    "FittingInstance",
    "HostPart",
    "JsonProblem",
    "LaunchFacts",
    "Mistake",
    "NamedValue",
    "Obstacle",
    "RemovedOption",
    "Report",
    "Requirement",
    "Rule",
    "Setting",
    "Settings",
    "Succession",
    "__version__",
    "accepting_releases",
    "attends_otherwise",
    "attention_of",
    "backend_obstacle",
    "beside_the_share",
    "best_layout",
    "broken_bound",
    "broken_requirements",
    "check_command",
    "check_paths",
    "chosen_backend",
    "class_of_option",
    "container_setting",
    "context_limit",
    "describe",
    "doubtful",
    "dropped",
    "either",
    "environment_variable",
    "estimate",
    "ever_took_value",
    "fits_with",
    "fitting_instances",
    "fitting_length",
    "fitting_tensor_parallel",
    "folded",
    "given_otherwise",
    "has_trait",
    "helped",
    "is_call",
    "is_named",
    "is_path",
    "is_removed_choice",
    "is_so",
    "item_at",
    "json_problems",
    "keeps_blank",
    "keeps_its_method",
    "key_before",
    "known_elsewhere",
    "layout_fix",
    "least_share",
    "loses_its_quotes",
    "memory_fix",
    "memory_verdict",
    "mended_json",
    "move_to_front",
    "near_fix",
    "needs_target",
    "number_of",
    "number_type",
    "option_table",
    "own_variables",
    "part_of_json",
    "parted",
    "pinned_parts",
    "rank_budget",
    "read_json",
    "reads_as_model",
    "registered_names",
    "releases",
    "releases_with",
    "remove_argument",
    "remove_variable",
    "removed_option",
    "rename_flag",
    "rename_variable",
    "replace_argument",
    "requests_fix",
    "resized",
    "sampled_again",
    "set_options",
    "severity_since",
    "share_fix",
    "similar_flags",
    "similar_name",
    "similar_variables",
    "split_image",
    "succession",
    "tabled_release",
    "tensor_parallel_obstacles",
    "tidied_number",
    "unknown_name",
    "unmounted",
    "used_gpus",
    "valid_tensor_parallel_sizes",
    "value_names",
    "variable_place",
    "variable_refusal",
    "variable_release",
    "variable_standing",
    "version_key",
    "wanted",
    "when_known",
    "write_json",
    "write_words",
    "written",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'vllint' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
