"""FLG045 not-yet-variable."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    environment_variable,
    own_variables,
    variable_place,
    variable_release,
    variable_standing,
)
from vllint_schemas import Finding, Severity, Unknown


class NotYetVariable(Rule):
    """An environment variable must be one that the release reads already.

    ## What it does

    Finds variables of the server's process that a later vLLM release reads and the stated one does not.

    ## Why is this bad?

    vLLM starts as if the variable were not there. Releases before 0.17 say nothing about it.

    ## Example

    `VLLM_DEEP_GEMM_WARMUP=skip vllm serve Qwen/Qwen3-8B` on vLLM 0.9.2.

    ## Use instead

    A release that reads it, which the help names.

    ## Since

    0.1.0
    """

    code = "FLG045"
    name = "not-yet-variable"
    severity = Severity.WARNING
    stage = "advice"
    source = "platforms/interface.py:1458"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    triggers = frozenset({"$"})
    tags = ("flags", "environment")

    BAD = (
        Example(
            vllm_version="0.9.2",
            text="VLLM_DEEP_GEMM_WARMUP=skip vllm serve Qwen/Qwen3-8B\n~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="passed to a container",
            text="""\
docker run --gpus all -e VLLM_SERVER_DEV_MODE=1 vllm/vllm-openai:v0.6.6.post1 --model Qwen/Qwen3-8B
#                        ~~~~~~~~~~~~~~~~~~~~
""",
        ),
    )
    GOOD = (
        Example(text="VLLM_DEEP_GEMM_WARMUP=skip vllm serve Qwen/Qwen3-8B\n"),
        Example(
            title="between two releases of which the later one reads it",
            vllm_version="0.10.1",
            text="VLLM_FLASHINFER_MOE_BACKEND=latency vllm serve Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every variable that is too early."""
        release = variable_release(facts)
        if isinstance(release.stated, Unknown):
            return
        for variable in own_variables(facts):
            known = environment_variable(variable.name) if variable.name.startswith("VLLM_") else None
            if known is None or variable_standing(known, release.judged) != "not yet":
                continue
            yield self.finding(
                facts,
                variable_place(facts, variable),
                f"vLLM {release.judged} does not read `{variable.name}`; the first release with it is"
                f" {known.first}{release.caveat(elsewhere=False)}",
                f"run vLLM {known.first} or a later one, or remove it",
                severity=Severity.INFO if release.doubt else Severity.WARNING,
                subject=f"variable={variable.name}",
            )
