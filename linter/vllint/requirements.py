"""Which of the things that vLLM's options ask of each other a launch does not give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from vllint.facts import LaunchFacts
from vllint.models.architectures import has_no_pooler, has_trait
from vllint.models.attributes import has_one_part
from vllint.models.lengths import LENGTH_WHEN_SILENT
from vllint.models.overrides import given_otherwise
from vllint.models.quantization import keeps_its_method
from vllint.release_order import version_key
from vllint.vllm.option_requirements import (
    Requirement,
    Term,
    requirements_of,
    term,
)
from vllint.vllm.options import option_table, releases_with
from vllint_schemas import Argument, EntryPoint, ModelFacts, Severity, Unknown

_OFF = frozenset({"", "0", "false", "no", "off"})
_SERVERS = frozenset({EntryPoint.SERVE, EntryPoint.API_SERVER})
_LONGEST_SHOWN = 40
_DASHES_COUNT_AS_UNDERSCORES = frozenset({"speculative_config"})
"""Options whose keys may have dashes (vLLM 0.33.0 `engine/arg_utils.py:2127`)."""


class Broken(NamedTuple):
    """A requirement that a launch breaks: the argument to blame, and how bad that is, with a caveat."""

    requirement: Requirement
    argument: Argument
    severity: Severity
    caveat: str


def broken_requirements(facts: LaunchFacts, kind: str) -> Iterator[Broken]:
    """Yield the requirements of a kind that are broken for sure."""
    given = {argument.dest: argument for argument in facts.args.arguments}
    for requirement in requirements_of(frozenset(given)):
        if requirement.kind != kind or not _is_checked(facts, requirement):
            continue
        blamed = next((given[option.dest] for option in requirement.options if option.dest in given), None)
        if blamed is not None and _is_broken(facts, requirement):
            yield Broken(requirement, blamed, *_severity(facts, requirement))


def is_so(facts: LaunchFacts, condition: str) -> bool | None:
    """Return whether a term, as the requirements' table has it, holds of a launch; `None` if not known."""
    return _holds(facts, term(condition))


def severity_since(facts: LaunchFacts, first: str, flag: str) -> tuple[Severity, str]:
    """Return how bad it is, with a caveat, what releases from `first` on are known to refuse of an option."""
    judged = facts.release.judged
    if version_key(judged) < version_key(first):
        return Severity.WARNING, f" (vLLM {first} refuses it; whether {judged} does is not known)"
    elsewhere = any(version_key(release) < version_key(first) for release in releases_with(flag))
    return facts.release.severity(elsewhere), facts.release.caveat(elsewhere)


def number_of(facts: LaunchFacts, limit: str | int) -> int | float | None:
    """Return the number that an option is set to, or the number itself; `None` where it is not known."""
    if isinstance(limit, int):
        return limit
    value = facts.args.value(limit)
    found = None if isinstance(value, Unknown) else value.value
    if limit == "max_model_len" and found is None and facts.args.given("hf_overrides") is None:
        model = facts.maybe_model
        found = None if isinstance(model, Unknown) else model.default_max_model_len
    if isinstance(found, bool) or not isinstance(found, (int, float)) or found < -1:
        return None
    return None if limit == "max_model_len" and found < 1 else found


def written(facts: LaunchFacts, found: Term) -> str:
    """Name what a launch has: an option with its value, a variable, or a kind of model."""
    if not found.is_option:
        return _MODELS.get(found.name, f"`{found.name.removeprefix('$')}`")
    argument, flag = facts.args.given(found.dest), _flag(found)
    value = _value(facts, found)
    if argument is None:
        return f"`{flag} {_as_written(value)}` (the default)"
    if value is True or not _is_short(value):
        return f"`{flag}`"
    if value is False and not found.key:
        negation = option_table(facts.release.judged).by_flag[argument.option].negation
        return f"`{negation or flag}`"
    return f"`{flag} {_as_written(value)}`"


def wanted(found: Term) -> str:
    """Name what a term asks for."""
    flag = f"`{_flag(found)}`"
    if found.name.startswith("$"):
        return f"`{found.name[1:]}={found.wanted or 1}` in the environment"
    if found.operator == ">":
        return f"{flag} above {found.wanted}"
    if found.operator == ">=":
        return f"{flag} of {found.wanted} or more"
    if found.operator == "!=":
        return f"another {flag}" if found.wanted.split("|")[0] != "127.0.0.1" else flag
    if found.operator == "=" and found.wanted != "*":
        first, *others = found.wanted.split("|")
        return either([f"`{_flag(found)} {first}`", *(f"`{other}`" for other in others)])
    return flag


def either(names: Sequence[str]) -> str:
    """Join names of which one will do: `a, b or c`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


_MODELS = {
    "model:recurrent": "a model with recurrent states beside attention",
    "model:without_length": "a model whose config says no length",
    "model:unquantized": "a model that is not quantized",
    "model:fp8": "a checkpoint in FP8",
    "model:mxfp4": "a checkpoint in MXFP4",
    "model:nvfp4": "a checkpoint in NVFP4",
    "platform:cuda": "an NVIDIA GPU",
    "card:before_blackwell": "a GPU before Blackwell",
    "model:one_part": "a model whose configuration has one part",
    "model:dense": "a model without experts",
    "model:text": "a model that takes text alone",
    "model:encoder_only": "a model that generates nothing",
}


def _flag(found: Term) -> str:
    name = f"--{found.dest.replace('_', '-')}"
    return f"{name}.{found.key}" if found.key else name


def _as_written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and len(str(value)) <= _LONGEST_SHOWN


def _is_checked(facts: LaunchFacts, requirement: Requirement) -> bool:
    """Whether the front door that is used, and the release, have what the requirement speaks of."""
    door = facts.launch.entry_point
    if requirement.door == "serve" and door is not EntryPoint.SERVE:
        return False
    if requirement.door == "server" and door not in _SERVERS:
        return False
    known = option_table(facts.release.judged).by_flag
    asked = (*requirement.options, *requirement.needs, *_limits(requirement))
    return all(f"--{part.dest.replace('_', '-')}" in known for part in asked if part.is_option)


def _limits(requirement: Requirement) -> tuple[Term, ...]:
    return (term(requirement.limit),) if isinstance(requirement.limit, str) and requirement.limit else ()


def _is_broken(facts: LaunchFacts, requirement: Requirement) -> bool:
    if not all(_holds(facts, condition) for condition in requirement.when):
        return False
    if any(_holds(facts, condition) is not False for condition in requirement.unless):
        return False
    if requirement.kind == "number":
        return _is_beyond(facts, requirement)
    if not _holds(facts, requirement.option):
        return False
    if requirement.other is not None:
        return _holds(facts, requirement.other) is True
    return all(_holds(facts, need) is False for need in requirement.needs)


def _is_beyond(facts: LaunchFacts, requirement: Requirement) -> bool:
    value, limit = number_of(facts, requirement.option.name), number_of(facts, requirement.limit)
    if value is None or limit is None or facts.args.given(requirement.option.name) is None:
        return False
    if requirement.relation == "below":
        return not 0 <= value < limit
    if requirement.relation == "multiple_of":
        return limit > 0 and value % limit != 0
    if requirement.relation == "unlike":
        return value == limit
    return value < limit if requirement.relation == "at_least" else value > limit


def _holds(facts: LaunchFacts, condition: Term) -> bool | None:
    """Return whether a condition holds of a launch; `None` where that is not known."""
    if condition.name.startswith("$"):
        return _holds_of_variable(facts, condition)
    if condition.name.startswith("model:"):
        return _is_model(facts, condition.name)
    if condition.name.startswith(("platform:", "card:")):
        return _is_machine(facts, condition.name)
    if condition.name == "model":
        model = facts.args.model
        return None if isinstance(model, Unknown) else condition.holds(model.value)
    value = _value(facts, condition)
    if condition.is_against_option:
        number = number_of(facts, condition.wanted)
        condition = condition._replace(wanted=str(number))
        value = value if number is not None else Unknown("the other number is not known")
    return None if isinstance(value, Unknown) else condition.holds(value)


def _value(facts: LaunchFacts, condition: Term) -> Any:
    """Return what an option or its key is set to, `Unknown` where that is not known."""
    value = facts.args.value(condition.dest)
    if isinstance(value, Unknown) or not condition.key:
        return value if isinstance(value, Unknown) else value.value
    if value.value is not None and not isinstance(value.value, dict):
        return Unknown(f"`{condition.dest}` is not an object")
    content = value.value or {}
    if condition.dest in _DASHES_COUNT_AS_UNDERSCORES:
        content = {str(key).replace("-", "_"): part for key, part in content.items()}
    return content.get(condition.key)


def _holds_of_variable(facts: LaunchFacts, condition: Term) -> bool | None:
    values = [variable.value for variable in facts.launch.env if variable.name == condition.name[1:]]
    if not values:
        return False
    if not values[-1].is_known:
        return None
    if condition.operator:
        return condition.holds(values[-1].text)
    return values[-1].text.strip().lower() not in _OFF


def _is_model(facts: LaunchFacts, name: str) -> bool | None:
    model = facts.maybe_model
    if isinstance(model, Unknown):
        return None
    if name == "model:one_part":
        return has_one_part(model.model_type)
    if given_otherwise(facts.args, ("hf_overrides",)):
        return None
    if name == "model:without_length":
        return model.default_max_model_len == LENGTH_WHEN_SILENT and model.derived_max_model_len is None
    if name == "model:of_its_own_method":
        return keeps_its_method(model)
    if name in {"model:unquantized", "model:unquantized_checkpoint", *_METHODS}:
        return _is_quantized(facts, model, name)
    if name == "model:without_pooler":
        return has_no_pooler(model.architecture)
    if name == "model:recurrent":
        return has_trait(model.architecture, "hybrid") and model.linear_attention
    if name in {"model:moe", "model:dense"}:
        experts = model.num_experts
        return None if experts is None else (experts > 0) is (name == "model:moe")
    if name == "model:encoder_only":
        return model.encoder_only
    return None if model.multimodal is None else model.multimodal is (name == "model:multimodal")


_METHODS = {
    "model:fp8": frozenset({"fp8"}),
    "model:mxfp4": frozenset({"mxfp4", "gpt_oss_mxfp4"}),
    "model:nvfp4": frozenset({"modelopt_fp4"}),
}


def _is_quantized(facts: LaunchFacts, model: ModelFacts, name: str) -> bool | None:
    if name in _METHODS:
        return model.quantization is not None and model.quantization.method in _METHODS[name]
    asked = name == "model:unquantized" and facts.args.given("quantization") is not None
    told = model.quantized is False and model.quantization_name is None
    return told and not asked


def _is_machine(facts: LaunchFacts, name: str) -> bool | None:
    """Return whether the image and the card are as a term says."""
    card = facts.hardware.gpu
    if name == "platform:rocm":
        return _is_rocm(facts)
    if isinstance(card, Unknown) or _is_rocm(facts) is not False:
        return None
    if name == "platform:cuda":
        return card.value.vendor == "nvidia"
    capability = card.value.compute_capability
    return None if capability is None else card.value.vendor == "nvidia" and capability < _BLACKWELL


_BLACKWELL = (10, 0)


def _is_rocm(facts: LaunchFacts) -> bool | None:
    image, card = facts.launch.image, facts.hardware.gpu
    if image is not None and image.is_known and "rocm" in image.text:
        return True
    if not isinstance(card, Unknown):
        return card.value.vendor == "amd"
    return None if image is None or not image.is_known else False


def _severity(facts: LaunchFacts, requirement: Requirement) -> tuple[Severity, str]:
    """Return how bad a broken requirement is: an error where the release that runs is known to check it."""
    if requirement.effect != "refused":
        return Severity.WARNING, ""
    if requirement.since == "always":
        severity, caveat = facts.release.severity(elsewhere=False), facts.release.caveat(elsewhere=False)
    else:
        flag = _flag(requirement.option).partition(".")[0]
        severity, caveat = severity_since(facts, requirement.since, flag)
    if severity is Severity.ERROR and any(need.name.startswith("$") for need in requirement.needs):
        return Severity.WARNING, " (unless the variable is set out of sight)"
    return severity, caveat
