"""FLG015 model-twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, remove_argument
from vllint_schemas import Applicability, Argument, Finding, Fix, Related, Severity, Unknown

_MODEL = re.compile(r"--model(=.+|$)")


class ModelTwice(Rule):
    """`vllm serve` takes one model, as its first word or as `--model`.

    ## What it does

    Finds `vllm serve MODEL` with `--model` besides, even where both name the same.

    ## Why is this bad?

    vLLM moves the value of `--model` to the front, and refuses the other as an unrecognized argument.

    ## Example

    `vllm serve Qwen/Qwen3-8B --model Qwen/Qwen3-8B`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B`

    ## Fix safety

    Safe where both name the same model; else there is no fix.

    ## Since

    0.1.0
    """

    code = "FLG015"
    name = "model-twice"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:324"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/cli/serve.html"
    triggers = frozenset({"model_twice"})
    tags = ("flags", "model")

    BAD = (
        Example(
            title="the same",
            text="vllm serve Qwen/Qwen3-8B --model Qwen/Qwen3-8B --port 8001\n#          ~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --port 8001\n",
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
      - --model=Qwen/Qwen3-8B
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
""",
        ),
        Example(title="two", text="vllm serve Qwen/Qwen3-8B --model Qwen/Qwen3-4B\n"),
    )
    GOOD = (
        Example(text="vllm serve --model Qwen/Qwen3-8B\n"),
        Example(text="vllm serve Qwen/Qwen3-8B\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for the second model."""
        for mistake in facts.mistakes:
            option = _model_option(facts) if mistake.kind == "model_twice" else None
            if option is None:
                continue
            word, other = mistake.argument.flag, option.values[0]
            same = word.text == other.text and other.is_known
            edits = remove_argument(facts, option) if same else None
            fix = None if edits is None else Fix("remove `--model`", Applicability.SAFE, edits)
            named = "the same" if same else f"`{other.text}`"
            yield self.finding(
                facts,
                word.span,
                f"`vllm serve` gets `{word.text}` and `--model` with {named}, and refuses the former",
                "name the model once, right after `vllm serve`",
                related=(Related(other.span, "the model that vLLM takes"),),
                fix=fix,
                subject="model",
            )


def _model_option(facts: LaunchFacts) -> Argument | None:
    """Return the words of `--model`: vLLM moves its value before it parses options."""
    argv = facts.launch.argv
    for at, word in enumerate(argv):
        if _MODEL.match(word.text):
            name, equals, _ = word.text.partition("=")
            if not equals and at + 1 == len(argv):
                return None
            value = word.slice(len(name) + 1) if equals else argv[at + 1]
            last = at if equals else at + 1
            return Argument("--model", "model", word, Unknown("moved to the front"), at, last, (value,))
    return None
