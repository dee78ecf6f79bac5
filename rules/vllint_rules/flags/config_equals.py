"""FLG016 config-equals."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, replace_argument
from vllint_schemas import Applicability, Argument, Finding, Fix, Severity, Unknown

_WRITTEN = "--config="


class ConfigEquals(Rule):
    """The config file must be a word of its own.

    ## What it does

    Finds `--config=FILE`.

    ## Why is this bad?

    vLLM looks for the word `--config` before it parses its options. `--config=FILE` passes the parser and
    the file is never opened: vLLM starts without any of it, and says nothing. It is no error, since vLLM
    does start.

    ## Example

    `vllm serve Qwen/Qwen3-8B --config=vllm.yaml`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --config vllm.yaml`

    ## Fix safety

    Safe: what runs without the file is not what is written here.

    ## Since

    0.1.0
    """

    code = "FLG016"
    name = "config-equals"
    severity = Severity.WARNING
    stage = "parse"
    source = "utils/argparse_utils.py:371"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/serve_args.html"
    triggers = frozenset({"--config"})
    tags = ("flags", "config")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --config=vllm.yaml\n#                        ~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --config vllm.yaml\n",
        ),
        Example(
            title="in a list",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --config=/etc/vllm.yaml
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --config
      - "/etc/vllm.yaml"
""",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B --config vllm.yaml\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for the file that is not opened."""
        for at, word in enumerate(facts.launch.argv):
            if facts.launch.kind == "python" or not word.text.startswith(_WRITTEN):
                continue
            file = word.slice(len(_WRITTEN))
            argument = Argument("--config", "config", word, Unknown("never opened"), at, at, (file,))
            edits = replace_argument(facts, argument, ("--config", file.text)) if file.is_known else None
            named = f"`{file.text}`" if file.is_known else "the file"
            yield self.finding(
                facts,
                word.span,
                f"vLLM never opens {named}: it looks for `--config` as a word of its own",
                "write a blank instead of `=`",
                fix=None if edits is None else Fix("part the words", Applicability.SAFE, edits),
                subject="config",
            )
