"""NET004 vllm-port-env."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, container_setting
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity, Unknown, Word

_SOURCE = "envs.py:541"


class VllmPortEnv(Rule):
    """`VLLM_PORT` is the first of vLLM's internal ports, not the port of its API.

    ## What it does

    Finds `VLLM_PORT` set to the port of the API, or to something that is no number; and Kubernetes Services
    with the name `vllm`, for which Kubernetes sets `VLLM_PORT=tcp://...` in every pod of the namespace.

    ## Why is this bad?

    vLLM reads the variable when it starts its engine, after everything has been downloaded, and takes it
    for the first port that its processes may use to talk to each other. An address makes it stop:
    `VLLM_PORT 'tcp://10.0.0.7:8000' appears to be a URI`. A number does not move the API, which listens on
    `--port`.

    ## Example

    A `Deployment` and a `Service` with `metadata: {name: vllm}`.

    ## Use instead

    `enableServiceLinks: false` in the pod, or another name for the Service; `--port` for the API.

    ## Fix safety

    Safe: the fix adds `enableServiceLinks: false`, which only takes away the variables that vLLM trips over.

    ## Since

    0.1.0
    """

    code = "NET004"
    name = "vllm-port-env"
    severity = Severity.ERROR
    stage = "run"
    source = _SOURCE
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/env_vars.html"
    triggers = frozenset({"$VLLM_PORT", "container.services"})
    tags = ("networking", "kubernetes")

    BAD = (
        Example(
            path="chat.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: server
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
---
apiVersion: v1
kind: Service
metadata:
  name: vllm
  #     ~~~~
spec:
  ports: [{port: 8000}]
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  enableServiceLinks: false
  containers:
    - name: server
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
---
apiVersion: v1
kind: Service
metadata:
  name: vllm
spec:
  ports: [{port: 8000}]
""",
        ),
        Example(
            title="the port of the API",
            path="compose.yaml",
            text="""\
services:
  server:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      VLLM_PORT: 9000
      #          ~~~~
    ports: ["9000:9000"]
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            title="a name of its own",
            path="chat.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: server
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
---
apiVersion: v1
kind: Service
metadata: {name: chat}
spec:
  ports: [{port: 8000}]
""",
        ),
        Example(
            title="internal ports away from the API's",
            path="compose.yaml",
            text="services:\n  server:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B\n    environment: {VLLM_PORT: '29500'}\n    gpus: all\n"
            "    ports: ['8000:8000']\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for what the variable is set to, or for the Service that sets it."""
        values = [variable.value for variable in facts.launch.env if variable.name == "VLLM_PORT"]
        if values:
            yield from self._value(facts, values[-1])
            return
        container = facts.launch.container
        named = [name for name in (container.services if container else ()) if name.value == "vllm"]
        text = facts.sources.get(facts.launch.path, "")
        if not named or container is None or "unset VLLM_PORT" in text:
            return
        edit = container_setting(text, container, "enableServiceLinks: false", "")
        service, at = named[0].span or facts.launch.at, facts.launch.at
        # Whether the files of a folder go to one cluster is not certain.
        beside = service.path != at.path
        related = Related(service, "this Service") if beside else Related(at, "this container gets it")
        yield self.finding(
            facts,
            at if beside else service,
            "for a Service `vllm` Kubernetes sets `VLLM_PORT=tcp://...` in the pods of its namespace: vLLM"
            " takes it for its own variable and stops",
            "set `enableServiceLinks: false` in the pod, or give the Service another name",
            severity=Severity.WARNING if beside else Severity.ERROR,
            related=(related,),
            fix=Fix("add `enableServiceLinks: false`", Applicability.SAFE, (edit,)) if edit else None,
            subject="service=vllm",
        )

    def _value(self, facts: LaunchFacts, value: Word) -> Iterator[Finding]:
        if not value.is_known or not value.text.strip():
            return
        text = value.text.strip()
        if not text.lstrip("-+").isdecimal():
            yield self.finding(
                facts,
                value.span,
                "`VLLM_PORT` is no number: vLLM stops when it looks for a port to use inside",
                "leave the variable out; `--port` sets the port of the API",
                subject="VLLM_PORT",
            )
            return
        port = facts.args.integer("port")
        api = _api_ports(facts)
        if int(text) not in api:
            return
        listens = (
            f"listens on {port.value} (`--port`)" if isinstance(port, Located) else "listens on `--port`"
        )
        yield self.finding(
            facts,
            value.span,
            f"`VLLM_PORT={text}` does not move the API, which {listens}: it is the first of the ports that"
            " vLLM's processes use among themselves",
            "leave the variable out, and set the API's port by `--port`",
            severity=Severity.WARNING,
            stage="advice",
            source="envs.py:726",
            subject="VLLM_PORT",
        )


def _api_ports(facts: LaunchFacts) -> set[int]:
    """Return the ports by which the API is known: the server's own, and the published ones."""
    port = facts.args.integer("port")
    container = facts.launch.container
    ports = {mapping.container_port for mapping in container.ports} if container is not None else set()
    known = {one.value for one in ports if isinstance(one, Located)}
    return known if isinstance(port, Unknown) else known | {port.value}
