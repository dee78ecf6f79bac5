"""FLG014 api-server-positional-ignored."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Origin, Severity, Span, Word


class ApiServerPositionalIgnored(Rule):
    """The api_server module takes its model from `--model` only.

    ## What it does

    Finds a word that is no option's behind `python -m vllm.entrypoints.openai.api_server`, which is also
    what the image `vllm/vllm-openai` starts before release 0.11.1.

    ## Why is this bad?

    The module's parser takes the word and nobody reads it: vLLM starts and serves the model that it has
    for the case that none is named, Qwen/Qwen3-0.6B.

    ## Example

    `python -m vllm.entrypoints.openai.api_server Qwen/Qwen3-8B`

    ## Use instead

    `python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B`, or `vllm serve Qwen/Qwen3-8B`.

    ## Fix safety

    Safe: the fix writes `--model=` before the word, if no model is named otherwise.

    ## Since

    0.1.0
    """

    code = "FLG014"
    name = "api-server-positional-ignored"
    severity = Severity.WARNING
    stage = "parse"
    source = "entrypoints/openai/api_server.py:34"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html"
    triggers = frozenset({"positional_ignored"})
    tags = ("flags", "model")

    BAD = (
        Example(
            text="python -m vllm.entrypoints.openai.api_server Qwen/Qwen3-8B -tp 2\n"
            "#                                            ~~~~~~~~~~~~~\n",
            fixed="python -m vllm.entrypoints.openai.api_server --model=Qwen/Qwen3-8B -tp 2\n",
        ),
        Example(
            title="an older image",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.9.2
    command:
      - "Qwen/Qwen3-8B"
      - --max-model-len=8192
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.9.2
    command:
      - "--model=Qwen/Qwen3-8B"
      - --max-model-len=8192
""",
        ),
        Example(
            title="a word too many",
            text="python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B qwen\n",
        ),
    )
    GOOD = (
        Example(text="python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B\n"),
        Example(
            title="a newer image",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    command: Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for the word that nobody reads."""
        model = facts.args.model
        unnamed = isinstance(model, Located) and model.origin is Origin.FLAG_DEFAULT
        for mistake in facts.mistakes:
            word = mistake.argument.flag
            if mistake.kind != "positional_ignored" or not word.is_known:
                continue
            effect = ", and vLLM serves its default model" if unnamed else ""
            yield self.finding(
                facts,
                word.span,
                f"the api_server module ignores `{word.text}`{effect}",
                f"write `--model {word.text}`" if unnamed else "remove it",
                fix=_fix(word) if unnamed else None,
                subject="model",
            )


def _fix(word: Word) -> Fix | None:
    place = word.text_span
    if place is None or word.via:
        return None
    edit = Edit(Span(place.path, place.start, place.start), "--model=")
    return Fix("name the model with `--model`", Applicability.SAFE, (edit,))
