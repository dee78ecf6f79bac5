"""SCH021 rope-type-missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vllint import Example, LaunchFacts, Rule, part_of_json, releases
from vllint_schemas import Applicability, Argument, Edit, Finding, Fix, Located, Severity

_OVERRIDES, _KEY, _LEGACY = "hf_overrides", "rope_type", "type"
_ROPE = ("rope_parameters", "rope_scaling")


class RopeTypeMissing(Rule):
    """Rope parameters in `--hf-overrides` need a `rope_type`.

    ## What it does

    Finds `--hf-overrides` that replace the rope's parameters and name no `rope_type`: recipes for older
    releases write `type`, which a config may still have and an override may not.

    ## Why is this bad?

    vLLM 0.33 ends with `KeyError: 'rope_type'` when it reads the configuration.

    ## Example

    `--hf-overrides '{"rope_scaling": {"type": "yarn", "factor": 4.0, ...}}'`

    ## Use instead

    `--hf-overrides '{"rope_scaling": {"rope_type": "yarn", "factor": 4.0, ...}}'`

    ## Fix safety

    Safe: the key gets the name that it has now.

    ## Since

    0.1.0
    """

    code = "SCH021"
    name = "rope-type-missing"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:2608"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/context_extension.html"
    needs = ("model",)
    triggers = frozenset({"hf_overrides"})
    tags = ("scheduling", "json")
    carries_over = True

    BAD = (
        Example(
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B --hf-overrides \'{"rope_scaling": {"type": "yarn",'
            ' "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
            fixed='vllm serve Qwen/Qwen3-8B --hf-overrides \'{"rope_scaling": {"rope_type": "yarn",'
            ' "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
        Example(
            title="another base, and no type",
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B --hf-overrides \'{"rope_parameters": {"rope_theta": 5000000}}\'\n',
        ),
    )
    GOOD = (
        Example(
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B --hf-overrides \'{"rope_scaling": {"rope_type": "yarn",'
            ' "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
        Example(
            title="a release that reads both",
            vllm_version="0.8.5",
            text='vllm serve Qwen/Qwen3-8B --hf-overrides \'{"rope_scaling": {"type": "yarn",'
            ' "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
        Example(
            text="vllm serve Qwen/Qwen3-8B --hf-overrides '{\"rope_theta\": 5000000}'\n",
            vllm_version="0.33.0",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for rope parameters without a type."""
        argument, found = facts.args.given(_OVERRIDES), facts.args.value(_OVERRIDES)
        if argument is None or not isinstance(found, Located) or not isinstance(found.value, dict):
            return
        # Of composite models the text config is read, which these keys do not reach.
        if facts.model.multimodal is not False or facts.release.judged != releases()[-1]:
            return
        for name in _ROPE:
            rope = found.value.get(name)
            if isinstance(rope, dict) and _names_no_type(rope):
                yield self._untyped(facts, argument, name, rope)
                return

    def _untyped(self, facts: LaunchFacts, argument: Argument, name: str, rope: dict[str, Any]) -> Finding:
        has_legacy = isinstance(rope.get(_LEGACY), str)
        return self.finding(
            facts,
            argument.values[-1].span if argument.values else argument.flag.span,
            f"`{name}` in `--hf-overrides` has no `{_KEY}`{facts.release.caveat(True)}",
            f"write `{_KEY}` instead of `{_LEGACY}`" if has_legacy else f'add `"{_KEY}": "default"`',
            severity=facts.release.severity(True),
            fix=_fix(argument, name) if has_legacy else None,
            subject=f"{_OVERRIDES}.{name}",
        )


def _names_no_type(rope: dict[str, Any]) -> bool:
    """Whether these are the parameters of all layers, and their type is not among them."""
    return bool(rope) and _KEY not in rope and not any(isinstance(value, dict) for value in rope.values())


def _fix(argument: Argument, name: str) -> Fix | None:
    word = argument.values[-1] if len(argument.values) == 1 else None
    key = None if word is None or word.via else part_of_json(word, (name, _LEGACY), key=True)
    place = None if key is None else key.text_span
    return None if place is None else Fix(f"write `{_KEY}`", Applicability.SAFE, (Edit(place, _KEY),))
