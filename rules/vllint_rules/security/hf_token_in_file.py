"""SEC002 hf-token-in-file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Severity, Span

_TOKEN = r"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{30,}(?![A-Za-z0-9])"
_LEAST_CHARACTERS = 12
"""Different characters of a token; a row of x stands for one."""


class HfTokenInFile(Rule):
    """A token of the Hugging Face Hub should not stand in the file.

    ## What it does

    Looks for tokens, by their form, anywhere in a file that launches vLLM, comments included.

    ## Why is this bad?

    Whoever can read the repository or its history can read the owner's private and gated models, and with
    a token that may write, change them.

    ## Example

    `HF_TOKEN=hf_aBcD... vllm serve meta-llama/Llama-3.1-8B-Instruct`

    ## Use instead

    `environment: [HF_TOKEN]` in compose, `secretKeyRef` in Kubernetes, `huggingface-cli login` on a machine.

    ## Fix safety

    Unsafe: the token is taken out of the file, and must then come from the environment. Revoke it: it has
    been readable.

    ## Since

    0.1.0
    """

    code = "SEC002"
    name = "hf-token-in-file"
    severity = Severity.WARNING
    stage = "advice"
    source = ""
    since = "0.1.0"
    url = "https://huggingface.co/docs/hub/security-tokens"
    tags = ("security",)

    BAD = (
        Example(
            path="compose.yaml",
            text=f"""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      HF_TOKEN: {"hf_" + "n0TaReAlOnE" * 3}
      #         {"~" * 36}
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment:
      HF_TOKEN: ${HF_TOKEN:?}
    gpus: all
""",
        ),
        Example(
            title="a comment",
            text=f"""\
# hf_{"n0TaReAlOnE" * 3}
# {"~" * 36}
vllm serve Qwen/Qwen3-8B
""",
        ),
    )
    GOOD = (
        Example(text=f"HF_TOKEN=hf_{'x' * 34} vllm serve Qwen/Qwen3-8B\n", title="a placeholder"),
        Example(text="HF_TOKEN=$HF_TOKEN vllm serve Qwen/Qwen3-8B\n"),
    )

    def check_file(self, launches: Sequence[LaunchFacts]) -> Iterator[Finding]:
        """Yield a finding for each token, without any part of it."""
        facts = launches[0]
        text = facts.sources.get(facts.launch.path, "")
        for found in re.finditer(_TOKEN, text) if "hf_" in text else ():
            if len(set(found.group())) < _LEAST_CHARACTERS:
                continue
            place = Span(facts.launch.path, *found.span())
            yield self.finding(
                facts,
                place,
                "a token of the Hugging Face Hub stands in the file",
                "revoke it: it has been readable; take the new one from the environment or a secret",
                fix=_fix(facts, text, place),
                subject="hf_token",
            )


def _fix(facts: LaunchFacts, text: str, place: Span) -> Fix | None:
    """Name the variable instead, where the file's language replaces variables."""
    line_start = text.rfind("\n", 0, place.start) + 1
    before = text[line_start : place.start]
    if "#" in before or facts.launch.kind not in ("compose", "shell"):
        return None
    if facts.launch.kind == "shell" and "'" in before:
        return None
    return Fix("take the token from the environment", Applicability.UNSAFE, (Edit(place, "${HF_TOKEN:?}"),))
