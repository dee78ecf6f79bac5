"""FLG048 wrong-variable-value."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    FALSE_TEXTS,
    TRUE_TEXTS,
    EnvironmentVariable,
    Example,
    LaunchFacts,
    Rule,
    environment_variable,
    own_variables,
    releases,
    variable_refusal,
    variable_release,
    variable_standing,
)
from vllint_schemas import Applicability, Edit, Finding, Fix, Origin, Severity, Variable


class WrongVariableValue(Rule):
    """An environment variable's value must be one that vLLM can read.

    ## What it does

    Looks at the variables of the server's process that vLLM reads as a number or as one of a list of words.
    Switches are numbers, too: `1` and `0`, not `true` and `false`.

    ## Why is this bad?

    vLLM reads every variable once its engine has started, after the model has been loaded, and stops at one
    that it cannot read: `invalid literal for int() with base 10: 'true'`. That includes names that are not
    vLLM's alone, such as `VERBOSE`. How the newest release reads a variable is known; for others the
    finding is a warning.

    ## Example

    `VLLM_SERVER_DEV_MODE=true vllm serve Qwen/Qwen3-8B`

    ## Use instead

    `VLLM_SERVER_DEV_MODE=1 vllm serve Qwen/Qwen3-8B`

    ## Fix safety

    Safe where vLLM stops and what was meant is plain: `1` for `true`, another case. Unsafe where the release
    is not the newest.

    ## Since

    0.1.0
    """

    code = "FLG048"
    name = "wrong-variable-value"
    severity = Severity.ERROR
    stage = "run"
    source = "envs.py:2327"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    triggers = frozenset({"$"})
    tags = ("flags", "environment")

    BAD = (
        Example(
            title="a switch",
            vllm_version="0.33.0",
            text="VLLM_SERVER_DEV_MODE=true vllm serve Qwen/Qwen3-8B\n                     ~~~~\n",
            fixed="VLLM_SERVER_DEV_MODE=1 vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="a word of a list",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      VLLM_KV_CACHE_LAYOUT: "nhd"
    #                        ~~~
    command: --model Qwen/Qwen3-8B
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      VLLM_KV_CACHE_LAYOUT: "NHD"
    command: --model Qwen/Qwen3-8B
""",
        ),
        Example(
            title="a name that others use as well",
            path="vllm.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.33.0
      args: [--model, Qwen/Qwen3-8B]
      env:
        - name: VERBOSE
          value: "false"
          #       ~~~~~
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.33.0
      args: [--model, Qwen/Qwen3-8B]
      env:
        - name: VERBOSE
          value: "0"
""",
        ),
        Example(
            title="a level that Python does not have",
            vllm_version="0.33.0",
            text="VLLM_LOGGING_LEVEL=trace vllm serve Qwen/Qwen3-8B\n#                  ~~~~~\n",
        ),
        Example(
            title="a number with a unit, no release stated",
            text="VLLM_RINGBUFFER_WARNING_INTERVAL=60s vllm serve Qwen/Qwen3-8B\n"
            "                                 ~~~\n",
        ),
    )
    GOOD = (
        Example(vllm_version="0.33.0", text="VLLM_SERVER_DEV_MODE=1 VERBOSE=0 vllm serve Qwen/Qwen3-8B\n"),
        Example(
            title="a switch that takes words",
            vllm_version="0.33.0",
            text="VLLM_ALLOW_LONG_MAX_MODEL_LEN=true vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="letters do not matter",
            vllm_version="0.33.0",
            text="VLLM_LOGGING_LEVEL=debug vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="a variable that this release does not read",
            vllm_version="0.33.0",
            text="VLLM_USE_TRTLLM_ATTENTION=true vllm serve Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every value that cannot be read."""
        release = variable_release(facts)
        for variable in own_variables(facts):
            known = environment_variable(variable.name)
            value = variable.value
            # NET004 knows more about the port.
            if known is None or variable.name == "VLLM_PORT" or not value.is_known:
                continue
            if variable_standing(known, release.judged) != "reads" or _is_replaced(facts, variable):
                continue
            why = variable_refusal(known, value.text)
            if not why:
                continue
            is_sure = release.is_certain and release.judged == releases()[-1]
            is_sure = is_sure and value.origin is not Origin.DEFAULT
            newest = "" if is_sure else f" (as {releases()[-1]} reads it)"
            yield self.finding(
                facts,
                value.span,
                f"vLLM stops when it reads `{variable.name}`: `{value.text}` is {why}{newest}",
                _advice(known, value.text),
                severity=Severity.ERROR if is_sure else Severity.WARNING,
                fix=_fix(facts, variable, known, is_sure),
                subject=f"variable={variable.name}",
            )


_LOGGED_OTHERWISE = frozenset({"VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING"})


def _is_replaced(facts: LaunchFacts, variable: Variable) -> bool:
    """Whether vLLM may not look at the variable, because another one sets all of what it is about."""
    others = _LOGGED_OTHERWISE if variable.name == "VLLM_LOGGING_LEVEL" else frozenset()
    return any(other.name in others for other in facts.launch.env)


def _meant(known: EnvironmentVariable, text: str) -> str:
    """Return the value that was plainly meant; empty where that is not plain."""
    if known.kind == "switch":
        return "1" if text.lower() in TRUE_TEXTS else "0" if text.lower() in FALSE_TEXTS else ""
    return next((choice for choice in known.choices if choice.lower() == text.strip().lower()), "")


def _advice(known: EnvironmentVariable, text: str) -> str:
    meant = _meant(known, text)
    if meant:
        return f"write `{meant}`"
    if known.kind == "switch":
        return "write `1` or `0`, or leave it out"
    return "write one of these, or leave it out" if known.choices else "write a number, or leave it out"


def _fix(facts: LaunchFacts, variable: Variable, known: EnvironmentVariable, is_sure: bool) -> Fix | None:
    value, meant = variable.value, _meant(known, variable.value.text)
    place = value.text_span
    if not meant:
        return None
    if place is None or value.via or facts.launch.kind == "python":
        return Fix(f"write `{meant}`", Applicability.DISPLAY)
    # A number without quotes is no text to Kubernetes.
    written = f'"{meant}"' if place == value.site and facts.launch.kind == "kubernetes" else meant
    level = Applicability.SAFE if is_sure else Applicability.UNSAFE
    return Fix(f"write `{meant}`", level, (Edit(place, written),))
