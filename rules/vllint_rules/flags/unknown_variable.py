"""FLG046 unknown-variable."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    environment_variable,
    is_named,
    own_variables,
    rename_variable,
    similar_variables,
    variable_place,
    variable_release,
)
from vllint_schemas import Applicability, Finding, Fix, Severity, Variable


class UnknownVariable(Rule):
    """An environment variable that looks like one of vLLM's must be one.

    ## What it does

    Finds variables of the server's process that start with `VLLM_`, that no vLLM release reads, and whose
    names are near to one that the release reads. Names that the file itself uses, that are like no name of
    vLLM's, or that Kubernetes sets for Services are left alone.

    ## Why is this bad?

    vLLM starts as if the variable were not there. All that it says is
    `Unknown vLLM environment variable detected`, and only since 0.17.

    ## Example

    `VLLM_LOGING_LEVEL=DEBUG vllm serve Qwen/Qwen3-8B`

    ## Use instead

    `VLLM_LOGGING_LEVEL=DEBUG vllm serve Qwen/Qwen3-8B`

    ## Fix safety

    Unsafe: the nearest name may not be the one that was meant.

    ## Since

    0.1.0
    """

    code = "FLG046"
    name = "unknown-variable"
    severity = Severity.WARNING
    stage = "advice"
    source = "platforms/interface.py:1458"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    triggers = frozenset({"$"})
    tags = ("flags", "environment")

    BAD = (
        Example(
            text="VLLM_LOGING_LEVEL=DEBUG vllm serve Qwen/Qwen3-8B\n~~~~~~~~~~~~~~~~~\n",
            fixed="VLLM_LOGGING_LEVEL=DEBUG vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      - VLLM_ALLOW_LONG_MAX_MODEL_LENGTH=1
      # ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    command: --model Qwen/Qwen3-8B
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      - VLLM_ALLOW_LONG_MAX_MODEL_LEN=1
    command: --model Qwen/Qwen3-8B
""",
        ),
    )
    GOOD = (
        Example(
            title="the project's own",
            text="export VLLM_LOG_LEVEL=debug\n"
            'vllm serve Qwen/Qwen3-8B --uvicorn-log-level "$VLLM_LOG_LEVEL"\n',
        ),
        Example(title="like none of vLLM's", text="VLLM_TEAM=research vllm serve Qwen/Qwen3-8B\n"),
        Example(
            title="a Service's address",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment: {VLLM_SERVICE_HOST: 10.0.0.1, VLLM_PORT_8000_TCP_ADDR: 10.0.0.1}
    command: --model Qwen/Qwen3-8B
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every name that is nearly one of vLLM's."""
        release = variable_release(facts)
        for variable in own_variables(facts):
            name = variable.name
            if not _may_be_meant_for_vllm(name) or is_named(facts, name):
                continue
            close = similar_variables(name, release.judged)
            if not close:
                continue
            yield self.finding(
                facts,
                variable_place(facts, variable),
                f"no vLLM release reads `{name}`{release.caveat(elsewhere=False)}",
                f"did you mean {', '.join(f'`{other}`' for other in close)}?",
                severity=Severity.INFO if release.doubt else Severity.WARNING,
                fix=_fix(facts, variable, close),
                subject=f"variable={name}",
            )


_OF_A_SERVICE = r"VLLM_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_\w+)"
"""Names that Kubernetes makes for a Service, as for one that is called `vllm`."""

_READ_ELSEWHERE = frozenset({
    "VLLM_CPU_SIM_MULTI_NUMA", "VLLM_CUSTOM_ALLREDUCE_ALGO", "VLLM_DIST_IDENT",
    "VLLM_MINIMAX_M3_MSA_CUTLASS_MIN_BATCH", "VLLM_MORIIO_TRANSFER_TIMEOUT_S",
    "VLLM_PRECOMPILED_WHEEL_LOCATION", "VLLM_SNAPSHOT_TIMEOUT_S",
})  # fmt: skip
"""Variables that vLLM 0.33.0 reads by `os.environ` and that `envs.py` does not name."""


def _may_be_meant_for_vllm(name: str) -> bool:
    if not name.startswith("VLLM_") or name in _READ_ELSEWHERE or environment_variable(name) is not None:
        return False
    return re.fullmatch(_OF_A_SERVICE, name) is None


def _fix(facts: LaunchFacts, variable: Variable, close: tuple[str, ...]) -> Fix | None:
    title = f"write `{close[0]}`"
    edits = rename_variable(facts, variable, close[0]) if len(close) == 1 else None
    if edits is None or any(other.name == close[0] for other in facts.launch.env):
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, edits)
