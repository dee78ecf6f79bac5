"""FLG028 retired-variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint import (
    EnvironmentVariable,
    Example,
    LaunchFacts,
    Rule,
    Succession,
    environment_variable,
    own_variables,
    remove_variable,
    rename_variable,
    set_options,
    succession,
    variable_place,
    variable_release,
    variable_standing,
)
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Severity, Span, Unknown, Variable


class RetiredVariable(Rule):
    """An environment variable must not be one that vLLM has ceased to read.

    ## What it does

    Finds variables of the server's process that earlier releases read and the release that the file runs
    does not, such as `VLLM_ATTENTION_BACKEND`, which became an option, or `VLLM_USE_V1`.

    ## Why is this bad?

    vLLM starts all the same, with what it chooses itself: another attention backend, other kernels, no
    profiles. All that it says is `Unknown vLLM environment variable detected`, and only since 0.17. Where
    the file does not say which release it runs, the newest is assumed; that a variable is good for nothing
    there, with nothing in its place, is then but advice. With `--fail-on-environ-validation` vLLM refuses
    to start.

    ## Example

    `VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve Qwen/Qwen3-8B` on vLLM 0.33.0.

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --attention-backend FLASHINFER`

    ## Fix safety

    Safe where the file states its release and nothing is lost: the value is what vLLM does anyway, or the
    variable has another name, or the option that took its place is given, or says the same. Unsafe for
    options that choose kernels, which may refuse a card or a model on which vLLM starts without them, and
    where the release is not stated or the variable is set where other files may take it from.

    ## Since

    0.1.0
    """

    code = "FLG028"
    name = "retired-variable"
    severity = Severity.WARNING
    stage = "advice"
    source = "platforms/interface.py:1458"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    triggers = frozenset({"$"})
    tags = ("flags", "environment")
    carries_over = True

    BAD = (
        Example(
            title="became an option",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      HF_HOME: /cache
      VLLM_ATTENTION_BACKEND: FLASHINFER
    # ~~~~~~~~~~~~~~~~~~~~~~
    command: --model Qwen/Qwen3-8B --port 8001
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      HF_HOME: /cache
    command: --model Qwen/Qwen3-8B --port 8001 --attention-backend FLASHINFER
""",
        ),
        Example(
            title="good for nothing, and alone in its mapping",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment:
      - VLLM_USE_V1=1
      # ~~~~~~~~~~~
    command: ["--model", "Qwen/Qwen3-8B"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["--model", "Qwen/Qwen3-8B"]
""",
        ),
        Example(
            title="Kubernetes, with an option of two parts",
            path="vllm.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.33.0
      args:
        - Qwen/Qwen3-8B
        - --max-model-len=8192
      env:
        - name: VLLM_FLASH_ATTN_VERSION
        #       ~~~~~~~~~~~~~~~~~~~~~~~
          value: "3"
        - name: HF_HOME
          value: /cache
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.33.0
      args:
        - Qwen/Qwen3-8B
        - --max-model-len=8192
        - --attention-config.flash_attn_version=3
      env:
        - name: HF_HOME
          value: /cache
""",
        ),
        Example(
            title="in front of the command, no release stated",
            text="VLLM_MM_INPUT_CACHE_GIB=8 vllm serve Qwen/Qwen3-8B --port 8001\n~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --port 8001 --mm-processor-cache-gb 8\n",
        ),
        Example(
            title="exported",
            vllm_version="0.33.0",
            text="export VLLM_USE_V1=1\nvllm serve Qwen/Qwen3-8B\n",
            fixed="vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="an option of a container tool",
            text="""\
docker run --gpus all \\
  -e VLLM_TORCH_PROFILER_DIR=/traces \\
  -e HF_HOME=/cache \\
  vllm/vllm-openai:v0.33.0 --model Qwen/Qwen3-8B
""",
            fixed="""\
docker run --gpus all \\
  -e HF_HOME=/cache \\
  vllm/vllm-openai:v0.33.0 --model Qwen/Qwen3-8B --profiler-config.torch_profiler_dir /traces"""
            """ --profiler-config.profiler torch
""",
        ),
        Example(
            title="an image's variable, by another name now",
            path="Dockerfile",
            text="""\
FROM vllm/vllm-openai:v0.33.0
ENV HF_HOME=/cache \\
    VLLM_ROCM_USE_TRITON_ROPE=1
#   ~~~~~~~~~~~~~~~~~~~~~~~~~
CMD ["--model", "Qwen/Qwen3-8B"]
""",
            fixed="""\
FROM vllm/vllm-openai:v0.33.0
ENV HF_HOME=/cache \\
    VLLM_ROCM_USE_AITER_TRITON_ROPE=1
CMD ["--model", "Qwen/Qwen3-8B"]
""",
        ),
        Example(
            title="a service",
            path="vllm.service",
            vllm_version="0.33.0",
            text="""\
[Service]
Environment=HF_HOME=/cache VLLM_ATTENTION_BACKEND=FLASH_ATTN
#                          ~~~~~~~~~~~~~~~~~~~~~~
ExecStart=/usr/bin/vllm serve Qwen/Qwen3-8B
""",
            fixed="""\
[Service]
Environment=HF_HOME=/cache
ExecStart=/usr/bin/vllm serve Qwen/Qwen3-8B --attention-backend FLASH_ATTN
""",
        ),
        Example(
            title="what it is without the environment's say",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    environment: {VLLM_ATTENTION_BACKEND: "${BACKEND:-FLASHINFER}"}
    command: --model Qwen/Qwen3-8B
""",
        ),
        Example(
            title="the engine that it asks for is gone",
            vllm_version="0.33.0",
            text="VLLM_USE_V1=0 vllm serve Qwen/Qwen3-8B\n~~~~~~~~~~~\n",
        ),
        Example(
            title="refused",
            vllm_version="0.33.0",
            text="VLLM_USE_V1=1 vllm serve Qwen/Qwen3-8B --fail-on-environ-validation\n~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --fail-on-environ-validation\n",
        ),
    )
    GOOD = (
        Example(
            title="this release reads it",
            vllm_version="0.9.2",
            text="VLLM_USE_V1=1 VLLM_ATTENTION_BACKEND=FLASHINFER vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="a variable of the project's own",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:${VLLM_TAG:-v0.33.0}
    environment: {VLLM_LOGGING_LEVEL: DEBUG}
    command: --model ${VLLM_MODEL:-Qwen/Qwen3-8B}
""",
        ),
    )

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield a finding for every variable that went; one that several launches share goes with all."""
        if not any(_has_retired(facts) for facts in launches):
            return
        uses = [use for facts in launches for use in _uses(facts)]
        for use in uses:
            if use.known is None or not use.retired:
                continue
            plan = succession(use.facts, use.variable, use.known)
            severity = _severity(use, plan)
            if severity is not None:
                sharing = [other for other in uses if other.place == use.place]
                yield self._retired(use, use.known, plan, _fix(use, plan, sharing), severity)

    def _retired(
        self, use: _Use, known: EnvironmentVariable, plan: Succession, fix: Fix | None, severity: Severity
    ) -> Finding:
        release = variable_release(use.facts)
        refused = ", and refuses it" if _is_refused(use.facts) else ""
        return self.finding(
            use.facts,
            use.place,
            f"vLLM {release.judged} does not read `{use.variable.name}`{refused}; the last release with it is"
            f" {known.last}{release.caveat(elsewhere=True)}",
            plan.advice,
            severity=severity,
            stage="config" if refused else None,
            fix=fix,
            subject=f"variable={use.variable.name}",
        )


class _Use(NamedTuple):
    """A launch's variable, the place that names it, and whether the launch's release reads it no more."""

    facts: LaunchFacts
    variable: Variable
    place: Span
    known: EnvironmentVariable | None
    retired: bool


def _has_retired(facts: LaunchFacts) -> bool:
    judged = variable_release(facts).judged
    return any(
        _is_retired(environment_variable(variable.name), judged)
        for variable in own_variables(facts)
        if variable.name.startswith("VLLM_")
    )


def _is_retired(known: EnvironmentVariable | None, judged: str) -> bool:
    return known is not None and variable_standing(known, judged) == "retired"


def _uses(facts: LaunchFacts) -> Iterator[_Use]:
    judged = variable_release(facts).judged
    for variable in own_variables(facts):
        if variable.name.startswith("VLLM_"):
            known = environment_variable(variable.name)
            place = variable_place(facts, variable)
            yield _Use(facts, variable, place, known, _is_retired(known, judged))


def _is_refused(facts: LaunchFacts) -> bool:
    refused = facts.args.value("fail_on_environ_validation")
    return isinstance(refused, Located) and refused.value is True


def _severity(use: _Use, plan: Succession) -> Severity | None:
    """Return how bad it is; `None` where most likely nothing is, as the launch may run an older release."""
    release = variable_release(use.facts)
    if release.is_certain:
        return Severity.ERROR if _is_refused(use.facts) else Severity.WARNING
    matters = bool(plan.title) and not plan.nothing_lost
    if isinstance(release.stated, Unknown) and not matters:
        return None if release.doubt else Severity.INFO
    return Severity.INFO if release.doubt else Severity.WARNING


def _fix(use: _Use, plan: Succession, sharing: list[_Use]) -> Fix | None:
    """Return the one fix for all launches that share a variable; as advice where it cannot be made."""
    if not plan.title:
        return None
    plans = [
        succession(other.facts, other.variable, other.known)
        for other in sharing
        if other.retired and other.known is not None
    ]
    edits = _edits(sharing, plans) if len(plans) == len(sharing) else None
    if edits is None:
        return Fix(plan.title, Applicability.DISPLAY)
    safe = all(one.safe for one in plans) and all(variable_release(one.facts).is_certain for one in sharing)
    elsewhere = use.place.path != use.facts.launch.path or bool(use.variable.value.via)
    return Fix(plan.title, Applicability.SAFE if safe and not elsewhere else Applicability.UNSAFE, edits)


def _edits(sharing: list[_Use], plans: list[Succession]) -> tuple[Edit, ...] | None:
    edits: list[Edit] = []
    for use, plan in zip(sharing, plans, strict=True):
        if not plan.title:
            return None
        taken_out = (
            rename_variable(use.facts, use.variable, plan.rename)
            if plan.rename
            else remove_variable(use.facts, use.variable)
        )
        added = set_options(use.facts, plan.settings) if plan.settings else ()
        if taken_out is None or added is None:
            return None
        edits += (*taken_out, *added)
    return tuple(dict.fromkeys(edits))
