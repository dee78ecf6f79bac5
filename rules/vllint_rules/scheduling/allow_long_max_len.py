"""SCH002 allow-long-max-len."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, context_limit, own_variables, variable_place
from vllint_schemas import Finding, Related, Severity, Unknown

_LENGTH = "max_model_len"
_ALLOWED = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"
_OTHER_CONFIGS = ("hf_config_path", "config_format", "runner", "task", "convert", "rope_scaling")


class AllowLongMaxLen(Rule):
    """A check that is switched off does not make the model's context longer.

    ## What it does

    Finds `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1` together with a `--max-model-len` that the model's config does
    not give, and no rope scaling that would.

    ## Why is this bad?

    vLLM starts, and warns: positions beyond the model's give NaN with rotary embeddings, and an access
    beyond the table with learned ones, which ends the server.

    ## Example

    `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve Qwen/Qwen3-8B --max-model-len 131072`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --max-model-len 40960`, or rope scaling by `--hf-overrides`, with a
    `max_position_embeddings` to match.

    ## Since

    0.1.0
    """

    code = "SCH002"
    name = "allow-long-max-len"
    severity = Severity.WARNING
    stage = "run"
    source = "config/model.py:2656"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    needs = ("model",)
    triggers = frozenset({"max_model_len"})
    tags = ("scheduling", "environment")

    BAD = (
        Example(
            text="VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve Qwen/Qwen3-8B --max-model-len 131072\n"
            "#                                                                        ~~~~~~\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment: {VLLM_ALLOW_LONG_MAX_MODEL_LEN: "true"}
    command: --model Qwen/Qwen3-8B --max-model-len 131072
    #                                              ~~~~~~
""",
        ),
    )
    GOOD = (
        Example(text="VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve Qwen/Qwen3-8B --max-model-len 40960\n"),
        Example(
            title="YaRN, as recipes for newer releases write it",
            text="VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve Qwen/Qwen3-8B --max-model-len 131072"
            ' --hf-overrides \'{"rope_parameters": {"rope_type": "yarn", "rope_theta": 1000000,'
            ' "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a length that only the missing check allows."""
        asked, limit = facts.args.integer(_LENGTH), context_limit(facts.model)
        switch = next((one for one in own_variables(facts) if one.name == _ALLOWED), None)
        if switch is None or not switch.value.is_known or switch.value.text.lower() not in {"1", "true"}:
            return
        if isinstance(asked, Unknown) or limit is None or asked.value <= limit:
            return
        if facts.model.rope_type not in {None, "default"} or _may_differ(facts):
            return
        named = facts.model_span
        related = [Related(variable_place(facts, switch), "switches the check off")]
        yield self.finding(
            facts,
            facts.args.place(_LENGTH) or facts.launch.at,
            f"{asked.value:,} tokens are more than the {limit:,} that `{facts.model.id}` has positions for,"
            f" and `{_ALLOWED}` only hides it",
            f"take at most {limit:,}, or scale the rope by `--hf-overrides` if the model is made for it",
            related=(*related, *(() if named is None else (Related(named, "the model"),))),
            subject=f"max_model_len={asked.value}",
        )


def _may_differ(facts: LaunchFacts) -> bool:
    """Whether options may give the model another config, or scale its rope."""
    changed = any(facts.args.given(dest) for dest in (*_OTHER_CONFIGS, "hf_overrides"))
    return changed or facts.args.open_ended is not None
