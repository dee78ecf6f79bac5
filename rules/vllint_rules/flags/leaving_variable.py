"""FLG047 leaving-variable."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    EnvironmentVariable,
    Example,
    LaunchFacts,
    Rule,
    environment_variable,
    own_variables,
    variable_place,
    variable_release,
    variable_standing,
    version_key,
)
from vllint_schemas import Finding, Located, Severity


class LeavingVariable(Rule):
    """An environment variable had better not be one that vLLM is about to stop reading.

    ## What it does

    Finds variables of the server's process that the stated release reads still, although it has the option
    that took their place, and that a later release reads no more; and those that vLLM calls deprecated.

    ## Why is this bad?

    Once the release moves on, vLLM starts as if the variable were not there.

    ## Example

    `VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve Qwen/Qwen3-8B` on vLLM 0.14.1.

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --attention-backend FLASHINFER`

    ## Since

    0.1.0
    """

    code = "FLG047"
    name = "leaving-variable"
    severity = Severity.INFO
    stage = "advice"
    source = "envs.py:2282"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    triggers = frozenset({"$"})
    tags = ("flags", "environment")

    BAD = (
        Example(
            vllm_version="0.14.1",
            text="VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve Qwen/Qwen3-8B\n~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (
        Example(
            title="before there was an option",
            vllm_version="0.9.2",
            text="VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every variable that has an heir."""
        release = variable_release(facts)
        if not isinstance(release.stated, Located) or release.doubt:
            return
        for variable in own_variables(facts):
            known = environment_variable(variable.name)
            if known is None or variable_standing(known, release.judged) != "reads":
                continue
            if known.successor is not None and variable.value.text in known.successor.drop:
                continue
            advice = _advice(known, facts.release.judged)
            if not advice:
                continue
            until = f" and is read up to {known.last}" if known.gone_by else ""
            yield self.finding(
                facts,
                variable_place(facts, variable),
                f"`{variable.name}` is on its way out{until}",
                advice,
                subject=f"variable={variable.name}",
            )


def _advice(known: EnvironmentVariable, release: str) -> str:
    """Return what to use instead; empty where nothing is there yet."""
    successor = known.successor
    if known.deprecated:
        return known.deprecated
    if known.gone_by is None or successor is None or not successor.flag or not successor.since:
        return ""
    if version_key(successor.since) > version_key(release):
        return ""
    return f"use `{successor.flag}`: {successor.why}"
