"""SEC003 exposed-without-key."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Finding, PortMapping, Severity, Span, Unknown

_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "*"})


class ExposedWithoutKey(Rule):
    """A port that is published on every address serves everyone who reaches the machine.

    ## What it does

    Finds compose services and `docker run` commands that publish the server's port on all addresses, or
    put it into the host's network, and that set neither `--api-key` nor `VLLM_API_KEY`.

    ## Why is this bad?

    Docker's published ports pass by most host firewalls. Anyone who reaches the machine can use the model,
    and see and fill its queue. It is advice only: a network of one's own, or a proxy in front that asks
    for a key, is as good.

    ## Example

    `ports: ["8000:8000"]` without a key.

    ## Use instead

    `ports: ["127.0.0.1:8000:8000"]` behind a proxy, or `--api-key`. The key protects `/v1` only.

    ## Since

    0.1.0
    """

    code = "SEC003"
    name = "exposed-without-key"
    severity = Severity.INFO
    stage = "advice"
    source = "entrypoints/serve/middleware/register.py:33"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/usage/security.html"
    triggers = frozenset({"launch.container"})
    tags = ("security", "networking")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    ports: ["8000:8000"]
    #             ~~~~
    gpus: all
""",
        ),
        Example(
            title="the host's network",
            text="docker run --gpus all --network host vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n"
            "#                                    ~~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B\n    ports: ['127.0.0.1:8000:8000']\n    gpus: all\n",
        ),
        Example(
            title="a key",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B --api-key ${API_KEY:?}\n    ports: ['8000:8000']\n"
            "    gpus: all\n",
        ),
        Example(
            title="a key that may come from the environment",
            text="docker run --gpus all --env-file vllm.env -p 8000:8000 vllm/vllm-openai Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the API is open on every address."""
        container = facts.launch.container
        if container is None or container.kind == "kubernetes" or container.open_ended is not None:
            return
        if facts.launch.in_script or _has_key(facts):
            return
        place = _exposed(facts)
        if place is None:
            return
        yield self.finding(
            facts,
            place,
            "the API is published on every address of the machine, and asks for no key",
            "set `--api-key`, or publish it on one address: `127.0.0.1:8000:8000`",
            subject="api_key",
        )


def _has_key(facts: LaunchFacts) -> bool:
    """Whether there is a key, or may be one."""
    given = facts.args.value("api_key")
    return isinstance(given, Unknown) or bool(given.value) or _in_environment(facts)


def _in_environment(facts: LaunchFacts) -> bool:
    values = [variable.value for variable in facts.launch.env if variable.name == "VLLM_API_KEY"]
    return bool(values) and not (values[-1].is_known and not values[-1].text)


def _exposed(facts: LaunchFacts) -> Span | None:
    """Return what puts the API on every address."""
    container, port, host = facts.launch.container, facts.args.integer("port"), facts.args.value("host")
    if container is None or isinstance(port, Unknown):
        return None
    if container.shares_host_network:
        anywhere = not isinstance(host, Unknown) and host.value in {None, *_EVERYWHERE}
        image = facts.launch.image
        return (image.span if image is not None else facts.launch.at) if anywhere else None
    for mapping in container.ports:
        if mapping.host_ip in _EVERYWHERE and _leads_to(mapping, port.value):
            return None if isinstance(mapping.container_port, Unknown) else mapping.container_port.span
    return None


def _leads_to(mapping: PortMapping, port: int) -> bool:
    inside = mapping.container_port
    return not isinstance(inside, Unknown) and inside.value <= port < inside.value + mapping.length
