"""CTR011 healthcheck-start-period-short."""

from __future__ import annotations

import math
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, key_before
from vllint_schemas import (
    GIB,
    Applicability,
    Edit,
    Finding,
    Fix,
    Health,
    Located,
    Origin,
    Severity,
    Unknown,
)

_LEAST_SECONDS = 150.0
"""Start of the process, compilation and CUDA graphs of a small model that is on disk already."""

_PROCESS_SECONDS = 90.0
_BYTES_A_SECOND = 1.0 * GIB
"""What a good disk gives; a first start downloads, which takes far longer."""

_GENEROUS_SECONDS = 600


class HealthcheckStartPeriodShort(Rule):
    """A server that is still loading must not be taken for a dead one.

    ## What it does

    Adds up how long a container may fail its healthcheck, its liveness probe or its startup probe, and
    compares that with the time vLLM takes to start: 150 seconds for a small model, and longer where the
    size of the weights is known (90 seconds, and a second for each GiB).

    ## Why is this bad?

    vLLM answers once the weights are loaded, the model compiled and CUDA graphs captured; the first time,
    the model is downloaded before. Kubernetes kills a container whose probe fails that long, again and
    again. Docker marks it unhealthy: services that wait for it do not start.

    ## Example

    `livenessProbe: {httpGet: {path: /health, port: 8000}, initialDelaySeconds: 60}`: killed after
    60 + 3 × 10 = 90 seconds.

    ## Use instead

    A `startupProbe` with `failureThreshold: 60` and `periodSeconds: 10`, in compose `start_period: 600s`.

    ## Fix safety

    Safe: a healthy server is found as soon as before, only failures count later. A missing startup probe
    is written in front of the liveness probe, and asks the same.

    ## Since

    0.1.0
    """

    code = "CTR011"
    name = "healthcheck-start-period-short"
    severity = Severity.WARNING
    stage = "container"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/k8s.html"
    triggers = frozenset({"container.health"})
    tags = ("containers", "health")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    gpus: all
    healthcheck:
   #~~~~~~~~~~~
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
      interval: 10s
      start_period: 45s
  app:
    image: app
    depends_on: {vllm: {condition: service_healthy}}
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    gpus: all
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
      interval: 10s
      start_period: 600s
  app:
    image: app
    depends_on: {vllm: {condition: service_healthy}}
""",
        ),
        Example(
            title="no start period",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    gpus: all
    healthcheck:
      test: curl -f http://localhost:8000/health
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    gpus: all
    healthcheck:
      start_period: 600s
      test: curl -f http://localhost:8000/health
""",
        ),
        Example(
            title="a liveness probe",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
      livenessProbe:
     #~~~~~~~~~~~~~
        httpGet: {path: /health, port: 8000}
        initialDelaySeconds: 60
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
      startupProbe:
        httpGet: {path: /health, port: 8000}
        periodSeconds: 10
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /health, port: 8000}
        initialDelaySeconds: 60
""",
        ),
        Example(
            title="a startup probe",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
      startupProbe:
        httpGet: {path: /health, port: 8000}
        periodSeconds: 5
        failureThreshold: 12
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
      startupProbe:
        httpGet: {path: /health, port: 8000}
        periodSeconds: 5
        failureThreshold: 120
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B\n    gpus: all\n"
            "    healthcheck: {test: curl -f http://localhost:8000/health, start_period: 5m}\n",
        ),
        Example(
            title="a startup probe goes before",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
      livenessProbe: {httpGet: {path: /health, port: 8000}}
      startupProbe: {httpGet: {path: /health, port: 8000}, failureThreshold: 60}
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the server may be given up before it is up."""
        container = facts.launch.container
        health = container.health if container is not None else None
        if health is None:
            return
        grace, interval, failures = health.grace_seconds, health.interval_seconds, health.failures
        if isinstance(grace, Unknown) or isinstance(interval, Unknown) or isinstance(failures, Unknown):
            return
        allowed = grace.value + failures.value * interval.value
        needed, weights = _needed(facts)
        if allowed >= needed:
            return
        awaited = " and ".join(f"`{name}`" for name in health.awaited_by)
        then = (
            "it is killed"
            if health.kills
            else f"it is unhealthy, and {awaited} will not start"
            if awaited
            else "it is marked unhealthy"
        )
        yield self.finding(
            facts,
            health.span,
            f"the container has {allowed:.0f} s ({grace.value:.0f} s + {failures.value:.0f} ×"
            f" {interval.value:g} s) to answer before {then}; vLLM {weights}may need {needed:.0f} s to start,"
            " and downloads the model first if it is not there",
            _ADVICE[health.name],
            severity=Severity.WARNING if health.kills or awaited else Severity.INFO,
            fix=_fix(facts, health, grace, interval, failures),
            subject=health.name,
        )


_ADVICE = {
    "healthcheck": "set `start_period: 600s`: failures before do not count, and success ends it at once",
    "--health-cmd": "add `--health-start-period 600s`: failures before do not count",
    "livenessProbe": "add a `startupProbe` with `failureThreshold: 60` and `periodSeconds: 10`: the liveness"
    " probe waits for it",
    "startupProbe": "raise `failureThreshold`: success ends the startup probe at once",
}


def _needed(facts: LaunchFacts) -> tuple[float, str]:
    """Return the seconds that a start takes, and the weights that it has to read."""
    memory = facts.maybe_memory
    if isinstance(memory, Unknown):
        return _LEAST_SECONDS, ""
    weights = sum(rank.weights.low for rank in memory.ranks) * _tensor(facts)
    seconds = _PROCESS_SECONDS + weights / _BYTES_A_SECOND
    if seconds <= _LEAST_SECONDS:
        return _LEAST_SECONDS, ""
    return seconds, f"reads {weights / GIB:,.0f} GiB of weights, and "


def _tensor(facts: LaunchFacts) -> int:
    layout = facts.maybe_parallel
    return 1 if isinstance(layout, Unknown) else layout.tensor


def _fix(
    facts: LaunchFacts,
    health: Health,
    grace: Located[float],
    interval: Located[float],
    failures: Located[float],
) -> Fix | None:
    """Lengthen what is written, or write what is missing."""
    if health.name == "startupProbe":
        times = math.ceil(_GENEROUS_SECONDS / max(interval.value, 1.0))
        return _replaced(facts, failures, str(times), "failureThreshold")
    if health.name == "livenessProbe":
        return _startup_probe(facts, health) if facts.launch.kind == "kubernetes" else None
    if health.name != "healthcheck":
        return None
    if grace.span is not None:
        return _replaced(facts, grace, f"{_GENEROUS_SECONDS}s", "start_period")
    text = facts.sources.get(health.anchor.path) if health.anchor is not None else None
    if text is None or health.anchor is None:
        return None
    edit = key_before(text, health.anchor, f"start_period: {_GENEROUS_SECONDS}s")
    return None if edit is None else Fix("set `start_period`", Applicability.SAFE, (edit,))


def _startup_probe(facts: LaunchFacts, health: Health) -> Fix | None:
    """Write a startup probe that asks the same in front of the liveness probe."""
    text = facts.sources.get(health.anchor.path) if health.anchor is not None else None
    if text is None or health.anchor is None or not health.asks:
        return None
    times = f"  periodSeconds: 10\n  failureThreshold: {_GENEROUS_SECONDS // 10}"
    edit = key_before(text, health.anchor, f"startupProbe:\n  {health.asks}\n{times}")
    return None if edit is None else Fix("add a `startupProbe`", Applicability.SAFE, (edit,))


def _replaced(facts: LaunchFacts, old: Located[float], new: str, name: str) -> Fix | None:
    """Write another number where one stands as it reads."""
    if old.span is None or old.via or old.origin is not Origin.LITERAL:
        return None
    written = facts.sources.get(old.span.path, "")[old.span.start : old.span.end]
    if not written[:1].isdigit():
        return None
    return Fix(f"set `{name}: {new}`", Applicability.SAFE, (Edit(old.span, new),))
