"""SCH003 yarn-without-max-position."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vllint import Example, LaunchFacts, Rule, context_limit, write_json
from vllint_schemas import Applicability, Argument, Finding, Fix, Located, Severity, Unknown

_LENGTH, _OVERRIDES = "max_model_len", "hf_overrides"
_ALLOWED = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"
_KEY = "max_position_embeddings"
_ROPE = ("rope_parameters", "rope_scaling")
_SCALED_TO_0_29 = frozenset({"yarn", "deepseek_yarn"})
_OTHER_CONFIGS = ("hf_config_path", "config_format", "runner", "task", "convert", "rope_scaling")


class YarnWithoutMaxPosition(Rule):
    """YaRN by `--hf-overrides` needs the length that it makes.

    ## What it does

    Finds `--hf-overrides` that scale the rope by YaRN and leave `max_position_embeddings` as it is, where
    `--max-model-len` asks for more than that.

    ## Why is this bad?

    Since 0.30 vLLM takes a YaRN model's length from `max_position_embeddings` alone and does not multiply it
    by the factor. It refuses to start: `User-specified max_model_len (131072) is greater than the derived
    max_model_len`. Recipes from before still leave the key out.

    ## Example

    `--hf-overrides '{"rope_parameters": {"rope_type": "yarn", "factor": 4.0,
    "original_max_position_embeddings": 32768}}' --max-model-len 131072`

    ## Use instead

    `--hf-overrides '{"max_position_embeddings": 131072, "rope_parameters": {...}}' --max-model-len 131072`

    ## Fix safety

    Safe: the key holds the product of the factor and the original length, which is what older releases took.

    ## Since

    0.1.0
    """

    code = "SCH003"
    name = "yarn-without-max-position"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:2612"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/context_extension.html"
    needs = ("model",)
    waits_for = frozenset({"SCH021"})
    triggers = frozenset({"hf_overrides"})
    tags = ("scheduling",)
    carries_over = True

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --max-model-len 131072 --hf-overrides"
            ' \'{"rope_parameters": {"rope_type": "yarn", "rope_theta": 1000000, "factor": 4.0,'
            ' "original_max_position_embeddings": 32768}}\'\n',
            fixed="vllm serve Qwen/Qwen3-8B --max-model-len 131072 --hf-overrides"
            ' \'{"max_position_embeddings": 131072, "rope_parameters": {"rope_type": "yarn",'
            ' "rope_theta": 1000000, "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
        Example(
            title="the text model of a composite one",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-VL-8B-Instruct --max-model-len 1000000 --hf-overrides"
            ' \'{"text_config": {"rope_parameters": {"rope_type": "yarn", "rope_theta": 5000000,'
            ' "factor": 4.0, "original_max_position_embeddings": 262144}}}\'\n',
            fixed="vllm serve Qwen/Qwen3-VL-8B-Instruct --max-model-len 1000000 --hf-overrides"
            ' \'{"text_config": {"max_position_embeddings": 1048576, "rope_parameters": {"rope_type":'
            ' "yarn", "rope_theta": 5000000, "factor": 4.0, "original_max_position_embeddings":'
            " 262144}}}'\n",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-model-len 131072 --hf-overrides"
            ' \'{"max_position_embeddings": 131072, "rope_parameters": {"rope_type": "yarn",'
            ' "rope_theta": 1000000, "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
        Example(
            title="the factor still counts",
            vllm_version="0.29.0",
            text="vllm serve Qwen/Qwen3-8B --max-model-len 131072 --hf-overrides"
            ' \'{"rope_parameters": {"rope_type": "yarn", "rope_theta": 1000000, "factor": 4.0,'
            ' "original_max_position_embeddings": 32768}}\'\n',
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a length that only YaRN's factor would give."""
        argument, asked = facts.args.given(_OVERRIDES), facts.args.integer(_LENGTH)
        limit, made = context_limit(facts.model), _scaled_length(facts)
        if argument is None or isinstance(asked, Unknown) or limit is None or made is None:
            return
        if not limit < asked.value <= made or _is_allowed(facts) or facts.args.open_ended is not None:
            return
        if any(facts.args.given(dest) for dest in _OTHER_CONFIGS):
            return
        yield self.finding(
            facts,
            argument.values[-1].span if argument.values else argument.flag.span,
            f"YaRN leaves the context at the {limit} tokens of `{_KEY}`, and `--max-model-len`"
            f" asks for {asked.value}{facts.release.caveat(True)}",
            f'add `"{_KEY}": {made}` beside the rope\'s parameters',
            severity=facts.release.severity(True),
            fix=_fix(facts, argument, made),
            subject=f"{_KEY}={made}",
        )


def _overrides(facts: LaunchFacts) -> dict[str, Any]:
    """Return the overrides of the text model."""
    found = facts.args.value(_OVERRIDES)
    whole = found.value if isinstance(found, Located) and isinstance(found.value, dict) else {}
    nested = whole.get("text_config")
    return nested if isinstance(nested, dict) else whole


def _scaled_length(facts: LaunchFacts) -> int | None:
    """Return the length that YaRN is asked to make; `None` where the overrides state one, or no YaRN."""
    text = _overrides(facts)
    rope: dict[str, Any] = next((text[key] for key in _ROPE if isinstance(text.get(key), dict)), {})
    if _KEY in text or rope.get("rope_type", rope.get("type")) not in _SCALED_TO_0_29:
        return None
    original, factor = rope.get("original_max_position_embeddings"), rope.get("factor")
    if not isinstance(original, int) or not isinstance(factor, int | float):
        return None
    return int(original * factor)


def _fix(facts: LaunchFacts, argument: Argument, made: int) -> Fix | None:
    found = facts.args.value(_OVERRIDES)
    if len(argument.values) != 1 or not isinstance(found, Located):
        return None
    text = {_KEY: made, **_overrides(facts)}
    whole = {**found.value, "text_config": text} if _overrides(facts) is not found.value else text
    edit = write_json(facts, argument.values[0], json.dumps(whole))
    return None if edit is None else Fix(f"add `{_KEY}`", Applicability.SAFE, (edit,))


def _is_allowed(facts: LaunchFacts) -> bool:
    """Whether the check is off, or may be."""
    return any(_ALLOWED in text for text in facts.sources.values()) or any(
        variable.name == _ALLOWED for variable in facts.launch.env
    )
