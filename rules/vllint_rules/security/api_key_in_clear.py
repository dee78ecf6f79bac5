"""SEC001 api-key-in-clear."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Origin, Severity, SlotKind, Word

_PLACEHOLDER = (
    r"(?i)^(?:empty|none|null|dummy|test|key|token|local|default|secret|vllm|token-abc123|abc123|sk-1234)$"
    r"|your|xxx|change|example|placeholder|dummy|replace|redacted|masked|not[-_]?needed|no[-_]?key|\*\*|\.\.\.|[<>{}$/]"
)
"""What stands for a key in documents, and what is no key but a name or a path."""

_LEAST_LENGTH = 6


class ApiKeyInClear(Rule):
    """The server's key should not stand in the file.

    ## What it does

    Finds `--api-key` and `VLLM_API_KEY` with a key written out. Placeholders, such as `EMPTY` and
    `token-abc123`, are not keys.

    ## Why is this bad?

    Whoever can read the repository, its history or the process list can use the server.

    ## Example

    `vllm serve Qwen/Qwen3-8B --api-key sk-4f1c...`

    ## Use instead

    `VLLM_API_KEY` from the environment: `environment: [VLLM_API_KEY]` in compose, `secretKeyRef` in
    Kubernetes.

    ## Fix safety

    Unsafe: the key is taken out of the file, and must then come from the environment. Keep it before it is
    gone, and replace it: it has been readable.

    ## Since

    0.1.0
    """

    code = "SEC001"
    name = "api-key-in-clear"
    severity = Severity.WARNING
    stage = "advice"
    source = "entrypoints/serve/middleware/register.py:33"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/usage/security.html"
    triggers = frozenset({"api_key", "$VLLM_API_KEY"})
    tags = ("security",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --api-key n0t-a-real-one\n"
            "#                                  ~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --api-key ${VLLM_API_KEY:?}\n",
        ),
        Example(
            title="a variable of the container",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      - VLLM_API_KEY=n0t-a-real-one
      #              ~~~~~~~~~~~~~~
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      - VLLM_API_KEY=${VLLM_API_KEY:?}
    gpus: all
""",
        ),
        Example(
            title="Kubernetes",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: server
      image: vllm/vllm-openai:v0.22.1
      args: ["--model", "Qwen/Qwen3-8B"]
      env:
        - name: VLLM_API_KEY
          value: n0t-a-real-one
          #      ~~~~~~~~~~~~~~
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --api-key $VLLM_API_KEY\n"),
        Example(title="a placeholder", text="vllm serve Qwen/Qwen3-8B --api-key token-abc123\n"),
        Example(
            title="from the environment",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model Qwen/Qwen3-8B\n    environment: [VLLM_API_KEY]\n    gpus: all\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each key, without any part of it."""
        argument = facts.args.given("api_key")
        keys = [(word, "--api-key") for word in (argument.values if argument is not None else ())]
        keys += [(one.value, one.name) for one in facts.launch.env if one.name == "VLLM_API_KEY"]
        for word, name in keys:
            if not _is_key(word, facts.launch.path):
                continue
            yield self.finding(
                facts,
                word.span,
                f"the key of `{name}` stands in the file",
                "take it from the environment or a secret, and make a new one: this one has been readable",
                fix=_fix(facts, word),
                subject=name,
            )


def _is_key(word: Word, path: str) -> bool:
    text = word.text.strip()
    if not word.is_known or len(text) < _LEAST_LENGTH or re.search(_PLACEHOLDER, text):
        return False
    # A `.env` file is where keys are kept.
    return word.origin is not Origin.ENV_FILE and word.span.path == path


def _fix(facts: LaunchFacts, word: Word) -> Fix | None:
    """Name the variable instead, where the file's language replaces variables."""
    place = word.text_span
    if place is None or word.via or facts.launch.kind not in ("compose", "shell"):
        return None
    quote = word.slot.quote if word.slot is not None else ""
    in_flow = word.slot is not None and word.slot.kind is SlotKind.FLOW_ITEM and not quote
    before = facts.sources.get(place.path, "")[: place.start]
    if in_flow or (facts.launch.kind == "shell" and (quote == "'" or before.endswith("'"))):
        return None
    edit = Edit(place, "${VLLM_API_KEY:?}")
    return Fix("take the key from the environment", Applicability.UNSAFE, (edit,))
